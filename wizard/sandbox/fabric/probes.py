"""Health probes: real requests at their real interval, and the state they leave each member in.

A member starts down. `probeThreshold` answers in a row take it up, as many failures take it down. An HTTP probe counts
only status 200 within the interval. Time here is never divided by the sandbox's speed: drills measure it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from wizard.sandbox.fabric.network import Dropped, Network, Refused
from wizard.sandbox.fabric.nsg import PROBE_SOURCE
from wizard.sandbox.fabric.topology import Interface, Probe
from wizard.sandbox.fabric.wire import WireEnd

_LONGEST_HEAD = 16 * 1024  # bytes of an answer in which the status line must have come
_FIRST_PORT, _PORTS = 49152, 16384

State = Literal["Up", "Down", "Unknown"]


@dataclass
class Member:
    """What the probes know of one member."""

    interface: Interface
    probe: Probe
    state: State = "Unknown"
    successes: int = 0
    failures: int = 0
    reason: str = "not probed yet"
    timer: asyncio.TimerHandle | None = None
    attempt: Attempt | None = None

    def note(self, failure: str | None) -> bool:
        """Count one result (`failure` is None when it was good); True when the member went up or down."""
        before = self.state
        if failure is None:
            self.successes, self.failures = self.successes + 1, 0
            if self.successes >= self.probe.threshold:
                self.state, self.reason = "Up", "the probe succeeds"
        else:
            self.successes, self.failures = 0, self.failures + 1
            self.reason = failure
            if self.failures >= self.probe.threshold or before == "Unknown":
                self.state = "Down"
        return self.state != before


class Attempt(asyncio.Protocol):
    """One probe over one connection. `done` is called once, with the failure or None."""

    def __init__(self, probe: Probe, address: str, done: Callable[[str | None], None]) -> None:
        self._probe = probe
        self._address = address
        self._done: Callable[[str | None], None] | None = done
        self._received = b""
        self._wire: WireEnd | None = None
        self._timer = asyncio.get_running_loop().call_later(probe.interval, self._late)

    def begin(self, network: Network, interface: Interface, source_port: int) -> None:
        try:
            self._wire = network.open(interface, self._probe.port, (PROBE_SOURCE, source_port), self)
        except (Dropped, Refused) as failure:
            self.finish(f"no TCP connection to port {self._probe.port}: {failure}")
            return
        if self._probe.protocol == "tcp":
            self.finish(None)
        elif self._probe.protocol == "https":
            self.finish("the member speaks no TLS")
        else:
            self._wire.write(
                f"GET {self._probe.path} HTTP/1.1\r\nHost: {self._address}:{self._probe.port}\r\n"
                "User-Agent: Load Balancer Agent\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
            )

    def data_received(self, data: bytes) -> None:
        if self._probe.protocol != "http":
            return  # a server that speaks first, as SSH does: whether the connection stands is all that was asked
        self._received += data
        if b"\r\n" not in self._received and len(self._received) < _LONGEST_HEAD:
            return
        words = self._received.split(b"\r\n", 1)[0].split(b" ")
        status = words[1].decode("latin-1") if len(words) > 1 and words[0].startswith(b"HTTP/") else ""
        if status == "200":
            self.finish(None)
        else:
            self.finish(f"HTTP probe got {status or 'no HTTP answer'}; only 200 counts")

    def connection_lost(self, error: Exception | None) -> None:
        self.finish("the connection ended before an answer")

    def _late(self) -> None:
        self.finish(f"no answer within {self._probe.interval:g} s")

    def finish(self, failure: str | None) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        self._timer.cancel()
        if self._wire is not None:
            self._wire.close()
        done(failure)

    def cancel(self) -> None:
        """Give up without a result."""
        self._done = None
        self._timer.cancel()
        if self._wire is not None:
            self._wire.abort()


class Probes:
    """Every (probe, member) pair, each on its own timer; starts are spread over the interval by the pair's name."""

    def __init__(
        self,
        network: Network,
        changed: Callable[[], None],
        probed: Callable[[Probe, Interface, bool], None] = lambda probe, interface, good: None,
    ) -> None:
        self._network = network
        self._changed = changed
        self._probed = probed
        self._members: dict[tuple[str, str], Member] = {}
        self._next_port = 0

    def reconcile(self) -> None:
        """Probe what the topology's rules ask for, forget the rest; members keep their state over other changes."""
        wanted: dict[tuple[str, str], tuple[Interface, Probe]] = {}
        for rule in self._network.topology.rules.values():
            if rule.probe is not None:
                for one in rule.members:
                    wanted[rule.probe.key, one.id] = (one, rule.probe)
        for key in [key for key in self._members if key not in wanted]:
            self._stop(self._members.pop(key))
        for key, (interface, probe) in wanted.items():
            member = self._members.get(key)
            if member is None:
                member = self._members[key] = Member(interface, probe)
                spread = zlib.crc32("".join(key).encode()) / 2**32
                self._schedule(member, probe.interval * spread)
            else:
                if member.interface.vm != interface.vm:
                    member.state, member.successes, member.failures = "Unknown", 0, 0
                    member.reason = "not probed yet"
                member.interface, member.probe = interface, probe

    def state(self, probe: Probe, interface: Interface) -> tuple[State, str]:
        """A member's state and the reason for it."""
        member = self._members.get((probe.key, interface.id))
        return (member.state, member.reason) if member is not None else ("Unknown", "not probed yet")

    def close(self) -> None:
        for member in self._members.values():
            self._stop(member)
        self._members.clear()

    def _schedule(self, member: Member, delay: float) -> None:
        member.timer = asyncio.get_running_loop().call_later(delay, self._probe, member)

    def _stop(self, member: Member) -> None:
        if member.timer is not None:
            member.timer.cancel()
        if member.attempt is not None:
            member.attempt.cancel()

    def _probe(self, member: Member) -> None:
        self._schedule(member, member.probe.interval)
        if member.attempt is not None:  # the last one ends by its own time-out in this same tick
            member.attempt.finish(f"no answer within {member.probe.interval:g} s")

        def done(failure: str | None) -> None:
            member.attempt = None
            self._probed(member.probe, member.interface, failure is None)
            if member.note(failure):
                self._changed()

        self._next_port = (self._next_port + 1) % _PORTS
        attempt = Attempt(member.probe, member.interface.address, done)
        member.attempt = attempt
        attempt.begin(self._network, member.interface, _FIRST_PORT + self._next_port)
