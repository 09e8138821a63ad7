"""Meters of the Retail Prices API: how one is asked for, and which of the rows is its price.

Names of services, products and meters are those of recorded answers. Rows for the same size differ: Windows is named
last in the product, and there are Spot, Low Priority and Cloud Services, which are other offers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]

MACHINES = "Virtual Machines"
HOURS_A_MONTH = 730
"""As Azure's own calculator has it."""


class Unit(StrEnum):
    """What a price is for."""

    HOUR = "hour"
    MONTH = "month"
    GB = "GB"
    GB_MONTH = "GB and month"
    OPERATIONS = "10,000 operations"


_WRITTEN: Mapping[str, Unit] = {
    "1 hour": Unit.HOUR,
    "1/hour": Unit.HOUR,
    "1 month": Unit.MONTH,
    "1/month": Unit.MONTH,
    "1 gb": Unit.GB,
    "1 gb/month": Unit.GB_MONTH,
    "10k": Unit.OPERATIONS,
}
"""Units as the API writes them, in more than one way."""

_OTHER_OFFERS = ("spot", "low priority")


@dataclass(frozen=True)
class Meter:
    """One meter: a size of machine, with or without Windows, or what a product calls `name`."""

    service: str
    region: str
    unit: Unit
    product: str = ""
    name: str = ""
    size: str = ""
    windows: bool = False

    @property
    def question(self) -> str:
        """The OData filter that asks for its rows; one that asks for more is narrowed by `fits`."""
        wanted = {"serviceName": self.service, "armRegionName": self.region}
        wanted |= {"armSkuName": self.size} if self.size else {"productName": self.product, "meterName": self.name}
        return _filter(wanted)

    def fits(self, row: Row) -> bool:
        """Whether a row is of this meter, pay as you go, in dollars."""
        if not _is_pay_as_you_go(row) or not _same(row, {"serviceName": self.service, "armRegionName": self.region}):
            return False
        if self.size:
            return _same(row, {"armSkuName": self.size}) and _is_machine(row, windows=self.windows)
        return _same(row, {"productName": self.product, "meterName": self.name})


@dataclass(frozen=True)
class Price:
    """Dollars for one unit, from `after` units a month on; `since` is when it came into force (a date, or "")."""

    dollars: Decimal
    after: Decimal
    since: str


def price(meter: Meter, rows: Iterable[Row], now: datetime, *, by_use: bool = False) -> Price | str:
    """The meter's price among all rows, or why there is none.

    By use it is the first one above zero: what is free each month before that is told in `after`.
    """
    found = [row for row in rows if meter.fits(row) and _since(row) <= now]
    if not found:
        return "It is not in the list of prices."
    found = [row for row in found if _WRITTEN.get(str(row.get("unitOfMeasure")).lower()) is meter.unit]
    if not found:
        return f"It is not listed by {meter.unit}."
    for least in sorted({_number(row.get("tierMinimumUnits")) for row in found}):
        newest = [*_newest(row for row in found if _number(row.get("tierMinimumUnits")) == least)]
        dollars = {_number(row.get("retailPrice")) for row in newest}
        if len(dollars) > 1:
            return "The list has several prices for it."
        (one,) = dollars
        if one > 0:
            return Price(one, least, str(newest[0].get("effectiveStartDate") or "")[:10])
        if not by_use:
            break
    return "It is listed without a price."


def all_sizes(region: str) -> str:
    """The filter that asks for the machines of a region."""
    return _filter({"serviceName": MACHINES, "armRegionName": region})


def by_size(rows: Iterable[Row], region: str, now: datetime, *, windows: bool) -> dict[str, Decimal]:
    """Dollars a month for one machine, by size."""
    sorted_rows: dict[str, list[Row]] = {}
    for row in rows:
        sorted_rows.setdefault(str(row.get("armSkuName") or ""), []).append(row)
    found = {}
    for size, own in sorted_rows.items():
        if size and isinstance(one := price(machine(size, region, windows=windows), own, now), Price):
            found[size] = one.dollars * HOURS_A_MONTH
    return found


def machine(size: str, region: str, *, windows: bool) -> Meter:
    """The meter of a machine's hours."""
    return Meter(MACHINES, region, Unit.HOUR, size=size, windows=windows)


def _filter(wanted: Mapping[str, str]) -> str:
    tests = [f"{name} eq '{_quoted(value)}'" for name, value in {**wanted, "priceType": "Consumption"}.items()]
    return " and ".join(tests)


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _same(row: Row, wanted: Mapping[str, str]) -> bool:
    return all(str(row.get(name) or "").lower() == value.lower() for name, value in wanted.items())


def _is_pay_as_you_go(row: Row) -> bool:
    return _same(row, {"type": "Consumption", "currencyCode": "USD"}) and _number(row.get("retailPrice")) >= 0


def _is_machine(row: Row, *, windows: bool) -> bool:
    product = str(row.get("productName") or "").lower()
    names = f"{row.get('skuName') or ''} {row.get('meterName') or ''}".lower()
    if any(offer in names for offer in _OTHER_OFFERS) or "cloud services" in product or "cloudservices" in product:
        return False
    return product.endswith(" windows") == windows


def _newest(rows: Iterable[Row]) -> Iterator[Row]:
    own = list(rows)
    last = max(map(_since, own))
    return (row for row in own if _since(row) == last)


def _since(row: Row) -> datetime:
    try:
        found = datetime.fromisoformat(str(row.get("effectiveStartDate") or ""))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _number(value: Any) -> Decimal:
    """A finite number exactly as it was written; -1 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Decimal(-1)
    found = Decimal(str(value))
    return found if found.is_finite() else Decimal(-1)
