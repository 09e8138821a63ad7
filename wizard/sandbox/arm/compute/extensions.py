"""VM extensions. VMAccess really changes the machine's users, and a Windows machine's custom script really runs."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.compute import digests
from wizard.sandbox.arm.compute.attachments import VM
from wizard.sandbox.arm.compute.power import conflict
from wizard.sandbox.arm.compute.reading import (
    bad,
    change,
    invalid,
    mapping,
    missing,
    not_allowed,
    text,
    without_nulls,
    writable,
)
from wizard.sandbox.arm.compute.runcommand import agent
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.world import World

EXTENSION = f"{VM}/extensions"
VMACCESS = "microsoft.ostcextensions.vmaccessforlinux"
VMACCESS_WINDOWS = "microsoft.compute.vmaccessagent"
CUSTOM_SCRIPT_WINDOWS = "microsoft.compute.customscriptextension"
HEALTH_LINUX = "microsoft.managedservices.applicationhealthlinux"
HEALTH_WINDOWS = "microsoft.managedservices.applicationhealthwindows"
AGENT_LINUX = "microsoft.azure.monitor.azuremonitorlinuxagent"
AGENT_WINDOWS = "microsoft.azure.monitor.azuremonitorwindowsagent"
HANDLERS = {
    VMACCESS: "1.5.22",
    VMACCESS_WINDOWS: "2.4.8",
    CUSTOM_SCRIPT_WINDOWS: "1.10.15",
    HEALTH_LINUX: "1.0.28",
    HEALTH_WINDOWS: "1.0.28",
    AGENT_LINUX: "1.35.4",
    AGENT_WINDOWS: "1.35.0",
}
"""Handlers that the sandbox has, and the full version that its agent reports (the last part from memory)."""
_FOR_WINDOWS = frozenset((VMACCESS_WINDOWS, CUSTOM_SCRIPT_WINDOWS, HEALTH_WINDOWS, AGENT_WINDOWS))
_STANDING = frozenset((HEALTH_LINUX, HEALTH_WINDOWS, AGENT_LINUX, AGENT_WINDOWS))
"""Installed and then at work by themselves: `scale_set_watch` asks as the health extensions do, `insights.agents`
reports as Azure Monitor's agents do."""
REAL_HANDLERS = frozenset(
    {
        "microsoft.azure.extensions.customscript",
        "microsoft.azure.extensions.dockerextension",
        "microsoft.ostcextensions.customscriptforlinux",
        "microsoft.compute.bginfo",
        "microsoft.powershell.dsc",
        "microsoft.azure.diagnostics.linuxdiagnostic",
        "microsoft.azure.activedirectory.aadsshloginforlinux",
        "microsoft.azure.networkwatcher.networkwatcheragentlinux",
    }
)
"""Handlers that Azure has and the sandbox has not (names from memory)."""


class Extensions(Kind):
    """Microsoft.Compute/virtualMachines/extensions. Protected settings wait in memory alone until they are applied."""

    type = EXTENSION
    durations = Durations(create=25, update=25, delete=15)
    write_only = ("properties.protectedSettings", "properties.protectedSettingsFromKeyVault")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._protected: dict[str, Json] = {}

    def _machine(self, id: str) -> Document:
        machine = self.world.store.get(id.rsplit("/", 2)[0])
        assert machine is not None, "the server has checked the parent"
        return machine

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        machine = self._machine(call.id)
        handler = handler_of(body)
        for name in ("publisher", "type", "typeHandlerVersion"):
            if not text(body, f"properties.{name}"):
                raise missing(name)
        mapping(body, "properties.settings")
        mapping(body, "properties.protectedSettings")
        self._check_handler(body, handler, machine)
        if existing is not None and handler_of(existing.body) != handler:
            # A handler of an existing extension is fixed; the property's name is from memory.
            raise change("extension.type")
        for other in of_machine(self.world.store, machine):
            if ids.key(other.id) != ids.key(call.id) and handler_of(other.body) == handler:
                system = machine.body["properties"]["storageProfile"]["osDisk"]["osType"]
                raise bad(
                    f"Multiple VMExtensions per handler not supported for OS type '{system}'. VMExtension "
                    f"'{call.name}' with handler '{_title(body)}' already added or specified in input."
                )
        self._check_running(machine)

    def _check_handler(self, body: Json, handler: str, machine: Document) -> None:
        publisher, name = text(body, "properties.publisher"), text(body, "properties.type")
        if handler in REAL_HANDLERS:
            raise ArmError(
                501,
                "HandlerNotInSandbox",
                f"Azure has the extension handler '{publisher}.{name}', the sandbox has not: nothing was changed.",
            )
        if handler not in HANDLERS:
            raise ArmError(
                404,
                "ArtifactNotFound",
                f"The VM extension with publisher '{publisher}' and type '{name}' could not be found in location "
                f"'{machine.body['location']}'.",
            )
        version = text(body, "properties.typeHandlerVersion") or ""
        if not _satisfied(version, HANDLERS[handler]):
            raise ArmError(
                404,
                "ArtifactVersionNotFound",
                f"No version found in the artifact repository that satisfies the requested version '{version}' for VM "
                f"extension with publisher '{publisher}' and type '{name}'.",
            )
        system = "Windows" if handler in _FOR_WINDOWS else "Linux"
        if machine.body["properties"]["storageProfile"]["osDisk"]["osType"] != system:
            raise invalid(f"The extension '{publisher}.{name}' is for {system} machines.", "type")
        if mapping(machine.body, "properties.osProfile").get("allowExtensionOperations") is False:
            raise not_allowed(f"Extension operations are not allowed on VM '{machine.name}'.")

    def _check_running(self, machine: Document) -> None:
        if self.world.fabric.power_state(machine.id) not in ("running", "starting"):
            raise not_allowed("Cannot modify extensions in the VM when the VM is not running.")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = without_nulls(body)
        body["properties"].setdefault("autoUpgradeMinorVersion", False)
        body["properties"].pop("instanceView", None)
        return writable(body)

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        """An identical configuration is not run again: its digest tells, the settings themselves are not kept."""
        properties = body["properties"]
        if call.method == "PATCH" and "protectedSettings" not in properties and document.extra.get("protected"):
            # What a PATCH leaves out stays as it was in Azure; the sandbox forgot it and cannot run it once more.
            document.extra["run"] = False
            self.world.store.put(document)
            return
        configuration = {
            name: properties.get(name) for name in ("settings", "protectedSettings", "forceUpdateTag", "type")
        }
        failed = mapping(document.extra, "status").get("code", "").startswith("ProvisioningState/failed")
        run = failed or not digests.same(document.extra.get("digest"), configuration)
        document.extra.update(run=run, protected="protectedSettings" in properties)
        if run:
            document.extra["digest"] = digests.of(configuration)
            document.extra["status"] = _status("transitioning", "Transitioning", "")
            self._protected[ids.key(document.id)] = mapping(properties, "protectedSettings")
        self.world.store.put(document)

    async def succeed(self, document: Document, created: bool) -> None:
        if not document.extra.get("run"):
            return
        machine = self._machine(document.id)
        document.extra["run"] = False
        protected = self._protected.pop(ids.key(document.id), None)
        if protected is None and document.extra.get("protected"):
            raise self._failed(document, "The sandbox was restarted before the protected settings were applied.")
        await agent(self.world, machine)
        settings = mapping(document.body, "properties.settings")
        handler = handler_of(document.body)
        if handler in _STANDING or self.world.faults.left_unchanged(document.id):
            document.extra["status"] = _status("succeeded", "Provisioning succeeded", "Enable succeeded.")
            return
        result = await self.world.fabric.run_extension(machine.id, handler, settings, protected or {})
        if result.code != 0:
            raise self._failed(document, result.message)
        document.extra["status"] = _status("succeeded", "Provisioning succeeded", result.message or "Enable succeeded.")

    def _failed(self, document: Document, why: str) -> ArmError:
        document.extra["status"] = _status("failed/VMExtensionProvisioningError", "Provisioning failed", why, "Error")
        properties = document.body["properties"]
        return ArmError(
            409,
            "VMExtensionProvisioningError",
            f"VM has reported a failure when processing extension '{document.name}' (publisher "
            f"'{properties['publisher']}' and type '{properties['type']}'). Error message: '{why}'. More information "
            f"on troubleshooting is available at {_trouble(properties)}.",
        )

    def check_delete(self, call: Call, document: Document) -> None:
        self._check_running(self._machine(document.id))

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()

    def show(self, document: Document, call: Call | None = None) -> Json:
        shown = super().show(document, call)
        if call is not None and "instanceview" in call.query.get("$expand", "").lower():
            shown["properties"] = {**shown["properties"], "instanceView": instance_view(document)}
        return shown


def of_machine(store: Store, machine: Document) -> list[Document]:
    """A machine's extensions, oldest first."""
    return store.below(machine.id, EXTENSION)


def handler_of(body: Json) -> str:
    """Publisher and type, comparable."""
    return _title(body).lower()


def _trouble(properties: Json) -> str:
    """Where Azure's message leads."""
    handler = handler_of({"properties": properties})
    windows = {
        CUSTOM_SCRIPT_WINDOWS: "https://aka.ms/VMExtensionCSEWindowsTroubleshoot",
        VMACCESS_WINDOWS: "https://aka.ms/vmextensionwindowstroubleshoot",
    }
    return windows.get(handler, "https://aka.ms/vmextensionlinuxtroubleshoot")


def _title(body: Json) -> str:
    return f"{text(body, 'properties.publisher')}.{text(body, 'properties.type')}"


def _satisfied(wanted: str, have: str) -> bool:
    """Azure takes `1.5`, and any minor version that there has been."""
    parts = wanted.split(".")
    major, minor = have.split(".")[:2]
    return (
        len(parts) in (2, 3, 4)
        and all(part.isdecimal() for part in parts)
        and parts[0] == major
        and int(parts[1]) <= int(minor)
    )


def instance_view(document: Document) -> Json:
    """`instanceView` of one extension."""
    status = document.extra.get("status")
    return {
        "name": document.name,
        "type": _title(document.body),
        "typeHandlerVersion": HANDLERS.get(handler_of(document.body), "1.0"),
        "statuses": [status] if status else [],
    }


def handler_view(document: Document) -> Json:
    """What the agent reports of the handler, in the machine's instance view."""
    return {
        "type": _title(document.body),
        "typeHandlerVersion": HANDLERS.get(handler_of(document.body), "1.0"),
        "status": {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"},
    }


def _status(code: str, display: str, message: str, level: str = "Info") -> dict[str, Any]:
    return {
        "code": f"ProvisioningState/{code}",
        "level": level,
        "displayStatus": display,
        "message": message,
        "time": datetime.datetime.now(datetime.UTC).isoformat(),
    }
