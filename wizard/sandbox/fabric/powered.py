"""A machine's power, whatever runs on it: on and off the network, its open ports, its connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

from wizard.sandbox.fabric import wire
from wizard.sandbox.fabric.network import Network
from wizard.sandbox.fabric.record import GuestRecord
from wizard.sandbox.fabric.wire import WireEnd
from wizard.sandbox.fabric.work import Work

if TYPE_CHECKING:
    from wizard.sandbox.fabric.fabric import PowerState

_LOG = logging.getLogger(__name__)
_STREAM_CLOSE = 0.05  # s, real: what an ending connection is given to say goodbye


class Powered:
    """Any machine. `changed` is called whenever it comes onto the network or leaves it.

    An operating system gives `_boot` and `_end_sessions`, what an orderly shutdown takes, and what it prints then.
    """

    shutdown_seconds: float
    goodbye: Sequence[str] = ()  # the last of it when the power goes

    def __init__(self, guest: GuestRecord, network: Network, speed: float, changed: Callable[[], None]) -> None:
        self._kept = guest
        self.network = network
        self.speed = speed
        self.state: PowerState = "stopped"
        self.online = False  # the operating system's network is up
        self.agent_ready = False
        self.work = Work()
        self._changed = changed
        self._listening: dict[tuple[str, int], Callable[[], asyncio.Protocol]] = {}
        self._ends: set[WireEnd] = set()
        self._work: asyncio.Task[None] | None = None
        self._later: asyncio.Task[None] | None = None
        self._power = asyncio.Lock()  # one change of power at a time
        self.next_port = 32768

    def _boot(self) -> Coroutine[None, None, None]:
        """All that happens from power on."""
        raise NotImplementedError

    def _end_sessions(self) -> None:
        """The machine goes down: what runs in its sessions ends."""

    @property
    def running(self) -> bool:
        return self.online

    async def pause(self, seconds: float) -> None:
        """Let the machine work for that long, by its own clock."""
        await asyncio.sleep(seconds / self.speed)

    # Ports

    def accept(self, port: int, client: tuple[str, int], server: str, protocol: asyncio.Protocol) -> WireEnd | None:
        """Connect `protocol` to what listens on `port` of address `server`; None when nothing does."""
        make = self._listening.get((server, port)) or self._listening.get(("*", port))
        if make is None:
            return None
        near, far = wire.pair(client, (server, port))
        answering = make()
        near.set_protocol(protocol)
        far.set_protocol(answering)
        far.on_lost = self._ends.discard
        self._ends.add(far)
        answering.connection_made(far)
        return near

    def ports(self) -> list[tuple[str, int]]:
        """What listens, as (address, port); `*` is any address."""
        return sorted(self._listening, key=lambda where: where[1])

    # Power

    def power_on(self) -> None:
        """Begin to boot, unless it runs or boots already."""
        if self.state in ("starting", "running") and self._work is not None:
            return
        self.state = "starting"
        self._want("running")
        self._begin(self._boot())

    def came_up(self) -> None:
        """The operating system's network answers from now on."""
        self.online = True
        self._changed()

    async def power_off(self, *, skip_shutdown: bool, deallocate: bool) -> None:
        """Stop: in order, or as if power was cut; returns when it is off."""
        async with self._power:
            was_on = self.state in ("starting", "running")
            self.state = "deallocating" if deallocate else "stopping"
            self._want("deallocated" if deallocate else "stopped")
            await self._cancel()
            if was_on:
                await self._go_down(orderly=not skip_shutdown)
            self.state = "deallocated" if deallocate else "stopped"

    async def _go_down(self, *, orderly: bool) -> None:
        if orderly:
            self._kept.log(*self.goodbye[:-1])
            self.leave(orderly=True)
            await self.pause(self.shutdown_seconds)
            self._kept.log(*self.goodbye[-1:])
        else:
            self.leave(orderly=False)

    def leave(self, *, orderly: bool) -> None:
        """Off the network: in order, connections are closed; by a cut, the other ends are not told."""
        for end in list(self._ends):
            if orderly:
                end.close()
            else:
                end.sever()
        self._ends.clear()
        self._end_sessions()
        self._listening.clear()
        self.agent_ready = self.online = False
        self._changed()

    async def restart(self) -> None:
        """Shut down and boot again; returns when it boots."""
        async with self._power:
            await self._cancel()
            if self.state in ("starting", "running"):
                await self._go_down(orderly=True)
            self.state = "starting"
            self._want("running")
            self._begin(self._boot())

    def reboot_soon(self, power_off: bool = False) -> None:
        """What `reboot` and `shutdown` ask for from inside; the session that asked ends with the machine's network."""

        async def later() -> None:
            await asyncio.sleep(_STREAM_CLOSE)
            if power_off:
                await self.power_off(skip_shutdown=False, deallocate=False)
            else:
                await self.restart()

        self._later = asyncio.get_running_loop().create_task(later())

    async def close(self) -> None:
        """The sandbox ends: the machine is as it would be after a power cut, and boots again next time."""
        if self._later is not None:
            self._later.cancel()
        await self._cancel()
        for end in list(self._ends):
            end.abort()
        self._end_sessions()
        self._ends.clear()
        self._listening.clear()
        self.online = self.agent_ready = False
        self._kept.settle()

    def _want(self, power: str) -> None:
        self._kept.record["power"] = power
        if power == "running":
            self._kept.record["booted_at"] = time.time()
        self._kept.save()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._work = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:  # one machine's trouble must not be silent, nor end the others
            _LOG.exception("the boot of %s failed", self._kept.hostname)
            self._kept.log("Kernel panic - not syncing: boot failed")

    async def _cancel(self) -> None:
        work, self._work = self._work, None
        if work is not None and not work.done():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
