"""The instance view: what a machine, its agent, its disks and its extensions are doing right now."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from wizard.sandbox.arm.compute import extensions, health, patching
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

_PROVISIONING = {
    "Succeeded": ("succeeded", "Provisioning succeeded", "Info"),
    "Creating": ("creating", "Creating", "Info"),
    "Updating": ("updating", "Updating", "Info"),
    "Deleting": ("deleting", "Deleting", "Info"),
    "Failed": ("failed", "Provisioning failed", "Error"),
}


def instance_view(world: World, document: Document) -> Json:
    """`properties.instanceView`, and the answer of `GET .../instanceView`."""
    properties = document.body["properties"]
    power = world.fabric.power_state(document.id)
    view: Json = {}
    if "updateDomain" in document.extra:
        view["platformUpdateDomain"] = document.extra["updateDomain"]
        view["platformFaultDomain"] = document.extra["faultDomain"]
    if power in ("running", "starting", "stopping"):
        _guest(world, document, view)
    view["hyperVGeneration"] = document.extra.get("generation", "V2")
    disks = [properties["storageProfile"]["osDisk"], *properties["storageProfile"]["dataDisks"]]
    view["disks"] = [{"name": disk["name"], "statuses": [_provisioning("Succeeded")]} for disk in disks]
    diagnostics = (properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    if diagnostics.get("enabled"):
        view["bootDiagnostics"] = {}  # with managed storage the URLs come from an action
    own = extensions.of_machine(world.store, document)
    if own:
        view["extensions"] = [extensions.instance_view(one) for one in own]
    if (patched := patching.view(world, document)) is not None:
        view["patchStatus"] = patched
    if (found := health.view(document)) is not None:
        view["vmHealth"] = found
    view["statuses"] = statuses(document, power)
    return view


def statuses(document: Document, power: str) -> list[Json]:
    """Provisioning state and power state; a machine that is being created for the first time has no power state."""
    state = document.body["properties"].get("provisioningState", "Succeeded")
    return [
        _provisioning(state),
        {"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"},
    ]


def _guest(world: World, document: Document, view: Json) -> None:
    """What the agent reports; Azure shows an agent that is not ready while the machine boots."""
    ready = world.fabric.agent_ready(document.id)
    if not ready:
        view["vmAgent"] = {
            "vmAgentVersion": "Unknown",
            "statuses": [
                _status(
                    "ProvisioningState/Unavailable",
                    "Not Ready",
                    "Warning",
                    "VM status blob is found but not yet populated.",
                )
            ],
        }
        return
    facts = world.fabric.os_facts(document.id)
    view["computerName"] = facts.get("computerName", document.name)
    for name in ("osName", "osVersion"):
        if facts.get(name):
            view[name] = facts[name]
    view["vmAgent"] = {
        "vmAgentVersion": facts.get("vmAgentVersion", "Unknown"),
        "statuses": [_status("ProvisioningState/succeeded", "Ready", "Info", "Guest Agent is running")],
        "extensionHandlers": [extensions.handler_view(one) for one in extensions.of_machine(world.store, document)],
    }


def _provisioning(state: str) -> Json:
    code, display, level = _PROVISIONING.get(state, (state.lower(), state, "Info"))
    return _status(f"ProvisioningState/{code}", display, level)


def _status(code: str, display: str, level: str, message: str | None = None) -> dict[str, Any]:
    status = {"code": code, "level": level, "displayStatus": display}
    if message is not None:
        status["message"] = message
    status["time"] = datetime.datetime.now(datetime.UTC).isoformat()
    return status
