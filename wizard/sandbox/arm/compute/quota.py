"""How much of the subscription's compute quota a region uses, and the refusal of what would exceed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.sandbox.arm.compute.reading import not_allowed
from wizard.sandbox.catalog import Region, Size
from wizard.sandbox.store import Document

if TYPE_CHECKING:
    from wizard.sandbox.world import World


def used(world: World, region: Region, without: Document | None = None) -> Mapping[str, int]:
    """Usage by lower-cased quota name. Azure counts a machine's cores whether it runs, is stopped or deallocated."""
    counts: Counter[str] = Counter()
    for document in world.store.of_type("Microsoft.Compute/availabilitySets"):
        if world.catalog.region(str(document.body.get("location"))) == region:
            counts["availabilitysets"] += 1
    for document in world.store.of_type("Microsoft.Compute/virtualMachines"):
        if document is without or world.catalog.region(str(document.body.get("location"))) != region:
            continue
        counts["virtualmachines"] += 1
        size = world.catalog.size(document.body["properties"]["hardwareProfile"]["vmSize"])
        if size is not None:
            counts["cores"] += size.cores
            counts[size.family.lower()] += size.cores
    return counts


def check(world: World, region: Region, size: Size, existing: Document | None) -> None:
    """Refuse a machine of this size where the family's or the region's cores would not suffice."""
    counts = used(world, region, existing)
    for name, title in ((size.family.lower(), size.family), ("cores", "Total Regional")):
        quota = world.catalog.quotas.get(name)
        usage = counts.get(name, 0)
        if quota is None or usage + size.cores <= quota.limit:
            continue
        raise not_allowed(
            f"Operation could not be completed as it results in exceeding approved {title} Cores quota. Additional "
            f"details - Deployment Model: Resource Manager, Location: {region.name}, Current Limit: {quota.limit}, "
            f"Current Usage: {usage}, Additional Required: {size.cores}, (Minimum) New Limit Required: "
            f"{usage + size.cores}. Please read more about quota limits at "
            "https://docs.microsoft.com/en-us/azure/azure-supportability/per-vm-quota-requests"
        )
