"""VMs out of the balancer's rotation for as long as something is done to them, and back in it whatever happens.

A VM is taken out by the administrative state of its entry in the pool: Down gets no new flow and keeps the flows it has
(Microsoft, "Administrative state in Azure Load Balancer", made for patching). Its NIC stays in the pool, and with it
its port of a NAT range and its way out by an outbound rule, without which there are no updates to install.

HOME/deployments/NAME/rotation.json  by VM id: IP configurations with the state each had; since when
HOME/deployments/NAME/rotation.lock  held by the process that is going to put them back itself
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.blueprint.resource import Resource
from wizard.deploy import amend
from wizard.deploy.events import BackInRotation, Emit, StillInstalling
from wizard.deploy.word import SINCE, Word
from wizard.errors import AzureError, WizardError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

STEM = "rotation"
BALANCER = "Microsoft.Network/loadBalancers"
DOWN, NONE = "Down", "None"
GRACE_S = 600.0
"""How much longer than its limit an installation may go on: Azure lets a restart that has begun come to its end."""

States = Mapping[str, str]
"""By the key of an IP configuration: its administrative state."""


@dataclass(frozen=True)
class Member:
    """A VM (id) and its NICs (ids), as members of a pool."""

    vm: str
    nics: tuple[str, ...]

    def holds(self, configuration: str) -> bool:
        return any(ids.key(configuration).startswith(f"{ids.key(nic)}/") for nic in self.nics)


@dataclass
class Rotation:
    """What this process has taken out and is to put back, of one balancer (id); held until `close`.

    `longest_s` is how long at most what is done to the VMs goes on in Azure when this process is gone.
    """

    folder: Path
    azure: Azure
    balancer: str
    longest_s: float
    _lock: int | None = None
    _out: dict[str, dict[str, str]] = field(default_factory=dict)

    def __enter__(self) -> Rotation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def take_out(self, members: Iterable[Member]) -> frozenset[str]:
        """Take VMs out, each noted before; the ids of those that are out now.

        One that somebody else has taken out stays as it is and is not put back; one without an entry in a pool, or in
        a cloud that knows no administrative state, is in rotation still. Raises as `amend` does.
        """
        wanted = list(members)
        before = _states(await self.azure.get(self.balancer))
        found = {
            member.vm: {key: state for key, state in before.items() if member.holds(key) and state != DOWN}
            for member in wanted
        }
        self._note({vm: states for vm, states in found.items() if states})
        await _set(self.azure, self.balancer, {key: DOWN for states in found.values() for key in states})
        after = _states(await self.azure.get(self.balancer))
        return frozenset(member.vm for member in wanted if _all_down(after, member))

    async def put_back(self, vms: Iterable[str]) -> None:
        """Give VMs (ids) the state they had, and forget them. Raises as `amend` does; they stay noted then."""
        chosen = [vm for vm in vms if vm in self._out]
        await _set(self.azure, self.balancer, {key: state for vm in chosen for key, state in self._out[vm].items()})
        for vm in chosen:
            del self._out[vm]
        self._write()

    @property
    def out(self) -> tuple[str, ...]:
        """The ids of the VMs that are to be put back."""
        return tuple(self._out)

    def close(self) -> None:
        """Leave what is not put back to the next command."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _note(self, found: Mapping[str, dict[str, str]]) -> None:
        if not found:
            return
        if self._lock is None:
            self._lock = self._word.taken()
            if self._lock is None:
                raise WizardError(
                    "Another run has taken VMs of this deployment out of rotation.",
                    "It puts them back when it is done.",
                    "Wait for its end.",
                )
            self._out = _noted(self._word.read())  # what could not be put back before
        self._out |= found
        self._write()

    def _write(self) -> None:
        told = {"balancer": self.balancer, "vms": self._out, "longest_s": self.longest_s}
        self._word.write(told if self._out else None)

    @property
    def _word(self) -> Word:
        return Word(self.folder, STEM)


def left(folder: Path) -> tuple[str, ...]:
    """The ids of the VMs that a killed run has left out of rotation. Empty while it lives: it puts them back itself."""
    with Word(folder, STEM).left() as told:
        return tuple(_noted(told))


async def bring_back(folder: Path, azure: Azure, emit: Emit) -> tuple[str, ...]:
    """Put back what a killed run has left out of rotation, and tell it; the ids.

    Where Azure is still installing updates on such a VM, its end is waited for: it may restart any moment. Raises as
    `amend` does; what could not be put back stays noted.
    """
    word = Word(folder, STEM)
    with word.left() as told:
        found = _noted(told)
        if told is None or not found:
            return ()
        await _installed(azure, found, float(told.get("longest_s") or 0.0) + GRACE_S, emit)
        await _set(azure, told["balancer"], {key: state for each in found.values() for key, state in each.items()})
        word.write(None)
    emit(BackInRotation(tuple(ids.parse(one).name for one in found), told[SINCE]))
    return tuple(found)


async def _installed(azure: Azure, vms: Iterable[str], seconds: float, emit: Emit) -> None:
    """Wait until Azure installs updates on none of these VMs, as their instance views tell it."""
    deadline, told = time.monotonic() + seconds, False
    while busy := [vm for vm in vms if await _installing(azure, vm)]:
        if time.monotonic() > deadline:
            return
        if not told:
            emit(StillInstalling(tuple(ids.parse(vm).name for vm in busy)))
            told = True
        await asyncio.sleep(max(azure.cloud.poll_floor_s, 0.1))


async def _installing(azure: Azure, vm: str) -> bool:
    parsed = ids.parse(vm)
    try:
        view = await azure.ask(azure.compute.virtual_machines.instance_view(parsed.group, parsed.name))
    except AzureError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return False
        raise
    summary = ((view.as_dict().get("patchStatus") or {}).get("lastPatchInstallationSummary")) or {}
    return bool(summary.get("status") == "InProgress")


async def _set(azure: Azure, balancer: str, wanted: States) -> None:
    """Write administrative states into a balancer's document, whatever else others write there."""
    if not wanted:
        return

    def change(live: Mapping[str, Any]) -> Mapping[str, Any]:
        for configuration, holder in _entries(live):
            if configuration in wanted:
                holder["adminState"] = wanted[configuration]
        return live

    resource = Resource(balancer, BALANCER, ids.parse(balancer).name, {})
    await amend.amend(azure, resource, change, lambda code, wait_s: None, lambda seconds: None)


def _states(document: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(holder.get("adminState") or NONE) for key, holder in _entries(document or {})}


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every NIC's entry in every pool: the key of its IP configuration, and the entry's properties."""
    for pool in (document.get("properties") or {}).get("backendAddressPools") or ():
        for entry in (pool.get("properties") or {}).get("loadBalancerBackendAddresses") or ():
            holder = entry.get("properties") or {}
            if reference := (holder.get("networkInterfaceIPConfiguration") or {}).get("id"):
                yield ids.key(str(reference)), holder


def _all_down(states: States, member: Member) -> bool:
    own = [state for key, state in states.items() if member.holds(key)]
    return bool(own) and all(state == DOWN for state in own)


def _noted(told: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    """By VM id, the states to give back; nothing of a word that is damaged."""
    vms = (told or {}).get("vms")
    if not isinstance(vms, dict) or not isinstance((told or {}).get("balancer"), str):
        return {}
    return {vm: states for vm, states in vms.items() if isinstance(states, dict)}
