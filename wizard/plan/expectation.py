"""What a load is expected to show: `p99<200ms`, `errors<0.1%`, `vms==2`, `rps>500`.

Written in a plan and on the command line; judged by `wizard.verify.load.expect`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wizard.errors import InputError, Problem
from wizard.plan.nearest import nearest

GRAMMAR = (
    "An expectation is FIGURE COMPARISON VALUE: p50, p90, p99, p999 or max with ms or s; errors with a number or %; "
    "rps, requests, dropped or vms with a number; compared by < <= > >= == or !=. "
    "For example: p99<200ms, errors<0.1%, vms==2, rps>500."
)
TIMES = ("p50", "p90", "p99", "p999", "max")
COUNTS = ("errors", "rps", "requests", "dropped", "vms")

_PATTERN = re.compile(r"\s*([A-Za-z][A-Za-z0-9]*)\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|%)?\s*")


@dataclass(frozen=True)
class Expectation:
    """`value` is in `unit`: ms for times, % for shares, and "" for plain numbers."""

    text: str
    figure: str
    comparison: str
    value: float
    unit: str


def parse(text: str) -> Expectation:
    """Read one expectation; InputError with the grammar when it is none."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} is not an expectation.", GRAMMAR, "In a shell, quote it: < and > mean something there."
        )
    figure, comparison, number, unit = match[1].lower(), match[2], float(match[3]), match[4] or ""
    if figure not in TIMES and figure not in COUNTS:
        near = nearest(figure, (*TIMES, *COUNTS))
        raise InputError(
            f"{text!r} expects something of {match[1]!r}, which is no figure of a load.",
            GRAMMAR,
            f"Did you mean {near}?" if near else f"Use one of: {', '.join((*TIMES, *COUNTS))}.",
        )
    if figure in TIMES:
        if unit == "%":
            raise InputError(f"{text!r} gives a time in %.", GRAMMAR, f"For example: {figure}{comparison}{number:g}ms")
        return Expectation(text.strip(), figure, comparison, number * 1000 if unit == "s" else number, "ms")
    if unit in {"ms", "s"} or (unit == "%" and figure != "errors"):
        raise InputError(f"{text!r} gives {figure} in {unit}.", GRAMMAR, f"For example: {figure}{comparison}{number:g}")
    return Expectation(text.strip(), figure, comparison, number, unit)


def check(texts: Iterable[str]) -> Iterator[Problem]:
    """A Problem for each expectation of a plan that is none."""
    for text in texts:
        try:
            parse(text)
        except InputError as error:
            yield Problem("verification.expect", error.what, error.why, error.remedy)
