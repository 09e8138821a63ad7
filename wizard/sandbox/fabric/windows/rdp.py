"""Remote Desktop up to the sign-in: X.224 negotiation, TLS, network-level authentication ([MS-RDPBCGR], [MS-CSSP]).

Network-level authentication is required, as on every image of Azure's: a client that offers TLS alone is refused with
HYBRID_REQUIRED_BY_SERVER. There is no desktop behind it: whoever has signed in is disconnected at the first message of
a session.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable
from typing import cast

from wizard.sandbox.fabric.windows import credssp, der

PORT = 3389
SSL, HYBRID, HYBRID_EX = 1, 2, 8
HYBRID_REQUIRED = 5
_TPKT = struct.Struct(">BBH")
_X224 = struct.Struct(">BBHHB")
_NEGOTIATION = struct.Struct("<BBHI")
_LONGEST_REQUEST = 1024  # bytes of a Connection Request: a cookie and 19 in practice
_LONGEST_MESSAGE = 64 * 1024  # bytes of a TSRequest
_SIGN_IN_SECONDS = 60.0  # s, real: what a client is given to sign in
_CONFIRM_FLAGS = 0x1F  # what Windows Server answers: extended client data, graphics pipeline, restricted admin, ...


class RdpConnection(asyncio.Protocol):
    """One connection to port 3389. `ntlm` makes the exchange that judges who signs in."""

    def __init__(self, context: ssl.SSLContext, ntlm: Callable[[], credssp.Server]) -> None:
        self._context = context
        self._ntlm = ntlm
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._server: credssp.Server | None = None
        self._shaken = False
        self._early_answer = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(_SIGN_IN_SECONDS, self._close)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        if self._tls is None:
            self._buffer += data
            self._negotiate()
            return
        self._incoming.write(data)
        try:
            self._secured()
        except (ssl.SSLError, der.DerError):
            self._close()

    def _negotiate(self) -> None:
        if len(self._buffer) < _TPKT.size:
            return
        version, _, length = _TPKT.unpack_from(self._buffer)
        if version != 3 or not _TPKT.size + _X224.size <= length <= _LONGEST_REQUEST:
            self._close()
            return
        if len(self._buffer) < length:
            return
        message, self._buffer = self._buffer[_TPKT.size : length], self._buffer[length:]
        if message[1] & 0xF0 != 0xE0:
            self._close()
            return
        offered = _offered(message)
        if not offered & (HYBRID | HYBRID_EX):
            self._confirm(3, 0, HYBRID_REQUIRED)
            self._close()
            return
        chosen = HYBRID_EX if offered & HYBRID_EX else HYBRID
        self._early_answer = chosen == HYBRID_EX
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._confirm(2, _CONFIRM_FLAGS, chosen)
        if self._buffer:
            early, self._buffer = self._buffer, b""
            self.data_received(early)

    def _confirm(self, kind: int, flags: int, value: int) -> None:
        body = _NEGOTIATION.pack(kind, flags, _NEGOTIATION.size, value)
        length = _X224.size - 1 + len(body)
        self._write(_TPKT.pack(3, 0, _TPKT.size + 1 + length) + _X224.pack(length, 0xD0, 0, 0x1234, 0) + body)

    def _secured(self) -> None:
        assert self._tls is not None
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._server = self._ntlm()
            while data := self._tls.read(_LONGEST_MESSAGE):
                self._buffer += data
                self._messages()
        except ssl.SSLWantReadError:
            pass
        finally:
            self._flush()

    def _messages(self) -> None:
        while self._transport is not None and self._server is not None and not self._server.complete:
            whole = der.size(self._buffer)
            if whole is not None and whole > _LONGEST_MESSAGE:
                self._close()
                return
            if whole is None or len(self._buffer) < whole:
                return
            message, self._buffer = self._buffer[:whole], self._buffer[whole:]
            self._answer(self._server, message)
        if self._server is not None and self._server.complete and self._buffer:
            self._close()  # a session would begin here

    def _answer(self, server: credssp.Server, message: bytes) -> None:
        assert self._tls is not None
        try:
            reply = server.take(message)
        except credssp.Refusal as refusal:
            self._tls.write(credssp.answer(error=refusal.status))
            self._flush()
            self._close()
            return
        if reply is not None:
            self._tls.write(reply)
        elif server.complete and self._early_answer:
            self._tls.write(struct.pack("<I", 0))  # Early User Authorization Result: AUTHZ_SUCCESS
        self._flush()

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        if self._timer is not None:
            self._timer.cancel()
        if transport is not None:
            transport.close()


def _offered(message: bytes) -> int:
    """The protocols of a Connection Request; 0 (standard RDP security) without a negotiation in it.

    Before it may stand a routing token or a cookie line, ended by CR LF.
    """
    rest = message[_X224.size :]
    if rest[:1] != b"\x01" and b"\r\n" in rest:
        rest = rest.partition(b"\r\n")[2]
    if len(rest) < _NEGOTIATION.size:
        return 0
    kind, _, _, protocols = _NEGOTIATION.unpack_from(rest)
    return int(protocols) if kind == 1 else 0
