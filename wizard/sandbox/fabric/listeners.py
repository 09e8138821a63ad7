"""The sockets at public addresses: one per balancing rule and NAT rule, kept in line with the topology.

Each listens where ARM says its frontend is. Its socket filter lets in the sources that the security groups of an
eligible member allow; with no eligible member it lets in nobody, so that a client times out as it would on Azure.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence

from wizard.sandbox.fabric import addresses, balancer, sourcefilter
from wizard.sandbox.fabric.addresses import NOTHING, Addresses
from wizard.sandbox.fabric.meter import Meter
from wizard.sandbox.fabric.network import Dropped, Network, Refused, Unpowered
from wizard.sandbox.fabric.relay import Flow
from wizard.sandbox.fabric.topology import FrontendRule, Interface
from wizard.sandbox.fabric.wire import WireEnd

_LOG = logging.getLogger(__name__)
_BACKLOG = 4096  # the kernel caps it at net.core.somaxconn
_IDLE_SWEEP = 5.0  # s between two looks for idle flows; the shortest idle time is 240 s

ProbeState = Callable[[FrontendRule, Interface], bool]


class Listener:
    """One open frontend port and the rule it serves."""

    def __init__(
        self, rule: FrontendRule, sock: socket.socket, network: Network, up: ProbeState, meter: Meter | None = None
    ) -> None:
        self.rule = rule
        self._meter = meter
        self.sock = sock
        self.server: asyncio.Server | None = None
        self.flows: set[Flow] = set()
        self._network = network
        self._up = up
        self._eligible: list[Interface] | None = None
        self._allowed: Addresses | None = None

    def eligible(self) -> Sequence[Interface]:
        """Members that may get a new flow: those whose probe is up; where the rule has no probe, those that run.

        The balancer knows a machine by its probe alone: one that died a moment ago is still up, and gets flows that
        nobody answers, until enough probes have failed.
        """
        if self._eligible is None:
            rule, running = self.rule, self._network.running
            self._eligible = [one for one in rule.members if (self._up(rule, one) if rule.probe else running(one))]
        return self._eligible

    def refresh(self) -> None:
        """Members, probes or security rules changed: choose anew and filter anew. Flows stay where they are."""
        self._eligible = None
        port, topology = self.rule.backend_port, self._network.topology
        sets = {topology.allowed_sources(one, port) for one in self.eligible()}
        allowed = addresses.union(sets) if sets else NOTHING
        if allowed != self._allowed:
            sourcefilter.attach(self.sock, allowed)
            self._allowed = allowed

    def new_flow(self) -> Flow:
        return Flow(self._admit, self.flows, self.rule.idle_seconds, self.rule.reset_on_idle)

    def _admit(self, flow: Flow, client: tuple[str, int]) -> WireEnd | None:
        member = balancer.choose(self.rule, client, self.eligible())
        if member is None:
            return None
        flow.vm = member.vm
        if self._meter is not None:
            frontend = {"FrontendIPAddress": self.rule.address, "FrontendPort": str(self.rule.port)}
            flow.traffic = self._meter.traffic(self.rule.key, member.vm, frontend)
            flow.traffic.flows += 1
        try:
            return self._network.open(member, self.rule.backend_port, client, flow.inner)
        except Unpowered:
            flow.lost = True
            return None
        except (Dropped, Refused):
            return None

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
        for flow in list(self.flows):
            flow.reset()


class Listeners:
    """All listeners, reconciled with the topology's rules."""

    def __init__(self, network: Network, up: ProbeState, meter: Meter | None = None) -> None:
        self._network = network
        self._up = up
        self._meter = meter
        self.open: dict[tuple[str, int], Listener] = {}
        self.failed: dict[tuple[str, int], str] = {}
        self._opening: set[tuple[str, int]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def reconcile(self) -> None:
        """Open what is missing, close what is gone, hand the rest its new rule."""
        wanted: dict[tuple[str, int], FrontendRule] = {}
        for rule in self._network.topology.rules.values():
            wanted.setdefault((rule.address, rule.port), rule)
        for where in [where for where in self.open if where not in wanted]:
            await self.open.pop(where).close()
        self.failed = {where: why for where, why in self.failed.items() if where in wanted}
        for where, rule in wanted.items():
            listener = self.open.get(where)
            if listener is None:
                self._opening.add(where)
                try:
                    await self._open(where, rule)
                finally:
                    self._opening.discard(where)
            else:
                listener.rule = rule
        self.refresh()
        if self._sweeper is None:
            self._sweep()

    def holds(self, where: tuple[str, int]) -> bool:
        """Whether an address and port are ours, or are being bound by us at this moment."""
        return where in self.open or where in self._opening

    def refresh(self) -> None:
        """Probe states or machines changed: bring every listener's members and filter in line."""
        for listener in self.open.values():
            listener.refresh()

    async def _open(self, where: tuple[str, int], rule: FrontendRule) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sourcefilter.attach(sock, NOTHING)  # closed from its first moment on
            sock.bind(where)
            listener = Listener(rule, sock, self._network, self._up, self._meter)
            listener.refresh()
            loop = asyncio.get_running_loop()
            listener.server = await loop.create_server(listener.new_flow, sock=sock, backlog=_BACKLOG)
        except OSError as error:
            sock.close()
            if self.failed.get(where) != str(error):
                _LOG.warning("cannot listen at %s port %d: %s", *where, error.strerror or error)
            self.failed[where] = str(error)
            return
        self.failed.pop(where, None)
        self.open[where] = listener

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self.open.values():
            for flow in list(listener.flows):
                flow.expire(loop.time())
        self._sweeper = loop.call_later(_IDLE_SWEEP, self._sweep)

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for listener in self.open.values():
            await listener.close()
        self.open.clear()


def bind_problem(address: str, port: int) -> str | None:
    """Why this computer refuses to listen at an address and port, or None when it would."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
            sock.listen(1)
        except OSError as error:
            if error.errno == errno.EACCES:
                return f"Port {port} is privileged on this computer."
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} at {address} is already in use."
            if error.errno == errno.EADDRNOTAVAIL:
                return f"The address {address} does not exist on this computer."
            return error.strerror or str(error)
    return None
