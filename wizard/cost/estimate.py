"""Needs and prices to lines and a sum. Money is exact: decimals as the list wrote them, rounded where they are told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from wizard.cost.meters import HOURS_A_MONTH, Price, Row, Unit, price
from wizard.cost.reading import Need, Span

CURRENCY = "USD"


class Money(NamedTuple):
    """Dollars, from the least to the most."""

    least: Decimal
    most: Decimal

    def as_json(self) -> dict[str, float]:
        return {"from": float(round(self.least, 4)), "to": float(round(self.most, 4))}


@dataclass(frozen=True)
class Line:
    """One thing that costs. `price` is None where there is none, and `why` tells why.

    `monthly` is for all of `count`, in a month of 730 hours; None by use and without a price. By use, `after` units
    are free each month.
    """

    what: str
    count: Span
    unit: Unit | None
    price: Decimal | None
    monthly: Money | None
    by_use: bool = False
    after: Decimal = Decimal(0)
    why: str = ""

    def as_event(self) -> dict[str, Any]:
        """What `plan cost --json` prints."""
        return {
            "event": "cost",
            "what": self.what,
            "quantity": None if self.by_use else {"from": self.count.least, "to": self.count.most},
            "unit": str(self.unit) if self.unit else None,
            "unit_price": None if self.price is None else float(self.price),
            "monthly": self.monthly.as_json() if self.monthly else None,
            "by_use": self.by_use,
            "after": float(self.after),
            "why": self.why,
        }


@dataclass(frozen=True)
class Estimate:
    """What a deployment would cost, without tax and discounts.

    `billed`: it would be paid here; otherwise on Azure it would be. `asked` is when the list told the prices (the
    oldest answer), None when it never did; `since` the newest day on which one of them came into force; `stale` that
    the list could not be asked anew; `why` what kept it from being asked, or "".
    """

    lines: Sequence[Line]
    region: str
    billed: bool
    asked: datetime | None = None
    since: str = ""
    stale: bool = False
    why: str = ""

    @property
    def monthly(self) -> Money:
        """The sum of what has a price and runs by itself, for 730 hours."""
        found = [line.monthly for line in self.lines if line.monthly]
        return Money(sum((each.least for each in found), Decimal(0)), sum((each.most for each in found), Decimal(0)))

    @property
    def hourly(self) -> Money:
        """The same for an hour."""
        return Money(*(each / HOURS_A_MONTH for each in self.monthly))

    @property
    def known(self) -> bool:
        """Whether anything has a price."""
        return any(line.monthly for line in self.lines)

    @property
    def unpriced(self) -> list[Line]:
        """What runs by itself and is not in the sum."""
        return [line for line in self.lines if not line.by_use and line.monthly is None]

    def as_event(self) -> dict[str, Any]:
        """The last line of `plan cost --json`."""
        return {
            "event": "estimate",
            "currency": CURRENCY,
            "region": self.region,
            "billed": self.billed,
            "hourly": self.hourly.as_json() if self.known else None,
            "monthly": self.monthly.as_json() if self.known else None,
            "complete": self.known and not self.unpriced,
            "without_price": [line.what for line in self.unpriced],
            "asked": self.asked.isoformat(timespec="seconds") if self.asked else None,
            "since": self.since or None,
            "stale": self.stale,
            "why": self.why,
        }


def reckon(
    needs: Iterable[Need],
    rows: Sequence[Row],
    *,
    region: str,
    billed: bool,
    unanswered: Collection[str] = (),
    told: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> Estimate:
    """Each need at its price; prices yet to come do not count.

    `unanswered` are the meters' questions that the list did not answer; `told` is its `asked`, `stale` and `why`.
    """
    at = now or datetime.now(UTC)
    lines, since = [], ""
    for need in needs:
        found: Price | str = need.why
        if need.meter is not None and need.meter.question in unanswered:
            found = "The list of prices did not tell."
        elif need.meter is not None:
            found = price(need.meter, rows, at, by_use=need.by_use)
        if isinstance(found, Price):
            since = max(since, found.since)
        lines.append(_line(need, found))
    return Estimate(tuple(lines), region, billed, since=since, **(told or {}))


def _line(need: Need, found: Price | str) -> Line:
    unit = need.meter.unit if need.meter else None
    if isinstance(found, str):
        return Line(need.what, need.count, unit, None, None, need.by_use, why=found)
    monthly = None
    if not need.by_use:
        each = found.dollars * (HOURS_A_MONTH if unit is Unit.HOUR else 1)
        monthly = Money(each * need.count.least, each * need.count.most)
    return Line(need.what, need.count, unit, found.dollars, monthly, need.by_use, found.after)
