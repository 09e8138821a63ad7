"""The rows of the price list, made from `data/prices.json` in the shape that the Retail Prices API answers.

What no recording told has no row. Ids are the sandbox's own: the same for a row whenever it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from wizard.sandbox.store import Json

_IDS = uuid.UUID("5f0b7c1e-93c7-4a86-8f0f-2c1f5d3a7b10")
_STORAGE: Json = {"family": "Storage", "service": "Storage"}
_CORES = re.compile(r"\d+")
_DISKS = {"P": "Premium SSD Managed Disks", "E": "Standard SSD Managed Disks", "S": "Standard HDD Managed Disks"}
HOUR, EACH_HOUR, MONTH, GB, GB_MONTH = "1 Hour", "1/Hour", "1/Month", "1 GB", "1 GB/Month"
"""Units as the API writes them: rules beyond the first five are `1/Hour`, everything else by the hour is `1 Hour`."""


@cache
def rows() -> tuple[Json, ...]:
    """The whole list."""
    text = resources.files("wizard.sandbox").joinpath("data", "prices.json").read_text(encoding="utf-8")
    data: Json = json.loads(text)
    return (*_of_the_world(data), *(row for name in data["regions"] for row in _of_a_region(data, name)))


def _of_the_world(data: Json) -> Iterator[Json]:
    balancer, gateway = data["world"]["loadBalancer"], data["world"]["natGateway"]
    rules = "LB Rules and Outbound Rules"
    for service, meter, unit, price, found in (
        ("Load Balancer", f"Standard Included {rules}", HOUR, balancer["included"], balancer),
        ("Load Balancer", f"Standard Overage {rules}", EACH_HOUR, balancer["overage"], balancer),
        ("Load Balancer", "Standard Data Processed", GB, balancer["data"], balancer),
        ("NAT Gateway", "Standard Gateway", HOUR, gateway["gateway"], gateway),
        ("NAT Gateway", "Standard Data Processed", GB, gateway["data"], gateway),
    ):
        place = ("Global", "Global", found["asOf"] or data["compiled"])
        network: Json = {"family": "Networking", "service": service, "product": service, "sku": "Standard"}
        yield _row(place, **network, meter=meter, unit=unit, price=price)


def _of_a_region(data: Json, name: str) -> Iterator[Json]:
    region = data["regions"][name]
    place = (name, region["location"], region["asOf"] or data["compiled"])
    for size, prices in region["sizes"].items():
        for system, price in prices.items():
            yield _machine(place, size, windows=system == "windows", price=price)
    disks = region["disks"]
    at = (name, region["location"], disks["asOf"] or data["compiled"])
    for tier, price in disks["LRS"].items():
        sku = f"{tier} LRS"
        product = _DISKS[tier[0]]
        yield _row(at, **_STORAGE, product=product, sku=sku, meter=f"{sku} Disk", unit=MONTH, price=price)
    for least, price in region["blobs"]:
        blobs: Json = {"product": "General Block Blob v2", "sku": "Hot LRS", "meter": "Hot LRS Data Stored"}
        yield _row(at, **_STORAGE, **blobs, unit=GB_MONTH, price=price, least=least)
    if address := region.get("address"):
        at = (name, region["location"], address["asOf"])
        network: Json = {
            "family": "Networking",
            "service": "Virtual Network",
            "product": "IP Addresses",
            "sku": "Standard",
        }
        meter = "Standard IPv4 Static Public IP"
        yield _row(at, **network, meter=meter, unit=HOUR, price=address["hour"])


def _machine(place: tuple[str, str, str], size: str, *, windows: bool, price: float) -> Json:
    """`Standard_D2s_v5`: the meter `D2s v5` of the product `Virtual Machines Dsv5 Series`, or `... Series Windows`."""
    sku = size.removeprefix("Standard_").replace("_", " ")
    series = _CORES.sub("", sku.replace(" ", ""), count=1)
    product = f"Virtual Machines {series} Series{' Windows' if windows else ''}"
    names: Json = {"family": "Compute", "service": "Virtual Machines", "product": product, "sku": sku, "meter": sku}
    return _row(place, **names, unit=HOUR, price=price, size=size)


def _row(
    place: tuple[str, str, str],
    *,
    family: str,
    service: str,
    product: str,
    sku: str,
    meter: str,
    unit: str,
    price: float,
    size: str = "",
    least: float = 0,
) -> Json:
    region, location, since = place
    product_id, sku_id = _short(product), _short(f"{product}/{sku}/{region}")[:4]
    row: dict[str, Any] = {
        "currencyCode": "USD",
        "tierMinimumUnits": float(least),
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": region,
        "location": location,
        "effectiveStartDate": f"{since}T00:00:00Z",
        "meterId": str(uuid.uuid5(_IDS, f"{region}/{product}/{meter}/{size}")),
        "meterName": meter,
        "productId": product_id,
        "skuId": f"{product_id}/{sku_id}",
        "productName": product,
        "skuName": sku,
        "serviceName": service,
        "serviceId": _short(service),
        "serviceFamily": family,
        "unitOfMeasure": unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": size,
    }
    return row


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12].upper()
