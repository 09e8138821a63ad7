"""One machine while the sandbox runs: its power, its open ports, its services. Its disk is the guest record."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from wizard.sandbox.fabric import boot, nginxconf, wire
from wizard.sandbox.fabric.answers import Site
from wizard.sandbox.fabric.guest import Guest
from wizard.sandbox.fabric.network import Network
from wizard.sandbox.fabric.ssh import SshService
from wizard.sandbox.fabric.web import HttpConnection
from wizard.sandbox.fabric.wire import WireEnd

if TYPE_CHECKING:
    from wizard.sandbox.fabric.fabric import PowerState

_LOG = logging.getLogger(__name__)
_SHUTDOWN_SECONDS = 8.0  # from memory: what an orderly shutdown of a small Linux machine takes
_STREAM_CLOSE = 0.05  # s, real: what an ending connection is given to say goodbye

ServiceError = nginxconf.ConfigError


class Machine:
    """`changed` is called whenever the machine comes onto the network or leaves it."""

    def __init__(self, guest: Guest, network: Network, speed: float, changed: Callable[[], None]) -> None:
        self.guest = guest
        self.network = network
        self.speed = speed
        self.state: PowerState = "stopped"
        self.online = False  # the operating system's network is up
        self.agent_ready = False
        self._changed = changed
        self._listening: dict[tuple[str, int], Callable[[], asyncio.Protocol]] = {}
        self._ends: set[WireEnd] = set()
        self._work: asyncio.Task[None] | None = None
        self._later: asyncio.Task[None] | None = None
        self._power = asyncio.Lock()  # one change of power at a time
        self._ssh = SshService(self)
        self.next_port = 32768

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

    # Services. `enabled` is kept on the disk, `active` lives while the machine runs.

    def known_services(self) -> list[str]:
        services = [self.guest.image.ssh_service, "walinuxagent", "cloud-init"]
        return [*services, "nginx"] if "nginx" in self.guest.record["packages"] else services

    def active(self, service: str) -> bool:
        if service == "nginx":
            return any(make.__name__ == "nginx" for make in self._listening.values())
        if service == self.guest.image.ssh_service:
            return ("*", 22) in self._listening
        return self.agent_ready if service == "walinuxagent" else self.online

    def enabled(self, service: str) -> bool:
        return bool(self.guest.record["services"].get(service, {"enabled": True})["enabled"])

    def enable(self, service: str, enabled: bool = True) -> None:
        self.guest.record["services"][service] = {"enabled": enabled}
        self.guest.save()

    def start_service(self, service: str) -> None:
        """Start or reload; raises ServiceError when its configuration does not hold (and changes nothing then)."""
        if service == "nginx":
            servers = nginxconf.load(self.guest.disk)
            self.stop_service("nginx")
            for where in {(address, port) for server in servers for address, port, _ in server.listens}:
                if where in self._listening:
                    raise ServiceError(f"bind() to 0.0.0.0:{where[1]} failed (98: Address already in use)")
                self._listening[where] = self._web(servers, where)
        elif service == self.guest.image.ssh_service:
            self._listening["*", 22] = self._ssh.connection

    def _web(self, servers: tuple[nginxconf.Server, ...], where: tuple[str, int]) -> Callable[[], asyncio.Protocol]:
        mine = tuple(one for one in servers if any((a, p) == where for a, p, _ in one.listens))
        guest = self.guest
        site = Site(mine, where[1], guest.disk, lambda: guest.hostname, guest.image.nginx_banner)

        def nginx() -> asyncio.Protocol:
            return HttpConnection(site)

        return nginx

    def stop_service(self, service: str) -> None:
        """Close its ports; connections that are open end by themselves, as with a reload."""
        if service == "nginx":
            self._listening = {w: make for w, make in self._listening.items() if make.__name__ != "nginx"}
        elif service == self.guest.image.ssh_service:
            self._listening.pop(("*", 22), None)
        elif service == "walinuxagent":
            self.agent_ready = False

    # Power

    def power_on(self) -> None:
        """Begin to boot, unless it runs or boots already."""
        if self.state in ("starting", "running") and self._work is not None:
            return
        self.state = "starting"
        self._want("running")
        self._begin(boot.run(self))

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
            self.guest.log("[  OK  ] Reached target poweroff.target - System Power Off.")
            self.leave(orderly=True)
            await self.pause(_SHUTDOWN_SECONDS)
            self.guest.log("reboot: Power down")
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
        self._ssh.close()
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
            self._begin(boot.run(self))

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
        self._ssh.close()
        self._ends.clear()
        self._listening.clear()
        self.online = self.agent_ready = False
        self.guest.settle()

    def _want(self, power: str) -> None:
        self.guest.record["power"] = power
        if power == "running":
            self.guest.record["booted_at"] = time.time()
        self.guest.save()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._work = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:  # one machine's trouble must not be silent, nor end the others
            _LOG.exception("the boot of %s failed", self.guest.hostname)
            self.guest.log("Kernel panic - not syncing: boot failed")

    async def _cancel(self) -> None:
        work, self._work = self._work, None
        if work is not None and not work.done():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
