"""What is due on each VM: Azure looks at all of them side by side, and nothing is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.errors import AzureError
from wizard.patch.events import Assessed, AssessmentDone
from wizard.patch.turns import Turn, turns
from wizard.patch.wanted import Wanted
from wizard.verify import machines as machines_of
from wizard.verify.events import Emit
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

GOOD = ("Succeeded", "CompletedWithWarnings")


async def assess(record: Record, azure: Azure, wanted: Wanted, *, emit: Emit) -> Sequence[Assessed]:
    """Tell what is due on each VM of a deployment, in the order in which they would be patched.

    A VM that Azure cannot assess is told with the reason, and raises nothing. Raises InputError, AzureError and
    UnreachableError as Azure does.
    """
    from wizard import blueprint
    from wizard.deploy import members

    wanted.check()
    whole = await members.populated(blueprint.build(record.plan, record.subscription), azure)
    order = await turns(azure, whole, machines_of.of(whole), wanted.share)
    return await assessed(record.name, azure, wanted, order, emit)


async def assessed(name: str, azure: Azure, wanted: Wanted, order: Sequence[Turn], emit: Emit) -> Sequence[Assessed]:
    """As `assess`, of VMs whose turns are known."""

    async def one(machine: Machine, domain: str) -> Assessed:
        found = await _one(azure, machine, domain, wanted)
        emit(found)
        return found

    found = await together(one(machine, turn.name) for turn in order for machine in turn.machines)
    due = [each for each in found if wanted.concerns(each)]
    failed = sum(bool(each.why) for each in found)
    emit(AssessmentDone(name, len(found), len(due), sum(each.due for each in found), failed))
    return found


async def _one(azure: Azure, machine: Machine, domain: str, wanted: Wanted) -> Assessed:
    try:
        begin = azure.compute.virtual_machines.begin_assess_patches
        answer = await azure.act(machine.id, lambda: begin(machine.group, machine.vm_name))
        told: Mapping[str, Any] = answer.as_dict()
    except AzureError as error:
        return Assessed(
            machine.vm_name, domain, 0, 0, 0, False, (), machine.windows, f"{error.what} {error.why}".strip()
        )
    status = str(told.get("status") or "Unknown")
    found = Assessed(
        machine.vm_name,
        domain,
        0,
        int(told.get("criticalAndSecurityPatchCount") or 0),
        int(told.get("otherPatchCount") or 0),
        bool(told.get("rebootPending")),
        [_patch(each) for each in told.get("availablePatches") or ()],
        machine.windows,
        "" if status in GOOD else said(told) or f"Azure's assessment ended as {status}.",
    )
    from dataclasses import replace

    return replace(found, due=wanted.due(found))


def _patch(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(each.get("name") or each.get("patchId") or ""),
        "version": str(each.get("version") or ""),
        "kb": str(each.get("kbId") or ""),
        "classes": [str(one) for one in each.get("classifications") or ()],
        "reboot": str(each.get("rebootBehavior") or ""),
    }


def said(told: Mapping[str, Any]) -> str:
    """What an answer's `error` says went wrong inside the VM: the sentences are in its details."""
    error = told.get("error") or {}
    details = [str(each.get("message") or "") for each in error.get("details") or ()]
    return " ".join(filter(None, details)) or str(error.get("message") or "")
