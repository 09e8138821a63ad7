"""The load engine against servers with known manners: what it says happened is what happened."""

from __future__ import annotations

import asyncio
import json
import random
import statistics

import httpx
import pytest

from tests.verify.servers import free_port, web_server
from wizard.errors import InputError
from wizard.verify import load
from wizard.verify.load.job import Client
from wizard.verify.load.kinds import kind
from wizard.verify.load.latency import Latencies
from wizard.verify.load.tally import Tally, result


async def test_new_connections_meet_each_vm_as_its_weight_says() -> None:
    with web_server(vm1=1, vm2=3) as url:
        done = await load.run(url, duration_s=1.0, connections=8)
    assert done.errors == 0
    assert done.requests == sum(done.by_vm.values()) > 100
    assert done.connections_by_vm == done.by_vm, "each request has a connection of its own"
    assert done.by_vm["vm2"] / done.requests == pytest.approx(0.75, abs=0.02)
    assert done.spread_p_value is not None
    assert done.spread_p_value < 1e-6
    assert done.cpu_seconds > 0
    assert done.rps == pytest.approx(done.requests / done.seconds, rel=0.01)


async def test_an_even_spread_is_not_suspicious_and_a_missing_vm_shows() -> None:
    with web_server(vm1=1, vm2=1) as url:
        even = await load.run(url, duration_s=0.5, connections=4)
        missing = await load.run(url, duration_s=0.5, connections=4, vms=["vm1", "vm2", "vm10"])
    assert even.spread_p_value is not None
    assert even.spread_p_value > 0.01
    assert list(missing.by_vm) == ["vm1", "vm2", "vm10"]
    assert missing.by_vm["vm10"] == 0
    assert missing.vms == 2


async def test_kept_alive_connections_stay_with_their_vm_and_count_once() -> None:
    with web_server(vm1=1, vm2=1) as url:
        done = await load.run(url, duration_s=0.5, connections=6, keep_alive=True)
    assert done.errors == 0
    assert done.requests > 100
    assert done.connections_by_vm == {"vm1": 3, "vm2": 3}
    assert done.spread_p_value is None, "six connections are too few to judge by"


async def test_the_closed_loop_ends_in_time() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url + "/slow", duration_s=0.5, connections=3)
    assert 0.5 <= done.seconds < 1.5
    assert done.p50_ms is not None
    assert 300 <= done.p50_ms < 500
    assert done.requests <= 3 * 3


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/status/503", {"status"}),
        ("/status/301", {"redirect"}),
        ("/reset", {"reset", "protocol"}),  # whether the reset or the end comes first is the kernel's choice
        ("/truncate", {"protocol"}),
        ("/garbage", {"protocol"}),
    ],
)
@pytest.mark.parametrize("client", ["lean", "httpx"])
async def test_error_kinds_are_told_apart(path: str, kinds: set[str], client: Client) -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url + path, duration_s=0.2, connections=2, client=client)
    assert done.errors == done.requests > 0
    assert set(done.errors_by_kind) <= kinds
    assert done.p99_ms is None
    assert done.rps == 0
    assert not done.by_vm


async def test_refused_and_timed_out() -> None:
    refused = await load.run(f"http://127.0.0.1:{free_port()}/", duration_s=0.1, connections=1)
    assert set(refused.errors_by_kind) == {"refused"}
    with web_server(vm1=1) as url:
        slow = await load.run(url + "/slow", duration_s=0.3, connections=1, timeout_s=0.1)
    assert set(slow.errors_by_kind) == {"timeout"}


async def test_tls_errors_are_tls_errors() -> None:
    with web_server(vm1=1) as url:  # speaks plain HTTP
        done = await load.run(url.replace("http:", "https:"), duration_s=0.1, connections=1)
    assert set(done.errors_by_kind) == {"tls"}


async def test_answers_without_the_header_are_counted_apart() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url + "/nameless", duration_s=0.2, connections=2)
    assert done.unnamed == done.requests > 0
    assert done.by_vm == {}
    assert done.spread_p_value is None


async def test_the_open_loop_offers_its_rate() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url, duration_s=1.0, connections=100, rate=100)
    assert done.offered_rps == 100
    assert done.requests + done.dropped == 100
    assert done.dropped == 0
    assert done.errors == 0


async def test_the_open_loop_counts_from_the_due_time_and_the_closed_loop_does_not_see_a_stall() -> None:
    """A server that stalls 0.8 s of two: coordinated omission hides it from a closed loop."""
    with web_server(vm1=1) as url:
        open_loop = await load.run(url + "/stall", duration_s=2.0, connections=400, rate=100, keep_alive=True)
    with web_server(vm1=1) as url:
        closed = await load.run(url + "/stall", duration_s=2.0, connections=2, keep_alive=True)
    assert open_loop.dropped == open_loop.errors == 0
    assert open_loop.p90_ms is not None
    assert open_loop.max_ms is not None
    assert open_loop.p90_ms > 300, "two fifths of all users waited, 0.4 s on average"
    assert 700 < open_loop.max_ms < 1300
    assert closed.p99_ms is not None
    assert closed.p99_ms < 100, "two of some thousand requests waited"


async def test_what_finds_no_free_connection_is_dropped_and_counted() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url + "/slow", duration_s=1.0, connections=5, rate=100)
    assert done.requests + done.dropped == 100
    assert 10 <= done.requests <= 25
    assert done.errors == 0


async def test_cancelling_stops_within_a_second() -> None:
    with web_server(vm1=1) as url:
        task = asyncio.create_task(load.run(url + "/slow", duration_s=60, connections=20))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        loop.call_later(0.4, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() - began < 1.4


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ftp://127.0.0.1/", {}),
        ("127.0.0.1", {}),
        ("http://", {}),
        ("http://127.0.0.1/", {"duration_s": 3601.0}),
        ("http://127.0.0.1/", {"duration_s": 0.0}),
        ("http://127.0.0.1/", {"connections": 0}),
        ("http://127.0.0.1/", {"connections": 10_001}),
        ("http://127.0.0.1/", {"rate": 0.0}),
    ],
)
async def test_loads_are_bounded(url: str, options: dict) -> None:
    with pytest.raises(InputError):
        await load.run(url, **options)


def test_a_wrapped_system_error_keeps_its_kind() -> None:
    wrapped = httpx.ConnectError("failed")
    wrapped.__cause__ = ConnectionRefusedError(111, "refused")
    assert kind(wrapped) == "refused"
    assert kind(httpx.ConnectError("no such host")) == "connect"
    assert kind(httpx.PoolTimeout("")) == "timeout"
    assert kind(TimeoutError()) == "timeout"
    assert kind(httpx.RemoteProtocolError("")) == "protocol"
    assert kind(httpx.ReadError("")) == "reset"


def test_percentiles_agree_with_the_exact_ones_to_a_fifth_of_a_percent() -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(-6, 1.5) for _ in range(20_000)]
    latencies = Latencies()
    for value in values:
        latencies.record(value)
    exact = statistics.quantiles(values, n=1000, method="exclusive")
    for percent in (50, 90, 99, 99.9):
        measured = latencies.percentile_ms(percent)
        assert measured == pytest.approx(exact[round(percent * 10) - 1] * 1000, rel=0.01)
    assert latencies.max_ms == pytest.approx(max(values) * 1000, abs=0.001)
    assert latencies.percentile_ms(100) == latencies.max_ms


def test_every_value_lies_in_its_bucket() -> None:
    from wizard.verify.load.latency import _bucket, _highest

    for value in (0, 1, 1023, 1024, 1025, 2047, 2048, 99_999, 1_000_000, 60_000_000):
        bucket = _bucket(value)
        assert value <= _highest(bucket) <= value * 1.002 + 1
        assert _bucket(_highest(bucket)) == bucket
        assert _bucket(_highest(bucket) + 1) == bucket + 1


def test_tallies_travel_as_json_and_add_up() -> None:
    def tally(seed: int) -> Tally:
        chance = random.Random(seed)
        one = Tally(cpu_seconds=1.5, dropped=2, unnamed=1)
        for _ in range(500):
            one.latencies.record(chance.random())
            one.service.record(chance.random())
            one.by_vm[f"vm{chance.randint(1, 2)}"] += 1
            one.statuses[200] += 1
        one.errors["reset"] += 3
        one.flows["vm1"] += 7
        return one

    total = Tally()
    for seed in (1, 2):
        total.add(Tally.from_json(json.loads(json.dumps(tally(seed).as_json()))))
    done = result(total, url="http://x/", seconds=2.0, rate=None, connections=5, keep_alive=False)
    assert done.requests == 1006
    assert done.errors == 6
    assert done.cpu_seconds == 3.0
    assert done.dropped == 4
    assert done.statuses == {"200": 1000}
    assert done.connections_by_vm["vm1"] == 14
    assert done.p50_ms == pytest.approx(500, rel=0.1)
    assert json.loads(json.dumps(done.as_event()))["event"] == "load"
