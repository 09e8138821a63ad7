"""Which row of a list is a meter's price."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.cost.lists import LIST, WINDOWS, disk, machine, row
from wizard.cost import meters, tiers
from wizard.cost.meters import Meter, Price, Unit, price

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LINUX = meters.machine("Standard_D2s_v5", "westeurope", windows=False)


def test_a_machine_is_asked_for_by_service_region_and_size_alone():
    assert LINUX.question == (
        "serviceName eq 'Virtual Machines' and armRegionName eq 'westeurope' and armSkuName eq 'Standard_D2s_v5'"
        " and priceType eq 'Consumption'"
    )
    odd = Meter("It's", "r", Unit.HOUR, "p", "m")
    assert odd.question.startswith("serviceName eq 'It''s' and")


def test_other_offers_of_the_same_size_are_not_its_price():
    assert price(LINUX, LIST, NOW) == Price(Decimal("0.1"), Decimal(0), "2026-08-01")
    windows = meters.machine("Standard_D2s_v5", "westeurope", windows=True)
    assert price(windows, LIST, NOW) == Price(Decimal("0.2"), Decimal(0), "2026-08-01")


@pytest.mark.parametrize(
    "other",
    [
        machine(9, type="Reservation"),
        machine(9, currencyCode="EUR"),
        machine(9, armRegionName="eastus"),
        machine(9, size="Standard_D4s_v5"),
        machine(9, **WINDOWS),
        machine(9, effectiveStartDate="2027-01-01T00:00:00Z"),
        machine(9, effectiveStartDate="2020-01-01T00:00:00Z"),
        machine(9, unitOfMeasure="1 Second"),
        machine(9, retailPrice="a lot"),
        machine(9, retailPrice=float("nan")),
        machine(9, retailPrice=True),
        {},
    ],
)
def test_rows_that_are_something_else_do_not_disturb(other):
    found = price(LINUX, [other, machine(0.1), other], NOW)
    assert isinstance(found, Price)
    assert found.dollars == Decimal("0.1")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "not in the list"),
        ([machine(0.1), machine(0.3)], "several prices"),
        ([machine(0)], "without a price"),
        ([machine(0.1, unitOfMeasure="1 Second")], "not listed by hour"),
    ],
)
def test_no_price_is_made_up(rows, why):
    found = price(LINUX, rows, NOW)
    assert isinstance(found, str)
    assert why in found


def test_the_same_price_twice_is_one_price():
    assert isinstance(price(LINUX, [machine(0.1), machine(0.1)], NOW), Price)


def test_sizes_of_a_region_by_month():
    rows = [*LIST, machine(1.0, "Standard_D8s_v5"), machine(0.7, "Standard_X", armRegionName="eastus")]
    assert meters.by_size(rows, "westeurope", NOW, windows=False) == {
        "Standard_D2s_v5": Decimal("73.0"),
        "Standard_D8s_v5": Decimal("730.0"),
    }
    assert meters.by_size(rows, "westeurope", NOW, windows=True) == {"Standard_D2s_v5": Decimal("146.0")}


@pytest.mark.parametrize(
    ("kind", "size", "tier"),
    [
        ("Premium_LRS", 1, "P1"),
        ("Premium_LRS", 4, "P1"),
        ("Premium_LRS", 30, "P4"),
        ("Premium_LRS", 32, "P4"),
        ("Premium_LRS", 33, "P6"),
        ("Premium_LRS", 127, "P10"),
        ("Premium_ZRS", 32767, "P80"),
        ("StandardSSD_LRS", 8, "E2"),
        ("StandardSSD_ZRS", 513, "E30"),
        ("Standard_LRS", 4, "S4"),
        ("Standard_LRS", 1024, "S30"),
    ],
)
def test_the_next_tier_up(kind, size, tier):
    found = tiers.tier(kind, size)
    assert found is not None
    assert (found[0], found[2]) == (tier, kind.partition("_")[2])


@pytest.mark.parametrize(("kind", "size"), [("Premium_LRS", 32768), ("Premium_LRS", 0), ("UltraSSD_LRS", 64), ("", 4)])
def test_what_has_no_tier(kind, size):
    assert tiers.tier(kind, size) is None


def test_a_disk_is_not_its_mounts_or_operations():
    rows = [row("Storage", "Premium SSD Managed Disks", "P4 LRS Disk Mount", 0.3, "1/Month"), disk("P4 LRS", 5.0)]
    found = price(Meter("Storage", "westeurope", Unit.MONTH, "Premium SSD Managed Disks", "P4 LRS Disk"), rows, NOW)
    assert isinstance(found, Price)
    assert found.dollars == 5
