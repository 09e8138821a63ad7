"""What became of an operation that cannot be asked for any more: the resource itself tells.

ARM forgets operations, front ends lose them, and a failed question is not a failed operation: work that Azure has
accepted goes on. So the resource is asked until it says that nothing is going on.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.azure import resources
from wizard.azure.errors import retryable
from wizard.errors import AzureError, UnreachableError, WizardError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

LONGEST_FLOORS = 900
"""How long a resource is asked, in poll floors of the cloud: an hour on Azure; nothing of ours takes that long."""

UNANSWERED = 5
"""How many questions in a row may stay without an answer, each of them sent several times."""


def is_open(error: WizardError) -> bool:
    """Whether an error of waiting for an operation says nothing of the operation: the question failed, not the work."""
    if isinstance(error, UnreachableError):
        return True
    return isinstance(error, AzureError) and error.status is not None and (error.status == 404 or retryable(error))


async def found_out(azure: Azure, id: str, *, deleting: bool, error: WizardError) -> dict[str, Any] | None:
    """Wait until the resource has settled. Returns it, or None after a delete.

    `error` is what the question about the operation met; it is raised where the resource tells nothing better.
    """
    floor = azure.cloud.poll_floor_s
    until = time.monotonic() + LONGEST_FLOORS * floor
    unanswered = 0
    while time.monotonic() < until and unanswered < UNANSWERED:
        try:
            document = await resources.get(azure, id)
            unanswered = 0
        except (AzureError, UnreachableError) as raised:
            if not is_open(raised):
                raise
            unanswered += 1
            await asyncio.sleep(floor)
            continue
        if document is None:
            if deleting:
                return None
            break
        state = str((document.get("properties") or {}).get("provisioningState") or "Succeeded")
        if state in ("Failed", "Canceled") or (state == "Succeeded" and deleting):
            raise _ended(id, state, deleting)
        if state == "Succeeded":
            return document
        await asyncio.sleep(floor)
    raise error


def _ended(id: str, state: str, deleting: bool) -> AzureError:
    parsed = ids.parse(id)
    what = f"{parsed.type.rpartition('/')[2]} {parsed.name}"
    if deleting and state == "Succeeded":
        return AzureError(
            f"{what} was not deleted.",
            "Azure lost the operation that should delete it, and the resource is still there.",
            "Run the same command again.",
            code="OperationLost",
        )
    return AzureError(
        f"{what} failed: it ended as {state}.",
        "Azure lost the operation that worked on it; the resource itself says no more.",
        "See the resource's activity log for the reason, and run the same command again.",
        code="OperationLost",
    )
