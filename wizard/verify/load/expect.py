"""What a load is expected to show: `p99<200ms`, `errors<0.1%`, `vms==2`, `rps>500`."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from wizard.deploy.events import Event
from wizard.errors import InputError
from wizard.verify.load.tally import LoadResult

GRAMMAR = (
    "An expectation is FIGURE COMPARISON VALUE: p50, p90, p99, p999 or max with ms or s; errors with a number or %; "
    "rps, requests, dropped or vms with a number; compared by < <= > >= == or !=. "
    "For example: p99<200ms, errors<0.1%, vms==2, rps>500."
)

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TIMES = ("p50", "p90", "p99", "p999", "max")
_COUNTS: dict[str, Callable[[LoadResult], float]] = {
    "errors": lambda load: load.errors,
    "rps": lambda load: load.rps,
    "requests": lambda load: load.requests,
    "dropped": lambda load: load.dropped,
    "vms": lambda load: load.vms,
}
_PATTERN = re.compile(r"\s*([A-Za-z][A-Za-z0-9]*)\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|%)?\s*")


@dataclass(frozen=True)
class Expected(Event):
    """Whether one expectation was met, and what was measured."""

    event: ClassVar[str] = "expectation"
    expect: str
    met: bool
    measured: str


@dataclass(frozen=True)
class Expectation:
    """`value` is in `unit`: ms for times, % for shares, and "" for plain numbers."""

    text: str
    figure: str
    comparison: str
    value: float
    unit: str

    def judge(self, load: LoadResult) -> Expected:
        """A figure that was not measured (no answer at all) meets no expectation."""
        measured = self._measure(load)
        if measured is None:
            return Expected(self.text, False, "nothing was answered")
        met = _COMPARISONS[self.comparison](measured, self.value)
        return Expected(self.text, met, f"{measured:.6g} {self.unit}".strip())

    def _measure(self, load: LoadResult) -> float | None:
        if self.figure in _TIMES:
            measured: float | None = getattr(load, f"{self.figure}_ms")
            return measured
        if load.requests == 0 and self.figure == "errors":
            return None
        count = _COUNTS[self.figure](load)
        return 100 * count / load.requests if self.unit == "%" else count


def parse(text: str) -> Expectation:
    """Read one expectation; InputError with the grammar when it is none."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} is not an expectation.", GRAMMAR, "Quote it, so that the shell leaves < and > alone."
        )
    figure, comparison, number, unit = match[1].lower(), match[2], float(match[3]), match[4] or ""
    if figure not in _TIMES and figure not in _COUNTS:
        near = difflib.get_close_matches(figure, (*_TIMES, *_COUNTS), n=1)
        raise InputError(
            f"{text!r} expects something of {match[1]!r}, which is no figure of a load.",
            GRAMMAR,
            f"Did you mean {near[0]}?" if near else "",
        )
    if figure in _TIMES:
        if unit == "%":
            raise InputError(f"{text!r} gives a time in %.", GRAMMAR, f"For example: {figure}{comparison}{number:g}ms")
        return Expectation(text.strip(), figure, comparison, number * 1000 if unit == "s" else number, "ms")
    if unit in {"ms", "s"} or (unit == "%" and figure != "errors"):
        raise InputError(f"{text!r} gives {figure} in {unit}.", GRAMMAR, f"For example: {figure}{comparison}{number:g}")
    return Expectation(text.strip(), figure, comparison, number, unit)
