"""How long operations take on a cloud, learned from earlier runs: when to ask first, and what is left to wait.

HOME/durations.json holds the last few times by cloud, kind and size, in seconds at Azure's pace, and nothing else. It
is a help, never needed: missing, damaged or not to be written, everything goes on with what is usual on Azure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wizard.azure.clouds import Cloud
from wizard.home import home, write_atomically

# [M] What Azure usually takes for a write, in seconds; holds until a cloud has been seen to do it.
TYPICAL_S: Mapping[str, float] = {
    "microsoft.resources/resourcegroups": 1,
    "microsoft.network/networksecuritygroups": 4,
    "microsoft.network/publicipaddresses": 4,
    "microsoft.network/natgateways": 12,
    "microsoft.network/virtualnetworks": 5,
    "microsoft.network/loadbalancers": 4,
    "microsoft.network/networkinterfaces": 2,
    "microsoft.compute/availabilitysets": 1,
    "microsoft.compute/virtualmachines": 45,
    "microsoft.compute/virtualmachines/extensions": 25,
    "microsoft.storage/storageaccounts": 20,
}
OTHER_S = 10.0

KEPT = 12
"""Times kept for a kind: enough to see their spread, few enough to follow a cloud that changes."""
KINDS_KEPT = 500
LONGEST_S = 6 * 3600.0
SIZE_LIMIT = 1_000_000  # bytes; ours is a few thousand

QUESTION = 0.02
"""What one question more counts, in steps: an end may go unnoticed that much longer to save one."""

EARLIER = 0.9
"""Where a first question finds the end already, that says only that it took no longer: the guess goes down by this."""


class Durations:
    """The times of one cloud."""

    def __init__(self, cloud: Cloud, known: Mapping[str, Sequence[float]] | None = None) -> None:
        self._cloud = cloud.name
        self._pace = cloud.pace
        self._known = {name: list(times) for name, times in (known or {}).items()}
        self._new: dict[str, list[float]] = {}

    @classmethod
    def load(cls, cloud: Cloud) -> Durations:
        """What earlier runs have seen. Never fails."""
        return cls(cloud, _read().get(cloud.name, {}))

    def seen(self, kind: str) -> list[float]:
        """The last times of a kind, in seconds on this cloud's clock; the usual one where there is none.

        `kind` is as `kind_of` makes it.
        """
        times = self._known.get(kind) or [TYPICAL_S.get(kind.partition(" ")[0], OTHER_S)]
        return [seconds / self._pace for seconds in times]

    def expected_s(self, kind: str) -> float:
        """How long a kind takes, in the middle."""
        times = sorted(self.seen(kind))
        return times[len(times) // 2]

    def first_question_s(self, kind: str, *, least: float, step: float) -> float:
        """When to ask first: not before `least`; questions after it come `step` seconds apart.

        Of a kind that was seen before, so that its end is noticed soonest on the average of the times seen, an early
        question counting for a little. Otherwise soon, in a rhythm that meets the usual time.
        """
        # A hair later than the end is meant to be: the answer's way, and the clock of the other side.
        times = [seconds * 1.002 + 0.015 * step for seconds in self.seen(kind)]
        if kind not in self._known:
            soonest = max(least, min(times[0] / 2, 2 * step))
            return max(soonest, times[0] - math.floor(max(0.0, times[0] - soonest) / step) * step)
        return min(sorted({max(least, seconds) for seconds in times}, reverse=True), key=_cost_of(times, step))

    def saw(self, kind: str, seconds: float) -> None:
        """An operation took `seconds` on this cloud's clock."""
        normal = seconds * self._pace
        if not 0 < normal < LONGEST_S:
            return
        for times in (self._known.setdefault(kind, []), self._new.setdefault(kind, [])):
            times.append(round(normal, 3))
            del times[:-KEPT]

    def save(self) -> None:
        """Keep what was seen. Another process's times since then are kept as well; failing to write is no failure."""
        if not self._new:
            return
        everything = _read()
        ours = everything.setdefault(self._cloud, {})
        for kind, times in self._new.items():
            merged = [*ours.pop(kind, []), *times][-KEPT:]
            ours[kind] = merged  # the last one seen comes last: the first are dropped when there are too many
        everything[self._cloud] = dict(list(ours.items())[-KINDS_KEPT:])
        self._new = {}
        with suppress(OSError):
            write_atomically(_file(), json.dumps({"version": 1, "seconds": everything}, indent=1))


def kind_of(type: str, body: Mapping[str, Any] | None, verb: str = "write") -> str:
    """What times are kept by: an ARM type, `delete` when it is one, and the size where there are sizes."""
    parts = [type.lower()]
    if verb != "write":
        parts.append(verb)
    if size := _size(body or {}):
        parts.append(size)
    return " ".join(parts)


def _size(body: Mapping[str, Any]) -> str:
    properties = body.get("properties")
    hardware = properties.get("hardwareProfile") if isinstance(properties, Mapping) else None
    size = hardware.get("vmSize") if isinstance(hardware, Mapping) else None
    return str(size).lower() if isinstance(size, str) else ""


def _cost_of(times: Sequence[float], step: float) -> Callable[[float], float]:
    """Seconds for which ends go unnoticed, over all times, plus what the questions count, by when the first one is."""

    def cost(moment: float) -> float:
        later = [max(0, math.ceil(round((seconds - moment) / step, 6))) for seconds in times]
        unnoticed = sum(moment + more * step - seconds for more, seconds in zip(later, times, strict=True))
        return unnoticed + QUESTION * step * sum(later)

    return cost


def _file() -> Path:
    return home() / "durations.json"


def _read() -> dict[str, dict[str, list[float]]]:
    """By cloud and kind; whatever does not look like times is left out."""
    try:
        path = _file()
        if path.stat().st_size > SIZE_LIMIT:
            return {}
        kept = json.loads(path.read_bytes())["seconds"]
        return {
            str(cloud): {str(kind): found for kind, times in kinds.items() if (found := _times(times))}
            for cloud, kinds in kept.items()
            if isinstance(kinds, dict)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _times(value: Any) -> list[float]:
    if not isinstance(value, list):
        return []
    return [
        float(seconds)
        for seconds in value[-KEPT:]
        if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < LONGEST_S
    ]
