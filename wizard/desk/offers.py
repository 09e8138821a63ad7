"""Questions about what a cloud offers: groups, regions, sizes, images, fault domains."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.desk.session import Session, Tell
from wizard.errors import AzureError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.plan.choices import Image

Json = dict[str, Any]

IMAGE_LABELS: Mapping[str, str] = {
    "ubuntu-24.04": "Ubuntu Server 24.04 LTS",
    "debian-12": "Debian 12",
    "rhel-9": "Red Hat Enterprise Linux 9",
    "windows-2022": "Windows Server 2022",
    "windows-2025": "Windows Server 2025",
}

ARCHITECTURE = "x64"
"""Of every image on our list."""


async def groups(
    session: Session, tell: Tell, *, cloud: str | None = None, subscription: str | None = None
) -> list[Json]:
    """The subscription's resource groups."""
    from wizard.blueprint.resource import OWNER_TAG

    async with session.at(cloud, subscription) as azure:
        rows = await azure.rows(azure.resource.resource_groups.list())
    found = [
        {
            "name": str(row.get("name") or ""),
            "location": str(row.get("location") or ""),
            "state": str((row.get("properties") or {}).get("provisioningState") or ""),
            "deployment": str((row.get("tags") or {}).get(OWNER_TAG) or ""),
        }
        for row in rows
    ]
    return sorted(found, key=lambda group: group["name"].casefold())


async def regions(
    session: Session, tell: Tell, *, cloud: str | None = None, subscription: str | None = None
) -> list[Json]:
    """The regions open to the subscription."""
    async with session.at(cloud, subscription) as azure:

        async def ask() -> list[Json]:
            return await azure.rows(azure.subscriptions.subscriptions.list_locations(azure.subscription_id))

        rows = await session.once(_key(azure, "regions"), ask)
    found = []
    for row in rows:
        facts = row.get("metadata") or {}
        if facts.get("regionType", "Physical") != "Physical":  # "europe" holds no machine
            continue
        found.append(
            {
                "name": str(row["name"]),
                "label": str(row.get("displayName") or row["name"]),
                "geography": str(facts.get("geography") or facts.get("geographyGroup") or ""),
                "recommended": facts.get("regionCategory") == "Recommended",
            }
        )
    return sorted(found, key=lambda region: (not region["recommended"], region["label"]))


async def sizes(
    session: Session, tell: Tell, *, location: str, cloud: str | None = None, subscription: str | None = None
) -> list[Json]:
    """The VM sizes of a region: what each has, and why it is not to be had."""
    async with session.at(cloud, subscription) as azure:
        skus, left = await asyncio.gather(_skus(session, azure, location), _vcpus_left(azure, location))
    rows = [_size(sku, left) for sku in skus if str(sku.get("resourceType", "")).lower() == "virtualmachines"]
    return sorted(rows, key=lambda row: (row["vcpus"], row["memory_gib"], row["name"]))


def _size(sku: Mapping[str, Any], left: Mapping[str, int]) -> Json:
    from wizard.preflight.facts import capability
    from wizard.preflight.placement import zones_of

    family = str(sku.get("family") or "")
    lefts = [left[name] for name in (family.lower(), "cores") if name in left]
    why = _unfit(sku)
    return {
        "name": str(sku["name"]),
        "vcpus": int(capability(sku, "vCPUs") or 0),
        "memory_gib": float(capability(sku, "MemoryGB") or 0),
        "family": family,
        "architecture": capability(sku, "CpuArchitectureType"),
        "premium_disks": capability(sku, "PremiumIO").lower() == "true",
        "zones": sorted(zones_of(sku)),
        "data_disks": int(most) if (most := capability(sku, "MaxDataDiskCount")).isdigit() else None,
        "encryption_at_host": capability(sku, "EncryptionAtHostSupported").lower() == "true",
        "available": not why,
        "why": why,
        "vcpus_left": min(lefts, default=None),
    }


def _unfit(sku: Mapping[str, Any]) -> str:
    """Why no machine of ours can be of a size, or ""."""
    from wizard.preflight.facts import capability
    from wizard.preflight.size import closed_because, restriction

    if reason := restriction(sku):
        return closed_because(reason)
    if (architecture := capability(sku, "CpuArchitectureType")) and architecture.lower() != ARCHITECTURE:
        return f"Its processors are {architecture}, and the images are for {ARCHITECTURE}."
    if (generations := capability(sku, "HyperVGenerations")) and "V2" not in generations.split(","):
        return "It runs machines of generation 1 only, and the images are of generation 2."
    if capability(sku, "TrustedLaunchDisabled").lower() == "true":
        return "It has no Trusted Launch."
    return ""


async def _vcpus_left(azure: Azure, location: str) -> dict[str, int]:
    """What is left of each of the region's limits by name; empty when this sign-in may not ask, or it has none."""
    try:
        usages = await azure.rows(azure.compute.usage.list(location))
    except AzureError:
        return {}
    return {
        str((usage.get("name") or {}).get("value", "")).lower(): max(
            int(usage.get("limit") or 0) - int(usage.get("currentValue") or 0), 0
        )
        for usage in usages
        if int(usage.get("limit") or 0) >= 0  # -1 says that there is no limit
    }


async def images(
    session: Session,
    tell: Tell,
    *,
    location: str,
    os: str | None = None,
    cloud: str | None = None,
    subscription: str | None = None,
) -> list[Json]:
    """The images of our list that can be deployed, and whether the region has them."""
    from wizard.plan import not_yet
    from wizard.plan.choices import IMAGES

    wanted = {
        name: image
        for name, image in IMAGES.items()
        if (os is None or image.os == os) and not not_yet.check({"machines.image": name})
    }
    async with session.at(cloud, subscription) as azure:

        async def version(name: str, image: Image) -> str | None:
            return await session.once(_key(azure, "image", location, name), lambda: _newest(azure, location, image))

        versions = await asyncio.gather(*(version(name, image) for name, image in wanted.items()))
    return [
        {
            "name": name,
            "label": IMAGE_LABELS.get(name, name),
            "os": str(image.os.value),
            "urn": image.urn,
            "version": newest or "",
            "available": newest is not None,
            "why": "" if newest is not None else f"{location} does not have it.",
        }
        for (name, image), newest in zip(wanted.items(), versions, strict=True)
    ]


async def _newest(azure: Azure, location: str, image: Image) -> str | None:
    try:
        found = await azure.ask(
            azure.compute.virtual_machine_images.list(
                location, image.publisher, image.offer, image.sku, top=1, orderby="name desc"
            )
        )
    except AzureError as error:
        if error.status == 404:
            return None
        raise
    return str(found[0].name) if found else None


async def fault_domains(
    session: Session, tell: Tell, *, location: str, cloud: str | None = None, subscription: str | None = None
) -> Json:
    """How many fault domains an availability set can have in a region."""
    from wizard.preflight.facts import capability

    async with session.at(cloud, subscription) as azure:
        skus = await _skus(session, azure, location)
    for sku in skus:
        if str(sku.get("resourceType", "")).lower() == "availabilitysets" and sku.get("name") == "Aligned":
            most = capability(sku, "MaximumPlatformFaultDomainCount")
            return {"most": int(most) if most else None}
    return {"most": None}


async def _skus(session: Session, azure: Azure, location: str) -> list[Json]:
    async def ask() -> list[Json]:
        return await azure.rows(azure.compute.resource_skus.list(filter=f"location eq '{location}'"))

    return await session.once(_key(azure, "skus", location), ask)


def _key(azure: Azure, *what: str) -> tuple[str, ...]:
    return (azure.cloud.name, azure.subscription_id, *what)
