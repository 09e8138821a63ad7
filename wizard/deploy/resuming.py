"""Going on with what an earlier run began: its journal for this run, and waiting by its tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wizard import ids
from wizard.deploy import waiting
from wizard.deploy.arm import Arm
from wizard.deploy.events import Emit, JournalSetAside, Resumed
from wizard.deploy.journal import Journal, Kept
from wizard.errors import WizardError


@contextmanager
def journal(folder: Path, name: str, emit: Emit) -> Iterator[Kept]:
    """The deployment's journal, for this run alone; tells what an earlier run left under way, and of damage.

    Raises JournalHeld when another process is at work on the deployment.
    """
    with Kept(folder, name) as kept:
        if kept.set_aside is not None:
            emit(JournalSetAside(name, str(kept.set_aside)))
        if under_way := kept.under_way:
            emit(Resumed(name, tuple(one.id for one in under_way), under_way[0].at))
        yield kept


async def wait(azure: Arm, journal: Journal, id: str, stalled: Callable[[float], None]) -> bool:
    """Wait for an operation on a resource that an earlier run began. False when there is none that can be waited for.

    How it ended, the resource tells: an error of the operation is not raised here.
    """
    under_way = journal.open(id)
    if under_way is None or not under_way.token:
        return False
    try:
        operation = await azure.resume(under_way.id, under_way.token, deleting=under_way.verb == "DELETE")
        await waiting.ended(operation, ids.parse(id).name, azure.cloud.poll_floor_s, stalled)
    except WizardError:
        return False
    return True
