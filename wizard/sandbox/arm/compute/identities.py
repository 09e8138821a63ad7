"""The managed identities of a machine or a scale set: its own, and those that were made by themselves.

Source: Microsoft, "Virtual Machines - Create Or Update" (VirtualMachineIdentity). Codes and wordings are from memory.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm import errors
from wizard.sandbox.arm.compute.reading import bad
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.managedidentity import IDENTITY

if TYPE_CHECKING:
    from wizard.sandbox.store import Document, Json
    from wizard.sandbox.world import World

SYSTEM, USER = "SystemAssigned", "UserAssigned"


def kinds(identity: Any) -> set[str]:
    """The kinds that `identity.type` names; none for `None`, or where there is no identity."""
    given = str(identity.get("type") or "") if isinstance(identity, dict) else ""
    return {kind.strip() for kind in given.split(",")} - {"", "None"}


def check(world: World, body: Json, name: str, existing: Document | None) -> None:
    """Raise for an identity that Azure would refuse. Whoever leaves it out keeps what there is.

    A PATCH that names another type comes merged with the user-assigned ones that it takes away.
    """
    identity = body.get("identity")
    if identity is None:
        return
    if not isinstance(identity, dict):
        raise errors.invalid_content("The value at path 'identity' must be an object")
    if unknown := sorted(kinds(identity) - {SYSTEM, USER}):
        raise errors.invalid_content(f"Error converting value \"{unknown[0]}\" to type 'ResourceIdentityType'")
    wanted = identity.get("userAssignedIdentities") or {}
    if not isinstance(wanted, dict):
        raise errors.invalid_content("The value at path 'identity.userAssignedIdentities' must be an object")
    had = ((existing.body.get("identity") or {}) if existing is not None else {}).get("userAssignedIdentities") or {}
    if (not wanted) if USER in kinds(identity) else set(wanted) - set(had):
        raise bad(f"The identity type and the user assigned identities of '{name}' do not agree.")
    for each in wanted if USER in kinds(identity) else ():
        if _find(world, each) is None:
            raise ArmError(
                400,
                "FailedIdentityOperation",
                f"Identity operation for resource '{name}' failed: the resource '{each}' was not found.",
            )


def represent(world: World, sent: Json | None, existing: Json | None) -> Json | None:
    """The identity as a document shows it; None where there is none."""
    if sent is None:
        return existing
    named, old = kinds(sent), existing or {}
    if not named:
        return None
    shown: Json = {"type": ", ".join(kind for kind in (SYSTEM, USER) if kind in named)}
    if SYSTEM in named:
        shown["principalId"] = old.get("principalId") or str(uuid.uuid4())
        shown["tenantId"] = world.tenant
    if USER in named:
        each = [found for asked in sent["userAssignedIdentities"] if (found := _find(world, asked)) is not None]
        shown["userAssignedIdentities"] = {one.id: _ids(one) for one in each}
    return shown


def signs_in(world: World, identity: Any, asked: str) -> bool:
    """Whether a machine's agent gets a token: as the user-assigned identity `asked`, or, where that is "", its own."""
    if not asked:
        return SYSTEM in kinds(identity)
    given = identity.get("userAssignedIdentities") or {} if isinstance(identity, dict) else {}
    return ids.key(asked) in map(ids.key, given) and _find(world, asked) is not None


def _find(world: World, id: str) -> Document | None:
    found = world.store.get(id)
    return found if found is not None and found.type == IDENTITY else None


def _ids(document: Document) -> Json:
    return {key: document.body["properties"][key] for key in ("principalId", "clientId")}
