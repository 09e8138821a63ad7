"""Locks on a resource group: found before anything is deleted, and told by name. Only our own is ever taken off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard import ids
from wizard.blueprint.names import OURS
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure


async def clear(azure: Azure, group: str, *, remove_ours: bool) -> bool:
    """Take our own lock off a group that is to be deleted, where that was said; whether there was one.

    Raises WizardError, with nothing changed, for our lock without `remove_ours`, and for a lock of somebody else.
    """
    found = await azure.locks(group)
    own = f"{ids.group_id(azure.subscription_id, group)}/providers/Microsoft.Authorization/locks/{OURS}"
    ours = [lock for lock in found if ids.key(str(lock["id"])) == ids.key(own)]
    foreign = [lock for lock in found if lock not in ours]
    if foreign:
        names = ", ".join(f"{lock['name']} ({lock['properties']['level']})" for lock in foreign)
        raise WizardError(
            f"{group} is locked by somebody else: {names}.",
            "Nothing was deleted, and their locks are theirs to take off.",
            f"Ask who put them there, or: az lock delete --ids {' '.join(str(lock['id']) for lock in foreign)}",
        )
    if ours and not remove_ours:
        raise WizardError(
            f"{group} is locked against deletion, as its plan asks for.",
            "Nothing was deleted.",
            f"To take the lock off and go on: multivm-wizard destroy {group} --remove-lock",
        )
    for lock in ours:
        operation = await azure.begin_delete(str(lock["id"]))
        if operation is not None:
            await operation.result()
    return bool(ours)


async def refuse(azure: Azure, group: str) -> None:
    """Raise WizardError when a lock would stop what is about to be deleted half-way."""
    found = await azure.locks(group)
    if found:
        names = ", ".join(str(lock["name"]) for lock in found)
        raise WizardError(
            f"{group} is locked ({names}): no machine of it can be deleted.",
            "Nothing was changed.",
            'Set management.lock = "none" and take the lock off (az lock delete), then scale in, then deploy the lock.',
        )
