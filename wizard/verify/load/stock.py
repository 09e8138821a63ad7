"""httpx as it comes, for comparison: the same loops and counts, one httpx transport per connection.

httpcore's pool is quadratic in its connections (646 requests a second at 50 of them); with one connection in each pool
there is nothing to search.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable

import httpx

from wizard.verify.load.generator import PACE_S, tls_context
from wizard.verify.load.job import Job
from wizard.verify.load.kinds import kind
from wizard.verify.load.tally import Tally


def transport(job: Job) -> Callable[[], httpx.AsyncBaseTransport]:
    """A maker of transports that hold one connection each and share one TLS context."""
    # For http the context is never used, and an empty one costs nothing.
    # Proxies of the environment are left out on purpose: a load through a proxy measures the proxy.
    context = tls_context(job) or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1 if job.keep_alive else 0)
    return lambda: httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)


async def carry_out(job: Job) -> Tally:
    """Do one worker's share and return what it counted."""
    make = transport(job)
    tally = Tally()
    if job.rate is None:
        await _closed_loop(job, make, tally)
    else:
        await _open_loop(job, job.rate, make, tally)
    return tally


class _Connection:
    """A transport with the request it sends again and again; counts what it sees into the worker's tally."""

    def __init__(self, job: Job, transport: httpx.AsyncBaseTransport, tally: Tally) -> None:
        import httpx

        headers = {"User-Agent": "multivm-wizard", "Accept": "*/*", "Accept-Encoding": "identity"}
        if not job.keep_alive:
            # The server then closes first, and keeps the TIME_WAIT: else our ports run out at about 470 a second.
            headers["Connection"] = "close"
        timeout = httpx.Timeout(job.timeout_s).as_dict()
        self._request = httpx.Request("GET", job.url, headers=headers, extensions={"timeout": timeout})
        self._job = job
        self._transport = transport
        self._tally = tally
        self._last_flow: object = None

    async def send(self, due: float | None = None) -> None:
        """Send one request, wait for all of its answer, count both. `due` is on time.perf_counter's clock."""
        sent = time.perf_counter()
        tally = self._tally
        try:
            async with asyncio.timeout(self._job.timeout_s):
                response = await self._transport.handle_async_request(self._request)
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except Exception as error:  # whatever a transport raises is a kind of error, never the end of the load
            tally.errors[kind(error)] += 1
            return
        now = time.perf_counter()
        tally.statuses[response.status_code] += 1
        if not response.is_success:
            tally.errors["status"] += 1
            return
        tally.latencies.record(now - (sent if due is None else due))
        tally.service.record(now - sent)
        self._count_vm(response)

    def _count_vm(self, response: httpx.Response) -> None:
        vm = response.headers.get(self._job.header)
        if not vm:
            self._tally.unnamed += 1
            return
        self._tally.by_vm[vm] += 1
        if self._job.keep_alive:
            stream = response.extensions.get("network_stream")
            flow = stream.get_extra_info("client_addr") if stream is not None else None
            if flow is not None and flow == self._last_flow:
                return
            self._last_flow = flow
        self._tally.flows[vm] += 1

    async def close(self) -> None:
        await self._transport.aclose()


Make = Callable[[], "httpx.AsyncBaseTransport"]


async def _closed_loop(job: Job, make: Make, tally: Tally) -> None:
    until = time.perf_counter() + job.duration_s

    async def user() -> None:
        connection = _Connection(job, make(), tally)
        try:
            while time.perf_counter() < until:
                await connection.send()
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as users:
        for _ in range(job.connections):
            users.create_task(user())


async def _open_loop(job: Job, rate: float, make: Make, tally: Tally) -> None:
    """Release all that are due at each turn: one sleep per request would fall short (1,801 of 10,000 at 5,000/s)."""
    idle: list[_Connection] = []
    made: list[_Connection] = []

    async def once(connection: _Connection, due: float) -> None:
        try:
            await connection.send(due)
        finally:
            idle.append(connection)  # last in, first out: kept-alive connections stay warm and few

    start = time.perf_counter()
    number, last = 0, round(rate * job.duration_s)
    try:
        async with asyncio.TaskGroup() as sent:
            while number < last:
                due_by_now = min(last, int((time.perf_counter() - start) * rate) + 1)
                for k in range(number, due_by_now):
                    if not idle and len(made) < job.connections:
                        made.append(_Connection(job, make(), tally))
                        idle.append(made[-1])
                    if idle:
                        sent.create_task(once(idle.pop(), start + k / rate))
                    else:
                        tally.dropped += 1
                number = max(number, due_by_now)
                await asyncio.sleep(PACE_S)
    finally:
        for connection in made:
            await connection.close()
