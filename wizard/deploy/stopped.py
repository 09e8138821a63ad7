"""The VMs that a drill has stopped, durable before the order to stop leaves, so that a killed drill leaves none behind.

HOME/deployments/NAME/stopped.json  ids, and since when; gone once all of them run again
HOME/deployments/NAME/stopped.lock  held by the drill's process as long as it is going to start them itself

Not in the journal: that belongs to who writes, and a verification beside must read this.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from wizard import ids
from wizard.azure.errors import retryable
from wizard.deploy.events import BroughtBack, Emit
from wizard.errors import AzureError, WizardError
from wizard.home import write_atomically

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

FILE = "stopped.json"
LOCK = "stopped.lock"

LOOK_S = 1.0


class Stopping:
    """What this process has stopped and is to start again, from `note` to `settle`; held until `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None
        self._ids: dict[str, str] = {}

    def __enter__(self) -> Stopping:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def note(self, vms: Iterable[str]) -> None:
        """These (ids) are about to be stopped: durable when it returns. WizardError beside another drill."""
        if self._lock is None:
            self._lock = _taken(self._folder)
            if self._lock is None:
                raise WizardError(
                    "Another drill is at work on this deployment.", "Its VMs are stopped.", "Wait for its end."
                )
            self._ids = {ids.key(one): one for one in _read(self._folder)[0]}
        self._ids |= {ids.key(one): one for one in vms}
        _write(self._folder, self._ids.values())

    def settle(self, vms: Iterable[str]) -> None:
        """These run again."""
        for one in vms:
            self._ids.pop(ids.key(one), None)
        _write(self._folder, self._ids.values())

    def close(self) -> None:
        """Leave what is not settled to the next command."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def left(folder: Path) -> tuple[str, ...]:
    """The ids of the VMs that a drill has stopped and, because it was killed, never started again.

    Empty while a drill lives: it starts them itself.
    """
    if not (folder / FILE).exists():
        return ()
    lock = _take(folder)
    if lock is None:
        return ()
    try:
        return _read(folder)[0]
    finally:
        os.close(lock)


async def bring_back(folder: Path, azure: Azure, emit: Emit) -> tuple[str, ...]:
    """Start what a killed drill has left stopped, and tell it; the ids. A VM that runs or is gone is none to start.

    Raises AzureError and UnreachableError; what could not be started stays noted.
    """
    if not (folder / FILE).exists():
        return ()
    lock = _take(folder)
    if lock is None:
        return ()  # a drill lives
    try:
        found, since = _read(folder)
        await start(azure, found)
        _write(folder, ())
    finally:
        os.close(lock)
    if found:
        emit(BroughtBack(tuple(ids.parse(one).name for one in found), since))
    return found


async def start(azure: Azure, vms: Collection[str]) -> None:
    """Start VMs (ids) side by side, also where another operation still holds them; those that are gone are left out.

    Azure refuses (409) to start what is being stopped, and takes the start of a VM that runs for done.
    """
    tasks = [asyncio.ensure_future(_start(azure, one)) for one in vms]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start(azure: Azure, id: str) -> None:
    vm = ids.parse(id)
    begin = azure.compute.virtual_machines.begin_start
    try:
        await azure.act(id, lambda: begin(vm.group, vm.name), passes=_passes)
    except AzureError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def _passes(error: AzureError) -> bool:
    """The stop, or somebody else's operation, still holds the VM; Azure has several codes for that."""
    return error.status == HTTPStatus.CONFLICT or retryable(error)


def _take(folder: Path) -> int | None:
    """The lock's descriptor, or None while another drill holds it. It ends with its process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _taken(folder: Path) -> int | None:
    """As `_take`, with a moment's patience: who only looks has it no longer than that."""
    until = time.monotonic() + LOOK_S
    while (lock := _take(folder)) is None and time.monotonic() < until:
        time.sleep(LOOK_S / 50)
    return lock


def _read(folder: Path) -> tuple[tuple[str, ...], str]:
    """The ids and since when. A file that is not ours names none: what runs, verification tells."""
    try:
        told = json.loads((folder / FILE).read_bytes())
        found = tuple(one for one in told["vms"] if ids.parse(one).name)
        return found, str(told["since_utc"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return (), ""


def _write(folder: Path, vms: Collection[str]) -> None:
    if vms:
        since = _read(folder)[1] or datetime.now(UTC).isoformat(timespec="seconds")
        write_atomically(folder / FILE, json.dumps({"vms": list(vms), "since_utc": since}, indent=2) + "\n")
    else:
        (folder / FILE).unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)  # the name in its folder is durable only then
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
