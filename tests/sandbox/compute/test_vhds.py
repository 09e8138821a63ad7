"""Machines with unmanaged disks: VHDs in storage accounts, by Azure's rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.compute.desk import Desk
from wizard.sandbox.arm.errors import ArmError

VM = "Microsoft.Compute/virtualMachines"
SET = "Microsoft.Compute/availabilitySets"
ACCOUNT = "Microsoft.Storage/storageAccounts"


async def account(desk: Desk, name: str, location: str = "westeurope", kind: str = "StorageV2") -> None:
    sku = {"name": "Premium_LRS" if kind != "BlobStorage" else "Standard_LRS"}
    await desk.put(ACCOUNT, name, body={"location": location, "kind": kind, "sku": sku, "properties": {}})


def vhd(name: str, place: str = "vhdone.blob.core.windows.net") -> dict[str, Any]:
    return {"name": name, "vhd": {"uri": f"https://{place}/vhds/{name}.vhd"}}


def unmanaged(desk: Desk, vm: str = "vm1", **disk: Any) -> dict[str, Any]:
    body = desk.machine(desk.nic(f"{vm}-nic"))
    body["properties"].pop("securityProfile", None)
    body["properties"]["storageProfile"]["osDisk"] = {"createOption": "FromImage", **(disk or vhd(f"{vm}-os"))}
    body["properties"]["storageProfile"].pop("dataDisks", None)
    return dict(body)


async def refusal(desk: Desk, type: str, name: str, body: dict[str, Any]) -> ArmError:
    with pytest.raises(ArmError) as raised:
        await desk.put(type, name, body=body)
    return raised.value


async def test_its_disks_are_blobs_and_nothing_beside_them(desk: Desk) -> None:
    await account(desk, "vhdone")
    body = unmanaged(desk)
    data = {"lun": 0, "createOption": "Empty", "diskSizeGB": 64, **vhd("vm1-data")}
    body["properties"]["storageProfile"]["dataDisks"] = [data]
    await desk.put(VM, "vm1", body=body)
    storage = desk.show(VM, "vm1")["properties"]["storageProfile"]
    assert desk.show(VM, "vm1")["properties"]["provisioningState"] == "Succeeded"
    assert storage["osDisk"]["vhd"] == vhd("vm1-os")["vhd"]
    assert "managedDisk" not in storage["osDisk"]
    assert storage["dataDisks"][0]["vhd"] == vhd("vm1-data")["vhd"]
    assert list(desk.store.of_type("Microsoft.Compute/disks")) == []
    assert (await desk.put(VM, "vm1", body=body)).status == 200, "the same again changes nothing"
    with pytest.raises(ArmError) as raised:
        await desk.delete(ACCOUNT, "vhdone")
    assert (raised.value.status, raised.value.code) == (409, "StorageAccountInUse")
    await desk.delete(VM, "vm1")
    await desk.delete(ACCOUNT, "vhdone")
    assert list(desk.store.of_type(ACCOUNT)) == []


async def test_the_account_exists_there_and_holds_page_blobs(desk: Desk) -> None:
    assert (await refusal(desk, VM, "vm1", unmanaged(desk))).code == "StorageAccountNotFound"
    await account(desk, "vhdone", location="northeurope")
    assert (await refusal(desk, VM, "vm1", unmanaged(desk))).code == "StorageAccountNotFound"
    await account(desk, "blockblobs", kind="BlockBlobStorage")
    block = unmanaged(desk, **vhd("vm1-os", "blockblobs.blob.core.windows.net"))
    assert "no page blobs" in (await refusal(desk, VM, "vm1", block)).message
    nowhere = unmanaged(desk, name="vm1-os", vhd={"uri": "https://example.org/x.vhd"})
    assert (await refusal(desk, VM, "vm1", nowhere)).code == "InvalidParameter"


async def test_a_blob_belongs_to_one_machine(desk: Desk) -> None:
    await account(desk, "vhdone")
    await desk.put(VM, "vm1", body=unmanaged(desk))
    again = unmanaged(desk, "vm2", **vhd("vm1-os"))
    assert (await refusal(desk, VM, "vm2", again)).code == "StorageAccountBlobAlreadyExists"


async def test_sets_take_one_sort_of_machines(desk: Desk) -> None:
    await account(desk, "vhdone")
    aligned = await desk.availability_set()
    body = unmanaged(desk)
    body["properties"]["availabilitySet"] = {"id": aligned}
    assert "blob based disks to managed Availability Set" in (await refusal(desk, VM, "vm1", body)).message
    classic = {"location": "westeurope", "sku": {"name": "Classic"}, "properties": {}}
    await desk.put(SET, "old-as", body=classic)
    body["properties"]["availabilitySet"] = {"id": desk.id(SET, "old-as")}
    await desk.put(VM, "vm1", body=body)
    managed = desk.machine(desk.nic("vm2-nic"))
    managed["properties"]["availabilitySet"] = {"id": desk.id(SET, "old-as")}
    assert "non-managed Availability Set" in (await refusal(desk, VM, "vm2", managed)).message


async def test_what_needs_managed_disks_is_refused(desk: Desk) -> None:
    await account(desk, "vhdone")
    zoned = {**unmanaged(desk), "zones": ["1"]}
    assert "availability zone" in (await refusal(desk, VM, "vm1", zoned)).message
    trusted = unmanaged(desk)
    trusted["properties"]["securityProfile"] = {"securityType": "TrustedLaunch"}
    assert "TrustedLaunch" in (await refusal(desk, VM, "vm1", trusted)).message
    mixed = unmanaged(desk)
    mixed["properties"]["storageProfile"]["dataDisks"] = [{"lun": 0, "createOption": "Empty", "diskSizeGB": 8}]
    assert "cannot be mixed" in (await refusal(desk, VM, "vm1", mixed)).message
