"""A small price list in the shape of the Retail Prices API, with figures that are easy to add up by hand."""

from __future__ import annotations

from typing import Any

from wizard.plan.model import Plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFh1r3kyzm1R0rTzkfm7vEWzW2lkqPZzxJIz5Yk3OJq somebody"


def row(service: str, product: str, meter: str, price: float, unit: str = "1 Hour", **more: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "armRegionName": "westeurope",
        "effectiveStartDate": "2026-08-01T00:00:00Z",
        "meterName": meter,
        "productName": product,
        "skuName": meter,
        "serviceName": service,
        "unitOfMeasure": unit,
        "type": "Consumption",
        "armSkuName": "",
        **more,
    }


def machine(price: float, size: str = "Standard_D2s_v5", **more: Any) -> dict[str, Any]:
    meter = size.removeprefix("Standard_").replace("_", " ")
    fields = {"armSkuName": size, "product": "Virtual Machines Dsv5 Series", "meter": meter, **more}
    return row("Virtual Machines", fields.pop("product"), fields.pop("meter"), price, **fields)


def disk(tier: str, price: float, product: str = "Premium SSD Managed Disks") -> dict[str, Any]:
    return row("Storage", product, f"{tier} Disk", price, "1/Month")


def everywhere(service: str, meter: str, price: float, unit: str = "1 Hour", **more: Any) -> dict[str, Any]:
    return row(service, service, meter, price, unit, **{"armRegionName": "Global", **more})


WINDOWS = {"product": "Virtual Machines Dsv5 Series Windows"}
RULES = "LB Rules and Outbound Rules"
LIST = [
    machine(0.1),
    machine(0.2, **WINDOWS),
    machine(0.03, meter="D2s v5 Spot", skuName="D2s v5 Spot"),
    machine(0.02, meter="D2s v5 Low Priority", skuName="D2s v5 Low Priority"),
    machine(0.5, product="DSv5 Series Cloud Services"),
    disk("P4 LRS", 5.0),
    disk("P10 LRS", 20.0),
    disk("P10 ZRS", 30.0),
    disk("P15 LRS", 40.0),
    disk("E10 LRS", 9.6, "Standard SSD Managed Disks"),
    row("Storage", "Standard SSD Managed Disks", "E10 LRS Disk Operations", 0.002, "10K"),
    row("Virtual Network", "IP Addresses", "Standard IPv4 Static Public IP", 0.005),
    everywhere("Load Balancer", f"Standard Included {RULES}", 0.025),
    everywhere("Load Balancer", f"Standard Overage {RULES}", 0.01, "1/Hour"),
    everywhere("Load Balancer", "Standard Data Processed", 0.005, "1 GB"),
    everywhere("Load Balancer", "Standard Data Processed - Free", 0.0, "1 GB"),
    everywhere("NAT Gateway", "Standard Gateway", 0.045),
    everywhere("NAT Gateway", "Standard Data Processed", 0.045, "1 GB"),
    row("Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out", 0.0, "1 GB"),
    row("Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out", 0.08, "1 GB", tierMinimumUnits=100.0),
    row("Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out", 0.06, "1 GB", tierMinimumUnits=10335.0),
    row("Log Analytics", "Log Analytics", "Analytics Logs Data Ingestion", 0.0, "1 GB"),
    row("Log Analytics", "Log Analytics", "Analytics Logs Data Ingestion", 2.5, "1 GB", tierMinimumUnits=5.0),
    row("Storage", "General Block Blob v2", "Hot LRS Data Stored", 0.02, "1 GB/Month"),
    row("Storage", "General Block Blob v2", "Hot LRS Data Stored", 0.018, "1 GB/Month", tierMinimumUnits=51200.0),
]


def plan(**sections: Any) -> Plan:
    """A plan for public Azure with our defaults but for what is given: `plan(machines={"count": 3})`."""
    from wizard.plan import values

    dotted: dict[str, Any] = {
        "cloud": "public",
        "machines.ssh_key": KEY,
        "network.allow_admin": ["203.0.113.7/32"],
    }
    for section, fields in sections.items():
        dotted |= {f"{section}.{name}": value for name, value in fields.items()}
    return values.legal(dotted)
