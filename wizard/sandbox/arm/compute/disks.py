"""Managed disks: those that machines bring along, and empty ones of one's own."""

from __future__ import annotations

import datetime
import time
import uuid

from wizard import ids
from wizard.sandbox.arm.compute import attachments, hardware
from wizard.sandbox.arm.compute.power import conflict
from wizard.sandbox.arm.compute.reading import (
    bad,
    change,
    invalid,
    mapping,
    missing,
    not_allowed,
    number,
    text,
    without_nulls,
    writable,
)
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind
from wizard.sandbox.store import Document, Json, Store

DEFAULT_TYPE = "Premium_LRS"
MOST_GIB = 65536


class Disks(Kind):
    """Microsoft.Compute/disks. A PUT is accepted with 202 (200 when it changes nothing that takes time)."""

    type = attachments.DISK
    durations = Durations(create=3, update=2, delete=3)
    created_status = 202
    updated_status = 202

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        hardware.region(self.world.catalog, body["location"], self.type, call.name)
        sku = text(body, "sku.name")
        if sku is not None and sku not in hardware.DATA_DISK_TYPES:
            raise invalid(f"The value '{sku}' of parameter sku.name is invalid.", "sku.name")
        option = text(body, "properties.creationData.createOption")
        size = number(body, "properties.diskSizeGB")
        if size is not None and not 1 <= size <= MOST_GIB:
            raise invalid(f"Value '{size}' of parameter 'disk.diskSizeGb' is out of range.", "disk.diskSizeGb")
        if existing is None:
            if option is None:
                raise missing("disk.creationData.createOption")
            if option != "Empty":
                raise bad(f"The sandbox makes empty disks only, not with createOption '{option}'.", "createOption")
            if size is None:
                raise missing("disk.diskSizeGB")
            return
        properties = existing.body["properties"]
        if option is not None and option != properties["creationData"]["createOption"]:
            raise change("creationData.createOption")
        if size is not None and size < properties["diskSizeGB"]:
            raise bad("Shrinking a disk is not allowed; it can only grow.", "disk.diskSizeGb")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = without_nulls(body)
        account = text(body, "sku.name") or (existing.body["sku"]["name"] if existing else DEFAULT_TYPE)
        body["sku"] = _sku(account)
        if existing is not None:
            body["properties"] = {**existing.body["properties"], **_sent(body)}
        else:
            body["properties"] = {**_birth("Unattached"), **_sent(body)}
        body["properties"]["diskSizeBytes"] = body["properties"]["diskSizeGB"] * 2**30
        represented = writable(body)
        if existing is not None and "managedBy" in existing.body:
            represented["managedBy"] = existing.body["managedBy"]
        return represented

    def check_delete(self, call: Call, document: Document) -> None:
        owner = document.body.get("managedBy")
        if owner and self.world.store.get(owner) is not None:
            raise not_allowed(f"Disk {document.name} is attached to VM {owner}.")

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()


def _sent(body: Json) -> Json:
    """The properties that a caller may set."""
    sent = {name: value for name, value in mapping(body, "properties").items() if value is not None}
    return {name: value for name, value in sent.items() if name not in _birth("")}


def _sku(account: str) -> Json:
    return {"name": account, "tier": "Premium" if account.startswith("Premium") else "Standard"}


def _birth(state: str) -> Json:
    now = datetime.datetime.now(datetime.UTC).isoformat()
    return {
        "uniqueId": str(uuid.uuid4()),
        "timeCreated": now,
        "diskState": state,
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    }


def bring(store: Store, vm: Document, disk: Json, creation: Json, *, os: str | None, size_gib: int) -> None:
    """Make the document of a disk that is born with, or for, a machine. `disk` is its entry in the storage profile."""
    disk_id = disk["managedDisk"]["id"]
    if store.get(disk_id) is not None:
        return
    properties: Json = {**_birth("Attached"), "creationData": creation, "diskSizeGB": size_gib}
    properties["diskSizeBytes"] = size_gib * 2**30
    if os is not None:
        properties["osType"] = os
        properties["hyperVGeneration"] = vm.extra["generation"]
        security = mapping(vm.body, "properties.securityProfile").get("securityType")
        if security == "TrustedLaunch":
            properties["securityProfile"] = {"securityType": security}
    properties["provisioningState"] = "Succeeded"
    body: Json = {
        "location": vm.body["location"],
        "sku": _sku(disk["managedDisk"].get("storageAccountType") or DEFAULT_TYPE),
        "managedBy": vm.id,
        "properties": properties,
    }
    for name in ("tags", "zones"):
        if name in vm.body:
            body[name] = vm.body[name]
    now = time.time()
    store.put(Document(disk_id, attachments.DISK, disk["name"], body, etag=1, created=now, changed=now))


def attach(store: Store, vm: Document, id: str) -> None:
    document = attachments.find(store, id, attachments.DISK)
    if document is not None and ids.key(document.body.get("managedBy", "")) != ids.key(vm.id):
        document.body["managedBy"] = vm.id
        document.body["properties"]["diskState"] = "Attached"
        store.put(document)


def release(store: Store, id: str, *, delete: bool) -> None:
    """Detach a disk from its machine, or delete it with the machine."""
    document = attachments.find(store, id, attachments.DISK)
    if document is None:
        return
    if delete:
        store.delete(id)
        return
    document.body.pop("managedBy", None)
    document.body["properties"]["diskState"] = "Unattached"
    store.put(document)
