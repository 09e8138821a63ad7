"""A Windows machine while the sandbox runs: Remote Desktop, IIS, the firewall, and what runs scripts inside."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine

from wizard.sandbox.fabric.network import Dropped, Network
from wizard.sandbox.fabric.powered import Powered
from wizard.sandbox.fabric.web import HttpConnection
from wizard.sandbox.fabric.windows import boot, certificate, credssp, rdp
from wizard.sandbox.fabric.windows.files import Files
from wizard.sandbox.fabric.windows.guest import WindowsGuest
from wizard.sandbox.fabric.windows.iis import Site
from wizard.sandbox.fabric.wire import WireEnd

AGENT, DESKTOP, WEB = "WindowsAzureGuestAgent", "TermService", "W3SVC"
SHOWN = {
    AGENT: "Windows Azure Guest Agent",
    DESKTOP: "Remote Desktop Services",
    WEB: "World Wide Web Publishing Service",
}


class ServiceError(Exception):
    """A service cannot be started."""


class WindowsMachine(Powered):
    """See `windows.guest` for its disk."""

    shutdown_seconds = 15.0  # from memory

    def __init__(self, guest: WindowsGuest, network: Network, speed: float, changed: Callable[[], None]) -> None:
        super().__init__(guest, network, speed, changed)
        self.guest = guest
        self._tls: ssl.SSLContext | None = None

    @property
    def disk(self) -> Files:
        return self.guest.disk

    def _boot(self) -> Coroutine[None, None, None]:
        return boot.run(self)

    def accept(self, port: int, client: tuple[str, int], server: str, protocol: asyncio.Protocol) -> WireEnd | None:
        """As Windows Firewall leaves it: what no rule lets in, and a port where nothing listens, gives no answer."""
        end = super().accept(port, client, server, protocol) if self.guest.allows(port) else None
        if end is None:
            raise Dropped("Windows Firewall lets nothing in there, or nothing listens")
        return end

    def accept_from_inside(self, port: int, address: str, protocol: asyncio.Protocol) -> WireEnd | None:
        """A connection to this machine's own address: no firewall stands before it."""
        return super().accept(port, (address, self.next_port), address, protocol)

    # Services. `enabled` is kept on the disk, what is active lives while the machine runs.

    def known_services(self) -> list[str]:
        services = [AGENT, DESKTOP]
        return [*services, WEB] if "Web-Server" in self.guest.record["features"] else services

    def active(self, service: str) -> bool:
        if service == AGENT:
            return self.agent_ready
        if service == DESKTOP:
            return ("*", rdp.PORT) in self._listening
        return any(make.__name__ == "iis" for make in self._listening.values())

    def enabled(self, service: str) -> bool:
        return bool(self.guest.record["services"].get(service, True))

    def enable(self, service: str, enabled: bool = True) -> None:
        self.guest.record["services"][service] = enabled
        self.guest.save()

    def start_service(self, service: str) -> None:
        """Start, or start again; raises ServiceError when it cannot."""
        if service == DESKTOP:
            if self.guest.record["rdp"]["enabled"]:
                self._listening["*", rdp.PORT] = self._desktop
        elif service == WEB:
            self.stop_service(WEB)
            for port in self.guest.record["bindings"]:
                if ("*", port) in self._listening:
                    raise ServiceError(
                        "The process cannot access the file because it is being used by another process."
                    )
                self._listening["*", port] = self._web(port)

    def stop_service(self, service: str) -> None:
        """Close its ports; connections that are open end by themselves."""
        if service == DESKTOP:
            self._listening.pop(("*", rdp.PORT), None)
        elif service == WEB:
            self._listening = {where: make for where, make in self._listening.items() if make.__name__ != "iis"}
        elif service == AGENT:
            self.agent_ready = False

    def _web(self, port: int) -> Callable[[], asyncio.Protocol]:
        site = Site(self.guest.disk, port)
        site.work = self.work

        def iis() -> asyncio.Protocol:
            return HttpConnection(site)

        return iis

    def _desktop(self) -> asyncio.Protocol:
        kept = self.guest.certificate
        assert kept is not None, "made before anything listens"
        if self._tls is None:
            self._tls = certificate.context(kept)
        guest, key = self.guest, certificate.public_key(kept)

        def exchange() -> credssp.Server:
            return credssp.Server(
                guest.hostname,
                guest.image.build,
                key,
                guest.accounts.find,
                lambda user, right: guest.accounts.judge(user, right, self.speed),
            )

        return rdp.RdpConnection(self._tls, exchange)

    def environment(self) -> dict[str, str]:
        """SYSTEM's environment variables."""
        return {
            "COMPUTERNAME": self.guest.hostname.upper(),
            "OS": "Windows_NT",
            "PROCESSOR_ARCHITECTURE": "AMD64",
            "PROGRAMDATA": r"C:\ProgramData",
            "SYSTEMDRIVE": "C:",
            "SYSTEMROOT": r"C:\Windows",
            "TEMP": r"C:\Windows\TEMP",
            "USERNAME": f"{self.guest.hostname.upper()}$",
            "WINDIR": r"C:\Windows",
        }
