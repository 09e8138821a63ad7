"""Unmanaged disks: VHDs that are page blobs in a storage account, as Azure Stack Hub has them to this day.

Codes and wordings are from memory, where no other source is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.sandbox.arm.compute.reading import bad, invalid, items, mapping, missing, text
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.catalog import Region
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.world import World

ACCOUNT = "Microsoft.Storage/storageAccounts"
VM = "Microsoft.Compute/virtualMachines"
PAGE_BLOBS = ("Storage", "StorageV2")
"""Account kinds that hold page blobs (Microsoft, "Storage account overview")."""
LARGEST_GB = 4095


def unmanaged(properties: Json) -> bool:
    """Whether a machine's OS disk is a VHD of one's own account."""
    return bool(mapping(properties, "storageProfile.osDisk").get("vhd"))


def check(world: World, region: Region, body: Json, vm_id: str, *, own_image: bool) -> None:
    """All disks are of one sort; VHDs are each in an account that exists there, and nothing asks for managed disks."""
    properties = mapping(body, "properties")
    disks = [mapping(properties, "storageProfile.osDisk"), *items(properties, "storageProfile.dataDisks")]
    if not any(disk.get("vhd") for disk in disks):
        return
    if not all(disk.get("vhd") for disk in disks) or any(disk.get("managedDisk") for disk in disks):
        raise bad("Managed and unmanaged disks cannot be mixed on one virtual machine.", "osDisk")
    if body.get("zones"):
        raise bad("Virtual machines with unmanaged disks cannot be placed in an availability zone.", "zones")
    if own_image:
        raise bad("A virtual machine made from an image resource must have managed disks.", "osDisk.vhd")
    if text(properties, "securityProfile.securityType") == "TrustedLaunch":
        raise bad("Security type 'TrustedLaunch' requires managed disks.", "securityProfile.securityType")
    if mapping(properties, "securityProfile").get("encryptionAtHost"):
        raise bad("Encryption at host requires managed disks.", "securityProfile.encryptionAtHost")
    uris = [_uri(disk) for disk in disks]
    for disk, uri in zip(disks, uris, strict=True):
        if (disk.get("diskSizeGB") or 0) > LARGEST_GB:
            raise invalid(f"A disk in a storage account has at most {LARGEST_GB} GB.", "diskSizeGB")
        if not text(disk, "name"):
            raise missing("osDisk.name" if disk is disks[0] else "dataDisk.name")
        _check_account(world, region, uri)
        if uris.count(uri) > 1 or uri in _taken(world.store, vm_id):
            raise ArmError(409, "StorageAccountBlobAlreadyExists", f"Blob {uri} already exists.")


def check_set(kind: str, properties: Json) -> None:
    """An Aligned set takes machines with managed disks alone, a Classic one those without."""
    if (kind.lower() == "aligned") == unmanaged(properties):
        raise bad(
            "Addition of a VM with managed disks to non-managed Availability Set or addition of a VM with blob based "
            "disks to managed Availability Set is not supported. Please create an Availability Set with 'managed' "
            "property set in order to add a VM with managed disks to it."
        )


def in_account(store: Store, account: Document) -> list[Document]:
    """The machines that have a VHD in an account."""
    return [vm for vm in store.of_type(VM) if any(_account(uri) == account.name.lower() for uri in _uris(vm))]


def _check_account(world: World, region: Region, uri: str) -> None:
    name = _account(uri)
    found = next((each for each in world.store.of_type(ACCOUNT) if each.name.lower() == name), None)
    if found is None or world.catalog.region(str(found.body.get("location"))) != region:
        raise ArmError(
            409,
            "StorageAccountNotFound",
            f"Storage account {name} not found. Ensure storage account is not deleted and belongs to the same Azure "
            "location as the VM.",
        )
    if found.body["kind"] not in PAGE_BLOBS:
        raise bad(f"Storage account {name} of kind {found.body['kind']} holds no page blobs.", "vhd.uri")


def _uri(disk: Json) -> str:
    uri = text(disk, "vhd.uri") or ""
    parts = urlsplit(uri)
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme not in ("http", "https") or ".blob." not in (parts.hostname or "") or len(path) < 2:
        raise invalid(f"The value '{uri}' of parameter vhd.uri is invalid.", "vhd.uri")
    return uri.lower()


def _account(uri: str) -> str:
    return (urlsplit(uri).hostname or "").partition(".")[0]


def _uris(vm: Document) -> list[str]:
    storage = vm.body["properties"]["storageProfile"]
    disks = (storage["osDisk"], *storage.get("dataDisks", ()))
    return [str(disk["vhd"]["uri"]).lower() for disk in disks if disk.get("vhd")]


def _taken(store: Store, vm_id: str) -> set[str]:
    return {uri for vm in store.of_type(VM) if vm.id.lower() != vm_id.lower() for uri in _uris(vm)}
