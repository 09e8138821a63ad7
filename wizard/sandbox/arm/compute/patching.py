"""Updates of a machine's system: what Azure finds missing, and its installation, with a restart where one is due."""

from __future__ import annotations

import datetime
import fnmatch
import re
import uuid
from typing import Any

from wizard.sandbox.arm.compute.power import PowerActions
from wizard.sandbox.arm.compute.reading import invalid, mapping, missing, not_allowed, text
from wizard.sandbox.arm.compute.runcommand import agent
from wizard.sandbox.arm.kind import Call, Reply, action, completes
from wizard.sandbox.store import Document, Json

ASSESS_S, INSTALL_S = 30.0, 120.0
"""How long Azure typically takes (from memory)."""

REBOOTS = ("IfRequired", "Never", "Always")

_LISTS = (
    *("classificationsToInclude", "packageNameMasksToInclude", "packageNameMasksToExclude"),
    *("kbNumbersToInclude", "kbNumbersToExclude"),
)

# name, version, knowledge-base article, classification, whether it asks for a restart. The sandbox's own: no real ones.
_LINUX = (
    ("linux-image-sandbox", "6.8.0-2", "", "Security", True),
    ("openssl", "3.0.13-2", "", "Critical", False),
    ("tzdata", "2026a-1", "", "Other", False),
)
_WINDOWS = (
    ("2026-11 Cumulative Update", "1.0", "9000001", "Security", True),
    ("Defender definitions", "1.4", "9000002", "Definition", False),
)


class Patching(PowerActions):
    """The actions `assessPatches` and `installPatches` of a virtual machine."""

    @action("assessPatches")
    async def assess_patches(self, call: Call, document: Document) -> Reply:
        self._check_running(document)
        return Reply.later("assessPatches", ASSESS_S, polling="location")

    @completes("assessPatches")
    async def assessed_patches(self, document: Document, arguments: Json) -> Json:
        await agent(self.world, document)
        found = _missing(document)
        urgent = sum(patch[3] in ("Security", "Critical") for patch in found)
        return {
            "status": "Succeeded",
            "assessmentActivityId": str(uuid.uuid4()),
            "rebootPending": bool(document.extra.get("rebootPending")),
            "criticalAndSecurityPatchCount": urgent,
            "otherPatchCount": len(found) - urgent,
            "startDateTime": datetime.datetime.now(datetime.UTC).isoformat(),
            "availablePatches": [
                {
                    **_told(patch),
                    "rebootBehavior": "AlwaysRequiresReboot" if patch[4] else "NeverReboots",
                    "assessmentState": "Available",
                }
                for patch in found
            ],
        }

    @action("installPatches")
    async def install_patches(self, call: Call, document: Document) -> Reply:
        body = call.body or {}
        duration, reboot = text(body, "maximumDuration"), text(body, "rebootSetting")
        if duration is None:
            raise missing("maximumDuration")
        if not re.fullmatch(r"PT(\d+H)?(\d+M)?(\d+S)?", duration) or duration == "PT":
            raise invalid("The value of parameter maximumDuration is invalid.", "maximumDuration")
        if reboot is None:
            raise missing("rebootSetting")
        if reboot not in REBOOTS:
            raise invalid("The value of parameter rebootSetting is invalid.", "rebootSetting")
        chosen = mapping(body, "windowsParameters" if _windows(document) else "linuxParameters")
        for name in _LISTS:
            given = chosen.get(name)
            if given is not None and not (isinstance(given, list) and all(isinstance(one, str) for one in given)):
                raise invalid(f"The value of parameter {name} is invalid.", name)
        self._check_running(document)
        return Reply.later("installPatches", INSTALL_S, {"reboot": reboot, "chosen": chosen}, polling="location")

    @completes("installPatches")
    async def installed_patches(self, document: Document, arguments: Json) -> Json:
        await agent(self.world, document)
        found = _missing(document)
        states = {patch[0]: _state(patch, arguments["chosen"]) for patch in found}
        installed = [patch for patch in found if states[patch[0]] == "Installed"]
        due = any(patch[4] for patch in installed) or bool(document.extra.get("rebootPending"))
        document.extra["patches"] = [*document.extra.get("patches", ()), *(patch[0] for patch in installed)]
        rebooting = arguments["reboot"] == "Always" or (due and arguments["reboot"] == "IfRequired")
        document.extra["rebootPending"] = due and not rebooting
        self.world.store.put(document)
        if rebooting:
            await self.world.fabric.restart(document.id)
            await self._run(document)
        counts = {state: list(states.values()).count(state) for state in ("Excluded", "NotSelected", "Installed")}
        return {
            "status": "Succeeded",
            "installationActivityId": str(uuid.uuid4()),
            "rebootStatus": "Completed" if rebooting else "Required" if due else "NotNeeded",
            "maintenanceWindowExceeded": False,
            "excludedPatchCount": counts["Excluded"],
            "notSelectedPatchCount": counts["NotSelected"],
            "pendingPatchCount": 0,
            "installedPatchCount": counts["Installed"],
            "failedPatchCount": 0,
            "patches": [{**_told(patch), "installationState": states[patch[0]]} for patch in found],
            "startDateTime": datetime.datetime.now(datetime.UTC).isoformat(),
        }

    def _check_running(self, document: Document) -> None:
        self.check_idle(document)
        if self.state(document) != "running":
            raise not_allowed("The operation requires the VM to be running (or set to run).")


Patch = tuple[str, str, str, str, bool]


def _windows(document: Document) -> bool:
    return bool(document.body["properties"]["storageProfile"]["osDisk"]["osType"] == "Windows")


def _missing(document: Document) -> list[Patch]:
    """The updates that the machine lacks: a new one lacks all of them."""
    done = document.extra.get("patches", ())
    return [patch for patch in (_WINDOWS if _windows(document) else _LINUX) if patch[0] not in done]


def _told(patch: Patch) -> Json:
    name, version, article, classification, _reboots = patch
    told: Json = {"patchId": f"{name} {version}", "name": name, "version": version, "classifications": [classification]}
    return {**told, "kbId": article} if article else told


def _state(patch: Patch, chosen: Any) -> str:
    """Whether it is installed, by what the caller wants of it. Nothing wanted is everything."""
    excluded = [*(chosen.get("packageNameMasksToExclude") or ()), *(chosen.get("kbNumbersToExclude") or ())]
    included = [*(chosen.get("packageNameMasksToInclude") or ()), *(chosen.get("kbNumbersToInclude") or ())]
    if any(_matches(patch, mask) for mask in excluded) or (chosen.get("excludeKbsRequiringReboot") and patch[4]):
        return "Excluded"
    kinds = chosen.get("classificationsToInclude") or ()
    if any(_matches(patch, mask) for mask in included) or patch[3] in kinds or not (kinds or included):
        return "Installed"
    return "NotSelected"


def _matches(patch: Patch, mask: object) -> bool:
    return fnmatch.fnmatch(patch[0], str(mask)) or patch[2] == str(mask)
