"""What a suite has done so far, in a file, so that an interrupted run goes on where it was; and how long it may take.

Every case is one JSON line, written when the case has ended. A line that was cut off is a case that is run again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

BAD = "failed"
"""The one outcome that makes a run fail; any other word (survived, explained, ...) counts for itself."""


class Progress:
    """The cases of one suite that have ended, by key. `seed` is what every draw of a suite is made of."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.seed = seed
        self.cases: dict[str, Json] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            try:
                case = json.loads(line)
            except ValueError:
                continue
            if case.get("seed") == seed:
                self.cases[case["key"]] = case

    def has(self, key: str) -> bool:
        return key in self.cases

    def keep(self, key: str, kind: str, outcome: str, why: str = "", **facts: Any) -> None:
        """A case has ended. `kind` is what counts are grouped by; `why` is wanted when the outcome is `failed`."""
        case = {"key": key, "kind": kind, "outcome": outcome, "why": why, "seed": self.seed, **facts}
        self.cases[key] = case
        with self.path.open("a") as stream:
            stream.write(json.dumps(case) + "\n")
            stream.flush()

    def failed(self) -> list[Json]:
        return [case for case in self.cases.values() if case["outcome"] == BAD]

    def table(self) -> str:
        """Counts by kind and outcome, and each failure's reason."""
        by_kind: dict[str, Counter[str]] = {}
        for case in self.cases.values():
            by_kind.setdefault(case["kind"], Counter())[case["outcome"]] += 1
        outcomes = sorted({outcome for counts in by_kind.values() for outcome in counts})
        width = max((len(kind) for kind in by_kind), default=4)
        lines = [f"{'':{width}}  " + "  ".join(f"{name:>10}" for name in outcomes)]
        total = sum(by_kind.values(), Counter())
        for kind, counts in [*sorted(by_kind.items()), ("all", total)]:
            lines.append(f"{kind:{width}}  " + "  ".join(f"{counts[name]:10}" for name in outcomes))
        lines += [f"  {case['key']}: {case['why']}" for case in self.failed()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Budget:
    """How long a suite may take; what is not done by then is told and left to the next run."""

    until: float

    @classmethod
    def of(cls, minutes: float) -> Budget:
        return cls(time.monotonic() + minutes * 60)

    def left_s(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def over(self) -> bool:
        return self.left_s() <= 0


def open_cases(progress: Progress, keys: Iterable[str], budget: Budget) -> Iterable[str]:
    """The keys that are still to be run, as long as there is time."""
    for key in keys:
        if budget.over():
            return
        if not progress.has(key):
            yield key
