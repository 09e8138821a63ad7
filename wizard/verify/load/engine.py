"""Sends a load from worker processes and puts together what they report.

A worker is a process of its own because one Python process is one core, and because a load in a screen's process would
make the screen stutter and the figures wrong (p95 of a tick 24 ms against 2 ms).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wizard.errors import InputError, WizardError
from wizard.verify.load.job import Client, Job
from wizard.verify.load.tally import LoadResult, Tally, result

LONGEST_S = 3600.0
MOST_CONNECTIONS = 10_000
HIGHEST_RATE = 100_000.0
MOST_REQUESTS = 1_000_000_000
MOST_WORKERS = 64
SERIES_S = 0.5
"""The step of a result's series; longer runs take longer steps, so that there are at most 240."""

LONGEST_LINE = 16 * 1024 * 1024
KILL_AFTER_S = 2.0


@dataclass(frozen=True)
class Snapshot:
    """What one worker reported: `tally` is what came since its last report, `at` seconds since the load began."""

    worker: int
    at: float
    tally: Tally


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
            timeout_s=min(job.timeout_s, job.connect_timeout_s),
        )
        workers = min(workers, job.connections)
        self.job = job
        self.tally = Tally()
        self.snapshots: list[Snapshot] = []
        self._on_snapshot = on_snapshot
        self._workers = [_Worker(job.share(number, workers)) for number in range(workers)]

    async def start(self) -> None:
        """Start the workers, and the load once all of them are ready."""
        from wizard.verify.load.files import allow_open_files

        allow_open_files(self.job.connections)
        try:
            await asyncio.gather(*(worker.ready() for worker in self._workers))
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
            await asyncio.gather(*(self._follow(number, worker) for number, worker in enumerate(self._workers)))
        finally:
            await self._end()
        job = self.job
        ended = max((snapshot.at for snapshot in self.snapshots), default=0.0)
        seconds = max(min(ended - job.warmup_s, job.duration_s), 0.0) or ended
        return result(
            self.tally,
            url=job.url,
            seconds=seconds,
            rate=job.rate,
            connections=job.connections,
            keep_alive=job.keep_alive,
            vms=vms,
            client=job.client,
            workers=len(self._workers),
            series=series(self.snapshots),
        )

    async def _follow(self, number: int, worker: _Worker) -> None:
        async for line in worker.lines():
            snapshot = Snapshot(number, line["at"], Tally.from_json(line["tally"]))
            self.snapshots.append(snapshot)
            self.tally.add(snapshot.tally)
            if self._on_snapshot is not None:
                self._on_snapshot(snapshot)

    async def _end(self) -> None:
        await asyncio.gather(*(worker.end() for worker in self._workers))


class _Worker:
    """One worker process, from its start to its end."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._process: asyncio.subprocess.Process | None = None

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
        self.say(json.dumps(asdict(self.job)))
        await self._line()

    def say(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._process.stdin.write(line.encode() + b"\n")

    async def lines(self) -> Any:
        """Its reports, until it has ended in good order; WizardError when it has not."""
        while "end" not in (line := await self._line()):
            yield line

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = await self._process.stdout.readline()
        if not line:
            said = (await self._process.stderr.read()).decode(errors="replace").strip().splitlines()
            raise WizardError(
                "A load worker ended before its time.",
                said[-1] if said else f"Exit status {await self._process.wait()}.",
                "Try again with fewer connections; if it stays, this is a fault of ours.",
            )
        told: dict[str, Any] = json.loads(line)
        return told

    async def end(self) -> None:
        """Close its input, which stops it, and see it off; kill it when it does not go."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(KILL_AFTER_S):
                await process.communicate()
        except (TimeoutError, ValueError, ConnectionError):
            if process.returncode is None:
                process.kill()
        await process.wait()


def series(snapshots: Sequence[Snapshot]) -> list[dict[str, Any]]:
    """The run in equal steps: when each began, requests, errors, latencies and the answers by VM in it."""
    ended = max((snapshot.at for snapshot in snapshots), default=0.0)
    step = max(SERIES_S, math.ceil(ended / 240 / SERIES_S) * SERIES_S)
    steps: dict[int, Tally] = {}
    for snapshot in snapshots:
        # A report tells of the time before it: half a report earlier is where most of it belongs.
        steps.setdefault(int(max(0.0, snapshot.at - 0.1) / step), Tally()).add(snapshot.tally)
    told = []
    for number, tally in sorted(steps.items()):
        errors = sum(tally.errors.values())
        told.append(
            {
                "at": round(number * step, 3),
                "seconds": step,
                "requests": tally.latencies.total + errors,
                "errors": errors,
                "p50_ms": tally.latencies.percentile_ms(50),
                "p99_ms": tally.latencies.percentile_ms(99),
                "by_vm": dict(tally.by_vm),
            }
        )
    return told


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
    ):
        if not low <= value <= high:
            raise InputError(
                f"The load's {name} is {value:g}.",
                f"It may be {low:g} to {high:g}.",
                f"Give a --{name} within the bounds.",
            )
