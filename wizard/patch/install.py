"""The installation on one VM, and what to make of how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.deploy.rotation import GRACE_S
from wizard.errors import AzureError, WizardError
from wizard.patch.assess import said
from wizard.patch.events import Assessed, VmPatched
from wizard.patch.wanted import Wanted
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

AGAIN = "Then patch again: it goes on with what is left."
LOGS = {
    False: "/var/log/azure/Microsoft.CPlat.Core.LinuxPatchExtension",
    True: r"C:\WindowsAzure\Logs\Plugins\Microsoft.CPlat.Core.WindowsPatchExtension",
}
"""Where Azure's patch extensions write on a VM (from memory)."""


class NotPatched(WizardError):  # noqa: N818 - told as a fact, as the events are
    """A VM could not be patched, and no further domain was begun."""

    @classmethod
    def of(cls, bad: Sequence[VmPatched], left: int) -> NotPatched:
        """What went wrong on VMs of one domain; `left` domains were not begun."""
        first = bad[0]
        vms = ", ".join(each.vm for each in bad)
        rest = f" {left} more {'domain was' if left == 1 else 'domains were'} not begun." if left else ""
        return cls(f"{vms} {'was' if len(bad) == 1 else 'were'} not patched.", f"{first.why}{rest}", first.remedy)


def refuse_unknown(name: str, found: Sequence[Assessed]) -> None:
    """Raise NotPatched where Azure could not tell of every VM what is due on it."""
    if unknown := [each for each in found if each.why]:
        raise NotPatched(
            f"{', '.join(each.vm for each in unknown)} could not be assessed, and nothing was installed.",
            unknown[0].why,
            f"Find out why: multivm-wizard verify {name}",
        )


async def install(azure: Azure, machine: Machine, domain: str, wanted: Wanted, now: Callable[[], float]) -> VmPatched:
    """Install, and restart where that is due, to the end. What Azure refuses is told in the result, not raised.

    Raises UnreachableError when the cloud goes away.
    """
    began = now()
    try:
        body: Any = wanted.body(windows=machine.windows)
        begin = azure.compute.virtual_machines.begin_install_patches
        installed = await azure.act(
            machine.id,
            lambda: begin(machine.group, machine.vm_name, body),
            again=False,  # it may restart the machine
            limit_s=wanted.minutes * 60.0 + GRACE_S,
        )
        answer: Mapping[str, Any] = installed.as_dict()
    except AzureError as error:
        why, at = f"{error.what} {error.why}".strip(), now()
        return VmPatched(
            machine.vm_name, domain, round(at, 2), round(at - began, 2), "", 0, 0, 0, "Unknown", why, _after(error)
        )
    at = now()
    why, remedy = judged(answer, machine, wanted)
    return VmPatched(
        machine.vm_name,
        domain,
        round(at, 2),
        round(at - began, 2),
        str(answer.get("status") or "Unknown"),
        int(answer.get("installedPatchCount") or 0),
        int(answer.get("failedPatchCount") or 0),
        int(answer.get("pendingPatchCount") or 0),
        str(answer.get("rebootStatus") or "Unknown"),
        why,
        remedy,
    )


def judged(answer: Mapping[str, Any], machine: Machine, wanted: Wanted) -> tuple[str, str]:
    """What is wrong with an installation that has ended, and what to do; ("", "") when nothing is. Pure."""
    status, sentence = str(answer.get("status") or "Unknown"), said(answer)
    log = f"Look on the VM why: {LOGS[machine.windows]}. {AGAIN}"
    if answer.get("maintenanceWindowExceeded") or answer.get("pendingPatchCount"):
        pending = int(answer.get("pendingPatchCount") or 0)
        why = f"{pending} updates did not fit into {wanted.minutes} minutes. {sentence}".strip()
        return why, f"Give it more time with --maximum-minutes. {AGAIN}"
    if failed := int(answer.get("failedPatchCount") or 0):
        names = [str(each.get("name")) for each in answer.get("patches") or () if _failed(each)]
        told = f"{failed} of its updates could not be installed{': ' if names else ''}{', '.join(names[:3])}."
        return f"{told} {sentence}".strip(), log
    if str(answer.get("rebootStatus")) == "Failed":
        return (
            f"It could not be restarted. {sentence}".strip(),
            f"Restart it: az vm restart --ids {machine.id}. {AGAIN}",
        )
    if status != "Succeeded":
        return f"The installation ended as {status}. {sentence}".strip(), log
    return "", ""


def _failed(each: Mapping[str, Any]) -> bool:
    return str(each.get("installationState")) == "Failed"


def _after(error: AzureError) -> str:
    return f"{error.remedy} {AGAIN}".strip()
