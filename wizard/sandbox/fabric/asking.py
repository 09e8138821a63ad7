"""How the application health extension asks: from inside the machine, of its own address, past every security group."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.sandbox.fabric.powered import Powered

_FIRST_PORT = 40000
_PORTS = 20000
_LONGEST_LINE = 8192


class _Asking(asyncio.Protocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n" in self._received or len(self._received) > _LONGEST_LINE:
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self.answer.done():
            self.answer.set_result(self._received.split(b"\r\n", 1)[0])


_asked = 0


async def healthy(machine: Powered, address: str, protocol: str, port: int, *, path: str, timeout_s: float) -> bool:
    """Whether something listens (`tcp`), or answers 200 (`http`). The sandbox's machines speak no TLS."""
    global _asked  # noqa: PLW0603
    _asked = (_asked + 1) % _PORTS
    asking = _Asking()
    wire = machine.accept(port, (address, _FIRST_PORT + _asked), address, asking)
    if wire is None:
        return False
    try:
        if protocol != "http":
            return protocol == "tcp"
        wire.write(
            f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nUser-Agent: ApplicationHealthExtension/1.0\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        line = await asyncio.wait_for(asking.answer, timeout_s)
        words = line.split(b" ")
        return len(words) > 1 and words[0].startswith(b"HTTP/") and words[1] == b"200"
    except TimeoutError:
        return False
    finally:
        wire.close()
