"""Load from one process: a closed loop (connections that each wait for an answer) or an open loop (so many a second).

An open loop is what users feel: requests come when they are due whether or not earlier ones were answered, and latency
counts from the due time. What could not be sent because too much was in flight is dropped and counted, what was sent
late is counted as late: a figure without them would flatter the server.
"""

from __future__ import annotations

import asyncio
import ssl
from time import perf_counter

import httpx

from wizard.verify.load.answer import HEAD, Head
from wizard.verify.load.connection import Flow
from wizard.verify.load.job import Job
from wizard.verify.load.kinds import kind
from wizard.verify.load.stock import StockTransport
from wizard.verify.load.tally import MOST_NAMES, OTHERS, Tally
from wizard.verify.load.transport import LeanTransport

PACE_S = 0.001
"""How often the open loop looks at the clock. Sleeping 1 / rate between requests would fall far short of the rate."""

LATE_S = 0.01
"""A request sent later than this after it was due counts as late."""

PAUSE_S = 0.05
"""A closed loop's pause after a failure: a refused connection costs nothing, and a dead server would take the core."""

GAP_S = 0.1
"""Times without a good answer longer than this are told one by one."""

STOP_S = 0.25
"""How long what is under way may take after the load was told to stop; its process must end within a second."""

MOST_REDIRECTS = 100
MOST_GAPS = 1000


class Generator:
    """Sends one worker's share and tallies what comes of it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tally = Tally()
        self.over = False
        self.in_flight = 0
        self.started = 0.0  # perf_counter
        self.transport = _transport(job)
        headers = {"User-Agent": "multivm-wizard", "Accept": "*/*", "Accept-Encoding": "identity", **job.headers}
        if not job.keep_alive:
            # The server then closes first, and keeps the TIME_WAIT: else our ports run out at about 470 a second.
            headers["Connection"] = "close"
        self.request = httpx.Request("GET", job.url, headers=headers)
        self._counting_from = 0.0
        self._ended = asyncio.Event()
        self._last_good = 0.0
        self._sent = 0
        self._stale_told = 0
        self._closing = False
        self._stopped_at: float | None = None

    async def run(self) -> None:
        """Send until the duration, the count or `stop` ends it; then wait for what is under way."""
        self.started = perf_counter()
        self._counting_from = self._last_good = self.started + self.job.warmup_s
        ends = self._counting_from + self.job.duration_s
        if self.job.rate is None:
            for _ in range(self.job.connections):
                _User(self).start()
            await self._wait(ends)
        else:
            await self._pace(self.job.rate, ends)
        self.over = True
        patience = perf_counter() + self.job.timeout_s
        while self.in_flight:
            if perf_counter() > (patience if self._stopped_at is None else self._stopped_at + STOP_S):
                break
            await asyncio.sleep(0.01)  # an event instead would cost each of a million answers a test for it
        self._note_gap(min(perf_counter(), ends))
        self._closing = True
        await self.transport.aclose()

    def stop(self) -> None:
        """Send nothing more; `run` then returns within a second."""
        self.over = True
        self._stopped_at = self._stopped_at or perf_counter()
        self._ended.set()

    def report(self) -> Tally:
        """What came in since the last report."""
        tally, self.tally = self.tally, Tally()
        tally.lasted_s = max(0.0, self._last_good - self._counting_from)
        tally.stale = self.transport.stale - self._stale_told
        self._stale_told = self.transport.stale
        return tally

    async def _wait(self, ends: float) -> None:
        try:
            await asyncio.wait_for(self._ended.wait(), max(0.0, ends - perf_counter()))
        except TimeoutError:
            return

    async def _pace(self, rate: float, ends: float) -> None:
        number = 0
        due = self.started
        while not self.over:
            now = perf_counter()
            while due <= now and due < ends:
                if not self._release(due, now):
                    return
                number += 1
                due = self.started + number / rate
            if due >= ends:
                return
            await asyncio.sleep(PACE_S)

    def _release(self, due: float, now: float) -> bool:
        """Send, or drop, the request that was due then; False when no more are wanted."""
        counts = due >= self._counting_from
        if self.in_flight >= self.job.connections:
            self.tally.dropped += counts
            return True
        if not self.may_send(due):
            return False
        self.tally.late += counts and now - due > LATE_S
        _Arrival(self, due).send()
        return True

    def may_send(self, due: float) -> bool:
        """Whether one more request is wanted; counts it if so. The warm-up's are beside the number asked for."""
        if self.over:
            return False
        if self.job.requests is not None and due >= self._counting_from:
            if self._sent >= self.job.requests:
                if not self.in_flight:
                    self._ended.set()
                return False
            self._sent += 1
        return True

    def answered(self, response: httpx.Response, due: float, sent: float, flow: Flow | None) -> None:
        """Count an answer and, at its first one, the connection that carried it."""
        self.in_flight -= 1
        if due < self._counting_from:
            return
        now = perf_counter()
        tally = self.tally
        status = response.status_code
        tally.statuses[status] += 1
        if not 200 <= status < 300:
            self._not_good(response)
            return
        tally.latencies.record(now - due)
        if due != sent:
            tally.service.record(now - sent)
        if now - self._last_good > min(GAP_S, tally.longest_gap_s):
            self._note_gap(now)
        self._last_good = now
        vm = self._name(response)
        if not vm:
            tally.unnamed += 1
            return
        if vm not in tally.by_vm and len(tally.by_vm) >= MOST_NAMES:
            vm = OTHERS
        tally.by_vm[vm] += 1
        tally.last_by_vm[vm] = now - self._counting_from
        if flow is not None and not flow.counted:
            flow.counted = True
            tally.flows[vm] += 1

    def failed(self, error: Exception, due: float) -> None:
        """Count a request that got no answer."""
        self.in_flight -= 1
        if due < self._counting_from or (self._closing and self._stopped_at is not None):
            return  # what was under way when we were told to stop was ended by us, and is no error of the server's
        self.tally.errors["unfinished" if self._closing else kind(error)] += 1
        self.tally.failed_at[int((due - self._counting_from) * 100)] += 1

    def _not_good(self, response: httpx.Response) -> None:
        if response.status_code >= 400 or response.status_code < 200:
            self.tally.errors["status"] += 1
            return
        self.tally.errors["redirect"] += 1
        where = response.headers.get("location", "")
        if where in self.tally.redirects or len(self.tally.redirects) < MOST_REDIRECTS:
            self.tally.redirects[where] += 1

    def _note_gap(self, until: float) -> None:
        gap = until - self._last_good
        self.tally.longest_gap_s = max(self.tally.longest_gap_s, gap)
        if gap > GAP_S and len(self.tally.gaps) < MOST_GAPS:
            self.tally.gaps.append((round(self._last_good - self._counting_from, 4), round(gap, 4)))

    def _name(self, response: httpx.Response) -> str:
        """The VM that the answer names, or ""."""
        head: Head | None = response.extensions.get(HEAD)
        if head is None:
            return str(response.headers.get(self.job.header, "")).strip()
        if head.note is None:  # once for all answers alike: asking the headers each time costs 2 us
            head.note = str(head.headers.get(self.job.header, "")).strip()
        return head.note


class _User:
    """A connection's worth of closed loop: sends, waits, sends again."""

    __slots__ = ("attempts", "flow", "generator", "request", "sent")

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.request = generator.request
        self.attempts = 0
        self.flow: Flow | None = None
        self.sent = 0.0

    def start(self) -> None:
        generator = self.generator
        now = perf_counter()
        if generator.may_send(now):
            generator.in_flight += 1
            self.attempts = 0
            self.sent = now
            generator.transport.submit(self)

    def answered(self, response: httpx.Response) -> None:
        self.generator.answered(response, self.sent, self.sent, self.flow)
        self.start()

    def failed(self, error: Exception) -> None:
        self.generator.failed(error, self.sent)
        if not self.generator.over:
            asyncio.get_running_loop().call_later(PAUSE_S, self.start)


class _Arrival:
    """A request of the open loop, due at a time of its own."""

    __slots__ = ("attempts", "due", "flow", "generator", "request", "sent")

    def __init__(self, generator: Generator, due: float) -> None:
        self.generator = generator
        self.request = generator.request
        self.attempts = 0
        self.flow: Flow | None = None
        self.due = due
        self.sent = 0.0

    def send(self) -> None:
        self.generator.in_flight += 1
        self.sent = perf_counter()
        self.generator.transport.submit(self)

    def answered(self, response: httpx.Response) -> None:
        self.generator.answered(response, self.due, self.sent, self.flow)

    def failed(self, error: Exception) -> None:
        self.generator.failed(error, self.due)


def _transport(job: Job) -> LeanTransport | StockTransport:
    tls = tls_context(job)
    if job.client == "httpx":
        return StockTransport(job, tls)
    return LeanTransport(
        connect_timeout_s=job.connect_timeout_s,
        read_timeout_s=job.timeout_s,
        tls=tls,
        keep_alive=job.keep_alive,
    )


def tls_context(job: Job) -> ssl.SSLContext | None:
    """One context for all connections (making one costs 17 ms), or None for plain http."""
    if not job.url.lower().startswith("https:"):
        return None
    context = ssl.create_default_context()
    if job.ca:
        context.load_verify_locations(job.ca)
    if job.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
