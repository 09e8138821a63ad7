"""The region has as many fault domains as the availability set asks for: two in many regions, three in some."""

from __future__ import annotations

from wizard.errors import Problem
from wizard.plan.model import Placement
from wizard.preflight.facts import Facts, capability


async def check(facts: Facts) -> list[Problem]:
    """An error when the plan asks for more fault domains than the region's SKU list tells for managed disks."""
    machines = facts.plan.machines
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
