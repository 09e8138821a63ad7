"""One flow through the balancer: a client's socket on one side, a machine's wire on the other.

asyncio Protocols, not streams: at 65-byte pages streams cost twice the CPU. Each side is paused while the other's
buffer is full, so a slow reader bounds what is held for it; a half-closed side is passed on as such.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from wizard.sandbox.fabric.meter import Traffic
from wizard.sandbox.fabric.wire import WireEnd

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST instead of FIN

Admit = Callable[["Flow", tuple[str, int]], WireEnd | None]


class _Inner(asyncio.Protocol):
    """The machine's side of a flow."""

    __slots__ = ("flow",)

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def data_received(self, data: bytes) -> None:
        flow = self.flow
        flow.active = True
        if flow.traffic is not None:
            flow.traffic.received += len(data)
        if flow.client is not None:
            flow.client.write(data)

    def eof_received(self) -> bool:
        client = self.flow.client
        if client is not None and not client.is_closing():
            with contextlib.suppress(OSError):
                client.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.flow.client is not None:
            self.flow.client.pause_reading()

    def resume_writing(self) -> None:
        if self.flow.client is not None and not self.flow.client.is_closing():
            self.flow.client.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.flow.machine_left(error)


class Flow(asyncio.Protocol):
    """The client's side of a flow, and the flow itself. `vm` is the machine's key once it is chosen."""

    __slots__ = (
        "_admit",
        "_flows",
        "active",
        "client",
        "ended",
        "idle_seconds",
        "inner",
        "lost",
        "quiet_since",
        "reset_on_idle",
        "traffic",
        "vm",
        "wire",
    )

    def __init__(self, admit: Admit, flows: set[Flow], idle_seconds: float, reset_on_idle: bool) -> None:
        self._admit = admit
        self._flows = flows
        self.idle_seconds = idle_seconds
        self.reset_on_idle = reset_on_idle
        self.client: asyncio.Transport | None = None
        self.wire: WireEnd | None = None
        self.inner = _Inner(self)
        self.vm = ""
        self.traffic: Traffic | None = None  # where its bytes are counted
        self.lost = False  # the chosen machine is off: the client hears nothing until it gives up
        self.ended = False  # the client has closed its side
        self.active = True
        self.quiet_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.client = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        wire = self._admit(self, (peer[0], peer[1])) if peer else None
        if wire is None and not self.lost:
            self.reset()
            return
        self.wire = wire
        self._flows.add(self)

    def data_received(self, data: bytes) -> None:
        self.active = True
        if self.traffic is not None:
            self.traffic.sent += len(data)
        if self.wire is not None:
            self.wire.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.wire is None:
            return False
        self.wire.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.wire is not None:
            self.wire.pause_reading()

    def resume_writing(self) -> None:
        if self.wire is not None:
            self.wire.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._flows.discard(self)
        self.client = None
        wire, self.wire = self.wire, None
        if wire is None:
            return
        if error is not None:
            wire.abort()
        else:
            wire.close()

    def machine_left(self, error: Exception | None) -> None:
        """The machine closed (None) or reset its side."""
        self.wire = None
        if self.client is None:
            return
        if error is not None:
            self.reset()
        else:
            self.client.close()

    def reset(self) -> None:
        """Send the client a reset, not an orderly end."""
        if self.client is None:
            return
        sock = self.client.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.client.abort()

    def expire(self, now: float) -> None:
        """Forget the flow once it has been quiet for its rule's idle time, with a reset where the rule asks for one."""
        if self.active:
            self.active = False
            self.quiet_since = now
        elif now - self.quiet_since >= self.idle_seconds:
            if self.reset_on_idle:
                if self.wire is not None:
                    self.wire.abort()
                self.reset()
            elif self.wire is not None:
                # The balancer forgets silently: the client's socket stays, but nothing it sends arrives any more.
                wire, self.wire = self.wire, None
                wire.set_protocol(asyncio.Protocol())
                wire.sever()
                if self.ended:
                    self.reset()
