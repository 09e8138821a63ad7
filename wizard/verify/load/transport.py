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

import httpx

from wizard.verify.load.connection import LINGER_S, WIRE, Connection, Exchange, Head, caused

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
        self._tls = tls
        self._connecting: dict[asyncio.Task[None], tuple[Exchange, float]] = {}
        self._retired: deque[tuple[float, Connection]] = deque()
        self._address: tuple[socket.AddressFamily, str] | None = None
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
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for task in list(self._connecting):
            task.cancel()
        if self._connecting:
            await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in list(self.connections):
            connection.abort(httpx.ReadError("the transport was closed"))
        self.idle.clear()
        self._retired.clear()
        await asyncio.sleep(0)  # lets the aborted transports tell connection_lost

    # The load generator's way in

    def submit(self, exchange: Exchange, *, fresh: bool = False) -> None:
        """Send the request, on an idle connection if there is one; the exchange is told the outcome."""
        exchange.attempts += 1
        if self.idle and not fresh:
            self.idle.pop().send(exchange)
            return
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._connecting[task] = (exchange, perf_counter() + self.connect_timeout_s)
        task.add_done_callback(self._connecting.pop)
        if self._sweeper is None:
            self._sweep()

    def cancel(self, exchange: Exchange) -> None:
        """Forget an exchange: its connection is dropped and it is told nothing."""
        for task, (connecting, _) in self._connecting.items():
            if connecting is exchange:
                task.cancel()
        for connection in self.connections:
            if connection.exchange is exchange:
                connection.exchange = None
                connection.transport.abort()
                return

    def retire(self, connection: Connection) -> None:
        """Wait a little for the server to close a connection that has served, then close it ourselves."""
        self._retired.append((perf_counter() + LINGER_S, connection))

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        with contextlib.suppress(ValueError):
            self.idle.remove(connection)

    async def _connect(self, exchange: Exchange) -> None:
        request = exchange.request
        if WIRE not in request.extensions:
            request.extensions[WIRE] = wire(request, self.keep_alive)
        try:
            connection = await self._open(request.url)
        except asyncio.CancelledError:
            return  # the sweep, `cancel` or `aclose` has told the exchange what there is to tell
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or "handshake failed"
            exchange.failed(caused(httpx.ConnectError(f"TLS: {why}"), error))
        except OSError as error:
            exchange.failed(caused(httpx.ConnectError(str(error)), error))
        else:
            connection.send(exchange)

    async def _open(self, url: httpx.URL) -> Connection:
        """Connect to the address that worked before; the name is looked up once, not for each of 10,000 a second."""
        port = url.port or (443 if url.scheme == "https" else 80)
        if url.scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()
        tls, name = (self._tls, url.host) if url.scheme == "https" else (None, None)
        loop = asyncio.get_running_loop()
        if self._address is not None:
            family, host = self._address
            _, connection = await loop.create_connection(
                lambda: Connection(self), host, port, family=family, ssl=tls, server_hostname=name
            )
            return connection
        refused: OSError = OSError(f"{url.host} has no address")
        for family, _, _, _, address in await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM):
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(self), str(address[0]), port, family=family, ssl=tls, server_hostname=name
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                refused = error
            else:
                self._address = (family, str(address[0]))
                return connection
        raise refused

    def _sweep(self) -> None:
        now = perf_counter()
        for task, (exchange, deadline) in list(self._connecting.items()):
            if now > deadline and task.cancel():
                exchange.failed(httpx.ConnectTimeout(f"no connection in {self.connect_timeout_s:g} s"))
        for connection in [c for c in self.connections if c.exchange is not None]:
            if now - connection.heard > self.read_timeout_s:
                connection.abort(httpx.ReadTimeout(f"nothing read for {self.read_timeout_s:g} s"))
        while self._retired and self._retired[0][0] < now:
            self._retired.popleft()[1].transport.abort()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)


class _Awaited:
    """An exchange whose owner waits for a future."""

    def __init__(self, request: httpx.Request, outcome: asyncio.Future[httpx.Response]) -> None:
        self.request = request
        self.attempts = 0
        self.first = True
        self.outcome = outcome

    def answered(self, response: httpx.Response) -> None:
        if not self.outcome.done():
            self.outcome.set_result(response)

    def failed(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


def wire(request: httpx.Request, keep_alive: bool) -> bytes:
    """The request's bytes (RFC 9112, 3); its body must have been read."""
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"connection"]
    if not keep_alive:
        headers.append((b"Connection", b"close"))
    target = request.url.raw_path
    lines = [request.method.encode() + b" " + target + b" HTTP/1.1", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", b""]) + request.content
