"""What is still to be created fits into the subscription's limits for the region: cores of the size's family, all
cores, machines, availability sets, public addresses and the other network resources.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from wizard.errors import Problem
from wizard.preflight.facts import SCALE_SETS, VIRTUAL_MACHINES, Facts, capability

NETWORK_INTERFACES = "Microsoft.Network/networkInterfaces"

NETWORK_USAGES: Mapping[str, tuple[str, ...]] = {
    "Microsoft.Network/publicIPAddresses": (
        "PublicIPAddresses",
        "StandardSkuPublicIpAddresses",
        "StaticPublicIPAddresses",
        "IPv4StandardSkuPublicIpAddresses",
    ),
    "Microsoft.Network/natGateways": ("NatGateways",),
    "Microsoft.Network/virtualNetworks": ("VirtualNetworks",),
    "Microsoft.Network/networkSecurityGroups": ("NetworkSecurityGroups",),
    "Microsoft.Network/loadBalancers": ("LoadBalancers", "StandardSkuLoadBalancers"),
    NETWORK_INTERFACES: ("NetworkInterfaces",),
}
"""The limits that count each type, by the names that the usages list gives them; those a region lacks are left out."""

REMEDY = "Take fewer machines or a smaller size, another region, or ask for more: Azure portal, Quotas."


async def check(facts: Facts) -> list[Problem]:
    """An error for each limit that the missing resources would pass."""
    parts = await asyncio.gather(_compute(facts), _network(facts))
    return [problem for part in parts for problem in part]


async def _compute(facts: Facts) -> list[Problem]:
    if not await facts.can_ask("Microsoft.Compute"):
        return []
    sku = await facts.size()
    machines = len(await facts.to_create(VIRTUAL_MACHINES)) + await _of_sets(facts)
    sets = len(await facts.to_create("Microsoft.Compute/availabilitySets"))
    usages = _by_name(await facts.compute_usages())
    region = facts.plan.location
    problems = [
        _beyond(usages, "virtualMachines", machines, "machines", field="machines.count", region=region),
        _beyond(usages, "availabilitySets", sets, "availability sets", field="machines.placement", region=region),
    ]
    cores = int(capability(sku, "vCPUs") or 0) * machines if sku else 0
    if sku and cores:
        family = str(sku.get("family") or "")
        noun = f"vCPUs of the family {family}"
        problems.append(_beyond(usages, family, cores, noun, field="machines.size", region=region))
        problems.append(_beyond(usages, "cores", cores, "vCPUs", field="machines.count", region=region))
    return [problem for problem in problems if problem]


async def _network(facts: Facts) -> list[Problem]:
    if not await facts.can_ask("Microsoft.Network"):
        return []
    usages = _by_name(await facts.network_usages())
    problems = []
    for kind, names in NETWORK_USAGES.items():
        wanted = len(await facts.to_create(kind))
        if kind == NETWORK_INTERFACES:
            wanted += await _of_sets(facts)
        for name in names:
            label = str(usages.get(name.lower(), {}).get("name", {}).get("localizedValue") or name)
            if problem := _beyond(usages, name, wanted, f"of {label}", field="", region=facts.plan.location):
                problems.append(problem)
                break
    return problems


async def _of_sets(facts: Facts) -> int:
    """The machines, with an interface each, that scale sets are still to make: Azure calls each `SET_...`."""
    machines = f"/{VIRTUAL_MACHINES.lower()}/"
    names = [key.rpartition(machines)[2] for key in await facts.live() if machines in key]
    wanted = 0
    for scale_set in facts.blueprint.of_type(SCALE_SETS):
        there = sum(name.startswith(f"{scale_set.name.lower()}_") and "/" not in name for name in names)
        wanted += max(0, int(scale_set.body["sku"]["capacity"]) - there)
    return wanted


def _by_name(usages: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(usage.get("name", {}).get("value", "")).lower(): usage for usage in usages}


def _beyond(
    usages: Mapping[str, Mapping[str, Any]], name: str, wanted: int, noun: str, *, field: str, region: str
) -> Problem | None:
    """The problem when `wanted` more do not fit; None when they do or the region does not count this."""
    usage = usages.get(name.lower())
    if usage is None or not wanted:
        return None
    used, limit = int(usage.get("currentValue") or 0), int(usage.get("limit") or 0)
    if limit < 0 or used + wanted <= limit:  # -1 says that there is no limit
        return None
    return Problem(
        field,
        f"The deployment needs {wanted} {noun}, and {region} has {max(limit - used, 0)} left.",
        f"The subscription's limit there is {limit}, of which {used} are in use.",
        REMEDY,
    )
