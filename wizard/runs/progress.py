"""A load's progress for a screen: what came in the last half second, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.verify.load.series import Snapshot

STEP_S = 0.5
"""Workers report five times a second each; a person reads twice a second at most."""


class LoadProgress:
    """Gathers workers' reports, and tells `load_progress` every `STEP_S` seconds of the load."""

    def __init__(self, tell: Callable[[Mapping[str, Any]], None]) -> None:
        from wizard.verify.load.tally import Tally

        self._tell = tell
        self._new = Tally
        self._tally = Tally()
        self._since = 0.0
        self._requests = 0
        self._errors = 0
        self._by_vm: Counter[str] = Counter()

    def __call__(self, snapshot: Snapshot) -> None:
        self._tally.add(snapshot.tally)
        if snapshot.at - self._since < STEP_S:
            return
        tally, seconds = self._tally, snapshot.at - self._since
        self._tally, self._since = self._new(), snapshot.at
        good, errors = tally.latencies.total, sum(tally.errors.values())
        self._requests += good + errors
        self._errors += errors
        self._by_vm.update(tally.by_vm)
        self._tell(
            {
                "event": "load_progress",
                "at": round(snapshot.at, 3),
                "requests": good + errors,
                "errors": errors,
                "rps": round(good / seconds, 1),
                "p50_ms": tally.latencies.percentile_ms(50),
                "p90_ms": tally.latencies.percentile_ms(90),
                "p99_ms": tally.latencies.percentile_ms(99),
                "by_vm": dict(tally.by_vm),
                "total": {"requests": self._requests, "errors": self._errors, "by_vm": dict(self._by_vm)},
            }
        )
