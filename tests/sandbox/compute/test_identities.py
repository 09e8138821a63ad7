"""Managed identities of machines: their own, and those that are made by themselves, by PUT and by PATCH as az does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.sandbox.compute.desk import Desk
from wizard.sandbox.arm.errors import ArmError

VM = "Microsoft.Compute/virtualMachines"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"


async def machine(desk: Desk, identity: dict[str, Any] | None) -> dict[str, Any]:
    body = desk.machine(desk.nic("nic1"))
    await desk.put(VM, "vm1", body={**body, **({"identity": identity} if identity else {})})
    shown: dict[str, Any] = desk.show(VM, "vm1")
    return shown


async def test_a_system_assigned_identity_lives_as_long_as_its_machine(desk: Desk) -> None:
    shown = await machine(desk, {"type": "SystemAssigned"})
    identity = shown["identity"]
    assert (identity["type"], identity["tenantId"]) == ("SystemAssigned", desk.world.tenant)
    assert str(uuid.UUID(identity["principalId"])) == identity["principalId"]
    body = {name: shown[name] for name in ("location", "properties")}
    await desk.put(VM, "vm1", body=body)
    assert desk.show(VM, "vm1")["identity"] == identity, "left out, it stays"


async def test_az_assigns_and_removes_by_patch(desk: Desk) -> None:
    assert "identity" not in await machine(desk, None)
    await desk.put(VM, "vm1", body={"identity": {"type": "SystemAssigned"}}, method="PATCH")
    first = desk.show(VM, "vm1")["identity"]
    await desk.put(IDENTITY, "mine", body={"location": "westeurope"})
    made = desk.show(IDENTITY, "mine")
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {made["id"]: {}}}
    await desk.put(VM, "vm1", body={"identity": both}, method="PATCH")
    identity = desk.show(VM, "vm1")["identity"]
    assert identity["principalId"] == first["principalId"]
    assert identity["userAssignedIdentities"] == {
        made["id"]: {key: made["properties"][key] for key in ("principalId", "clientId")}
    }
    await desk.put(VM, "vm1", body={"identity": {"type": "SystemAssigned"}}, method="PATCH")
    assert desk.show(VM, "vm1")["identity"] == first
    await desk.put(VM, "vm1", body={"identity": {"type": "None"}}, method="PATCH")
    assert "identity" not in desk.show(VM, "vm1")


@pytest.mark.parametrize(
    "identity",
    [
        {"type": "Anybody"},
        {"type": "UserAssigned"},
        {"type": "SystemAssigned", "userAssignedIdentities": {"/subscriptions/s/x": {}}},
        {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/s/x": {}}},
    ],
)
async def test_what_cannot_be_is_refused(desk: Desk, identity: dict[str, Any]) -> None:
    with pytest.raises(ArmError) as refused:
        await machine(desk, identity)
    assert refused.value.status == 400
