"""The two loops: counts that are exact, rates that are held, ends that are kept, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.verify.load.manners import server
from tests.verify.servers import web_server
from wizard.errors import InputError, WizardError
from wizard.verify import load
from wizard.verify.load import engine
from wizard.verify.load.engine import RunningLoad
from wizard.verify.load.generator import Generator
from wizard.verify.load.job import Job
from wizard.verify.load.series import Series, Snapshot
from wizard.verify.load.tally import MOST_NAMES, OTHERS, Tally

pytestmark = pytest.mark.xdist_group("loops")


def a_job(url: str, **more: object) -> Job:
    facts: dict = {
        "duration_s": 30.0, "connections": 10, "rate": None, "keep_alive": True, "header": "X-Served-By", **more,
    }  # fmt: skip
    return Job(url, **facts)


@pytest.mark.parametrize(
    ("keep_alive", "workers", "rate"),
    [(True, 1, None), (False, 1, 400.0), (False, 3, None), (True, 3, 400.0)],
)
async def test_so_many_requests_and_not_one_more(keep_alive: bool, workers: int, rate: float | None) -> None:
    with web_server(vm1=1) as url:
        done = await load.run(
            url, duration_s=20, connections=20, requests=200, workers=workers, rate=rate, keep_alive=keep_alive
        )
    assert (done.requests, done.errors, done.workers) == (200, 0, workers), "and what was dropped is beside them"
    assert done.by_vm == {"vm1": 200}
    assert done.seconds < 10


async def test_fewer_requests_than_workers() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url, duration_s=20, connections=9, requests=2, workers=3)
    assert done.requests == 2


@pytest.mark.parametrize("rate", [None, 200.0])
async def test_the_warm_up_is_left_out(rate: float | None) -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url, duration_s=20, connections=4, requests=50, warmup_s=0.5, rate=rate, keep_alive=True)
        slow = await load.run(url + "/slow", duration_s=0.5, connections=2, warmup_s=0.5)
    assert done.requests == 50, "the warm-up's come before"
    assert done.seconds < 10
    assert sum(done.connections_by_vm.values()) in range(1, 5), (
        "connections made while warming up count when they serve"
    )
    assert 2 <= slow.requests <= 4
    assert slow.seconds < 1.2


async def test_the_warm_up_s_failures_are_left_out() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(f"{url}/status/503", duration_s=0.25, connections=9, warmup_s=0.35, rate=10)
    assert done.errors == 2, "at 0.4 and 0.5 s"


async def test_a_rate_is_held() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(url, duration_s=3, connections=500, rate=1000, keep_alive=True)
    assert done.requests + done.dropped == 3000, "each due request was sent or told as dropped"
    assert done.requests >= 2970
    assert done.errors == 0
    assert done.rps == pytest.approx(1000, rel=0.01)
    assert done.seconds == 3


async def test_a_server_that_stalls_is_seen_as_its_users_see_it() -> None:
    """From 0.5 to 1.3 s all wait: of 2 s at 200 a second, 160 were due in the stall, and waited 0.4 s on average."""
    with web_server(vm1=1) as url:
        done = await load.run(f"{url}/stall", duration_s=2, connections=300, rate=200, keep_alive=True)
    assert (done.requests, done.errors, done.dropped) == (400, 0, 0)
    assert 0.6 < done.longest_gap_s < 1.2
    assert done.max_ms is not None
    assert 700 < done.max_ms < 1200
    assert done.p90_ms is not None
    assert 400 < done.p90_ms < 900
    assert done.p50_ms is not None
    assert done.p50_ms < 300


async def test_what_finds_no_connection_is_dropped_and_makes_no_one_late() -> None:
    with web_server(vm1=1) as url:
        done = await load.run(f"{url}/stall", duration_s=2, connections=10, rate=200, keep_alive=True)
    assert done.requests + done.dropped == 400
    assert 100 < done.dropped < 200
    assert done.errors == 0


async def test_lateness_is_counted() -> None:
    with web_server(vm1=1) as url:
        generator = Generator(a_job(url, duration_s=1.0, rate=200.0, connections=400))
        asyncio.get_running_loop().call_later(0.3, time.sleep, 0.2)  # this process stalls, not the server
        await generator.run()
    tally = generator.report()
    assert 30 <= tally.late <= 60
    assert tally.latencies.total == 200
    assert tally.latencies.percentile_ms(90) > 50  # type: ignore[operator]


async def test_slow_answers_do_not_make_the_server_fast() -> None:
    """Ten connections and 0.3 s an answer are 33 a second, also where the test's end falls between two answers."""
    with web_server(vm1=1) as url:
        done = await load.run(f"{url}/slow", duration_s=0.7, connections=10, keep_alive=True)
    assert done.requests == 30
    assert 26 < done.rps < 34


async def test_what_is_not_answered_in_time_is_unfinished_and_counted_once() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:  # something, again and again, and never all of it
            await asyncio.sleep(0.05)
            writer.write(b"X: y\r\n")
            await writer.drain()

    async with server(mute) as url:
        generator = Generator(a_job(url, duration_s=0.2, connections=3, timeout_s=0.3))
        await generator.run()
    tally = generator.report()
    assert dict(tally.errors) == {"unfinished": 3}
    assert tally.failed_at.total() == 3


@pytest.mark.parametrize("rate", [None, 100.0])
async def test_stop_is_heard_within_a_second_and_blames_nobody(rate: float | None) -> None:
    with web_server(vm1=1) as url:
        running = RunningLoad(a_job(f"{url}/stall", rate=rate, connections=200))
        await running.start()
        finishing = asyncio.create_task(running.finish())
        await asyncio.sleep(0.8)  # in the middle of the stall: everything is under way
        began = time.perf_counter()
        running.stop()
        done = await finishing
        assert time.perf_counter() - began < 1
    assert done.errors == 0, "what was under way when we stopped is no error"
    assert done.requests > 0
    assert 0.5 < done.seconds < 2


async def test_stop_is_heard_also_while_the_last_answers_are_awaited() -> None:
    with web_server(vm1=1) as url:
        running = RunningLoad(a_job(f"{url}/stall", duration_s=0.6, connections=5))
        await running.start()
        finishing = asyncio.create_task(running.finish())
        await asyncio.sleep(0.7)
        running.stop()
        began = time.perf_counter()
        await finishing
        assert time.perf_counter() - began < 1


async def test_snapshots_add_up_to_the_total() -> None:
    snapshots: list[Snapshot] = []
    with web_server(vm1=1, vm2=1) as url:
        done = await load.run(
            url, duration_s=1.2, connections=6, workers=2, keep_alive=True, on_snapshot=snapshots.append
        )
    total = Tally()
    for snapshot in snapshots:
        total.add(snapshot.tally)
    assert {snapshot.worker for snapshot in snapshots} == {0, 1}
    assert len(snapshots) >= 8
    assert total.latencies.total == done.requests == sum(step["requests"] for step in done.series)
    assert total.by_vm == done.by_vm
    assert total.flows == done.connections_by_vm
    assert sum(total.flows.values()) == 6
    assert total.cpu_seconds == pytest.approx(done.cpu_seconds, abs=0.001)


async def test_when_things_happened() -> None:
    """A server that goes away after half a second."""
    with web_server(vm1=1) as url:
        generator = Generator(a_job(url, rate=50.0, duration_s=1.0))
        running = asyncio.create_task(generator.run())
        await asyncio.sleep(0.5)  # the server ends with the block
    await running
    tally = generator.report()
    assert 0.3 < tally.last_by_vm["vm1"] < 0.8
    assert 0.3 < tally.lasted_s < 0.8
    assert min(tally.failed_at) >= 30
    assert max(tally.failed_at) <= 99
    assert tally.failed_at.total() == sum(tally.errors.values()) > 5
    assert set(tally.errors) <= {"refused", "reset", "protocol"}
    since, seconds = tally.gaps[-1]
    assert since == pytest.approx(tally.last_by_vm["vm1"], abs=0.01)
    assert since + seconds == pytest.approx(1, abs=0.05)
    assert tally.longest_gap_s == pytest.approx(seconds, abs=0.001)


async def test_a_worker_that_dies_is_an_error_in_words() -> None:
    with web_server(vm1=1) as url:
        running = RunningLoad(a_job(url), workers=2)
        await running.start()
        pids = [worker._process.pid for worker in running._workers if worker._process is not None]
        asyncio.get_running_loop().call_later(0.4, os.kill, pids[0], signal.SIGKILL)
        with pytest.raises(WizardError, match=r"worker ended before its time") as died:
            await running.finish()
    assert "signal 9" in died.value.why
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_worker_that_falls_silent_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(vm1=1) as url:
        running = RunningLoad(a_job(url))
        await running.start()
        monkeypatch.setattr(engine, "SILENT_S", 0.5)
        monkeypatch.setattr(engine, "KILL_AFTER_S", 0.2)
        process = running._workers[0]._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(WizardError, match="fell silent"):
            await running.finish()
    assert process.returncode == -signal.SIGKILL


COMMAND = (sys.executable, "-m", "wizard", "load", "--duration", "60", "--connections", "4", "--workers", "2")


def workers_of(pid: int) -> list[int]:
    until = time.monotonic() + 20
    while True:
        found = subprocess.run(
            ["pgrep", "-P", str(pid), "-f", "wizard.verify.load.worker"], check=False, capture_output=True, text=True
        )
        if len(pids := [int(one) for one in found.stdout.split()]) == 2:
            return pids
        assert time.monotonic() < until
        time.sleep(0.02)


def running(pid: int) -> bool:
    """Whether it still does anything; what nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def sockets(pid: int) -> int:
    found = 0
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed while we looked
            found += str(one.readlink()).startswith("socket:")
    return found


def until(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_no_worker_outlives_its_command(number: signal.Signals, status: int) -> None:
    with web_server(vm1=1) as url:
        command = subprocess.Popen([*COMMAND, "--url", f"{url}/slow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pids = workers_of(command.pid)
        # Its input and the loop's own pair; then connections.
        assert until(lambda: all(sockets(pid) > 3 for pid in pids), 20)
        command.send_signal(number)
        began = time.monotonic()
        command.communicate(timeout=10)
        assert time.monotonic() - began < 1.5
        assert command.returncode == status
        assert until(lambda: not any(running(pid) for pid in pids), 2)


def test_a_worker_whose_input_ends_stops() -> None:
    with web_server(vm1=1) as url:
        worker = subprocess.Popen(
            [sys.executable, "-m", "wizard.verify.load.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert worker.stdin is not None
        assert worker.stdout is not None
        job = a_job(url, connections=2)
        worker.stdin.write(json.dumps({**job.__dict__}) + "\n")
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline()) == {"ready": True}
        worker.stdin.write("go\n")
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline())["tally"]["by_vm"]["vm1"] > 0
        began = time.monotonic()
        out, err = worker.communicate()
        assert time.monotonic() - began < 1.5
    assert json.loads(out.splitlines()[-1]) == {"end": True}
    assert (worker.returncode, err) == (0, "")


def test_a_long_run_s_series_stays_short() -> None:
    series = Series()
    for number in range(18_000):  # an hour
        tally = Tally()
        tally.latencies.record(0.01)
        series.add(Snapshot(0, (number + 1) / 5, tally))
    told = series.told()
    assert 120 <= len(told) <= 240
    assert sum(step["requests"] for step in told) == 18_000
    assert told[1]["at"] == told[0]["seconds"] == 16


def test_names_without_end_do_not_fill_the_memory() -> None:
    total = Tally()
    for part in range(4):
        total.add(Tally(by_vm=Counter({f"id-{part}-{number}": 1 for number in range(MOST_NAMES)})))
    assert len(total.by_vm) == MOST_NAMES + 1
    assert total.by_vm[OTHERS] == 3 * MOST_NAMES


@pytest.mark.parametrize(
    "options",
    [
        {"duration_s": float("nan")},
        {"duration_s": float("inf")},
        {"rate": 100_001.0},
        {"requests": 0},
        {"requests": 1_000_000_001},
        {"workers": 0},
        {"workers": 65},
        {"warmup_s": -1.0},
        {"timeout_s": 0.0},
        {"connect_timeout_s": 3601.0},
    ],
)
async def test_bounds(options: dict) -> None:
    with pytest.raises(InputError):
        await load.run("http://127.0.0.1:9/", **options)
