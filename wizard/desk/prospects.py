"""Questions about what would be done to a deployment that is there: a scaling, a reset. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

from wizard.desk.plans import told
from wizard.desk.session import Session, Tell
from wizard.errors import InputError

if TYPE_CHECKING:
    from wizard.blueprint.resource import Resource
    from wizard.deploy.record import Record
    from wizard.reset.events import Mode

Json = dict[str, Any]


async def scale_outlook(session: Session, tell: Tell, *, name: str, count: int) -> Json:
    """What bringing a deployment to `count` VMs would create, change and delete."""
    from wizard.deploy import journey, record, scale

    known = await asyncio.to_thread(record.load, name)
    answer: Json = {"name": known.name, "from": known.plan.machines.count, "to": count, "ready": False}
    nothing = ("created", "changed", "deleted", "new_vms", "leaving_vms", "needs_password")
    async with session.at(known.plan.cloud, known.subscription) as azure:
        try:
            found = await scale.look(known, azure, count)
        except journey.NotReady as error:
            return {**answer, "complete": False, "problems": told(error.problems), **{each: [] for each in nothing}}
    return {
        **answer,
        "from": found.there,
        "ready": True,
        "complete": found.complete,
        "problems": told(found.problems),
        "created": _resources(each.resource for each in found.created),
        "changed": _resources(found.amended),
        "deleted": _resources(each.resource for each in reversed(found.removed)),
        "new_vms": list(found.new_vms),
        "leaving_vms": list(found.leaving_vms),
        "needs_password": list(found.needs_password),
    }


def _resources(found: Iterable[Resource]) -> list[Json]:
    return [{"id": each.id, "type": each.type, "name": each.name} for each in found]


async def reset_outlook(
    session: Session,
    tell: Tell,
    *,
    name: str,
    vms: Sequence[str],
    mode: str,
    user: str | None = None,
    replace_keys: bool = False,
) -> Json:
    """What a reset would change beside what it is asked for, and who else was ever given a login there."""
    from wizard.deploy import record
    from wizard.reset import events
    from wizard.reset.warnings import warnings

    if mode not in get_args(events.Mode):
        raise InputError(f"There is no mode {mode!r}.", "", f"Modes are: {', '.join(get_args(events.Mode))}.")
    known = await asyncio.to_thread(record.load, name)
    # A scale set names its machines itself: those that are asked about were read back from it.
    chosen = [vm for vm in vms if not known.plan.vm_names or vm in known.plan.vm_names]
    words = warnings(known, chosen, cast("Mode", mode), user or None, replace_keys=replace_keys)
    return {"warnings": words, "users": await asyncio.to_thread(_users, known, chosen)}


def _users(known: Record, vms: Sequence[str]) -> Mapping[str, list[str]]:
    """By VM: everybody who was given a login and not removed since, as far as this computer knows."""
    from wizard.reset import history

    return {vm: list(history.users(known, vm)) for vm in vms}
