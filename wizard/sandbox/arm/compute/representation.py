"""A machine's document: what was sent, with Azure's defaults, names and read-only values."""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections.abc import Iterable
from typing import Any

from wizard import ids
from wizard.sandbox.arm.compute.attachments import DISK
from wizard.sandbox.arm.compute.reading import items, mapping, writable
from wizard.sandbox.catalog import Image
from wizard.sandbox.store import Document, Json

_NAMES = {"publisher", "offer", "sku", "version", "id"}


def created(body: Json, image: Image, subscription: str, group: str, *, name: str) -> Json:
    """The body of a new machine. Its disks get their names and ids here; their documents follow."""
    properties = body["properties"]
    properties["vmId"] = str(uuid.uuid4())
    properties["timeCreated"] = datetime.datetime.now(datetime.UTC).isoformat()
    storage = properties["storageProfile"]
    reference = {key: value for key, value in storage["imageReference"].items() if key in _NAMES}
    storage["imageReference"] = reference if "id" in reference else {**reference, "exactVersion": image.version}
    storage["osDisk"] = _os_disk(storage.get("osDisk") or {}, image, subscription, group, name=name)
    storage["dataDisks"] = data_disks(body, subscription, group, name)
    storage.setdefault("diskControllerType", "SCSI")
    _os_profile(properties["osProfile"], image)
    return writable(body)


def _os_disk(sent: Json, image: Image, subscription: str, group: str, *, name: str) -> Json:
    disk_name = sent.get("name") or f"{name}_OsDisk_1_{secrets.token_hex(16)}"
    if sent.get("vhd"):
        return _vhd(sent, {"osType": image.os, "caching": "ReadWrite", "diskSizeGB": image.disk_gib})
    managed = dict(sent.get("managedDisk") or {})
    # Left out, the type is Premium_LRS where the size can have it (from memory); every size of the catalog can.
    managed.setdefault("storageAccountType", "Premium_LRS")
    managed["id"] = ids.resource_id(subscription, group, DISK, disk_name)
    return {
        **sent,
        "osType": image.os,
        "name": disk_name,
        "createOption": "FromImage",
        "caching": sent.get("caching") or "ReadWrite",
        "managedDisk": managed,
        "deleteOption": sent.get("deleteOption") or "Detach",
        "diskSizeGB": sent.get("diskSizeGB") or image.disk_gib,
    }


def _vhd(sent: Json, defaults: Json) -> Json:
    """A disk in a storage account: nothing is made of it beside the blob."""
    return {**defaults, **{key: value for key, value in sent.items() if value is not None and key != "deleteOption"}}


def data_disks(body: Json, subscription: str, group: str, name: str, before: Iterable[Json] = ()) -> list[Json]:
    """The entries of the storage profile, with a name and an id for each disk that is to be made.

    A disk that was there `before` keeps its name; a new one without a name gets one that no other disk has.
    """
    shown, named = [], {disk["lun"]: disk["name"] for disk in before}
    for sent in items(body, "properties.storageProfile.dataDisks"):
        if sent.get("vhd"):
            shown.append(_vhd(sent, {"caching": "None", "toBeDetached": False}))
            continue
        disk = {"caching": "None", "deleteOption": "Detach", "toBeDetached": False, **sent}
        managed = dict(sent.get("managedDisk") or {})
        if managed.get("id"):
            disk["name"] = managed["id"].rstrip("/").rsplit("/", 1)[-1]
        else:
            disk["name"] = sent.get("name") or named.get(sent["lun"]) or _data_disk_name(name, sent["lun"])
            managed.setdefault("storageAccountType", "Premium_LRS")
            managed["id"] = ids.resource_id(subscription, group, DISK, disk["name"])
        disk["managedDisk"] = managed
        shown.append(disk)
    return shown


def _data_disk_name(vm: str, lun: int) -> str:
    return f"{vm}_disk{lun + 2}_{secrets.token_hex(16)}"  # Azure's pattern, from memory


def _os_profile(profile: Json, image: Image) -> None:
    if image.os == "Linux":
        linux = profile.setdefault("linuxConfiguration", {})
        linux.setdefault("disablePasswordAuthentication", False)
        linux.setdefault("provisionVMAgent", True)
        patching = linux.setdefault("patchSettings", {})
        patching.setdefault("patchMode", "ImageDefault")
    else:
        windows = profile.setdefault("windowsConfiguration", {})
        windows.setdefault("provisionVMAgent", True)
        windows.setdefault("enableAutomaticUpdates", True)
        patching = windows.setdefault("patchSettings", {})
        patching.setdefault("patchMode", "AutomaticByOS")
    patching.setdefault("assessmentMode", "ImageDefault")
    profile.setdefault("secrets", [])
    profile.setdefault("allowExtensionOperations", True)
    profile["requireGuestProvisionSignal"] = True


def updated(body: Json, existing: Document, subscription: str, group: str) -> Json:
    """The body after a PUT or PATCH on an existing machine: what is sent over what was there, read-only values kept."""
    old = existing.body["properties"]
    sent = mapping(body, "properties")
    properties: Json = {**sent}
    for name in ("vmId", "timeCreated"):
        properties[name] = old[name]
    if "virtualMachineScaleSet" in old:
        properties["virtualMachineScaleSet"] = old["virtualMachineScaleSet"]
    for name in ("hardwareProfile", "networkProfile", "securityProfile", "osProfile"):
        if name in old:
            properties[name] = _merged(old[name], sent.get(name) or {})
    properties["osProfile"]["requireGuestProvisionSignal"] = True
    storage = mapping(sent, "storageProfile")
    properties["storageProfile"] = {
        **old["storageProfile"],
        "osDisk": _merged(old["storageProfile"]["osDisk"], storage.get("osDisk") or {}),
        # Left out, data disks stay; an empty list detaches them.
        "dataDisks": data_disks(body, subscription, group, existing.name, old["storageProfile"]["dataDisks"])
        if "dataDisks" in storage
        else old["storageProfile"]["dataDisks"],
    }
    for name in ("instanceView", "provisioningState"):
        properties.pop(name, None)
    body["properties"] = properties
    return writable(body)


def _merged(old: Any, new: Any) -> Any:
    """Objects are merged, everything else is replaced; null leaves what there was."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: _merged(old.get(name), new.get(name)) for name in {**old, **new}}
    return old if new is None else new
