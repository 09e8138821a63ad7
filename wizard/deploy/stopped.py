"""The VMs that a drill has stopped, durable before the order to stop leaves, so that a killed drill leaves none behind.

HOME/deployments/NAME/stopped.json  ids, and since when; gone once all of them run again
HOME/deployments/NAME/stopped.lock  held by the drill's process as long as it is going to start them itself
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.azure.errors import retryable
from wizard.deploy import provisioning
from wizard.deploy.events import BroughtBack, Emit
from wizard.deploy.word import SINCE, Word
from wizard.errors import AzureError, WizardError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

STEM = "stopped"


class Stopping:
    """What this process has stopped and is to start again, from `note` to `settle`; held until `close`."""

    def __init__(self, folder: Path) -> None:
        self._word = Word(folder, STEM)
        self._lock: int | None = None
        self._ids: dict[str, str] = {}

    def __enter__(self) -> Stopping:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def note(self, vms: Iterable[str]) -> None:
        """These (ids) are about to be stopped: durable when it returns. WizardError beside another drill."""
        if self._lock is None:
            self._lock = self._word.taken()
            if self._lock is None:
                raise WizardError(
                    "Another drill is at work on this deployment.", "Its VMs are stopped.", "Wait for its end."
                )
            self._ids = {ids.key(one): one for one in _vms(self._word.read())}
        self._ids |= {ids.key(one): one for one in vms}
        _write(self._word, self._ids.values())

    def settle(self, vms: Iterable[str]) -> None:
        """These run again."""
        for one in vms:
            self._ids.pop(ids.key(one), None)
        _write(self._word, self._ids.values())

    def close(self) -> None:
        """Leave what is not settled to the next command."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def left(folder: Path) -> tuple[str, ...]:
    """The ids of the VMs that a drill has stopped and, because it was killed, never started again.

    Empty while a drill lives: it starts them itself.
    """
    with Word(folder, STEM).left() as told:
        return _vms(told)


async def bring_back(folder: Path, azure: Azure, emit: Emit) -> tuple[str, ...]:
    """Start what a killed drill has left stopped, and tell it; the ids. What was deleted since is told as gone.

    Raises AzureError and UnreachableError; what could not be started stays noted.
    """
    word = Word(folder, STEM)
    with word.left() as told:
        if told is None:
            return ()
        found = _vms(told)
        gone = await start(azure, found)
        word.write(None)
    if found:
        started = tuple(ids.parse(one).name for one in found if one not in gone)
        emit(BroughtBack(started, told[SINCE], tuple(ids.parse(one).name for one in gone)))
    return found


async def start(azure: Azure, vms: Collection[str]) -> tuple[str, ...]:
    """Start VMs (ids) side by side, also where another operation still holds them; those that are gone are returned.

    Azure refuses (409) to start what is being stopped, and takes the start of a VM that runs for done.
    """
    tasks = [asyncio.ensure_future(_start(azure, one)) for one in vms]
    try:
        started = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return tuple(one for one, there in zip(vms, started, strict=True) if not there)


async def is_gone(azure: Azure, id: str) -> bool:
    """Whether a VM is deleted, or is being deleted: nothing brings that one back."""
    live = await azure.get(id)
    return live is None or provisioning.phase(live) == "leaving"


async def _start(azure: Azure, id: str) -> bool:
    """Whether there was a VM to start."""
    vm = ids.parse(id)
    begin = azure.compute.virtual_machines.begin_start

    async def unless_gone() -> Any:
        if await is_gone(azure, id):
            raise _Gone
        return await begin(vm.group, vm.name)

    try:
        await azure.act(id, unless_gone, passes=_passes)
    except _Gone:
        return False
    except AzureError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


class _Gone(Exception):  # noqa: N818 - never leaves this module
    """There is no VM to start any more."""


def _passes(error: AzureError) -> bool:
    """The stop, or somebody else's operation, still holds the VM; Azure has several codes for that."""
    return error.status == HTTPStatus.CONFLICT or retryable(error)


def _vms(told: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The ids in a word; none in one that does not list them."""
    try:
        return tuple(one for one in (told or {}).get("vms") or () if ids.parse(one).name)
    except (ValueError, TypeError):
        return ()


def _write(word: Word, vms: Collection[str]) -> None:
    word.write({"vms": list(vms)} if vms else None)
