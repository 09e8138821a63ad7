"""How the report says numbers, times and states: one place, so that the page and the Markdown say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from wizard.verify.balance import SUSPICIOUS

NOTHING = "–"
"""Stands for a figure that was not measured."""

SIGNS = {"passed": "✓", "failed": "✗", "warned": "!", "skipped": "○"}

GROUPS = {
    "control": "Control plane: what Azure Resource Manager holds",
    "balancer": "Load balancer: pool and health probe",
    "http": "HTTP through the balancer",
    "ssh": "SSH through the NAT ports",
    "rdp": "RDP through the NAT ports",
    "ports": "Closed ports and refused sources",
    "network": "Inside the virtual network",
    "vnet": "Inside the virtual network",
    "vm": "On the machines",
    "drill": "Failover drill",
}


def group_title(prefix: str) -> str:
    """A heading for the checks whose names begin with this; one we have no words for speaks for itself."""
    return GROUPS.get(prefix, prefix)


def count(number: float, one: str, many: str = "") -> str:
    """`1 check`, `2,039 requests`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def whole(number: float | None) -> str:
    return NOTHING if number is None else f"{number:,.0f}"


def figure(number: float | None, unit: str = "") -> str:
    """Three figures that count, and the unit: `0.85 ms`, `10.6 ms`, `1,240 ms`."""
    if number is None:
        return NOTHING
    size = abs(number)
    decimals = 0 if size >= 100 or number == 0 else 1 if size >= 10 else 2
    return f"{number:,.{decimals}f} {unit}".strip()


def percent(part: float, total: float) -> str:
    """`51.0 %`; a share that is not nothing is never told as 0."""
    if not total:
        return NOTHING
    share = 100 * part / total
    return f"{share:.1f} %" if share >= 0.05 or part == 0 else f"{share:.2g} %"


def seconds(number: float | None) -> str:
    """`0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if number is None:
        return NOTHING
    if number < 10:
        return f"{number:.1f} s"
    whole_seconds = round(number)
    if whole_seconds < 120:
        return f"{whole_seconds} s" if number >= 60 else f"{number:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(whole_seconds, 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str) -> str:
    """`2026-11-23 07:01:45 UTC`; what is no ISO 8601 time is told as it stands."""
    parsed = _parse(iso)
    return parsed.strftime("%Y-%m-%d %H:%M:%S UTC") if parsed else iso


def lasted(began: str, ended: str) -> float | None:
    """Seconds between two ISO 8601 times."""
    first, last = _parse(began), _parse(ended)
    return (last - first) / timedelta(seconds=1) if first and last and last >= first else None


def spread(p_value: float | None) -> str:
    """What the chi-square test of the connections says, in words."""
    if p_value is None:
        return "Too few connections, or a single VM: the spread cannot be judged."
    if p_value < SUSPICIOUS:
        return (
            "Uneven: chance alone would spread connections at least this unevenly less than once in a million runs "
            f"(chi-square p {f'= {p_value:.1g}' if p_value > 0 else 'below 1e-300'})."
        )
    often = 100 * p_value
    runs = f"{often:.0f} of 100 runs" if often >= 1 else f"{1000 * p_value:.1g} of 1,000 runs"
    told = f"chance alone spreads connections at least this unevenly in {runs} (chi-square p = {_p(p_value)})."
    if p_value < 0.05:
        return f"Less even than usual, but nothing to suspect: {told}"
    return f"Even, as far as a test can tell: {told}"


def span(numbers: Sequence[int]) -> str:
    """`50001 to 50020` for numbers in a row, `50001, 50007` for others."""
    ordered = sorted(set(numbers))
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    shown = ", ".join(str(number) for number in ordered[:4])
    return f"{shown}, … and {len(ordered) - 4} more" if len(ordered) > 4 else shown


def shortened(text: str, most: int) -> str:
    """At most so many characters; the middle goes, since names differ by their ends."""
    if len(text) <= most:
        return text
    tail = max(1, (most - 1) * 3 // 5)
    return f"{text[: max(most - 1 - tail, 0)]}…{text[-tail:]}"


def _p(p_value: float) -> str:
    return f"{p_value:.2f}" if p_value >= 0.01 else f"{p_value:.1g}"


def _parse(iso: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)


def amount(value: object) -> float | None:
    """A count or a time as evidence holds it: none is negative, though JSON from Python may hold NaN and infinities."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < math.inf else None
