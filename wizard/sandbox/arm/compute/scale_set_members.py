"""The machines of a scale set: real ones, made and deleted by the same kinds that anybody's machine is made by.

A machine is `SET_<8 hex>`, its interface `CONFIGURATION-<8 hex>`, its computer name the prefix and six letters or
digits (from memory, as Flexible orchestration names them). Which zone the next one goes to, and who leaves first, keeps
zones even; among equals the newest leaves (from memory: Azure's default scale-in policy).
"""

from __future__ import annotations

import asyncio
import copy
import secrets
import string
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.compute import attachments
from wizard.sandbox.arm.compute.reading import items, mapping
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.world import World

API_VERSION = "2024-07-01"
_LETTERS = string.ascii_uppercase + string.digits


def of(store: Store, scale_set: str) -> list[Document]:
    """The machines of a scale set (an id), oldest first."""
    key = ids.key(scale_set)
    return [
        vm
        for vm in store.of_type(attachments.VM)
        if attachments.reference(vm.body["properties"].get("virtualMachineScaleSet")) == key
    ]


def set_of(store: Store, machine: Document) -> Document | None:
    """The scale set that a machine is in."""
    return store.get(attachments.reference(machine.body["properties"].get("virtualMachineScaleSet")))


def leaving_first(store: Store, scale_set: Document, count: int) -> list[Document]:
    """So many machines as scaling in would delete."""
    left, gone = of(store, scale_set.id), []
    for _ in range(min(count, len(left))):
        zones = Counter(_zone(vm) for vm in left)
        found = max(left, key=lambda vm: (zones[_zone(vm)], vm.created))
        left.remove(found)
        gone.append(found)
    return gone


async def add(world: World, scale_set: Document, count: int, profile: Json) -> None:
    """Make so many machines of the profile, side by side. ArmError with the first that failed.

    The profile has all its secrets but the password: of that, the set keeps what a machine keeps.
    """
    taken = Counter(_zone(vm) for vm in of(world.store, scale_set.id))
    zones = [str(zone) for zone in scale_set.body.get("zones") or ()] or [""]
    chosen = []
    for _ in range(count):
        zone = min(zones, key=lambda one: (taken[one], one))
        taken[zone] += 1
        chosen.append(zone)
    await _all(_make(world, scale_set, profile, zone) for zone in chosen)


async def remove(world: World, machines: list[Document]) -> None:
    """Delete machines as their scale set's own doing: its capacity says so already."""
    for machine in machines:
        machine.extra["leaving"] = True
        world.store.put(machine)
    await _all(_delete(world, machine) for machine in machines)


async def _delete(world: World, machine: Document) -> None:
    kind = world.operations.registry.kind(attachments.VM)
    assert kind is not None
    for operation in world.operations.running_on(machine.id):
        await world.operations.ended(operation)
    existing = world.store.get(machine.id)
    if existing is None:
        return
    await lifecycle.delete(kind, _call(world, "DELETE", existing, existing.type, existing.name), existing)
    for operation in world.operations.running_on(machine.id):
        await world.operations.ended(operation)


async def _make(world: World, scale_set: Document, profile: Json, zone: str) -> None:
    tag = secrets.token_hex(4)
    name = f"{scale_set.name}_{tag}"
    listed = []
    for configuration in items(profile, "networkProfile.networkInterfaceConfigurations"):
        nic = await _interface(world, scale_set, configuration, f"{configuration['name']}-{tag}")
        wanted = mapping(configuration, "properties")
        listed.append(
            {
                "id": nic,
                "properties": {
                    "primary": wanted.get("primary", True),
                    "deleteOption": wanted.get("deleteOption", "Delete"),
                },
            }
        )
    body = _machine(scale_set, profile, name, listed)
    if zone:
        body["zones"] = [zone]
    await _put(world, scale_set, attachments.VM, (name,), body, password=scale_set.extra.get("password"))
    for extension in items(profile, "extensionProfile.extensions"):
        inner = {"location": body["location"], "properties": copy.deepcopy(extension["properties"])}
        inner["properties"].pop("provisionAfterExtensions", None)
        await _put(world, scale_set, f"{attachments.VM}/extensions", (name, extension["name"]), inner)


async def _interface(world: World, scale_set: Document, configuration: Json, name: str) -> str:
    properties = copy.deepcopy(configuration["properties"])
    for told in ("primary", "deleteOption"):
        properties.pop(told, None)
    body = {
        "location": scale_set.body["location"],
        "tags": {**(scale_set.body.get("tags") or {}), **(configuration.get("tags") or {})},
        "properties": properties,
    }
    await _put(world, scale_set, attachments.NIC, (name,), body)
    return ids.resource_id(world.subscription, _group(world, scale_set), attachments.NIC, name)


def _machine(scale_set: Document, profile: Json, name: str, interfaces: list[Json]) -> Json:
    system = copy.deepcopy(profile["osProfile"])
    system["computerName"] = system.pop("computerNamePrefix") + "".join(secrets.choice(_LETTERS) for _ in range(6))
    storage = copy.deepcopy(profile["storageProfile"])
    storage.setdefault("osDisk", {}).setdefault("deleteOption", "Delete")
    for disk in storage.get("dataDisks") or ():
        disk.setdefault("deleteOption", "Delete")
    properties: Json = {
        "virtualMachineScaleSet": {"id": scale_set.id},
        "hardwareProfile": {"vmSize": scale_set.body["sku"]["name"]},
        "storageProfile": storage,
        "osProfile": system,
        "networkProfile": {"networkInterfaces": interfaces},
    }
    for kept in ("securityProfile", "diagnosticsProfile", "licenseType", "priority", "userData"):
        if kept in profile:
            properties[kept] = copy.deepcopy(profile[kept])
    made: Json = {
        "location": scale_set.body["location"],
        "tags": dict(scale_set.body.get("tags") or {}),
        "properties": properties,
    }
    if identity := scale_set.body.get("identity"):
        made["identity"] = copy.deepcopy(identity)
    return made


async def _put(
    world: World, scale_set: Document, type: str, names: tuple[str, ...], body: Json, *, password: Json | None = None
) -> None:
    """PUT as a client would, and wait for the end. ArmError when it was refused or has failed."""
    kind = world.operations.registry.kind(type)
    assert kind is not None
    call = _call(world, "PUT", scale_set, type, *names)
    call.body, call.kept_password = body, password
    await lifecycle.put(kind, call, world.store.get(call.id))
    for operation in world.operations.running_on(call.id):
        await world.operations.ended(operation)
        if operation.error is not None:
            raise ArmError(operation.error_status, operation.error["code"], operation.error["message"])


def _call(world: World, method: str, beside: Document, type: str, *names: str) -> Call:
    group = _group(world, beside)
    full = ids.resource_id(world.subscription, group, type, *names)
    query = {"api-version": API_VERSION}
    return Call(world, method, full, world.subscription, group, type, names, query=query, id=full)


def _group(world: World, document: Document) -> str:
    found = world.store.get(ids.group_id(world.subscription, document.group))
    return found.name if found is not None else document.group


def _zone(machine: Document) -> str:
    return str((machine.body.get("zones") or [""])[0])


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Side by side, each to its end; then the first error is raised."""
    ended = await asyncio.gather(*work, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
