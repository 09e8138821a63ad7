"""One connection that carries one exchange at a time, and the answers' heads it has seen before.

A server under load sends the same head again and again: only `Date` changes, once a second. So the bytes of a head that
was parsed once (by httptools) are kept with what they mean, and an answer whose head is known and whose body is in the
same read costs a search, a look-up and a slice. Everything else goes through the parser: split reads, chunked bodies,
bodies that end with the connection, interim answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

import httptools
import httpx

if TYPE_CHECKING:
    from wizard.verify.load.transport import LeanTransport

KNOWN_HEADS = 512
"""Heads kept before starting over: a cookie or an id in each answer makes every head new, and memory must not grow."""

WIRE = "multivm.wire"
"""The key in `request.extensions` under which a request's bytes are kept, so that they are built once."""

HEAD = "multivm.head"
"""The key in `response.extensions` under which the transport leaves the answer's Head."""

LINGER_S = 1.0
"""How long a connection that is to end waits for the server to close first, so that TIME_WAIT stays on its side."""


class Exchange(Protocol):
    """One request on its way; its owner is told the outcome exactly once.

    The transport sets `attempts`, and `first`: whether the answer is its connection's first.
    """

    request: httpx.Request
    attempts: int
    first: bool

    def answered(self, response: httpx.Response) -> None:
        """The whole answer is here."""

    def failed(self, error: Exception) -> None:
        """There will be none: an httpx.TransportError."""


def caused(error: httpx.TransportError, cause: Exception) -> httpx.TransportError:
    """The error with what the socket said as its cause."""
    error.__cause__ = cause
    return error


class Body(httpx.AsyncByteStream):
    """A body that has arrived already."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.data


class Head:
    """What an answer's head says. `length` is the body's, or None when the head alone does not tell.

    `note` is whatever a reader worked out from the head, kept so that it is worked out once for all answers alike.
    """

    __slots__ = ("extensions", "headers", "keep_alive", "length", "note", "status")

    def __init__(self, status: int, headers: httpx.Headers, keep_alive: bool, length: int | None) -> None:
        self.status = status
        self.headers = headers
        self.keep_alive = keep_alive
        self.length = length
        self.note: str | None = None
        self.extensions = {HEAD: self}


class Connection(asyncio.Protocol):
    """Sends an exchange's request and reads its answer; then it is idle, or closes."""

    def __init__(self, owner: LeanTransport) -> None:
        self.owner = owner
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything else is called
        self.exchange: Exchange | None = None
        self.heard = 0.0  # perf_counter of the request or of the last bytes of its answer
        self.answers = 0
        self._heads = owner.heads
        self._parsing: _Answer | None = None

    # Of the exchange

    def send(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.heard = perf_counter()
        self.transport.write(exchange.request.extensions[WIRE])

    def abort(self, error: Exception) -> None:
        """Give the exchange up and drop the connection without ceremony."""
        exchange, self.exchange = self.exchange, None
        self.transport.abort()
        if exchange is not None:
            exchange.failed(error)

    # Of asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.owner.connections.add(self)
        self.owner.opened += 1

    def data_received(self, data: bytes) -> None:
        if self._parsing is None:
            end = data.find(b"\r\n\r\n") + 4
            known = self._heads.get(data[:end])
            if known is not None and known.length == len(data) - end and self.exchange is not None:
                self._complete(known, data[end:])
                return
            if self.exchange is None:
                # Bytes nobody asked for: an answer to no request, after which the connection cannot be trusted.
                self.owner.forget(self)
                self.transport.abort()
                return
            self._parsing = _Answer(self.exchange.request.method)
        self.heard = perf_counter()
        self._parse(data)

    def eof_received(self) -> None:
        answer = self._parsing
        if answer is not None and answer.ends_with_connection and self.exchange is not None:
            self._parsing = None
            self._complete(answer.head(keep_alive=False), bytes(answer.body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.owner.forget(self)
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        if self._parsing is not None and exc is None:
            exchange.failed(httpx.RemoteProtocolError("the connection closed in the middle of an answer"))
        elif self.answers and self._parsing is None and exchange.attempts == 1:
            # The server had closed the idle connection while the request was on its way (RFC 9112, 9.3.1).
            self.owner.stale += 1
            self.owner.submit(exchange, fresh=True)
        elif exc is None:
            exchange.failed(httpx.RemoteProtocolError("the connection closed without an answer"))
        else:
            exchange.failed(caused(httpx.ReadError(str(exc) or type(exc).__name__), exc))

    # Of the answer

    def _parse(self, data: bytes) -> None:
        answer = self._parsing
        assert answer is not None
        try:
            answer.feed(data)
        except httptools.HttpParserError as error:
            self.abort(httpx.RemoteProtocolError(f"not HTTP/1.1: {error}"))
            return
        if not answer.complete:
            return
        self._parsing = None
        head = answer.head(answer.keep_alive)
        if answer.surplus:
            head.keep_alive = False  # more than one answer to one request: nothing on this connection can be trusted
        elif answer.reads == 1 and head.length is not None:
            if len(self._heads) >= KNOWN_HEADS:
                self._heads.clear()
            self._heads[data[: len(data) - head.length]] = head
        self._complete(head, bytes(answer.body))

    def _complete(self, head: Head, body: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        self.exchange = None
        exchange.first = not self.answers
        self.answers += 1
        if head.keep_alive and self.owner.keep_alive:
            self.owner.idle.append(self)
        else:
            self.owner.retire(self)
        exchange.answered(
            httpx.Response(
                head.status,
                headers=head.headers,
                stream=Body(body),
                request=exchange.request,
                extensions=head.extensions,
            )
        )


class _Answer:
    """An answer in the making, fed to httptools."""

    def __init__(self, method: str) -> None:
        self.complete = False
        self.keep_alive = False
        self.reads = 0
        self.surplus = False
        self.body = bytearray()
        self._method = method
        self._headers: list[tuple[bytes, bytes]] = []
        self._headers_complete = False
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self.reads += 1
        self._parser.feed_data(data)

    def head(self, keep_alive: bool) -> Head:
        headers = httpx.Headers(self._headers)
        plain = "transfer-encoding" not in headers and "content-length" in headers
        return Head(self._status, headers, keep_alive, len(self.body) if plain else None)

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body is everything up to the end of the connection (RFC 9112, 6.3, last case)."""
        names = {name.lower() for name, _ in self._headers}
        return self._headers_complete and not names & {b"content-length", b"transfer-encoding"}

    # Called by httptools, also for whatever follows the answer in the same read: that must not overwrite it.

    def on_message_begin(self) -> None:
        if self.complete:
            self.surplus = True
            return
        self._headers.clear()
        self._headers_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self._headers_complete = True
        self._status = self._parser.get_status_code()
        self.keep_alive = self._parser.should_keep_alive()
        self.complete = self._method == "HEAD"

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self.body += data

    def on_message_complete(self) -> None:
        # An interim answer (RFC 9110, 15.2) is followed by the real one.
        self.complete = self.complete or self._status >= 200
