"""The balancer's choice, the relay's pressure and idle time, and the probes' counting."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.fabric.azure_documents import HTTP_PORT, Deployment, vm_id
from tests.sandbox.fabric.conftest import until
from wizard.sandbox.fabric import balancer, relay, topology, wire
from wizard.sandbox.fabric.network import Dropped, Network, Refused
from wizard.sandbox.fabric.probes import Member, Probes
from wizard.sandbox.fabric.topology import FrontendRule, Interface, Probe, Subnet

SUBNET = Subnet("subnet", "vnet", ((167772160, 184549375),), None, False, False)
MEMBERS = tuple(
    Interface(f"ip{n}", f"10.0.1.{4 + n}", 167772420 + n, SUBNET, f"vm{n}", frozenset(), frozenset(), (), False)
    for n in range(4)
)
RULE = FrontendRule("rule", "127.5.5.5", 80, 80, MEMBERS, None, "default", 240, True, False)


def test_flows_spread_evenly_and_a_flow_always_meets_the_same_machine() -> None:
    rng = random.Random(7)
    clients = [(f"127.0.0.{rng.randrange(1, 255)}", rng.randrange(1024, 65536)) for _ in range(8000)]
    chosen = Counter(balancer.choose(RULE, client, MEMBERS) for client in clients)
    chi_square = sum((count - 2000) ** 2 / 2000 for count in chosen.values())
    assert len(chosen) == 4
    assert chi_square < 16.27  # p = 0.001 with three degrees of freedom
    assert all(balancer.choose(RULE, client, MEMBERS) == balancer.choose(RULE, client, MEMBERS) for client in clients)


def test_source_ip_keeps_a_client_whatever_its_port() -> None:
    for distribution in ("sourceip", "sourceipprotocol"):
        rule = replace(RULE, distribution=distribution)
        assert len({balancer.choose(rule, ("127.0.0.1", port), MEMBERS) for port in range(2000, 2100)}) == 1
        assert len({balancer.choose(rule, (f"127.0.0.{n}", 2000), MEMBERS) for n in range(1, 100)}) == 4
    assert balancer.choose(RULE, ("127.0.0.1", 1), ()) is None


def test_a_member_needs_its_threshold_in_both_directions() -> None:
    member = Member(MEMBERS[0], Probe("p", "http", 80, "/", 5, 3))
    told = [
        (member.note(result), member.state)
        for result in (None, None, "x", None, None, None, "x", "x", None, "x", "x", "x")
    ]
    assert [state for _, state in told] == [
        "Unknown", "Unknown", "Down", "Down", "Down", "Up", "Up", "Up", "Up", "Up", "Up", "Down",
    ]  # fmt: skip
    assert [number for number, (changed, _) in enumerate(told) if changed] == [2, 5, 11]


class FakeNetwork(Network):
    """A network whose machines do what a test says; `answer` gets the protocol that was connected."""

    def __init__(self, answer: Any) -> None:
        super().__init__({})
        self.answer = answer
        self.asked: list[tuple[str, int]] = []

    def open(
        self, interface: Interface, port: int, source: tuple[str, int], protocol: asyncio.Protocol
    ) -> wire.WireEnd:
        self.asked.append((source[0], port))
        near, far = wire.pair(source, (interface.address, port))
        near.set_protocol(protocol)
        far.set_protocol(asyncio.Protocol())
        self.answer(far)
        return near


async def probed(probe: Probe, answer: Any) -> tuple[str, str, FakeNetwork]:
    """A member's state and reason after its first result."""
    network = FakeNetwork(answer)
    network.topology = topology.Topology(rules={"rule": replace(RULE, members=MEMBERS[:1], probe=probe)})
    probes = Probes(network, lambda: None)
    probes.reconcile()
    await until(lambda: probes.state(probe, MEMBERS[0])[1] != "not probed yet")
    state = probes.state(probe, MEMBERS[0])
    probes.close()
    return *state, network


async def test_what_counts_as_healthy() -> None:
    http, tcp = Probe("h", "http", 80, "/", 0.1, 1), Probe("t", "tcp", 22, "/", 0.1, 1)

    def say(text: bytes) -> Any:
        return lambda far: asyncio.get_running_loop().call_soon(far.write, text)

    def fail(error: Exception) -> Any:
        def answer(far: wire.WireEnd) -> None:
            raise error

        return answer

    state, _, network = await probed(http, say(b"HTTP/1.1 200 OK\r\n\r\n"))
    assert state == "Up"
    assert network.asked[0] == ("168.63.129.16", 80)
    for status in (b"204 No Content", b"301 Moved", b"401 No", b"500 Oops", b"2000 OK"):
        assert (await probed(http, say(b"HTTP/1.1 " + status + b"\r\n")))[0] == "Down", status
    assert (await probed(http, say(b"SSH-2.0-OpenSSH\r\n")))[:2] == (
        "Down",
        "HTTP probe got no HTTP answer; only 200 counts",
    )
    assert (await probed(http, lambda far: None))[:2] == ("Down", "no answer within 0.1 s")
    assert (await probed(http, lambda far: far.close()))[:2] == ("Down", "the connection ended before an answer")
    assert (await probed(tcp, lambda far: None))[0] == "Up"
    assert (await probed(tcp, lambda far: far.write(b"SSH-2.0-OpenSSH\r\n")))[0] == "Up", "it may speak first"
    assert (await probed(tcp, fail(Refused("nothing listens on port 22"))))[0] == "Down"
    assert "denies" in (await probed(tcp, fail(Dropped("rule x denies it"))))[1]


BIG = """
rm /etc/nginx/sites-enabled/default
echo 'server { listen 80; root /srv; }' > /etc/nginx/conf.d/big.conf
x=0123456789abcdef
for n in {1..16}; do x=$x$x; done
printf %s "$x" > /srv/big.txt
echo up > /srv/index.html  # for the probes
systemctl restart nginx
"""


async def test_a_slow_reader_bounds_what_is_held_for_it(deployment: Deployment) -> None:
    for name in deployment.names:
        assert (await deployment.fabric.run_script(vm_id(name), BIG)).exit_code == 0
    reader, writer = await asyncio.open_connection(deployment.address, HTTP_PORT, limit=2**16)
    asked = b"GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(asked * 30)
    flows = await until(
        lambda: [one for listener in deployment.fabric._listeners.open.values() for one in listener.flows]
    )
    flow = flows[0]
    await until(lambda: flow.client.get_write_buffer_size() > 2**16)
    for _ in range(50):
        await asyncio.sleep(0)
    size = 16 * 2**16
    assert flow.client.get_write_buffer_size() < 3 * size
    received = 0
    while received < 30 * size:
        received += len(await asyncio.wait_for(reader.read(2**20), 5))
    writer.close()
    await writer.wait_closed()


async def test_a_half_closed_client_still_gets_its_answer(deployment: Deployment) -> None:
    reader, writer = await asyncio.open_connection(deployment.address, HTTP_PORT)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 3)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"</html>\n")
    writer.close()
    await writer.wait_closed()


async def test_an_idle_flow_is_reset_both_ways_where_the_rule_says_so(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for resets in (True, False):
        reader, writer = await asyncio.open_connection(deployment.address, HTTP_PORT)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"</html>\n"), 3)
        listener = deployment.fabric._listeners.open[deployment.address, HTTP_PORT]
        (flow,) = listener.flows
        assert isinstance(flow, relay.Flow)
        flow.reset_on_idle = resets
        assert flow.wire is not None
        machine_side = flow.wire.other
        assert machine_side is not None
        told: list[Exception | None] = []
        monkeypatch.setattr(
            type(machine_side.get_protocol()), "connection_lost", lambda _, e, told=told: told.append(e)
        )
        now = asyncio.get_running_loop().time()
        flow.expire(now)
        flow.expire(now + 239)
        assert flow.wire is not None
        flow.expire(now + 241)
        if resets:
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(), 3)
            await until(functools.partial(bool, told))
            assert isinstance(told[0], ConnectionResetError), "the machine is told too"
        else:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            done, _ = await asyncio.wait([waiting := asyncio.ensure_future(reader.read(1))], timeout=0.1)
            assert not done
            waiting.cancel()
        assert flow.wire is None
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()
        await until(lambda listener=listener: not listener.flows)
