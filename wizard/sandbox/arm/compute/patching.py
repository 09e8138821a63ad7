"""Updates of a machine's system: what Azure finds missing, and its installation, with a restart where one is due."""

from __future__ import annotations

import datetime
import fnmatch
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from wizard.sandbox.arm.compute.power import PowerActions
from wizard.sandbox.arm.compute.reading import invalid, mapping, missing, not_allowed, text
from wizard.sandbox.arm.compute.runcommand import agent
from wizard.sandbox.arm.kind import Call, Reply, action, completes
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

ASSESS_S, INSTALL_S = 30.0, 120.0
"""How long Azure typically takes (from memory)."""

MIRRORS = 80
"""Where Debian's, Ubuntu's and Red Hat's archives and Windows Update are asked for updates."""

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
        return Reply.later("assessPatches", ASSESS_S, {"began": time.time()}, polling="location")

    @completes("assessPatches")
    async def assessed_patches(self, document: Document, arguments: Json) -> Json:
        await agent(self.world, document)
        error = self._unreachable(document)
        found = _missing(document) if error is None else []
        urgent = sum(patch[3] in ("Security", "Critical") for patch in found)
        summary = {
            "status": "Succeeded" if error is None else "Failed",
            "assessmentActivityId": str(uuid.uuid4()),
            "rebootPending": bool(document.extra.get("rebootPending")),
            "criticalAndSecurityPatchCount": urgent,
            "otherPatchCount": len(found) - urgent,
            **({"error": error} if error else {}),
        }
        began = _keep(document, _ASSESSED, summary, arguments["began"])
        self.world.store.put(document)
        return {
            **summary,
            "startDateTime": began,
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
        arguments = {"reboot": reboot, "chosen": chosen, "began": time.time()}
        return Reply.later("installPatches", INSTALL_S, arguments, polling="location")

    @completes("installPatches")
    async def installed_patches(self, document: Document, arguments: Json) -> Json:
        await agent(self.world, document)
        error = self._unreachable(document)
        found = _missing(document) if error is None else []
        states = {patch[0]: _state(patch, arguments["chosen"]) for patch in found}
        if self.world.faults.fails_to_patch(document.id, self.world.speed):
            error = _fail_first(states) or error
        installed = [patch for patch in found if states[patch[0]] == "Installed"]
        due = any(patch[4] for patch in installed) or bool(document.extra.get("rebootPending"))
        document.extra["patches"] = [*document.extra.get("patches", ()), *(patch[0] for patch in installed)]
        rebooting = arguments["reboot"] == "Always" or (due and arguments["reboot"] == "IfRequired")
        document.extra["rebootPending"] = due and not rebooting
        self.world.store.put(document)
        if rebooting:
            await self.world.fabric.restart(document.id)
            await self._run(document)
        counts = {state: list(states.values()).count(state) for state in _INSTALLATION}
        summary = {
            "status": "Succeeded" if error is None else "CompletedWithWarnings" if installed else "Failed",
            "installationActivityId": str(uuid.uuid4()),
            "maintenanceWindowExceeded": False,
            "excludedPatchCount": counts["Excluded"],
            "notSelectedPatchCount": counts["NotSelected"],
            "pendingPatchCount": 0,
            "installedPatchCount": counts["Installed"],
            "failedPatchCount": counts["Failed"],
            **({"error": error} if error else {}),
        }
        began = _keep(document, _INSTALLED, summary, arguments["began"])
        self.world.store.put(document)
        return {
            **summary,
            "rebootStatus": "Completed" if rebooting else "Required" if due else "NotNeeded",
            "patches": [{**_told(patch), "installationState": states[patch[0]]} for patch in found],
            "startDateTime": began,
        }

    def _unreachable(self, document: Document) -> Json | None:
        """What is told where the machine cannot reach the archive or the update service. The code is from memory."""
        if (why := self.world.fabric.no_way_out(document.id, MIRRORS)) is None:
            return None
        return _error("PACKAGE_MANAGER_FAILURE", f"The package repositories could not be reached: {why}.")

    def _check_running(self, document: Document) -> None:
        self.check_idle(document)
        if self.state(document) != "running":
            raise not_allowed("The operation requires the VM to be running (or set to run).")


Patch = tuple[str, str, str, str, bool]
_ASSESSED, _INSTALLED = "availablePatchSummary", "lastPatchInstallationSummary"
_INSTALLATION = ("Excluded", "NotSelected", "Installed", "Failed")
_VERBS = {_ASSESSED: "assessPatches", _INSTALLED: "installPatches"}


def view(world: World, document: Document) -> Json | None:
    """`patchStatus` of the instance view: the last assessment and the last installation, also while they go on."""
    found: Json = dict(document.extra.get("patchStatus") or {})
    going = {operation.verb: operation.started for operation in world.operations.running_on(document.id)}
    for key, verb in _VERBS.items():
        if verb in going:
            found[key] = {"status": "InProgress", "startTime": _utc(going[verb])}
    return found or None


def _keep(document: Document, key: str, summary: Json, began: float) -> str:
    """Keep a summary for the instance view; returns when it began, as an answer tells it."""
    told = {**summary, "startTime": _utc(began), "lastModifiedTime": _utc(time.time())}
    document.extra["patchStatus"] = {**(document.extra.get("patchStatus") or {}), key: told}
    return _utc(began)


def _utc(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def _fail_first(states: dict[str, str]) -> Json | None:
    """Let the first update that is to be installed fail; None where none is to be."""
    name = next((name for name, state in states.items() if state == "Installed"), None)
    if name is None:
        return None
    states[name] = "Failed"
    return _error("PATCH_INSTALLATION_FAILURE", f"{name} could not be installed: its configuration script failed.")


def _error(code: str, message: str) -> Json:
    """As Azure nests what went wrong inside the machine: the sentence is in the details."""
    return {
        "code": "InternalOperationError",
        "message": "1 error/s reported. See error details.",
        "details": [{"code": code, "message": message}],
    }


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
