"""Which machines of a scale set leave when it is scaled in: chosen by us, so that each is drained before it goes.

A lower capacity alone would let Azure delete machines in the middle of their answers. Deleting a machine by itself
lowers the capacity of its set (Microsoft, "Orchestration modes": Flexible).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.blueprint import names
from wizard.deploy import members, survey
from wizard.deploy.arm import Document
from wizard.deploy.survey import Found, Survey

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.scale import Outlook


async def leaving(outlook: Outlook, azure: Azure) -> Outlook:
    """The outlook with those machines of its scale set, and their NICs, that are beyond the wanted count."""
    scale_set = next(iter(outlook.blueprint.of_type(names.SCALE_SET)), None)
    if scale_set is None:
        return outlook
    machines = await members.read(azure, scale_set.id)
    going = chosen(machines, len(machines) - outlook.plan.machines.count)
    documents = {ids.key(one["id"]): one for one in going}
    whole = await members.populated(outlook.blueprint, azure)
    wanted = {*documents, *(ids.key(nic) for one in going for nic in _nics(one))}
    extra = [one for one in whole if ids.key(one.id) in wanted]
    found = [
        survey.find(one, documents.get(ids.key(one.id)) or await azure.get(one.id), outlook.record.name)
        for one in extra
    ]
    widest = dataclasses.replace(outlook.widest, resources=(*outlook.widest.resources, *extra))
    findings = (*outlook.survey.findings, *(_as_ours(one) for one in found))
    return dataclasses.replace(outlook, widest=widest, survey=Survey(outlook.survey.deployment, findings))


def chosen(machines: Sequence[Document], count: int) -> list[Document]:
    """So many of the machines: from the fullest zone, there the newest. Pure; `machines` are oldest first."""
    zones: dict[str, list[int]] = {}  # the places of its machines, the newest last
    for place, machine in enumerate(machines):
        zones.setdefault(_zone(machine), []).append(place)
    gone = []
    for _ in range(min(max(count, 0), len(machines))):
        fullest = max(zones.values(), key=lambda places: (len(places), places[-1] if places else -1))
        gone.append(machines[fullest.pop()])
    return gone


def _as_ours(found: Found) -> Found:
    """A machine of our scale set is ours, whatever tags Azure has given it."""
    return dataclasses.replace(found, state="same") if found.state == "foreign" else found


def _zone(machine: Document) -> str:
    return str((machine.get("zones") or [""])[0])


def _nics(machine: Document) -> list[str]:
    listed: list[dict[str, Any]] = (machine["properties"].get("networkProfile") or {}).get("networkInterfaces") or []
    return [str(one["id"]) for one in listed]
