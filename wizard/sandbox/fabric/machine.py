"""A Linux machine while the sandbox runs: its services over what `powered` does. Its disk is the guest record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from wizard.sandbox.fabric import boot, nginxconf, redhat
from wizard.sandbox.fabric.answers import Site
from wizard.sandbox.fabric.guest import Guest
from wizard.sandbox.fabric.network import Network
from wizard.sandbox.fabric.powered import Powered
from wizard.sandbox.fabric.ssh import SshService
from wizard.sandbox.fabric.web import HttpConnection
from wizard.sandbox.fabric.wire import WireEnd

ServiceError = nginxconf.ConfigError


class Machine(Powered):
    """A machine with sshd, perhaps nginx, and Azure's Linux agent."""

    shutdown_seconds = 8.0  # from memory: what an orderly shutdown of a small Linux machine takes
    goodbye = ("[  OK  ] Reached target poweroff.target - System Power Off.", "reboot: Power down")

    def __init__(self, guest: Guest, network: Network, speed: float, changed: Callable[[], None]) -> None:
        super().__init__(guest, network, speed, changed)
        self.guest = guest
        self._ssh = SshService(self)

    def _boot(self) -> Coroutine[None, None, None]:
        return boot.run(self)

    def _end_sessions(self) -> None:
        self._ssh.close()

    # Services. `enabled` is kept on the disk, `active` lives while the machine runs.

    def known_services(self) -> list[str]:
        services = [self.guest.image.ssh_service, "walinuxagent", "cloud-init"]
        if not self.guest.image.debian_like:
            services.append("firewalld")
        return [*services, "nginx"] if "nginx" in self.guest.record["packages"] else services

    def active(self, service: str) -> bool:
        if service == "nginx":
            return any(make.__name__ == "nginx" for make in self._listening.values())
        if service == self.guest.image.ssh_service:
            return ("*", 22) in self._listening
        if service == "firewalld":
            return self.online and not redhat.firewall(self.guest)["stopped"]
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
                if not redhat.may_listen(self.guest, where[1]):
                    raise ServiceError(f"bind() to 0.0.0.0:{where[1]} failed (13: Permission denied)")
                if where in self._listening:
                    raise ServiceError(f"bind() to 0.0.0.0:{where[1]} failed (98: Address already in use)")
                self._listening[where] = self._web(servers, where)
        elif service == self.guest.image.ssh_service:
            self._listening["*", 22] = self._ssh.connection
        elif service == "firewalld":
            redhat.firewall(self.guest)["stopped"] = False
            self.firewall_changed()

    def firewall_changed(self) -> None:
        """What the machine's own firewall lets in is another: the balancer's probes will see."""
        self.guest.save()

    def accept(self, port: int, client: tuple[str, int], server: str, protocol: asyncio.Protocol) -> WireEnd | None:
        """As any machine, behind its own firewall, which refuses; what comes from itself passes."""
        if client[0] != server and redhat.refuses(self.guest, port):
            return None
        return super().accept(port, client, server, protocol)

    def _web(self, servers: tuple[nginxconf.Server, ...], where: tuple[str, int]) -> Callable[[], asyncio.Protocol]:
        mine = tuple(one for one in servers if any((a, p) == where for a, p, _ in one.listens))
        guest = self.guest
        site = Site(mine, where[1], guest.disk, lambda: guest.hostname, guest.image.nginx_banner)
        site.work = self.work

        def nginx() -> asyncio.Protocol:
            return HttpConnection(site)

        return nginx

    def stop_service(self, service: str) -> None:
        """Close its ports; connections that are open end by themselves, as with a reload."""
        if service == "nginx":
            self._listening = {w: make for w, make in self._listening.items() if make.__name__ != "nginx"}
        elif service == self.guest.image.ssh_service:
            self._listening.pop(("*", 22), None)
        elif service == "firewalld":
            redhat.firewall(self.guest)["stopped"] = True
            self.firewall_changed()
        elif service == "walinuxagent":
            self.agent_ready = False
