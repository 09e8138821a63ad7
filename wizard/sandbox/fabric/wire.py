"""A TCP connection inside the virtual network: two asyncio transports joined in memory.

Machines must not be reachable past their NSG, so they own no socket of the host. What is written on one end is handed
to the other end's protocol at once (a relayed request costs no further system call), or is queued while that one has
paused reading; a full queue pauses the writer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_HIGH_WATER = 64 * 1024
_LOW_WATER = 16 * 1024


class WireEnd(asyncio.Transport):
    """One end. `peer` and `local` are (address, port) as the protocol on this end sees them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, local: tuple[str, int], peer: tuple[str, int]) -> None:
        super().__init__({"peername": peer, "sockname": local})
        self._loop = loop
        self.other: WireEnd | None = None
        self.protocol: asyncio.BaseProtocol | None = None
        self.on_lost: Callable[[WireEnd], None] | None = None  # told once, when this end is gone
        self._incoming: deque[bytes] = deque()
        self._held = 0
        self._reading = True
        self._writer_paused = False
        self._closing = False
        self._lost = False
        self._wrote_eof = False
        self._eof_waits = False
        self._end_waits = False

    # What the protocol on this end calls

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.protocol is not None
        return self.protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self._wrote_eof or self.other is None or not data:
            return
        self.other._take(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if self._closing or self._wrote_eof or self.other is None:
            return
        self._wrote_eof = True
        self.other._take_eof()

    def get_write_buffer_size(self) -> int:
        return self.other._held if self.other is not None else 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The limits are the wire's own."""

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            if self._incoming or self._eof_waits or self._end_waits:
                self._loop.call_soon(self._drain)

    def close(self) -> None:
        """Everything written still arrives; then the other end sees the connection end."""
        if self._closing:
            return
        self._closing = True
        self._loop.call_soon(self._finish, None)
        if self.other is not None:
            self.other._take_end()

    def abort(self) -> None:
        """As a reset: what waits is lost and the other end sees an error."""
        if self._lost:
            return
        self._closing = True
        self._loop.call_soon(self._finish, None)
        if self.other is not None:
            self.other._cut()

    def sever(self) -> None:
        """As power loss: this end is gone and the other is not told; whatever it sends goes nowhere."""
        if self.other is not None:
            self.other.other = None
            self.other = None
        self._closing = True
        self._loop.call_soon(self._finish, ConnectionAbortedError())

    # What arrives from the other end

    def _take(self, data: bytes) -> None:
        if self._closing:
            return
        if self._reading and not self._incoming and self.protocol is not None:
            self.protocol.data_received(data)  # type: ignore[attr-defined]
            return
        self._incoming.append(data)
        self._held += len(data)
        if self._held > _HIGH_WATER and not self._writer_paused and self.other is not None:
            self._writer_paused = True
            if self.other.protocol is not None:
                self.other.protocol.pause_writing()

    def _take_eof(self) -> None:
        self._eof_waits = True
        self._loop.call_soon(self._drain)

    def _take_end(self) -> None:
        self._end_waits = True
        self._loop.call_soon(self._drain)

    def _cut(self) -> None:
        if not self._lost:
            self._closing = True
            self._loop.call_soon(self._finish, ConnectionResetError("Connection reset by peer"))

    def _drain(self) -> None:
        while self._incoming and self._reading and not self._closing:
            data = self._incoming.popleft()
            self._held -= len(data)
            assert self.protocol is not None
            self.protocol.data_received(data)  # type: ignore[attr-defined]
        if self._writer_paused and self._held <= _LOW_WATER and self.other is not None:
            self._writer_paused = False
            if self.other.protocol is not None:
                self.other.protocol.resume_writing()
        if self._incoming or self._closing:
            return
        if self._eof_waits and self._reading:
            self._eof_waits = False
            assert self.protocol is not None
            if not self.protocol.eof_received():  # type: ignore[attr-defined]
                self.close()
        if self._end_waits and not self._closing:
            self._closing = True
            self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = True
        self._incoming.clear()
        self._held = 0
        if self.on_lost is not None:
            self.on_lost(self)
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(error)


def pair(client: tuple[str, int], server: tuple[str, int]) -> tuple[WireEnd, WireEnd]:
    """A new connection from `client` to `server`: its end at the client and its end at the server."""
    loop = asyncio.get_running_loop()
    near, far = WireEnd(loop, client, server), WireEnd(loop, server, client)
    near.other, far.other = far, near
    return near, far
