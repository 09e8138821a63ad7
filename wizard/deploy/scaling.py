"""Carries a scaling out, in the order that costs no request.

    the balancer, with what is new -> NICs in their pools -> VMs -> (Azure's probes take them in)
    NICs out of their pools -> the drain -> VMs, with disks and NICs -> the balancer, without what has gone

A flow stays on the machine it began at, so a machine out of the pool gets no new one and ends those it has. How many
are left Azure tells nobody; that they go on while the drain lasts is what its balancers do, and is not promised in
writing for a NIC that leaves a pool.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, TypeVar

from wizard import ids
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import amend, engine, resuming, waiting
from wizard.deploy.arm import Arm
from wizard.deploy.events import (
    Draining,
    Emit,
    Event,
    Interrupted,
    ResourceChanged,
    ResourceDeleted,
    ResourceDeleting,
    ResourceRetried,
    ResourceStalled,
)
from wizard.deploy.journal import Journal, NoJournal
from wizard.deploy.retry import Patience
from wizard.deploy.secrets import Secrets
from wizard.deploy.survey import Found, Survey
from wizard.deploy.teardown import LEAST_VANISH_S, VANISH_FLOORS, DestroyFailed
from wizard.errors import AzureError, WizardError

if TYPE_CHECKING:
    from wizard.deploy.scale import Outlook

VM = "microsoft.compute/virtualmachines"
NIC = "microsoft.network/networkinterfaces"
POOLS = "loadBalancerBackendAddressPools"

T = TypeVar("T")


class Scaling:
    """One run. `vms` are the names of the VMs that are there, as far as the run has seen."""

    def __init__(self, outlook: Outlook, azure: Arm, secrets: Secrets, emit: Emit, drain_s: float) -> None:
        self.outlook = outlook
        self.azure = azure
        self.secrets = secrets
        self.drain_s = drain_s
        self.journal: Journal = NoJournal()
        self._emit = emit
        self._began = time.monotonic()
        self._running: dict[str, None] = {}
        self._vms = {f.resource.name for f in outlook.survey.findings if _is_vm(f.resource) and f.live is not None}

    @property
    def vms(self) -> frozenset[str]:
        return frozenset(self._vms)

    async def to_the_end(self) -> None:
        """Raises as `scale.carry_out` does. Cancelled, it sends nothing more and tells what is still running."""
        outlook = self.outlook
        try:
            if outlook.created:
                # What is leaving is still in use: its rules go when it has gone.
                await self._amend_all(self._with_both if outlook.removed else outlook.wanted)
                await self._create()
            if outlook.removed:
                await self._drain()
                await self._delete()
            if outlook.removed or not outlook.created:
                await self._amend_all(outlook.wanted)
        except asyncio.CancelledError:
            self._tell(Interrupted(outlook.record.name, self._at(), tuple(self._running)))
            raise

    def _with_both(self, resource: Resource, live: Mapping[str, Any]) -> Mapping[str, Any]:
        widest = self.outlook.widest[resource.id].body
        return amend.applied(live, self.outlook.before[resource.id].body, widest)

    async def _amend_all(self, wanted: Callable[[Resource, Mapping[str, Any]], Mapping[str, Any]]) -> None:
        await _together(self._changing(resource, partial(wanted, resource)) for resource in self.outlook.amended)

    async def _changing(self, resource: Resource, change: amend.Change) -> None:
        began = self._at()
        self._running[resource.id] = None
        self._tell(ResourceChanged(resource.id, "started", began))

        def retried(code: str, wait_s: float) -> None:
            self._tell(ResourceRetried(resource.id, self._at(), code, wait_s))

        try:
            self.journal.intent(resource.id)
            await amend.amend(self.azure, resource, change, retried, partial(self._stalled, resource.id))
            self.journal.ended(resource.id, "")
        except WizardError as error:
            self._running.pop(resource.id, None)
            why = f"{error.what} {error.why}".strip()
            self._tell(ResourceChanged(resource.id, "failed", self._at(), self._since(began), why, error.remedy))
            raise
        self._running.pop(resource.id, None)
        self._tell(ResourceChanged(resource.id, "done", self._at(), self._since(began)))

    async def _create(self) -> None:
        """Hand what is missing to the engine, as a graph of its own: what is there already is nothing to wait for."""
        found = self.outlook.created
        ours = {one.resource.id for one in found}
        resources = tuple(
            replace(one.resource, after=tuple(after for after in one.resource.after if after in ours)) for one in found
        )
        whole = self.outlook.blueprint
        part = Blueprint(whole.name, whole.subscription, whole.location, resources)
        findings = tuple(replace(one, resource=resource) for one, resource in zip(found, resources, strict=True))
        offset = self._at()

        def told(event: Event) -> None:
            if event.event not in ("deployed", "interrupted"):
                at = getattr(event, "at", None)
                self._tell(event if at is None else replace(event, at=round(at + offset, 3)))  # type: ignore[call-arg]

        await engine.deploy(
            part, self.azure, self.secrets, told, found=Survey(whole.name, findings), journal=self.journal
        )

    async def _drain(self) -> None:
        """Take those that leave out of every pool, then wait for what they are answering."""
        nics = [one.resource for one in self.outlook.removed if one.resource.type.lower() == NIC]
        vms = self.outlook.leaving_vms
        for vm in vms:
            self._tell(Draining(vm, self._at(), self.drain_s))
        await _together(self._changing(nic, _out_of_pools) for nic in nics)
        if vms:
            await asyncio.sleep(self.drain_s)

    async def _delete(self) -> None:
        """Users before what they use; at the end nothing of a machine is left, its disks neither."""
        removed = self.outlook.removed
        disks = [disk for one in removed for disk in _disks(one)]
        by_id = {one.resource.id: one.resource for one in removed}
        own = [one for one in by_id if not any(_inside(one, other) for other in by_id)]  # a VM takes its extensions
        users: dict[str, list[str]] = {one: [] for one in own}  # what must have gone before it can go
        for one in own:
            for used in by_id[one].after:
                if used in users:
                    users[used].append(one)
        sorter = TopologicalSorter(users)
        sorter.prepare()
        failed: dict[str, WizardError] = {}
        while ready := sorter.get_ready():
            ended = await _together(self._delete_one(one, failed) for one in reversed(ready))
            for one, gone in zip(reversed(ready), ended, strict=True):
                if gone:
                    sorter.done(one)
        await _together(self._see_off(disk, failed) for disk in disks if not failed)
        if failed:
            first = next(iter(failed.values()))
            raise _NotRemoved(self.outlook.record.name, tuple(failed), f"{first.what} {first.why}", first.remedy)

    async def _delete_one(self, id: str, failed: dict[str, WizardError]) -> bool:
        try:
            await self._gone(id)
        except WizardError as error:
            self._running.pop(id, None)
            failed[id] = error
            return False
        return True

    async def _gone(self, id: str) -> None:
        self._running[id] = None
        self._tell(ResourceDeleting(id, self._at()))
        patience = Patience.with_deletes(self.azure.cloud.poll_floor_s)
        if await resuming.wait(self.azure, self.journal, id, partial(self._stalled, id)):
            self.journal.ended(id, "")
        while True:
            try:
                self.journal.intent(id, "DELETE")
                poller = await self.azure.begin_delete(id)
                self.journal.answered(id, poller)
                if poller is not None:
                    floor = self.azure.cloud.poll_floor_s
                    await waiting.ended(poller, ids.parse(id).name, floor, partial(self._stalled, id))
            except AzureError as error:
                wait = patience.next_wait_s(error)
                self.journal.ended(id, error.code)
                if wait is None:
                    raise
                self._tell(ResourceRetried(id, self._at(), error.code, round(wait, 3)))
                await asyncio.sleep(wait)
            else:
                break
        self.journal.ended(id, "")
        self._running.pop(id, None)
        self._tell(ResourceDeleted(id, self._at()))

    def _stalled(self, id: str, seconds: float) -> None:
        self._tell(ResourceStalled(id, self._at(), seconds))

    async def _see_off(self, disk: str, failed: dict[str, WizardError]) -> None:
        """A disk goes with its VM, a moment later; one that stays is deleted: it is paid for and belongs to nobody."""
        floor = self.azure.cloud.poll_floor_s
        until = time.monotonic() + max(VANISH_FLOORS * floor, LEAST_VANISH_S)
        while await self.azure.get(disk) is not None:
            if time.monotonic() > until:
                await self._delete_one(disk, failed)
                return
            await asyncio.sleep(floor)

    def _tell(self, event: Event) -> None:
        match event:
            case ResourceChanged(state="started" | "adopted") if event.id in self.outlook.widest:
                self._running[event.id] = None
                self._note(event.id, there=True)
            case ResourceChanged():
                self._running.pop(event.id, None)
                self._note(event.id, there=event.state != "failed")
            case ResourceDeleted():
                self._note(event.id, there=False)
        self._emit(event)

    def _note(self, id: str, *, there: bool) -> None:
        if id in self.outlook.widest and _is_vm(resource := self.outlook.widest[id]):
            (self._vms.add if there else self._vms.discard)(resource.name)

    def _at(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _since(self, began: float) -> float:
        return round(self._at() - began, 3)


async def _together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Side by side, in the order of `work`; at the first error the others are ended before it goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _NotRemoved(DestroyFailed):
    """Something of the machines that leave stayed. `left` are the ids."""

    def __init__(self, deployment: str, left: tuple[str, ...], why: str, remedy: str) -> None:
        super().__init__(deployment, left, why, remedy)
        self.what = f"{deployment} was not scaled in completely: {_names(left)} could not be deleted."
        self.remedy = f"{remedy} Then scale again: it continues with what is left.".lstrip()


def _names(all_ids: Iterable[str]) -> str:
    return ", ".join(ids.parse(each).name for each in all_ids)


def _is_vm(resource: Resource) -> bool:
    return resource.type.lower() == VM


def _inside(id: str, parent: str) -> bool:
    return ids.key(id).startswith(f"{ids.key(parent)}/")


def _out_of_pools(live: Mapping[str, Any]) -> Mapping[str, Any]:
    """A NIC's document without its pools; its NAT rule stays, so that somebody who is signed in stays so."""
    document = dict(live)
    for configuration in (document.get("properties") or {}).get("ipConfigurations") or ():
        if configuration["properties"].get(POOLS):
            configuration["properties"][POOLS] = []
    return document


def _disks(found: Found) -> list[str]:
    """The ids of the disks that are to go with a VM."""
    profile = ((found.live or {}).get("properties") or {}).get("storageProfile") or {}
    disks = [profile.get("osDisk") or {}, *(profile.get("dataDisks") or ())]
    return [
        str(disk["managedDisk"]["id"])
        for disk in disks
        if disk.get("deleteOption") == "Delete" and (disk.get("managedDisk") or {}).get("id")
    ]
