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

import httpx

from wizard.verify.load.answer import Answer, Head

if TYPE_CHECKING:
    from wizard.verify.load.transport import LeanTransport

KNOWN_HEADS = 512
"""Heads kept before starting over: a cookie or an id in each answer makes every head new, and memory must not grow."""

WIRE = "multivm.wire"
"""The key in `request.extensions` under which a request's bytes are kept, so that they are built once."""

LINGER_S = 1.0
"""How long a connection that is to end waits for the server to close first, so that TIME_WAIT stays on its side."""


REPEATABLE = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
"""Methods that may be sent once more when nobody knows whether the first time was heard (RFC 9110, 9.2.2)."""


class Flow(Protocol):
    """What a balancer decides about: a connection. `counted` is for a reader who counts flows, and theirs to set."""

    counted: bool


class Exchange(Protocol):
    """One request on its way; its owner is told the outcome exactly once.

    The transport sets `attempts`, and `flow`: what carried the answer.
    """

    request: httpx.Request
    attempts: int
    flow: Flow | None

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


class Connection(asyncio.Protocol):
    """Sends an exchange's request and reads its answer; then it is idle, or closes."""

    def __init__(self, owner: LeanTransport) -> None:
        self.owner = owner
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything else is called
        self.exchange: Exchange | None = None
        self.heard = 0.0  # perf_counter of the request or of the last bytes of its answer
        self.answers = 0
        self.counted = False
        self.connecting = False  # a PlainSocket's request may be on its way before it is known that somebody listens
        self._heads = owner.heads
        self._parsing: Answer | None = None

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
            self._parsing = Answer(self.exchange.request.method)
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
        if self.connecting and exc is not None:
            exchange.failed(caused(httpx.ConnectError(str(exc)), exc))
        elif self._parsing is not None and exc is None:
            exchange.failed(httpx.RemoteProtocolError("the connection closed in the middle of an answer"))
        elif (
            self.answers
            and self._parsing is None
            and exchange.attempts == 1
            and exchange.request.method in REPEATABLE
            and not self.owner.closed
        ):
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
        except ValueError as error:
            self.abort(httpx.RemoteProtocolError(str(error)))
            return
        if not answer.complete:
            return
        self._parsing = None
        head = answer.head(answer.keep_alive)
        if answer.surplus:
            head.keep_alive = False  # more than one answer to one request: nothing on this connection can be trusted
        elif answer.reads == 1 and head.length is not None:
            end = data.find(b"\r\n\r\n") + 4
            if len(data) - end == head.length:  # not so after an interim answer, which has a head of its own
                if len(self._heads) >= KNOWN_HEADS:
                    self._heads.clear()
                self._heads[data[:end]] = head
        self._complete(head, bytes(answer.body))

    def _complete(self, head: Head, body: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        self.exchange = None
        exchange.flow = self
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
