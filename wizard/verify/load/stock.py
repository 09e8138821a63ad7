"""httpx as it comes, behind the load generator's way in: for comparison with our own transport.

httpcore's pool is quadratic in its connections (646 requests a second at 50 of them), so each connection has a pool of
its own here: with one connection in it there is nothing to search.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx

from wizard.verify.load.connection import Exchange
from wizard.verify.load.job import Job


class StockFlow:
    """One connection, told from the next by its local address."""

    __slots__ = ("client", "counted")

    def __init__(self, client: object) -> None:
        self.client = client
        self.counted = False


class StockTransport:
    """As many of httpx's own transports as there are requests in flight; the last used is used next."""

    stale = 0  # httpcore looks before it sends, and tells nobody

    def __init__(self, job: Job, tls: ssl.SSLContext | None) -> None:
        self._job = job
        # For http the context is never used, and an empty one costs nothing; httpx's own would cost 17 ms each.
        self._tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._timeout = httpx.Timeout(job.timeout_s, connect=job.connect_timeout_s).as_dict()
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._flows: dict[httpx.AsyncHTTPTransport, StockFlow] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, exchange: Exchange) -> None:
        exchange.request.extensions["timeout"] = self._timeout
        task = asyncio.get_running_loop().create_task(self._send(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in list(self._flows):
            await transport.aclose()

    async def _send(self, exchange: Exchange) -> None:
        transport = self._idle.pop() if self._idle else self._make()
        try:
            response = await transport.handle_async_request(exchange.request)
            stream = response.extensions.get("network_stream")
            client = stream.get_extra_info("client_addr") if stream is not None else None
            await response.aread()
            await response.aclose()
        except asyncio.CancelledError:
            exchange.failed(httpx.ReadError("the transport was closed"))
            raise
        except Exception as error:  # whatever a transport raises is a kind of error, never the end of the load
            del self._flows[transport]
            await transport.aclose()
            exchange.failed(error)
            return
        if not self._job.keep_alive or client != self._flows[transport].client:
            self._flows[transport] = StockFlow(client)
        exchange.flow = self._flows[transport]
        self._idle.append(transport)
        exchange.answered(response)

    def _make(self) -> httpx.AsyncHTTPTransport:
        # Proxies of the environment are left out on purpose: a load through a proxy measures the proxy.
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1 if self._job.keep_alive else 0)
        transport = httpx.AsyncHTTPTransport(verify=self._tls, limits=limits, trust_env=False)
        self._flows[transport] = StockFlow(None)
        return transport
