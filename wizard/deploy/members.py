"""The machines of a scale set, read back: a blueprint with as many VMs and NICs in it as Azure holds.

A plan with a scale set names no machine. What asks machines by their names and NICs (endpoints, verification, reset,
scaling in) takes a blueprint that was populated here and needs to know no more of scale sets. Without one, nothing is
asked and the blueprint stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.blueprint import names
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy.arm import Arm, Document

if TYPE_CHECKING:
    from wizard.deploy.record import Record

READS_AT_ONCE = 32


async def populated(blueprint: Blueprint, azure: Arm) -> Blueprint:
    """The blueprint with the machines that its scale set has now, the oldest first. Raises AzureError."""
    scale_set = next(iter(blueprint.of_type(names.SCALE_SET)), None)
    if scale_set is None or blueprint.of_type(names.VM):
        return blueprint
    machines = await read(azure, scale_set.id)
    found = [resource for machine in machines for resource in _resources(machine, scale_set)]
    return replace(blueprint, resources=(*blueprint.resources, *found))


async def read(azure: Arm, scale_set: str) -> list[Document]:
    """The documents of a scale set's VMs, the oldest first. One that is going meanwhile is left out."""
    at_once = asyncio.Semaphore(READS_AT_ONCE)

    async def one(id: str) -> Document | None:
        async with at_once:
            return await azure.get(id)

    documents = await asyncio.gather(*(one(each) for each in await azure.instances(scale_set)))
    there = [each for each in documents if each is not None]
    return sorted(there, key=lambda each: (str(each["properties"].get("timeCreated", "")), each["name"]))


async def page_names(known: Record, azure: Arm) -> tuple[str, ...]:
    """What the machines of a deployment call themselves on our page; () where it serves another one."""
    from wizard import blueprint as blueprints

    if known.plan.machines.workload != "page":
        return ()
    if known.plan.vm_names:
        return known.plan.vm_names
    whole = await populated(blueprints.build(known.plan, known.subscription), azure)
    systems = [vm.body["properties"]["osProfile"] for vm in whole.of_type(names.VM)]
    # nginx tells the host name in lower case, IIS as it is.
    return tuple(
        str(one["computerName"]) if "windowsConfiguration" in one else str(one["computerName"]).lower()
        for one in systems
    )


async def vm_names(known: Record, azure: Arm) -> tuple[str, ...]:
    """The names of a deployment's VMs: the plan's, or those that its scale set has now."""
    from wizard import blueprint as blueprints

    if known.plan.vm_names:
        return known.plan.vm_names
    whole = await populated(blueprints.build(known.plan, known.subscription), azure)
    return tuple(vm.name for vm in whole.of_type(names.VM))


def _resources(machine: Document, scale_set: Resource) -> Iterable[Resource]:
    """What a machine is made of, as a planned one would stand there: said is only what tells it from others."""
    properties = machine["properties"]
    nics = [str(each["id"]) for each in (properties.get("networkProfile") or {}).get("networkInterfaces") or ()]
    common = {"location": machine["location"]}
    system = properties.get("osProfile") or {}
    for nic in nics:
        yield Resource(nic, names.NIC, ids.parse(nic).name, {**common, "properties": {}}, after=scale_set.after)
    body: Mapping[str, Any] = {
        **common,
        **({"zones": list(machine["zones"])} if machine.get("zones") else {}),
        "properties": {
            "virtualMachineScaleSet": {"id": scale_set.id},
            "osProfile": {key: system[key] for key in ("computerName", "windowsConfiguration") if key in system},
            "networkProfile": {"networkInterfaces": [{"id": nic} for nic in nics]},
        },
    }
    yield Resource(machine["id"], names.VM, machine["name"], body, after=(*nics, scale_set.id))
