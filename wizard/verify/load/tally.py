"""What a load left behind: counts that add up over workers, and the result a person or a script reads.

A Tally is plain numbers, so that a worker in another process can send its own as JSON and the sum is the load's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from wizard.deploy.events import Event
from wizard.verify.load.latency import Latencies
from wizard.verify.load.spread import p_value

MOST_NAMES = 1000
"""VMs, or places redirected to, that are told apart: a header that is new in each answer must not fill the memory."""

OTHERS = "(others)"


@dataclass
class Tally:
    """Everything counted by one worker.

    latencies   of answered requests, since they were due (open loop) or sent (closed loop)
    service     of answered requests, since they were sent
    errors      by kind: refused, reset, timeout, tls, protocol, status, redirect, connect, unfinished
    statuses    answers by HTTP status
    by_vm       good answers by the VM that the header names
    flows       connections by VM: what the balancer decided about one by one
    unnamed     good answers without the header
    dropped     open loop only: due while the most requests allowed were in flight already, and not sent
    late        open loop only: sent more than 10 ms after they were due
    stale       sent once more because their kept-alive connection had been closed by the server
    redirects   by where they point; a redirect is not the page, so it counts as an error too
    lasted_s    when the last good answer came, in seconds since counting began
    longest_gap_s  longest time between two good answers (of one worker)
    gaps        those longer than 0.1 s: when each began, in seconds since counting began, and how long it was
    last_by_vm  when each VM's last good answer came, in seconds since counting began
    failed_at   when requests that failed were due, in whole hundredths of a second since counting began, and how many
    """

    latencies: Latencies = field(default_factory=Latencies)
    service: Latencies = field(default_factory=Latencies)
    errors: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    by_vm: Counter[str] = field(default_factory=Counter)
    flows: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    dropped: int = 0
    late: int = 0
    stale: int = 0
    redirects: Counter[str] = field(default_factory=Counter)
    lasted_s: float = 0.0
    longest_gap_s: float = 0.0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    last_by_vm: dict[str, float] = field(default_factory=dict)
    failed_at: Counter[int] = field(default_factory=Counter)
    cpu_seconds: float = 0.0

    def add(self, other: Tally) -> None:
        self.latencies.add(other.latencies)
        self.service.add(other.service)
        for mine, theirs in (
            (self.errors, other.errors),
            (self.by_vm, other.by_vm),
            (self.flows, other.flows),
            (self.redirects, other.redirects),
        ):
            for name, count in theirs.items():
                mine[name if name in mine or len(mine) < MOST_NAMES else OTHERS] += count
        self.failed_at.update(other.failed_at)
        self.statuses.update(other.statuses)
        self.unnamed += other.unnamed
        self.dropped += other.dropped
        self.late += other.late
        self.stale += other.stale
        self.lasted_s = max(self.lasted_s, other.lasted_s)
        self.longest_gap_s = max(self.longest_gap_s, other.longest_gap_s)
        self.gaps += other.gaps
        for vm, at in other.last_by_vm.items():
            if vm not in self.last_by_vm and len(self.last_by_vm) >= MOST_NAMES:
                continue
            self.last_by_vm[vm] = max(at, self.last_by_vm.get(vm, at))
        self.cpu_seconds += other.cpu_seconds

    def as_json(self) -> dict[str, Any]:
        return {
            "latencies": [self.latencies.counts, self.latencies.max_us],
            "service": [self.service.counts, self.service.max_us],
            "errors": self.errors,
            "statuses": self.statuses,
            "by_vm": self.by_vm,
            "flows": self.flows,
            "unnamed": self.unnamed,
            "dropped": self.dropped,
            "late": self.late,
            "stale": self.stale,
            "redirects": self.redirects,
            "lasted_s": self.lasted_s,
            "longest_gap_s": self.longest_gap_s,
            "gaps": self.gaps,
            "last_by_vm": self.last_by_vm,
            "failed_at": self.failed_at,
            "cpu_seconds": self.cpu_seconds,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Tally:
        def latencies(name: str) -> Latencies:
            counts, max_us = told[name]
            return Latencies({int(bucket): count for bucket, count in counts.items()}, max_us)

        return cls(
            latencies("latencies"),
            latencies("service"),
            Counter(told["errors"]),
            Counter({int(status): count for status, count in told["statuses"].items()}),
            Counter(told["by_vm"]),
            Counter(told["flows"]),
            told["unnamed"],
            told["dropped"],
            told["late"],
            told["stale"],
            Counter(told["redirects"]),
            told["lasted_s"],
            told["longest_gap_s"],
            [(since, seconds) for since, seconds in told["gaps"]],
            dict(told["last_by_vm"]),
            Counter({int(at): count for at, count in told["failed_at"].items()}),
            told["cpu_seconds"],
        )


@dataclass(frozen=True)
class LoadResult(Event):
    """The figures of one load. Latencies are of good answers and None when there was none.

    With `offered_rps` they count from the moment a request was due, so a server that stalls is seen as users see it.
    `requests` counts answers and errors; `spread_p_value` is of connections (see wizard.verify.load.spread).
    """

    event: ClassVar[str] = "load"
    url: str
    seconds: float
    requests: int
    errors: int
    rps: float
    offered_rps: float | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float | None
    cpu_seconds: float
    by_vm: Mapping[str, int]
    spread_p_value: float | None
    errors_by_kind: Mapping[str, int]
    statuses: Mapping[str, int]
    connections_by_vm: Mapping[str, int]
    unnamed: int
    dropped: int
    late: int
    stale_retries: int
    redirects: Mapping[str, int]
    longest_gap_s: float
    service_p99_ms: float | None
    connections: int
    keep_alive: bool
    client: str = "lean"
    workers: int = 1
    series: Sequence[Mapping[str, Any]] = ()

    @property
    def vms(self) -> int:
        """How many VMs answered."""
        return sum(count > 0 for count in self.by_vm.values())


def result(
    tally: Tally,
    *,
    url: str,
    seconds: float,
    rate: float | None,
    connections: int,
    keep_alive: bool,
    vms: Sequence[str] = (),
    client: str = "lean",
    workers: int = 1,
    series: Sequence[Mapping[str, Any]] = (),
) -> LoadResult:
    """The figures of all tallies' sum. `vms` are those that should answer: one that never did shows as 0."""
    by_vm = {name: tally.by_vm.get(name, 0) for name in sorted({*vms, *tally.by_vm}, key=_natural)}
    flows = {name: tally.flows.get(name, 0) for name in by_vm}
    errors = sum(tally.errors.values())
    good = tally.latencies.total
    percentile = tally.latencies.percentile_ms
    return LoadResult(
        url=url,
        seconds=round(seconds, 3),
        requests=good + errors,
        errors=errors,
        rps=round(good / seconds, 1) if seconds else 0.0,
        offered_rps=rate,
        p50_ms=percentile(50),
        p90_ms=percentile(90),
        p99_ms=percentile(99),
        p999_ms=percentile(99.9),
        max_ms=tally.latencies.max_ms,
        cpu_seconds=round(tally.cpu_seconds, 3),
        by_vm=by_vm,
        spread_p_value=p_value(list(flows.values())),
        errors_by_kind=dict(tally.errors),
        statuses={str(status): count for status, count in sorted(tally.statuses.items())},
        connections_by_vm=flows,
        unnamed=tally.unnamed,
        dropped=tally.dropped,
        late=tally.late,
        stale_retries=tally.stale,
        redirects=dict(tally.redirects),
        longest_gap_s=round(tally.longest_gap_s, 3),
        service_p99_ms=tally.service.percentile_ms(99),
        connections=connections,
        keep_alive=keep_alive,
        client=client,
        workers=workers,
        series=tuple(series),
    )


def _natural(name: str) -> tuple[int, str]:
    """vm2 before vm10: shorter names first is enough for names that differ by their number."""
    return len(name), name
