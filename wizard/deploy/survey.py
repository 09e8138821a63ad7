"""What is there already, and whose it is: read before anything is written.

A resource of the same name that is not ours, or one that would have to be replaced, stops a deployment while it still
costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wizard.blueprint.resource import OWNER_TAG, Blueprint, Resource
from wizard.deploy import changes, compare, ownership, provisioning
from wizard.deploy.arm import Arm
from wizard.errors import WizardError

READS_AT_ONCE = 32
"""ARM lets 250 reads pass at once and then 25 a second; 32 side by side keep a busy connection without a burst."""

SHOWN = 6
"""Differences of one resource that are told; a tag more changes one thing, another image changes a dozen."""

State = Literal["absent", "same", "busy", "leaving", "broken", "differs", "fixed", "foreign"]


@dataclass(frozen=True)
class Found:
    """One planned resource and what answers under its id.

    absent   nothing                                busy     a write is running
    same     as planned                             leaving  a delete is running
    differs  and can be changed in place            broken   its last write failed or was cancelled
    fixed    differs in what cannot be changed      foreign  somebody else's
    """

    resource: Resource
    state: State
    live: Mapping[str, Any] | None = None
    differences: tuple[compare.Difference, ...] = ()

    def as_event(self) -> dict[str, Any]:
        """What deploying would meet of it; `differences` are at most `SHOWN`, as planned and as it is there."""
        return {
            "event": "planned",
            "id": self.resource.id,
            "type": self.resource.type,
            "name": self.resource.name,
            "after": list(self.resource.after),
            "state": self.state,
            "differences": [
                {"where": one.where, "planned": _shown(one.desired), "live": _shown(one.live)}
                for one in self.differences[:SHOWN]
            ],
        }

    def told(self) -> list[str]:
        """Its differences for a person, a line each."""
        return [f"{d.where}: {_shown(d.live)} -> {_shown(d.desired)}" for d in self.differences[:SHOWN]]


@dataclass(frozen=True)
class Survey:
    """All findings, in the blueprint's order."""

    deployment: str
    findings: tuple[Found, ...]

    def of(self, *states: State) -> tuple[Found, ...]:
        """The findings in any of these states."""
        return tuple(found for found in self.findings if found.state in states)

    @property
    def to_create(self) -> tuple[Resource, ...]:
        """What does not exist yet (or is about to go): only these need their secrets."""
        return tuple(found.resource for found in self.of("absent", "leaving"))

    @property
    def complete(self) -> bool:
        """Everything is as planned: there is nothing to write."""
        return all(found.state == "same" for found in self.findings)

    def refuse(self) -> None:
        """Raise when writing would touch what is not ours, or replace what cannot be changed in place."""
        if foreign := self.of("foreign"):
            raise _not_ours(self.deployment, foreign)
        if fixed := self.of("fixed"):
            raise _cannot_change(fixed)


async def take(blueprint: Blueprint, azure: Arm) -> Survey:
    """Read every planned id. A resource group that is not there holds nothing, so that one read is enough then.

    Each id is asked for by itself: ARM's listing of a group can be minutes behind, a GET is not.
    """
    at_once = asyncio.Semaphore(READS_AT_ONCE)

    async def read(resource: Resource) -> Found:
        async with at_once:
            return find(resource, await azure.get(resource.id), blueprint.name)

    group = next((resource for resource in blueprint if is_group(resource)), None)
    first = await read(group) if group is not None else None
    if first is not None and first.state == "absent":
        return Survey(blueprint.name, tuple(Found(resource, "absent") for resource in blueprint))
    reads = [asyncio.create_task(read(resource)) for resource in blueprint if resource is not group]
    try:
        rest = await asyncio.gather(*reads)
    finally:
        for task in reads:
            task.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    by_id = {found.resource.id: found for found in (*rest, *([first] if first else []))}
    return Survey(blueprint.name, tuple(by_id[resource.id] for resource in blueprint))


def find(resource: Resource, live: Mapping[str, Any] | None, deployment: str) -> Found:
    """Judge what GET answered for a planned resource. Pure."""
    if live is None:
        return Found(resource, "absent")
    if not ownership.owned(live, deployment):
        return Found(resource, "foreign", live)
    phase = provisioning.phase(live)
    if phase == "leaving":
        return Found(resource, "leaving", live)
    differences = tuple(compare.same(resource.body, live))
    if phase == "busy":  # judged when its write has ended: until then a document may be incomplete
        return Found(resource, "busy", live, differences)
    if fixed := changes.cannot_change(resource, differences):
        return Found(resource, "fixed", live, tuple(fixed))
    if phase == "broken":
        return Found(resource, "broken", live, differences)
    return Found(resource, "differs" if differences else "same", live, differences)


def is_group(resource: Resource) -> bool:
    """Whether this is the resource group itself."""
    return resource.type.lower() == "microsoft.resources/resourcegroups"


def _not_ours(deployment: str, foreign: tuple[Found, ...]) -> WizardError:
    names = ", ".join(_called(found) for found in foreign)
    return WizardError(
        f"Resources of the planned names exist and do not belong to this deployment: {names}.",
        f"They lack the tag {OWNER_TAG} = {deployment}. Nothing was written.",
        "Choose another name or prefix in the plan, or remove or rename what is in the way.",
    )


def _called(found: Found) -> str:
    kind = found.resource.type.rpartition("/")[2]
    owner = ownership.owner(found.live or {})
    return f"{found.resource.name} ({kind}{f', of the deployment {owner}' if owner else ''})"


def _cannot_change(fixed: tuple[Found, ...]) -> WizardError:
    parts = [
        f"{found.resource.name}: {difference.where} is {_shown(difference.live)}, planned {_shown(difference.desired)}"
        for found in fixed
        for difference in found.differences[:3]
    ]
    return WizardError(
        "The plan asks for changes that cannot be made in place: " + "; ".join(parts) + ".",
        "Azure would have to replace these resources, or restart machines. Nothing was written.",
        "Set the plan back to what is there, or destroy the deployment and deploy it anew.",
    )


def _shown(value: Any) -> str:
    """A value in a sentence; long documents are named by their size only."""
    if value is None:
        return "not set"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
