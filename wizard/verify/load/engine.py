"""Sends a load from worker processes and puts together what they report.

A worker is a process of its own because one Python process is one core, and because a load in a screen's process would
make the screen stutter and the figures wrong (p95 of a tick 24 ms against 2 ms).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from typing import Any

from wizard.errors import InputError, WizardError
from wizard.verify.load.job import Client, Job
from wizard.verify.load.series import Series, Snapshot
from wizard.verify.load.tally import LoadResult, Tally, result
from wizard.verify.together import together

__all__ = ["OnSnapshot", "RunningLoad", "Snapshot", "check", "run"]

LONGEST_S = 3600.0
MOST_CONNECTIONS = 10_000
HIGHEST_RATE = 100_000.0
MOST_REQUESTS = 1_000_000_000
MOST_WORKERS = 64
LONGEST_LINE = 16 * 1024 * 1024
KILL_AFTER_S = 2.0

SILENT_S = 60.0
"""A worker reports five times a second, and starts in less than one; a busy computer may take its time."""


OnSnapshot = Callable[[Snapshot], None]


async def run(
    url: str,
    *,
    duration_s: float = 10.0,
    connections: int = 50,
    rate: float | None = None,
    keep_alive: bool = False,
    header: str = "X-Served-By",
    vms: Sequence[str] = (),
    requests: int | None = None,
    warmup_s: float = 0.0,
    timeout_s: float = 10.0,
    connect_timeout_s: float = 10.0,
    insecure: bool = False,
    ca: str | None = None,
    client: Client = "lean",
    workers: int = 1,
    on_snapshot: OnSnapshot | None = None,
) -> LoadResult:
    """Send HTTP GETs to `url` for `duration_s` seconds, or until `requests` are sent, and count what came of them.

    Without `rate`, each of `connections` sends its next request once the last is answered. With it, requests are sent
    at `rate` a second whatever the server does, at most `connections` in flight; latency counts from when each was
    due, and what finds no free connection is counted as dropped. Without `keep_alive` every request opens a connection
    of its own: Azure's balancer picks a VM for each connection, so only new ones show the spread. `header` is the
    answer's header that names the VM; `vms` are the names that should appear. The first `warmup_s` are not counted.
    Certificates are verified, against `ca` (a PEM file) too, unless `insecure`. `client` "httpx" sends with httpx as it
    comes. `workers` are processes among which connections and rate are divided.

    Raises InputError for a URL that is none, and for figures beyond the bounds above.
    """
    job = Job(
        url=url,
        duration_s=duration_s,
        connections=connections,
        rate=rate,
        keep_alive=keep_alive,
        header=header,
        timeout_s=timeout_s,
        connect_timeout_s=connect_timeout_s,
        requests=requests,
        warmup_s=warmup_s,
        insecure=insecure,
        ca=ca,
        client=client,
    )
    running = RunningLoad(job, workers, on_snapshot)
    await running.start()
    return await running.finish(vms)


class RunningLoad:
    """A load under way. `start`, then `finish`; `stop` ends it early, within a second."""

    def __init__(self, job: Job, workers: int = 1, on_snapshot: OnSnapshot | None = None) -> None:
        check(
            job.url,
            job.duration_s,
            job.connections,
            job.rate,
            requests=job.requests,
            workers=workers,
            warmup_s=job.warmup_s,
            timeout_s=job.timeout_s,
            connect_timeout_s=job.connect_timeout_s,
        )
        workers = min(workers, job.connections)
        self.job = job
        self.tally = Tally()
        self.series = Series()
        self._ended = 0.0
        self._on_snapshot = on_snapshot
        self._workers = [_Worker(job.share(number, workers)) for number in range(workers)]

    async def start(self) -> None:
        """Start the workers, and the load once all of them are ready."""
        from wizard.verify.load.files import allow_open_files

        allow_open_files(self.job.connections)
        try:
            await together(worker.ready() for worker in self._workers)
        except BaseException:
            await self._end()
            raise
        for worker in self._workers:
            worker.say("go")

    def stop(self) -> None:
        """Send nothing more."""
        for worker in self._workers:
            worker.say("stop")

    async def finish(self, vms: Sequence[str] = ()) -> LoadResult:
        """Wait for the end and put the figures together. Cancelled, it takes the workers with it."""
        try:
            await together(self._follow(number, worker) for number, worker in enumerate(self._workers))
        finally:
            await self._end()
        job = self.job
        return result(
            self.tally,
            url=job.url,
            seconds=self._seconds(),
            rate=job.rate,
            connections=job.connections,
            keep_alive=job.keep_alive,
            vms=vms,
            client=job.client,
            workers=len(self._workers),
            series=self.series.told(),
        )

    async def _follow(self, number: int, worker: _Worker) -> None:
        async for line in worker.lines():
            snapshot = Snapshot(number, line["at"], Tally.from_json(line["tally"]))
            self._ended = max(self._ended, snapshot.at)
            self.series.add(snapshot)
            self.tally.add(snapshot.tally)
            if self._on_snapshot is not None:
                self._on_snapshot(snapshot)

    def _seconds(self) -> float:
        """What the figures are a rate of: the time measured.

        The closed loop's lasts until its last answer: with answers that take 2 s, those on their way at the end of a
        test of 3 s would otherwise count as if they had come within it, and make the server a third faster.
        """
        job = self.job
        measured = max(self._ended - job.warmup_s, 0.0)
        if measured < job.duration_s:
            return measured or self._ended
        return job.duration_s if job.rate is not None else max(job.duration_s, self.tally.lasted_s)

    async def _end(self) -> None:
        await asyncio.gather(*(worker.end() for worker in self._workers))


class _Worker:
    """One worker process, from its start to its end."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._process: asyncio.subprocess.Process | None = None
        self._complaints: deque[str] = deque(maxlen=20)
        self._listening: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Start it, hand it the job and wait until it could begin."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "wizard.verify.load.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,  # Ctrl-C reaches us, and we stop it in good order
        )
        self._listening = asyncio.create_task(self._listen(self._process))
        self.say(json.dumps(asdict(self.job)))
        await self._line()

    def say(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._process.stdin.write(line.encode() + b"\n")

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """Its reports, until it has ended in good order; WizardError when it has not."""
        while "end" not in (line := await self._line()):
            yield line

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(SILENT_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise WizardError(
                "A load worker fell silent.",
                f"It told nothing for {SILENT_S:g} s.",
                "Try again with fewer connections, or when this computer is less busy.",
            ) from None
        if not line:
            assert self._listening is not None
            status, _ = await asyncio.gather(self._process.wait(), self._listening)
            ended = f"By signal {-status}." if status < 0 else f"Exit status {status}."
            raise WizardError(
                "A load worker ended before its time.",
                f"{ended} {self._complaints[-1]}" if self._complaints else ended,
                "Try again with fewer connections; if it stays, this is a fault of ours.",
            )
        told: dict[str, Any] = json.loads(line)
        return told

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last of what it says on standard error; unread, a full pipe would stop it."""
        assert process.stderr is not None
        while chunk := await process.stderr.read(65536):
            self._complaints += chunk.decode(errors="replace").strip().splitlines()

    async def end(self) -> None:
        """Close its input, which stops it, and see it off; kill it when it does not go, or when we may not wait."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(KILL_AFTER_S):
                while await process.stdout.read(65536):
                    pass
                await process.wait()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            if self._listening is not None:
                self._listening.cancel()
        await process.wait()


def check(
    url: str,
    duration_s: float,
    connections: int,
    rate: float | None,
    *,
    requests: int | None = None,
    workers: int = 1,
    warmup_s: float = 0.0,
    timeout_s: float = 10.0,
    connect_timeout_s: float = 10.0,
) -> None:
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
        ("requests", 1 if requests is None else requests, 1, MOST_REQUESTS),
        ("workers", workers, 1, MOST_WORKERS),
        ("warmup", warmup_s, 0, LONGEST_S),
        ("timeout", timeout_s, 0.05, LONGEST_S),
        ("timeout", connect_timeout_s, 0.05, LONGEST_S),
    ):
        if not low <= value <= high:
            raise InputError(
                f"The load's {name} is {value:g}.",
                f"It may be {low:g} to {high:g}.",
                f"Give a --{name} within the bounds.",
            )
