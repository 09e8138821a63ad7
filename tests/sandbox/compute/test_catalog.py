"""What there is to choose from, in ARM's shapes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.compute.desk import SUBSCRIPTION, Desk
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.catalog import Catalog

CATALOG = Catalog()
VM = "Microsoft.Compute/virtualMachines"
ROOT = f"subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute"
OFFERS = "locations/westeurope/publishers/{}/artifacttypes/vmimage/offers"


def capabilities(sku: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in sku["capabilities"]}


def sku(name: str, location: str = "westeurope") -> dict[str, Any]:
    (found,) = [one for one in CATALOG.skus(location) if one["name"] == name]
    return found


async def get(desk: Desk, path: str, **query: str) -> Any:
    found = desk.registry.routes.find("GET", tuple(f"{ROOT}/{path}".split("/")))
    assert found is not None, path
    handler, parameters = found
    call = desk.call("GET", "")
    call.query = {**call.query, **{f"${name}": value for name, value in query.items()}}
    return (await handler(call, *parameters)).body


def test_only_the_public_cloud_is_served() -> None:
    locations = CATALOG.locations(SUBSCRIPTION)
    assert len(locations) == 32
    assert not [one["name"] for one in locations if one["name"].startswith(("usgov", "china"))]
    west = next(one for one in locations if one["name"] == "westeurope")
    assert west["id"] == f"/subscriptions/{SUBSCRIPTION}/locations/westeurope"
    assert west["metadata"]["pairedRegion"][0]["name"] == "northeurope"
    assert [one["logicalZone"] for one in west["availabilityZoneMappings"]] == ["1", "2", "3"]


def test_every_pair_and_every_rule_names_what_exists() -> None:
    for rules in (CATALOG._size_data["absent"], CATALOG._size_data["restrictions"]):
        for rule in rules:
            assert all(CATALOG.region(name) for name in rule["locations"])
            assert all(CATALOG.size(name) for name in rule["sizes"])
    for size in CATALOG.sizes.values():
        assert size.family.lower() in CATALOG.quotas, size.name


def test_fault_domains_come_from_the_sku_list() -> None:
    counts = [
        {name: capabilities(sku(name, location))["MaximumPlatformFaultDomainCount"] for name in ("Aligned", "Classic")}
        for location in ("westeurope", "swedencentral")
    ]
    assert counts == [{"Aligned": "3", "Classic": "3"}, {"Aligned": "2", "Classic": "3"}]


def test_sizes_tell_what_they_can() -> None:
    told = capabilities(sku("Standard_D2s_v5"))
    assert (told["vCPUs"], told["MemoryGB"], told["HyperVGenerations"]) == ("2", "8", "V1,V2")
    assert (told["CpuArchitectureType"], told["PremiumIO"], told["MaxNetworkInterfaces"]) == ("x64", "True", "2")
    assert "TrustedLaunchDisabled" not in told
    assert capabilities(sku("Standard_D2ps_v5"))["TrustedLaunchDisabled"] == "True"
    assert sku("Standard_D2s_v5")["family"] == "standardDSv5Family"
    assert sku("Standard_D2s_v5")["locationInfo"][0]["zones"] == ["1", "2", "3"]


def test_absent_and_restricted_sizes() -> None:
    assert not [one for one in CATALOG.skus("ukwest") if one["name"] == "Standard_D2s_v6"]
    (restriction,) = sku("Standard_B1s", "uksouth")["restrictions"]
    assert (restriction["type"], restriction["reasonCode"]) == ("Location", "NotAvailableForSubscription")
    assert sku("Standard_B1s")["restrictions"] == []
    (zone,) = sku("Standard_D2ps_v6", "francecentral")["restrictions"]
    assert zone["restrictionInfo"] == {"locations": ["francecentral"], "zones": ["3"]}


async def test_the_sku_filter(desk: Desk) -> None:
    here = await get(desk, "skus", filter="location eq 'West Europe'")
    assert here == {"value": CATALOG.skus("westeurope")}
    assert len((await get(desk, "skus"))["value"]) == len(CATALOG.skus())
    assert (await get(desk, "skus", filter="location eq 'nowhere'")) == {"value": []}
    with pytest.raises(ArmError):
        await get(desk, "skus", filter="name eq 'x'")


async def test_usages_count_machines(desk: Desk) -> None:
    before = {one["name"]["value"]: one["currentValue"] for one in await get(desk, "locations/westeurope/usages")}
    assert before["cores"] == 0
    await desk.put(VM, "vm1", body=desk.machine(desk.nic("nic1"), availability_set=await desk.availability_set()))
    after = {one["name"]["value"]: one for one in await get(desk, "locations/westeurope/usages")}
    assert {name: one["currentValue"] for name, one in after.items() if one["currentValue"]} == {
        "cores": 2,
        "virtualMachines": 1,
        "availabilitySets": 1,
        "standardDSv5Family": 2,
    }
    assert after["cores"]["name"]["localizedValue"] == "Total Regional vCPUs"
    elsewhere = await get(desk, "locations/northeurope/usages")
    assert not [one for one in elsewhere if one["currentValue"]]


async def test_images_from_publisher_to_version(desk: Desk) -> None:
    publishers = await get(desk, "locations/westeurope/publishers")
    assert "Canonical" in [one["name"] for one in publishers]
    offers = await get(desk, OFFERS.format("canonical"))
    assert {one["name"] for one in offers} == {"ubuntu-24_04-lts", "0001-com-ubuntu-server-jammy"}
    skus = await get(desk, OFFERS.format("Canonical") + "/ubuntu-24_04-lts/skus")
    assert "server" in [one["name"] for one in skus]
    path = OFFERS.format("Canonical") + "/ubuntu-24_04-lts/skus/server/versions"
    (version,) = await get(desk, path)
    assert "properties" not in version
    for name in (version["name"], "latest"):
        found = await get(desk, f"{path}/{name}")
        assert found["name"] == version["name"]
        assert found["properties"]["osDiskImage"]["operatingSystem"] == "Linux"
        assert found["properties"]["hyperVGeneration"] == "V2"
    for missing in (OFFERS.format("Nobody"), f"{path}/1.0.0"):
        with pytest.raises(ArmError) as raised:
            await get(desk, missing)
        assert raised.value.status == 404


async def test_vm_sizes_and_run_commands(desk: Desk) -> None:
    sizes = await get(desk, "locations/westeurope/vmSizes")
    assert {"name": "Standard_DS1_v2", "numberOfCores": 1, "memoryInMB": 3584}.items() <= sizes[11].items()
    assert {one["id"] for one in await get(desk, "locations/westeurope/runCommands")} == {
        "RunShellScript",
        "RunPowerShellScript",
    }
    with pytest.raises(ArmError):
        await get(desk, "locations/nowhere/usages")
