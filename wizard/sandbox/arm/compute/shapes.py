"""The types of what a machine's body may hold, checked before anything else: objects, lists, texts and flags.

Azure refuses an unknown member as well; here that is done for the members of `properties`.
"""

from __future__ import annotations

from wizard.sandbox.arm import errors
from wizard.sandbox.arm.compute.reading import flag, items, mapping, number, text
from wizard.sandbox.store import Json

_MEMBERS = frozenset(
    {
        "additionalCapabilities",
        "applicationProfile",
        "availabilitySet",
        "billingProfile",
        "capacityReservation",
        "diagnosticsProfile",
        "evictionPolicy",
        "extensionsTimeBudget",
        "hardwareProfile",
        "host",
        "hostGroup",
        "instanceView",
        "licenseType",
        "networkProfile",
        "osProfile",
        "platformFaultDomain",
        "priority",
        "provisioningState",
        "proximityPlacementGroup",
        "resilientVMDeletionStatus",
        "scheduledEventsPolicy",
        "scheduledEventsProfile",
        "securityProfile",
        "storageProfile",
        "timeCreated",
        "userData",
        "virtualMachineScaleSet",
        "vmId",
    }
)
"""Of VirtualMachineProperties, as the SDK's model has them (azure-mgmt-compute 39)."""

_OBJECTS = (
    "availabilitySet",
    "diagnosticsProfile.bootDiagnostics",
    "hardwareProfile",
    "networkProfile",
    "osProfile.linuxConfiguration.patchSettings",
    "osProfile.linuxConfiguration.ssh",
    "osProfile.windowsConfiguration.patchSettings",
    "securityProfile.uefiSettings",
    "storageProfile.imageReference",
    "storageProfile.osDisk.managedDisk",
    "storageProfile.osDisk.vhd",
)
_FLAGS = (
    "diagnosticsProfile.bootDiagnostics.enabled",
    "osProfile.allowExtensionOperations",
    "osProfile.linuxConfiguration.disablePasswordAuthentication",
    "osProfile.linuxConfiguration.provisionVMAgent",
    "osProfile.windowsConfiguration.enableAutomaticUpdates",
    "osProfile.windowsConfiguration.provisionVMAgent",
    "securityProfile.encryptionAtHost",
    "securityProfile.uefiSettings.secureBootEnabled",
    "securityProfile.uefiSettings.vTpmEnabled",
)
_TEXTS = (
    "availabilitySet.id",
    "diagnosticsProfile.bootDiagnostics.storageUri",
    "hardwareProfile.vmSize",
    "osProfile.adminPassword",
    "osProfile.adminUsername",
    "osProfile.computerName",
    "osProfile.customData",
    "osProfile.linuxConfiguration.patchSettings.assessmentMode",
    "osProfile.linuxConfiguration.patchSettings.patchMode",
    "osProfile.windowsConfiguration.patchSettings.assessmentMode",
    "osProfile.windowsConfiguration.patchSettings.patchMode",
    "osProfile.windowsConfiguration.timeZone",
    "securityProfile.securityType",
    "storageProfile.imageReference.id",
    "storageProfile.imageReference.offer",
    "storageProfile.imageReference.publisher",
    "storageProfile.imageReference.sku",
    "storageProfile.imageReference.version",
)
_DISK_TEXTS = (
    *("caching", "createOption", "deleteOption", "name"),
    *("managedDisk.id", "managedDisk.storageAccountType", "vhd.uri"),
)


def check(body: Json) -> None:
    """Raise InvalidRequestContent for the first value of a wrong type."""
    properties = mapping(body, "properties")
    for name in properties:
        if name not in _MEMBERS:
            raise errors.invalid_content(
                f"Could not find member '{name}' on object of type 'VirtualMachineProperties'. Path 'properties.{name}'"
            )
    for path in _OBJECTS:
        mapping(body, f"properties.{path}")
    for path in _FLAGS:
        flag(body, f"properties.{path}")
    for path in _TEXTS:
        text(body, f"properties.{path}")
    _disk(mapping(body, "properties.storageProfile.osDisk"))
    for disk in items(body, "properties.storageProfile.dataDisks"):
        _disk(disk)
    for key in items(body, "properties.osProfile.linuxConfiguration.ssh.publicKeys"):
        text(key, "path")
        text(key, "keyData")
    for nic in items(body, "properties.networkProfile.networkInterfaces"):
        text(nic, "id")
        text(nic, "properties.deleteOption")
        flag(nic, "properties.primary")
    zones = body.get("zones")
    if zones is not None and not (isinstance(zones, list) and all(isinstance(zone, str) for zone in zones)):
        raise errors.invalid_content("The value at path 'zones' must be an array of strings")


def _disk(disk: Json) -> None:
    for path in _DISK_TEXTS:
        text(disk, path)
    number(disk, "diskSizeGB")
    number(disk, "lun")
