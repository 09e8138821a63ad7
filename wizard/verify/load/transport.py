"""A transport for httpx that adds little to the work of the socket: the load generator's, and usable by any client.

httpx's own pool is quadratic in its connections and spends about 1.5 ms of CPU on a request at 50 of them; this one
about 0.01 ms. It speaks HTTP/1.1 over TCP and TLS to the origin itself (no proxies), keeps idle connections on a stack
(the one last used is the warmest, and none is searched for), times connecting and reading out by one sweep for all
connections, and sends a request once more when a kept-alive connection turns out to have been closed by the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from time import perf_counter
from typing import Any

import httpx

from wizard.verify.load.answer import Head
from wizard.verify.load.connection import LINGER_S, WIRE, Connection, Exchange, Flow, caused
from wizard.verify.load.plain import AVAILABLE, PlainSocket, Watch

CLOSING_TURNS = 100

SWEEP_S = 0.05
"""How late a timeout may be noticed; one pass over all connections each time."""


class LeanTransport(httpx.AsyncBaseTransport):
    """One origin's connections.

    connect_timeout_s, read_timeout_s   seconds; reading counts from the request or the last bytes of its answer
    tls                                 the context for https; httpx's default one when None
    keep_alive                          False: each request has a connection of its own
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
        tls: ssl.SSLContext | None = None,
        keep_alive: bool = True,
    ) -> None:
        self.connect_timeout_s = connect_timeout_s
        self.read_timeout_s = read_timeout_s
        self.keep_alive = keep_alive
        self.heads: dict[bytes, Head] = {}
        self.idle: list[Connection] = []
        self.stale = 0
        """How many requests were sent again because their kept-alive connection had been closed."""
        self.opened = 0
        """How many connections were made so far."""
        self.connections: set[Connection] = set()
        self.closed = False
        self._tls = tls
        self._connecting: dict[Exchange, tuple[asyncio.Task[None], float]] = {}
        self._retired: deque[tuple[float, Connection]] = deque()
        self._address: tuple[socket.AddressFamily, tuple[Any, ...]] | None = None
        self._plainly = False
        self._watch: Watch | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    # httpx's own way in

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, read to its end; raises httpx's own TransportErrors."""
        await request.aread()
        exchange = _Awaited(request, asyncio.get_running_loop().create_future())
        self.submit(exchange)
        try:
            return await exchange.outcome
        except asyncio.CancelledError:
            self.cancel(exchange)
            raise

    async def aclose(self) -> None:
        """Drop every connection, and fail what is under way."""
        self.closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        connecting = dict(self._connecting)
        for exchange in connecting:
            self._give_up(exchange, httpx.ConnectError("the transport was closed"))
        await asyncio.gather(*(task for task, _ in connecting.values()), return_exceptions=True)
        for connection in list(self.connections):
            connection.abort(httpx.ReadError("the transport was closed"))
        self.idle.clear()
        self._retired.clear()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        for _ in range(CLOSING_TURNS):  # an aborted transport tells in one of the loop's next turns, over TLS later
            if not self.connections:
                return
            await asyncio.sleep(0)

    # The load generator's way in

    def submit(self, exchange: Exchange, *, fresh: bool = False) -> None:
        """Send the request, on an idle connection if there is one; the exchange is told the outcome."""
        exchange.attempts += 1
        request = exchange.request
        if WIRE not in request.extensions:
            request.extensions[WIRE] = wire(request, self.keep_alive)
        if self.idle and not fresh:
            self.idle.pop().send(exchange)
            return
        if self._sweeper is None:
            self._sweep()
        if self._plainly and self._address is not None:
            self._connect_plainly(exchange, *self._address)
            return
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._connecting[exchange] = (task, perf_counter() + self.connect_timeout_s)

    def cancel(self, exchange: Exchange) -> None:
        """Forget an exchange: its connection is dropped and it is told nothing."""
        if exchange in self._connecting:
            self._connecting.pop(exchange)[0].cancel()
            return
        for connection in self.connections:
            if connection.exchange is exchange:
                connection.exchange = None
                connection.transport.abort()
                return

    def retire(self, connection: Connection) -> None:
        """Wait a little for the server to close a connection that has served, then close it ourselves."""
        if isinstance(connection.transport, PlainSocket) and connection.transport.ended():
            return
        self._retired.append((perf_counter() + LINGER_S, connection))

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if self.idle:
            with contextlib.suppress(ValueError):
                self.idle.remove(connection)

    async def _connect(self, exchange: Exchange) -> None:
        connection = error = None
        try:
            connection = await self._open(exchange.request.url)
        except ssl.SSLError as failure:
            why = getattr(failure, "verify_message", "") or failure.reason or "handshake failed"
            error = caused(httpx.ConnectError(f"TLS: {why}"), failure)
        except OSError as failure:
            error = caused(httpx.ConnectError(str(failure)), failure)
        if self._connecting.pop(exchange, None) is None:  # given up in the meantime, and told so
            if connection is not None:
                connection.transport.abort()
        elif connection is not None:
            connection.send(exchange)
        elif error is not None:
            exchange.failed(error)

    async def _open(self, url: httpx.URL) -> Connection:
        """Connect to the address that worked before; the name is looked up once, not for each of 10,000 a second."""
        if self._address is not None:
            return await self._open_at(url, *self._address)
        if url.scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()
        port = url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        refused: OSError = OSError(f"{url.host} has no address")
        for family, _, _, _, address in await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM):
            try:
                connection = await self._open_at(url, family, address)
            except ssl.SSLError:
                raise
            except OSError as error:
                refused = error
            else:
                self._address = (family, address)
                self._plainly = AVAILABLE and url.scheme == "http" and not self.keep_alive
                return connection
        raise refused

    async def _open_at(self, url: httpx.URL, family: socket.AddressFamily, address: tuple[Any, ...]) -> Connection:
        connection = Connection(self)
        tls, name = (self._tls, url.host) if url.scheme == "https" else (None, None)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, str(address[0]), address[1], family=family, ssl=tls, server_hostname=name
            )
        except BaseException:
            if connection.transport is not None:  # given up in the very moment in which it was there
                connection.transport.abort()
            raise
        return connection

    def _connect_plainly(self, exchange: Exchange, family: socket.AddressFamily, address: tuple[Any, ...]) -> None:
        connection = Connection(self)
        if self._watch is None:
            self._watch = Watch(asyncio.get_running_loop())
        try:
            PlainSocket(self._watch, connection).connect(family, address)
        except OSError as error:
            exchange.failed(caused(httpx.ConnectError(str(error)), error))
        else:
            connection.send(exchange)

    def _give_up(self, exchange: Exchange, error: httpx.TransportError) -> None:
        self._connecting.pop(exchange)[0].cancel()
        exchange.failed(error)

    def _sweep(self) -> None:
        now = perf_counter()
        connect_timeout = f"no connection in {self.connect_timeout_s:g} s"
        for exchange in [exchange for exchange, (_, deadline) in self._connecting.items() if now > deadline]:
            self._give_up(exchange, httpx.ConnectTimeout(connect_timeout))
        for connection in [c for c in self.connections if c.exchange is not None]:
            waited = now - connection.heard
            if connection.connecting:
                if waited > self.connect_timeout_s:
                    connection.abort(httpx.ConnectTimeout(connect_timeout))
            elif waited > self.read_timeout_s:
                connection.abort(httpx.ReadTimeout(f"nothing read for {self.read_timeout_s:g} s"))
        while self._retired and self._retired[0][0] < now:
            self._retired.popleft()[1].transport.abort()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)


class _Awaited:
    """An exchange whose owner waits for a future."""

    def __init__(self, request: httpx.Request, outcome: asyncio.Future[httpx.Response]) -> None:
        self.request = request
        self.attempts = 0
        self.flow: Flow | None = None
        self.outcome = outcome

    def answered(self, response: httpx.Response) -> None:
        if not self.outcome.done():
            self.outcome.set_result(response)

    def failed(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


def wire(request: httpx.Request, keep_alive: bool) -> bytes:
    """The request's bytes (RFC 9112, 3); its body must have been read."""
    dropped = {b"connection", b"transfer-encoding"}  # the body is here as a whole: it needs no chunks
    headers = [(name, value) for name, value in request.headers.raw if name.lower() not in dropped]
    if "transfer-encoding" in request.headers:
        headers.append((b"Content-Length", str(len(request.content)).encode()))
    if not keep_alive:
        headers.append((b"Connection", b"close"))
    target = request.url.raw_path
    lines = [request.method.encode() + b" " + target + b" HTTP/1.1", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", b""]) + request.content
