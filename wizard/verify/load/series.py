"""How a load went over time: reports put together in equal steps, few enough to draw and to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wizard.verify.load.tally import Tally

STEP_S = 0.5
MOST_STEPS = 240
"""Twice as long a run gets steps twice as long: an hour of reports as they come would be half a gigabyte."""

REPORT_S = 0.2
"""A worker reports five times a second: a screen draws at 4 Hz."""


@dataclass(frozen=True)
class Snapshot:
    """What one worker reported: `tally` is what came since its last report, `at` seconds since the load began."""

    worker: int
    at: float
    tally: Tally


class Series:
    """Snapshots summed up by steps of `step_s` seconds."""

    def __init__(self) -> None:
        self.step_s = STEP_S
        self._steps: dict[int, Tally] = {}

    def add(self, snapshot: Snapshot) -> None:
        # A report tells of the time before it: half a report earlier is where most of it belongs.
        at = max(0.0, snapshot.at - REPORT_S / 2)
        while at >= MOST_STEPS * self.step_s:
            self._widen()
        self._steps.setdefault(int(at / self.step_s), Tally()).add(snapshot.tally)

    def _widen(self) -> None:
        steps, self._steps = self._steps, {}
        self.step_s *= 2
        for number, tally in steps.items():
            self._steps.setdefault(number // 2, Tally()).add(tally)

    def told(self) -> list[dict[str, Any]]:
        """Each step: when it began, requests, errors, latencies and the answers by VM in it."""
        steps = []
        for number, tally in sorted(self._steps.items()):
            errors = sum(tally.errors.values())
            steps.append(
                {
                    "at": round(number * self.step_s, 3),
                    "seconds": self.step_s,
                    "requests": tally.latencies.total + errors,
                    "errors": errors,
                    "p50_ms": tally.latencies.percentile_ms(50),
                    "p99_ms": tally.latencies.percentile_ms(99),
                    "by_vm": dict(tally.by_vm),
                }
            )
        return steps
