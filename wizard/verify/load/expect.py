"""Judges a load by what was expected of it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from wizard.deploy.events import Event
from wizard.plan.expectation import TIMES, Expectation, parse
from wizard.verify.load.tally import LoadResult

__all__ = ["Expected", "judge", "parse"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COUNTS: dict[str, Callable[[LoadResult], float]] = {
    "errors": lambda load: load.errors,
    "rps": lambda load: load.rps,
    "requests": lambda load: load.requests,
    "dropped": lambda load: load.dropped,
    "vms": lambda load: load.vms,
}


@dataclass(frozen=True)
class Expected(Event):
    """Whether one expectation was met, and what was measured."""

    event: ClassVar[str] = "expectation"
    expect: str
    met: bool
    measured: str


def judge(expectation: Expectation, load: LoadResult) -> Expected:
    """A figure that was not measured (no answer at all) meets no expectation."""
    measured = _measure(expectation, load)
    if measured is None:
        return Expected(expectation.text, False, "nothing was answered")
    met = _COMPARISONS[expectation.comparison](measured, expectation.value)
    return Expected(expectation.text, met, f"{measured:.6g} {expectation.unit}".strip())


def _measure(expectation: Expectation, load: LoadResult) -> float | None:
    if expectation.figure in TIMES:
        measured: float | None = getattr(load, f"{expectation.figure}_ms")
        return measured
    if load.requests == 0 and expectation.figure == "errors":
        return None
    count = _COUNTS[expectation.figure](load)
    return 100 * count / load.requests if expectation.unit == "%" else count
