"""Sends the load: a closed loop of connections, or an open loop at a rate, over any `httpx.AsyncBaseTransport`.

A `Job` says what to send and a `Tally` what came of it; both are plain data, so a job can be carried out in another
process and its tally sent back. A transport is one connection's worth of client: what carries the bytes is a choice
made in `transports`, and nothing here depends on it.

The hot loop hands one prebuilt `httpx.Request` to the transport itself. `AsyncClient.send` would add cookies, redirects
and authentication, which a load has no use for, at 45 us a request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import InputError
from wizard.verify.load.tally import LoadResult, Tally, result

if TYPE_CHECKING:
    import httpx

LONGEST_S = 3600.0
MOST_CONNECTIONS = 10_000
HIGHEST_RATE = 100_000.0
TIMEOUT_S = 10.0
"""For one request, from connecting to the last byte. At the end, requests in flight get this long to be answered."""

PACE_S = 0.001
"""How often the open loop looks at the clock. Measured: 1 ms holds 5,000/s with the 99th percentile 2 ms late."""


@dataclass(frozen=True)
class Job:
    """One worker's share of a load; `rate` None is a closed loop."""

    url: str
    duration_s: float
    connections: int
    rate: float | None
    keep_alive: bool
    header: str
    timeout_s: float = TIMEOUT_S


async def run(
    url: str,
    *,
    duration_s: float = 10.0,
    connections: int = 50,
    rate: float | None = None,
    keep_alive: bool = False,
    header: str = "X-Served-By",
    vms: Sequence[str] = (),
) -> LoadResult:
    """Send HTTP GETs to `url` for `duration_s` seconds and count what came of them.

    Without `rate`, each of `connections` sends its next request once the last is answered. With it, requests are sent
    at `rate` a second whatever the server does, at most `connections` in flight; latency counts from when each was
    due, and what finds no free connection is counted as dropped. Without `keep_alive` every request opens a connection
    of its own: Azure's balancer picks a VM for each connection, so only new ones show the spread. `header` is the
    answer's header that names the VM; `vms` are the names that should appear.

    Raises InputError for a URL that is none, and for figures beyond the bounds above.
    """
    check(url, duration_s, connections, rate)
    job = Job(url, duration_s, connections, rate, keep_alive, header)
    began = time.perf_counter()
    tally = await carry_out(job)
    seconds = time.perf_counter() - began
    return result(tally, url=url, seconds=seconds, rate=rate, connections=connections, keep_alive=keep_alive, vms=vms)


def check(url: str, duration_s: float, connections: int, rate: float | None) -> None:
    """InputError unless the load is well-formed and bounded."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"{url!r} is not a URL.", str(error), "For example: http://203.0.113.7/") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InputError(
            f"{url!r} is not the URL of a web page.",
            "It needs http:// or https://, and a host.",
            "For example: http://203.0.113.7/",
        )
    for name, value, low, high in (
        ("duration", duration_s, 0.1, LONGEST_S),
        ("connections", connections, 1, MOST_CONNECTIONS),
        ("rate", 1.0 if rate is None else rate, 0.1, HIGHEST_RATE),
    ):
        if not low <= value <= high:
            raise InputError(
                f"The load's {name} is {value:g}.",
                f"It may be {low:g} to {high:g}.",
                f"Give a --{name} within the bounds.",
            )


async def carry_out(job: Job) -> Tally:
    """Do one worker's share and return what it counted."""
    from wizard.verify.load import transports

    transports.allow_open_files(job.connections)
    make = transports.stock(job.url, job.keep_alive)
    tally = Tally()
    cpu = time.process_time()
    if job.rate is None:
        await _closed_loop(job, make, tally)
    else:
        await _open_loop(job, job.rate, make, tally)
    tally.cpu_seconds = time.process_time() - cpu
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


def kind(error: BaseException) -> str:
    """The kind of an error: refused, reset, timeout, tls, protocol or connect.

    The cause is looked for down the chain, since transports wrap what the system said.
    """
    import httpx

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return "tls"
        if isinstance(seen, ConnectionRefusedError):
            return "refused"
        if isinstance(seen, ConnectionResetError | BrokenPipeError):
            return "reset"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "timeout"
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.CloseError):
        return "reset"
    if isinstance(error, httpx.ConnectError):
        return "connect"
    return "protocol"
