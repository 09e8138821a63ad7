"""Tearing a deployment down: only what carries its tag, users before what they use, until nothing is listed.

It works from what the group holds, not from a plan: a deployment can be destroyed whose plan is lost or half deployed.
Something foreign in the group stops it before anything is deleted; the group itself goes last, and only when empty. A
group that is somebody else's stays, with all that is theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter

from wizard import ids
from wizard.blueprint.resource import OWNER_TAG
from wizard.deploy import ownership, provisioning, resuming, waiting
from wizard.deploy.arm import Arm, Document
from wizard.deploy.events import (
    Destroyed,
    Emit,
    Interrupted,
    ResourceDeleted,
    ResourceDeleting,
    ResourceRetried,
    ResourceStalled,
)
from wizard.deploy.journal import Journal, NoJournal
from wizard.deploy.retry import Patience
from wizard.errors import AzureError, WizardError

VM = "microsoft.compute/virtualmachines"
SCALE_SET = "microsoft.compute/virtualmachinescalesets"
DISK = "microsoft.compute/disks"
NIC = "microsoft.network/networkinterfaces"
BALANCER = "microsoft.network/loadbalancers"
VNET = "microsoft.network/virtualnetworks"
NAT_GATEWAY = "microsoft.network/natgateways"
COLLECTION_RULE = "microsoft.insights/datacollectionrules"
OTHER = ""

_USERS: Mapping[str, tuple[str, ...]] = {
    "microsoft.compute/availabilitysets": (VM, SCALE_SET),
    DISK: (VM, SCALE_SET),
    "microsoft.storage/storageaccounts": (VM, SCALE_SET),  # their VHDs are in use
    NIC: (VM, SCALE_SET, OTHER),
    BALANCER: (NIC, SCALE_SET, OTHER),
    VNET: (NIC, BALANCER, SCALE_SET, OTHER),
    NAT_GATEWAY: (VNET,),
    COLLECTION_RULE: (VM, SCALE_SET),  # their associations go with them
    "microsoft.operationalinsights/workspaces": (COLLECTION_RULE,),
    "microsoft.managedidentity/userassignedidentities": (VM, SCALE_SET),
    "microsoft.network/networksecuritygroups": (VNET, NIC),
    "microsoft.network/publicipaddresses": (BALANCER, NAT_GATEWAY, NIC),
}
"""Which types refuse to go while one of these is there. Types that are not named use others and are used by none."""

VANISH_FLOORS = 150
"""How long things that go by themselves (a VM's disks) are waited for, in poll floors of the cloud: 600 s on Azure."""

LEAST_VANISH_S = 15.0


class DestroyFailed(WizardError):  # noqa: N818 - told as a fact, as the events are
    """Something could not be deleted. `left` are the ids that are still there."""

    def __init__(self, deployment: str, left: tuple[str, ...], why: str, remedy: str) -> None:
        self.left = left
        what = f"{deployment} was not destroyed completely: {', '.join(map(_name, left))} could not be deleted."
        super().__init__(what, why, f"{remedy} Then run destroy again: it continues with what is left.".lstrip())


async def destroy(
    azure: Arm, name: str, emit: Emit, *, existing_group: bool = False, journal: Journal | None = None
) -> int:
    """Delete a deployment and return how many resources this run deleted: those with the tag, and the group.

    What a VM brought along (its disks, its extensions) goes with it and is not counted. A deployment that is not there
    is destroyed already: 0. Emits each delete, and `Destroyed` last. Raises WizardError before anything is deleted when
    the group, or something in it, is not this deployment's; DestroyFailed when something stayed. With `existing_group`
    the group is somebody else's: it is left, and so is what lacks the tag.
    """
    run = _Teardown(azure, name, emit, existing_group, journal or NoJournal())
    try:
        await run.to_the_end()
    except asyncio.CancelledError:
        emit(Interrupted(name, run.at(), tuple(run.running)))
        raise
    emit(Destroyed(name, run.deleted))
    return run.deleted


@dataclass(frozen=True)
class _Listing:
    """What a group holds: ours to delete, ours but going with a VM, and not ours."""

    ours: tuple[Document, ...]
    brought: tuple[Document, ...]
    foreign: tuple[Document, ...]


class _Teardown:
    def __init__(self, azure: Arm, name: str, emit: Emit, existing_group: bool, journal: Journal) -> None:
        self.azure = azure
        self.name = name
        self.emit = emit
        self._stays = existing_group
        self.journal = journal
        self.deleted = 0
        self.running: dict[str, None] = {}
        self._group = ids.group_id(azure.subscription_id, name)
        self._brought: set[str] = set()  # keys of what was seen to belong to a VM, while the VM was there
        self._floor = azure.cloud.poll_floor_s
        self._began = time.monotonic()

    def at(self) -> float:
        return round(time.monotonic() - self._began, 3)

    async def to_the_end(self) -> None:
        group = await self.azure.get(self._group)
        if group is None:
            return
        if self._stays:
            await self._empty()
            return
        if not ownership.owned(group, self.name):
            raise _group_not_ours(self.name)
        if provisioning.phase(group) != "leaving":
            await self._empty()
            await self._delete(self._group)
        await self._gone()

    async def _empty(self) -> None:
        """Delete in order, and look again until the listing holds nothing."""
        until = time.monotonic() + max(VANISH_FLOORS * self._floor, LEAST_VANISH_S)
        while (listing := await self._list()) is not None:
            if listing.foreign and not self._stays:
                raise _not_ours(self.name, listing.foreign, self.deleted)
            if not listing.ours and not listing.brought:
                return
            left = tuple(str(item["id"]) for item in (*listing.ours, *listing.brought))
            if time.monotonic() > until:
                raise DestroyFailed(self.name, left, "Azure still lists it.", "Wait a little.")
            await self._delete_in_order(listing.ours)
            await asyncio.sleep(self._floor)

    async def _list(self) -> _Listing | None:
        items = await self.azure.list_group(self.name)
        if items is None:
            return None
        owners = {ids.key(item["id"]): _type(item) for item in items if self._owned(item)}
        ours, brought, foreign = [], [], []
        for item in items:
            if await self._comes_with(item, owners):
                self._brought.add(ids.key(item["id"]))
                brought.append(item)
            elif self._owned(item):
                ours.append(item)
            elif ids.key(item["id"]) in self._brought:
                brought.append(item)  # its VM has gone, and it is about to
            else:
                foreign.append(item)
        return _Listing(tuple(ours), tuple(brought), tuple(foreign))

    def _owned(self, item: Document) -> bool:
        return ownership.owned(item, self.name)

    async def _comes_with(self, item: Document, owners: Mapping[str, str]) -> bool:
        """Whether it goes with another of ours (`owners`: key to type): a child, or a disk that a VM brought along."""
        parsed = ids.parse(item["id"])
        if len(parsed.types) > 1:
            parent_type = f"{parsed.namespace}/{parsed.types[0]}"
            parent = ids.resource_id(parsed.subscription, parsed.group, parent_type, parsed.names[0])
            return ids.key(parent) in owners
        if _type(item) in (VM, NIC) and SCALE_SET in owners.values():
            return await self._of_scale_set(item, owners)
        if _type(item) != DISK or not {VM, SCALE_SET} & set(owners.values()):
            return False
        user = item.get("managedBy") or ((await self.azure.get(item["id"])) or {}).get("managedBy")
        return user is not None and owners.get(ids.key(str(user))) in (VM, SCALE_SET)

    async def _of_scale_set(self, item: Document, owners: Mapping[str, str]) -> bool:
        """Whether a VM or NIC is one of a scale set of ours: it goes with that."""
        if ids.key(item["id"]) in self._brought:
            return True
        properties = ((await self.azure.get(item["id"])) or {}).get("properties") or {}
        if _type(item) == NIC:
            machine = str((properties.get("virtualMachine") or {}).get("id") or "")
            if not machine:
                return False
            properties = ((await self.azure.get(machine)) or {}).get("properties") or {}
        held = str((properties.get("virtualMachineScaleSet") or {}).get("id") or "")
        return bool(held) and owners.get(ids.key(held)) == SCALE_SET

    async def _delete_in_order(self, items: Iterable[Document]) -> None:
        by_type: dict[str, list[str]] = {}
        for item in items:
            by_type.setdefault(_type(item) if _type(item) in (*_USERS, VM, SCALE_SET) else OTHER, []).append(item["id"])
        sorter = TopologicalSorter(
            {kind: _USERS.get(kind, ()) for kind in (*_USERS, VM, SCALE_SET, OTHER)},
        )
        sorter.prepare()
        failed: dict[str, WizardError] = {}
        tasks: dict[asyncio.Task[dict[str, WizardError]], str] = {}
        try:
            while True:
                for kind in sorter.get_ready():
                    tasks[asyncio.create_task(self._delete_all(by_type.get(kind, [])))] = kind
                if not tasks:
                    break
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    kind = tasks.pop(task)
                    failed |= task.result()
                    if not task.result():
                        sorter.done(kind)  # else what these use would only be refused
        finally:
            await _stop(tasks)
        if failed:
            first = next(iter(failed.values()))
            raise DestroyFailed(self.name, tuple(failed), f"{first.what} {first.why}".strip(), first.remedy)

    async def _delete_all(self, all_ids: list[str]) -> dict[str, WizardError]:
        """Delete side by side; what failed, by id."""
        failed: dict[str, WizardError] = {}

        async def delete(id: str) -> None:
            try:
                await self._delete(id)
            except WizardError as error:
                failed[id] = error

        tasks = [asyncio.create_task(delete(each)) for each in all_ids]
        try:
            await asyncio.gather(*tasks)
        finally:
            await _stop(tasks)
        return failed

    async def _delete(self, id: str) -> None:
        self.running[id] = None
        self.emit(ResourceDeleting(id, self.at()))
        patience = Patience.with_deletes(self._floor)
        if await resuming.wait(self.azure, self.journal, id, partial(self._stalled, id)):
            self.journal.ended(id, "")
        while True:
            try:
                self.journal.intent(id, "DELETE")
                poller = await self.azure.begin_delete(id)
                self.journal.answered(id, poller)
                if poller is not None:
                    await waiting.ended(poller, _name(id), self._floor, partial(self._stalled, id))
            except AzureError as error:
                wait = patience.next_wait_s(error)
                self.journal.ended(id, error.code)
                if wait is None:
                    raise
                self.emit(ResourceRetried(id, self.at(), error.code, round(wait, 3)))
                await asyncio.sleep(wait)
            else:
                break
        self.journal.ended(id, "")
        del self.running[id]
        self.deleted += 1
        self.emit(ResourceDeleted(id, self.at()))

    def _stalled(self, id: str, seconds: float) -> None:
        self.emit(ResourceStalled(id, self.at(), seconds))

    async def _gone(self) -> None:
        """ARM can show a group for a moment after its delete has ended."""
        until = time.monotonic() + max(VANISH_FLOORS * self._floor, LEAST_VANISH_S)
        while await self.azure.get(self._group) is not None:
            if time.monotonic() > until:
                raise DestroyFailed(self.name, (self._group,), "Azure still shows the resource group.", "Wait.")
            await asyncio.sleep(self._floor)


async def _stop(tasks: Iterable[asyncio.Task[object]]) -> None:
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _type(item: Document) -> str:
    return ids.parse(item["id"]).type.lower()


def _name(id: str) -> str:
    return ids.parse(id).name


def _group_not_ours(name: str) -> WizardError:
    return WizardError(
        f"The resource group {name} does not belong to a deployment of ours.",
        f"It lacks the tag {OWNER_TAG} = {name}. Nothing was deleted.",
        "Look at it, and delete it by other means if that is what you want.",
    )


def _not_ours(name: str, foreign: tuple[Document, ...], deleted: int) -> WizardError:
    names = ", ".join(f"{_name(item['id'])} ({_type(item).rsplit('/', 1)[-1]})" for item in foreign)
    return WizardError(
        f"The resource group {name} holds resources that are not this deployment's: {names}.",
        f"They lack the tag {OWNER_TAG} = {name}. "
        + (f"It appeared meanwhile; {deleted} were deleted." if deleted else "Nothing was deleted."),
        "Move or delete them, then run destroy again.",
    )
