"""The region has what the placement asks for: fault domains (two in many regions, three in some), or zones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.errors import Problem
from wizard.plan.model import Placement
from wizard.preflight.facts import Facts, capability


async def check(facts: Facts) -> list[Problem]:
    """An error when the plan asks for more fault domains than the region's SKU list tells for managed disks."""
    machines = facts.plan.machines
    zonal = machines.placement is Placement.SCALE_SET and facts.plan.scale_set.zones
    if machines.placement is Placement.ZONES or zonal:
        return await _zones(facts)
    if machines.placement is not Placement.AVAILABILITY_SET or not await facts.can_ask("Microsoft.Compute"):
        return []
    for sku in await facts.skus("availabilitySets"):
        if str(sku.get("name")) == "Aligned" and (text := capability(sku, "MaximumPlatformFaultDomainCount")):
            most = int(text)
            if machines.fault_domains <= most:
                return []
            return [
                Problem(
                    "machines.fault_domains",
                    f"{facts.plan.location} has {most} fault domains, and the plan asks for {machines.fault_domains}.",
                    "An availability set with managed disks cannot have more than its region.",
                    f"Write {most}.",
                )
            ]
    return []  # the region does not tell


async def _zones(facts: Facts) -> list[Problem]:
    """An error when the region has no zones, or the size is not in one that the plan names."""
    if not await facts.can_ask("Microsoft.Compute") or (size := await facts.size()) is None:
        return []  # told by the region's and the size's own checks
    machines, region = facts.plan.machines, facts.plan.location
    if not any(zones_of(sku) for sku in await facts.skus("virtualMachines")):
        return [
            Problem(
                "machines.placement",
                f"{region} has no availability zones.",
                "None of the sizes that it lists is in one.",
                f'Choose a region with zones, or placement = "{Placement.AVAILABILITY_SET}".',
            )
        ]
    there = sorted(zones_of(size))
    missing = [zone for zone in machines.zones if zone not in there]
    if not missing:
        return []
    listed = ", ".join(f'"{zone}"' for zone in there)
    return [
        Problem(
            "machines.zones",
            f"{machines.size} is not offered in zone {', '.join(missing)} of {region}.",
            f"This subscription can have it in {', '.join(there)}." if there else "It is in none of its zones.",
            f"Write zones = [{listed}], or take another size." if there else "Take another size.",
        )
    ]


def zones_of(sku: Mapping[str, Any]) -> set[str]:
    """The zones in which this subscription can have a size."""
    found = {str(zone) for info in sku.get("locationInfo") or () for zone in info.get("zones") or ()}
    for entry in sku.get("restrictions") or ():
        if str(entry.get("type", "")).lower() == "zone":
            found -= {str(zone) for zone in (entry.get("restrictionInfo") or {}).get("zones") or ()}
    return found
