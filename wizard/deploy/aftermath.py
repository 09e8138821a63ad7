"""What a killed run has left behind on the machines, put right by whatever works on the deployment next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wizard.deploy import rotation, stopped
from wizard.deploy.events import Emit

if TYPE_CHECKING:
    from wizard.azure.clients import Azure


async def put_right(folder: Path, azure: Azure, emit: Emit) -> tuple[str, ...]:
    """Start what a drill has left stopped, and put back what a patching has left out of rotation; each is told.

    Returns the ids of what was started or is gone.

    Raises AzureError, UnreachableError, WizardError; what could not be put right stays noted for the next one.
    """
    started = await stopped.bring_back(folder, azure, emit)
    await rotation.bring_back(folder, azure, emit)
    return started
