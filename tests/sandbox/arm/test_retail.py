"""The sandbox's price list, held against what Microsoft documents of the Retail Prices API."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import aiohttp
import pytest

from wizard.sandbox.arm.retail import filters, rows

KEYS = {
    "currencyCode",
    "tierMinimumUnits",
    "retailPrice",
    "unitPrice",
    "armRegionName",
    "location",
    "effectiveStartDate",
    "meterId",
    "meterName",
    "productId",
    "skuId",
    "productName",
    "skuName",
    "serviceName",
    "serviceId",
    "serviceFamily",
    "unitOfMeasure",
    "type",
    "isPrimaryMeterRegion",
    "armSkuName",
}
"""Of a row in recorded answers of 2026-10-03."""

D2S = "serviceName eq 'Virtual Machines' and armRegionName eq 'westeurope' and armSkuName eq 'Standard_D2s_v5'"


@pytest.fixture
def ask(session: aiohttp.ClientSession, sandbox: dict[str, Any]):
    """`await ask(filter)`: status and body, without a token."""

    async def asked(text: str | None = None, url: str = "", **query: str) -> tuple[int, Any]:
        parameters = {**({"$filter": text} if text is not None else {}), **query}
        where = url or f"{sandbox['arm']}/api/retail/prices"
        async with session.get(where, params=parameters or None) as answer:
            return answer.status, await answer.json()

    return asked


async def test_an_answer_has_the_shape_that_is_documented(ask):
    status, told = await ask(f"{D2S} and priceType eq 'Consumption'")
    assert status == 200
    assert told.keys() == {
        "BillingCurrency",
        "CustomerEntityId",
        "CustomerEntityType",
        "Items",
        "NextPageLink",
        "Count",
    }
    assert (told["BillingCurrency"], told["NextPageLink"], told["Count"]) == ("USD", None, 2)
    by_product = {row["productName"]: row for row in told["Items"]}
    assert all(row.keys() == KEYS for row in told["Items"])
    linux, windows = (by_product[f"Virtual Machines Dsv5 Series{more}"] for more in ("", " Windows"))
    assert (linux["retailPrice"], windows["retailPrice"]) == (0.115, 0.207)
    assert (linux["meterName"], linux["skuName"], linux["unitOfMeasure"]) == ("D2s v5", "D2s v5", "1 Hour")
    assert linux["meterId"] != windows["meterId"]


async def test_pages_lead_through_the_whole_list(ask):
    found, (status, told) = [], await ask()
    while True:
        assert status == 200
        assert told["Count"] == len(told["Items"]) <= 100
        found += told["Items"]
        if not told["NextPageLink"]:
            break
        status, told = await ask(url=told["NextPageLink"])
    assert found == [*rows.rows()]
    assert len({row["meterId"] for row in found if not row["tierMinimumUnits"]}) == len(
        [row for row in found if not row["tierMinimumUnits"]]
    )


@pytest.mark.parametrize(
    "text",
    [
        "serviceName eq Virtual Machines",
        "serviceName = 'Storage'",
        "colour eq 'red'",
        "serviceName eq 'Storage' and",
        "serviceName eq 'Storage",
        "(serviceName eq 'Storage'",
        "endswith(serviceName, 'e')",
        "serviceName ne 'Storage'",
        "contains(serviceName)",
        "retailPrice gt 1",
        "(" * 100 + "serviceName eq 'Storage'" + ")" * 100,
    ],
)
async def test_what_is_no_filter_is_refused(ask, text):
    status, told = await ask(text)
    assert status == 400
    assert told["Error"]["Code"] == "BadRequest"


async def test_a_currency_or_a_place_that_is_none_is_refused(ask):
    assert (await ask(D2S, currencyCode="'USD'"))[0] == 200
    assert (await ask(D2S, currencyCode="'EUR'"))[0] == 400
    assert (await ask(D2S, **{"$skip": "x"}))[0] == 400


async def test_from_the_preview_on_case_matters(ask):
    text = D2S.replace("Virtual Machines", "virtual machines")
    assert (await ask(text))[1]["Count"] == 2
    assert (await ask(text, **{"api-version": "2021-10-01"}))[1]["Count"] == 2
    assert (await ask(text, **{"api-version": "2023-01-01-preview"}))[1]["Count"] == 0
    assert (await ask(D2S, **{"api-version": "2023-01-01-preview"}))[1]["Count"] == 2


ROW = {"serviceName": "It's", "meterName": "P10 LRS Disk", "type": "Consumption", "isPrimaryMeterRegion": True}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("serviceName eq 'It''s'", True),
        ("SERVICENAME EQ 'x'", None),
        ("servicename eq 'it''s'", True),
        ("contains(meterName, 'lrs')", True),
        ("contains(meterName,'Mount')", False),
        ("startswith(meterName, 'P10')", True),
        ("startswith(meterName, 'LRS')", False),
        ("priceType eq 'Consumption' and isPrimaryMeterRegion eq true", True),
        ("meterName eq 'x' or priceType eq 'Consumption' and serviceName eq 'y'", False),
        ("(meterName eq 'x' or priceType eq 'Consumption') and serviceName eq 'It''s'", True),
        ("serviceName eq 'y' and meterName eq 'x' or priceType eq 'Consumption'", True),
        ("armSkuName eq ''", True),
    ],
)
def test_the_grammar(text, meant):
    if meant is None:
        with pytest.raises(filters.FilterError):
            filters.parse(text, case_matters=False)
    else:
        assert filters.parse(text, case_matters=False)(ROW) is meant


def test_what_was_not_recorded_has_no_row():
    found = rows.rows()
    assert all(isinstance(row["retailPrice"], float) and row["retailPrice"] > 0 for row in found)
    eastus = [row for row in found if row["armRegionName"] == "eastus"]
    assert {row["meterName"] for row in eastus if "Disks" in row["productName"]} == {
        "P4 LRS Disk",
        "P10 LRS Disk",
        "E4 LRS Disk",
    }
    without_windows = {"Standard_DS1_v2", "Standard_DS2_v2", "Standard_F2s_v2", "Standard_F4s_v2"}
    named = {row["armSkuName"] for row in eastus if row["productName"].endswith("Windows")}
    assert named
    assert named.isdisjoint(without_windows)


def test_every_source_is_named():
    text = resources.files("wizard.sandbox").joinpath("data", "prices.json").read_text(encoding="utf-8")
    data = json.loads(text)
    assert {"what", "sizes", "disks", "blobs", "network"} <= data["about"].keys()
    assert data["compiled"]
