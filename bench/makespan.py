"""How long a deployment took and how long it had to take, read from the sandbox's request log.

The log is the sandbox's own account: when each write came, how long its operation really took and what was refused.
The bound is what no client could beat: the longest path of those times through the plan's graph, or more where the
bucket of writes makes the last of many writes wait.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from wizard import ids
from wizard.blueprint.resource import Blueprint

WRITES = (200.0, 10.0)
"""ARM's bucket of writes: its size, and what comes back each second before the sandbox's speed multiplies it."""

Line = Mapping[str, Any]


@dataclass
class Makespan:
    """Seconds as the sandbox's clock on the wall told them.

    bound       what the path and the bucket of writes dictate        path  the path alone
    noticed_s   median and longest wait between an operation's end and the answer that told it
    late_s      median and longest time by which the sandbox ended operations later than it meant to
    closest_s   the shortest time between two questions about one operation
    """

    seconds: float
    bound: float
    path: float
    writes: int
    noticed_s: tuple[float, float]
    late_s: tuple[float, float]
    closest_s: float | None
    requests: dict[str, int] = field(default_factory=dict)
    throttled: int = 0
    throttled_s: float = 0.0

    @property
    def ratio(self) -> float:
        return self.seconds / self.bound


def read(log: Path) -> list[Line]:
    """All lines of a request log that tell of ARM."""
    with log.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def of(lines: Sequence[Line], blueprint: Blueprint, speed: float) -> Makespan:
    """Judge one whole deployment: `lines` are those since it began, of nothing else."""
    written: dict[str, float] = {}
    took: dict[str, float] = {}
    resource_of: dict[str, str] = {}
    meant: dict[str, float] = {}
    began: dict[str, float] = {}
    told: dict[str, float] = {}
    asked: dict[str, list[float]] = {}
    for line in lines:
        at, operation = _at(line), line.get("operation_id")
        if line["method"] == "PUT" and line["status"] < 300 and line["path"] in blueprint:
            key = ids.key(line["path"])
            written.setdefault(key, _came(line))
            took[key] = line.get("operation_s", line["ms"] / 1000)
            if operation:
                resource_of[operation], meant[operation], began[operation] = key, line["operation_s"], at
        elif operation in resource_of and line["method"] == "GET":
            asked.setdefault(operation, []).append(at)
            if line["operation_status"] != "InProgress" and operation not in told:
                told[operation] = at
                took[resource_of[operation]] = line["operation_s"]
    first = min(written.values())
    last = max([*told.values(), *written.values()])
    noticed = [told[operation] - began[operation] - took[resource_of[operation]] for operation in told]
    late = [took[resource_of[operation]] - meant[operation] for operation in told]
    path, bound = _bounds(blueprint, took, (WRITES[0], WRITES[1] * speed))
    waits = [line["retry_after_s"] for line in lines if "retry_after_s" in line and line["status"] == 429]
    return Makespan(
        seconds=last - first,
        bound=bound,
        path=path,
        writes=len(written),
        noticed_s=_middle_and_end(noticed),
        late_s=_middle_and_end(late),
        closest_s=min((b - a for times in asked.values() for a, b in pairwise(times)), default=None),
        requests=_kinds(lines),
        throttled=sum(line["status"] == 429 for line in lines),
        throttled_s=sum(waits),
    )


def _bounds(blueprint: Blueprint, took: Mapping[str, float], bucket: tuple[float, float]) -> tuple[float, float]:
    """The longest path, and the bound with the bucket.

    Of the writes that cannot begin before `head` and are followed by at least `tail` seconds of work, themselves
    included, the k-th leaves no earlier than a full bucket at `head` allows; so nothing ends before that plus `tail`.
    """
    size, rate = bucket
    head: dict[str, float] = {}
    tail: dict[str, float] = {}
    order = [resource for resource in blueprint if ids.key(resource.id) in took]
    for resource in order:
        befores = [ids.key(before) for before in resource.after]
        head[ids.key(resource.id)] = max(
            (head[before] + took[before] for before in befores if before in head), default=0.0
        )
    for resource in reversed(order):
        key = ids.key(resource.id)
        tail[key] = took[key] + tail.get(key, 0.0)
        for before in map(ids.key, resource.after):
            tail[before] = max(tail.get(before, 0.0), tail[key])
    bound = path = max(head[key] + tail[key] for key in head)
    for start in sorted(set(head.values())):
        ends = sorted((tail[key] for key in head if head[key] >= start), reverse=True)
        bound = max(bound, *(start + max(0.0, k - size) / rate + end for k, end in enumerate(ends, 1)))
    return path, bound


def _kinds(lines: Iterable[Line]) -> dict[str, int]:
    """How many requests of each kind: polls, and the others by method."""
    return dict(
        Counter("poll" if line.get("operation_status") else str(line["method"]) for line in lines).most_common()
    )


def _middle_and_end(values: Sequence[float]) -> tuple[float, float]:
    return (round(median(values), 3), round(max(values), 3)) if values else (0.0, 0.0)


def _at(line: Line) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


def _came(line: Line) -> float:
    return _at(line) - line["ms"] / 1000
