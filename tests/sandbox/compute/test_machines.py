"""What a virtual machine is born with, what it keeps for itself, and what it takes along."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.compute.desk import PASSWORD, Desk
from wizard import ids
from wizard.sandbox.arm.errors import ArmError

VM = "Microsoft.Compute/virtualMachines"
NIC = "Microsoft.Network/networkInterfaces"
DISK = "Microsoft.Compute/disks"
SET = "Microsoft.Compute/availabilitySets"


async def created(desk: Desk, name: str = "vm1", **options: Any) -> dict[str, Any]:
    body = desk.machine(desk.nic(f"{name}-nic"), **options)
    reply = await desk.put(VM, name, body=body)
    assert reply.status == 201
    shown: dict[str, Any] = desk.show(VM, name)
    assert shown["properties"]["provisioningState"] == "Succeeded", desk.failure(shown["id"])
    return shown


async def refusal(desk: Desk, body: dict[str, Any], name: str = "vm1") -> ArmError:
    with pytest.raises(ArmError) as raised:
        await desk.put(VM, name, body=body)
    return raised.value


async def test_a_creation_brings_names_disks_and_a_running_guest(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1"))
    reply = await desk.put(VM, "vm1", body=body)
    assert (reply.status, reply.body["properties"]["provisioningState"]) == (201, "Creating")
    assert "Azure-AsyncOperation" in reply.headers
    shown = desk.show(VM, "vm1")
    properties = shown["properties"]
    assert properties["storageProfile"]["imageReference"]["exactVersion"] == "24.04.202609040"
    disk = properties["storageProfile"]["osDisk"]
    assert disk["name"].startswith("vm1_OsDisk_1_")
    assert desk.document(DISK, disk["name"]).body["managedBy"] == shown["id"]
    assert desk.document(DISK, disk["name"]).body["properties"]["diskState"] == "Attached"
    assert desk.document(NIC, "nic1").body["properties"]["virtualMachine"] == {"id": shown["id"]}
    assert properties["osProfile"]["allowExtensionOperations"] is True
    spec = desk.fabric.specs[ids.key(shown["id"])]
    assert (spec.os, spec.admin_user, spec.password_login) == ("Linux", "azureuser", False)
    assert spec.image == "Canonical:ubuntu-24_04-lts:server:24.04.202609040"
    assert desk.fabric.power_state(shown["id"]) == "running"


async def test_secrets_reach_the_guest_and_no_file(desk: Desk) -> None:
    custom = base64.b64encode(b"#cloud-config\n# a-secret-in-custom-data\n").decode()
    body = desk.machine(desk.nic("nic1"), key=False)
    body["properties"]["osProfile"]["customData"] = custom
    reply = await desk.put(VM, "vm1", body=body)
    spec = desk.fabric.specs[ids.key(desk.id(VM, "vm1"))]
    assert (spec.admin_password, spec.password_login) == (PASSWORD, True)
    assert spec.custom_data == base64.b64decode(custom)
    told = repr((reply.body, desk.show(VM, "vm1"), desk.show(VM, "vm1", expand="instanceView")))
    desk.store.close()
    kept = b"".join(file.read_bytes() for file in desk.file.parent.iterdir())
    for secret in (PASSWORD, custom):
        assert secret not in told
        assert secret.encode() not in kept


async def test_a_second_put_of_the_same_changes_nothing(desk: Desk) -> None:
    before = await created(desk, key=False)
    reply = await desk.put(VM, "vm1", body=desk.machine(desk.id(NIC, "vm1-nic"), key=False))
    assert reply.status == 200
    after = desk.show(VM, "vm1")
    assert after == before


async def test_what_get_answers_can_be_put_back(desk: Desk) -> None:
    joined = await desk.availability_set()
    before = await created(desk, availability_set=joined, key=False)
    whole = desk.show(VM, "vm1", expand="instanceView")
    reply = await desk.put(VM, "vm1", body={**whole, "etag": "x", "resources": []})
    assert reply.status == 200
    assert desk.show(VM, "vm1") == before


async def test_a_misspelt_member_is_refused(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1"))
    body["properties"]["osprofile"] = body["properties"].pop("osProfile")
    error = await refusal(desk, body)
    assert (error.code, "'osprofile'" in error.message) == ("InvalidRequestContent", True)


async def test_a_failed_creation_can_be_tried_again(desk: Desk) -> None:
    from wizard.sandbox.arm.operations import set_state

    await created(desk)
    document = desk.document(VM, "vm1")
    document.extra.pop("provisioned")  # as after OSProvisioningTimedOut
    set_state(desk.kind(VM), document, "Failed")
    desk.fabric.power[ids.key(document.id)] = "stopped"
    reply = await desk.put(VM, "vm1", body=desk.machine(desk.id(NIC, "vm1-nic")))
    assert reply.status == 200
    assert desk.fabric.power_state(document.id) == "running"
    assert desk.show(VM, "vm1")["properties"]["provisioningState"] == "Succeeded"


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        *way, last = path.split(".")
        target = body["properties"]
        for part in way:
            target = target.setdefault(part, {})
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "target"),
    [
        (_set("osProfile.adminPassword", "Another-1-password"), "adminPassword"),
        (_set("osProfile.adminUsername", "somebody"), "adminUsername"),
        (_set("osProfile.customData", base64.b64encode(b"x").decode()), "customData"),
        (_set("osProfile.computerName", "vm2"), "osProfile.computerName"),
        (_set("storageProfile.imageReference.sku", "server-arm64"), "imageReference"),
        (_set("securityProfile.securityType", "Standard"), "securityProfile.securityType"),
        (_set("availabilitySet", {"id": "/subscriptions/s/resourceGroups/g/x"}), "availabilitySet.id"),
    ],
)
async def test_what_is_fixed_at_creation(desk: Desk, change: Callable[[dict[str, Any]], None], target: str) -> None:
    await created(desk, key=False)
    body = desk.machine(desk.id(NIC, "vm1-nic"), key=False)
    change(body)
    error = await refusal(desk, body)
    assert (error.status, error.code, error.target) == (409, "PropertyChangeNotAllowed", target)


async def test_a_machine_cannot_leave_its_set(desk: Desk) -> None:
    joined = await desk.availability_set()
    await created(desk, availability_set=joined)
    error = await refusal(desk, desk.machine(desk.id(NIC, "vm1-nic")))
    assert (error.code, error.target) == ("PropertyChangeNotAllowed", "availabilitySet.id")


async def test_tags_can_be_patched_and_keep_the_rest(desk: Desk) -> None:
    before = await created(desk)
    reply = await desk.put(VM, "vm1", body={"tags": {"owner": "somebody"}}, method="PATCH")
    assert reply.status == 200
    assert desk.show(VM, "vm1") == {**before, "tags": {"owner": "somebody"}}


async def test_a_new_size_restarts_the_machine(desk: Desk) -> None:
    await created(desk)
    body = {"properties": {"hardwareProfile": {"vmSize": "Standard_D4s_v5"}}}
    await desk.put(VM, "vm1", body=body, method="PATCH")
    assert desk.show(VM, "vm1")["properties"]["hardwareProfile"]["vmSize"] == "Standard_D4s_v5"
    assert desk.fabric.restarts == 1


@pytest.mark.parametrize(
    ("change", "status", "code", "target"),
    [
        (_set("hardwareProfile.vmSize", "Standard_Z9"), 400, "InvalidParameter", "vmSize"),
        (_set("hardwareProfile", {}), 400, "InvalidParameter", "vmSize"),
        (_set("hardwareProfile.vmSize", "Standard_D2ps_v5"), 400, "BadRequest", None),
        (_set("storageProfile.imageReference.sku", "server-gen1"), 400, "BadRequest", None),
        (_set("storageProfile.imageReference.sku", "no-such"), 404, "PlatformImageNotFound", "imageReference"),
        (_set("storageProfile.imageReference.version", "1.0.0"), 404, "PlatformImageNotFound", "imageReference"),
        (_set("storageProfile.osDisk.vhd", {"uri": "https://x"}), 400, "BadRequest", "osDisk"),
        (_set("storageProfile.osDisk.diskSizeGB", 10), 409, "OperationNotAllowed", "osDisk.diskSizeGB"),
        (_set("networkProfile.networkInterfaces", []), 400, "InvalidParameter", "networkProfile"),
        (_set("networkProfile.networkInterfaces", [{"id": "/x"}]), 400, "InvalidResourceReference", None),
        (_set("availabilitySet", {"id": "/subscriptions/s/x"}), 404, "NotFound", "availabilitySet"),
        (_set("osProfile", {}), 400, "InvalidParameter", "osProfile"),
        (_set("osProfile.computerName", 7), 400, "InvalidRequestContent", None),
        (_set("storageProfile", "nonsense"), 400, "InvalidRequestContent", None),
    ],
)
async def test_what_does_not_fit_is_refused(
    desk: Desk, change: Callable[[dict[str, Any]], None], status: int, code: str, target: str | None
) -> None:
    body = desk.machine(desk.nic("nic1"))
    change(body)
    error = await refusal(desk, body)
    assert (error.status, error.code, error.target) == (status, code, target)
    assert desk.store.of_type(VM) == []
    assert desk.store.of_type(DISK) == []


async def test_a_restricted_size_is_not_available(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1", "uksouth"))
    body["location"] = "uksouth"
    body["properties"]["hardwareProfile"]["vmSize"] = "Standard_B2s"
    error = await refusal(desk, body)
    assert (error.status, error.code) == (409, "SkuNotAvailable")


async def test_a_size_that_the_region_has_not(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1", "ukwest"))
    body["location"] = "ukwest"
    body["properties"]["hardwareProfile"]["vmSize"] = "Standard_D2s_v6"
    error = await refusal(desk, body)
    assert (error.code, error.target) == ("InvalidParameter", "vmSize")
    assert "not available in the current region" in error.message


async def test_zones_must_be_the_regions(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1"))
    body["zones"] = ["4"]
    assert (await refusal(desk, body)).code == "InvalidAvailabilityZone"


async def test_the_quota_counts_what_is_there(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1"))
    body["properties"]["hardwareProfile"]["vmSize"] = "Standard_B4ms"
    await desk.put(VM, "vm1", body=body)
    second = desk.machine(desk.nic("nic2"))
    second["properties"]["hardwareProfile"]["vmSize"] = "Standard_B4ms"
    await desk.put(VM, "vm2", body=second)
    third = desk.machine(desk.nic("nic3"))
    third["properties"]["hardwareProfile"]["vmSize"] = "Standard_B4ms"
    error = await refusal(desk, third, "vm3")
    assert (error.status, error.code) == (409, "OperationNotAllowed")
    for part in ("standardBSFamily", "westeurope", "Limit: 10", "Usage: 8", "Required: 4", "Required: 12"):
        assert part in error.message


async def test_an_interface_serves_one_machine(desk: Desk) -> None:
    await created(desk)
    error = await refusal(desk, desk.machine(desk.id(NIC, "vm1-nic")), "vm2")
    assert error.code == "NicInUse"


async def test_an_interface_must_be_in_the_region(desk: Desk) -> None:
    error = await refusal(desk, desk.machine(desk.nic("far", "northeurope")))
    assert error.code == "InvalidResourceReference"


async def test_domains_go_round(desk: Desk) -> None:
    joined = await desk.availability_set()
    places = []
    for name in ("vm1", "vm2", "vm3"):
        await created(desk, name, availability_set=joined)
        view = (await desk.act("instanceView", name, method="GET")).body
        places.append((view["platformFaultDomain"], view["platformUpdateDomain"]))
    assert places == [(0, 0), (1, 1), (0, 2)]
    members = desk.show(SET, "web-as")["properties"]["virtualMachines"]
    assert [member["id"] for member in members] == [desk.id(VM, name) for name in ("vm1", "vm2", "vm3")]


async def test_a_classic_set_refuses_managed_disks(desk: Desk) -> None:
    await desk.put(SET, "old", body={"location": "westeurope", "properties": {}})
    error = await refusal(desk, desk.machine(desk.nic("nic1"), availability_set=desk.id(SET, "old")))
    assert (error.status, error.code) == (400, "BadRequest")


async def test_a_set_with_machines_stays(desk: Desk) -> None:
    joined = await desk.availability_set()
    await created(desk, availability_set=joined)
    with pytest.raises(ArmError) as raised:
        await desk.delete(SET, "web-as")
    assert (raised.value.status, raised.value.code) == (409, "OperationNotAllowed")
    await desk.delete(VM, "vm1")
    assert (await desk.delete(SET, "web-as")).status == 200
    assert (await desk.delete(SET, "web-as")).status == 204


async def test_set_rules(desk: Desk) -> None:
    await desk.availability_set()
    body = desk.show(SET, "web-as")
    for change, code in (
        ({"platformFaultDomainCount": 3}, "PropertyChangeNotAllowed"),
        ({"platformUpdateDomainCount": 6}, "PropertyChangeNotAllowed"),
        ({"platformFaultDomainCount": 4}, "InvalidParameter"),
        ({"platformUpdateDomainCount": 21}, "InvalidParameter"),
    ):
        changed = {"location": "westeurope", "sku": {"name": "Aligned"}, "properties": {**body["properties"], **change}}
        with pytest.raises(ArmError) as raised:
            await desk.put(SET, "web-as", body=changed)
        assert raised.value.code == code, change
    reply = await desk.put(SET, "web-as", body={"location": "westeurope", "sku": {"name": "Aligned"}, "properties": {}})
    assert reply.status == 200
    assert desk.show(SET, "web-as") == body


async def test_a_new_set_is_answered_with_200(desk: Desk) -> None:
    reply = await desk.put(SET, "new", body={"location": "swedencentral", "sku": {"name": "aligned"}})
    assert reply.status == 200
    assert reply.body["properties"]["platformFaultDomainCount"] == 2
    assert "provisioningState" not in reply.body["properties"]


async def test_a_deletion_leaves_what_has_no_delete_option(desk: Desk) -> None:
    shown = await created(desk)
    await desk.delete(VM, "vm1")
    assert desk.store.get(shown["id"]) is None
    assert desk.fabric.removed == [ids.key(shown["id"])]
    assert desk.store.of_type(DISK) == []  # its option was Delete
    assert "virtualMachine" not in desk.document(NIC, "vm1-nic").body["properties"]


async def test_a_disk_without_the_option_is_detached(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1"))
    del body["properties"]["storageProfile"]["osDisk"]["deleteOption"]
    await desk.put(VM, "vm1", body=body)
    name = desk.show(VM, "vm1")["properties"]["storageProfile"]["osDisk"]["name"]
    with pytest.raises(ArmError) as raised:
        await desk.delete(DISK, name)
    assert raised.value.code == "OperationNotAllowed"
    await desk.delete(VM, "vm1")
    kept = desk.document(DISK, name)
    assert kept.body["properties"]["diskState"] == "Unattached"
    assert "managedBy" not in kept.body
    await desk.delete(DISK, name)
    assert desk.store.get(kept.id) is None


async def test_data_disks_are_made_attached_and_released(desk: Desk) -> None:
    own = {"location": "westeurope", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32}}
    assert (await desk.put(DISK, "own", body=own)).status == 202
    body = desk.machine(desk.nic("nic1"))
    body["properties"]["storageProfile"]["dataDisks"] = [
        {"lun": 0, "createOption": "Empty", "diskSizeGB": 128, "deleteOption": "Delete"},
        {"lun": 1, "createOption": "Attach", "managedDisk": {"id": desk.id(DISK, "own")}},
    ]
    await desk.put(VM, "vm1", body=body)
    assert desk.document(DISK, "own").body["managedBy"] == desk.id(VM, "vm1")
    (made,) = (disk for disk in desk.store.of_type(DISK) if disk.name.startswith("vm1_disk2_"))
    assert made.body["properties"]["diskSizeGB"] == 128
    other = desk.machine(desk.nic("nic2"))
    other["properties"]["storageProfile"]["dataDisks"] = body["properties"]["storageProfile"]["dataDisks"][1:]
    assert (await refusal(desk, other, "vm2")).code == "ConflictingUserInput"
    await desk.put(VM, "vm1", body=body)
    assert desk.document(DISK, made.name).body["managedBy"] == desk.id(VM, "vm1"), "the same disk, unnamed as it was"
    await desk.delete(VM, "vm1")
    assert [disk.name for disk in desk.store.of_type(DISK)] == ["own"]


async def test_one_write_at_a_time(desk: Desk) -> None:
    from wizard.sandbox.arm import lifecycle

    await created(desk)
    document = desk.document(VM, "vm1")
    operation = desk.world.operations.begin(desk.kind(VM), document.id, "update", 5.0, location="westeurope")
    with pytest.raises(ArmError) as raised:
        await lifecycle.put(
            desk.kind(VM), desk.call("PUT", VM, "vm1", body=desk.machine(desk.id(NIC, "vm1-nic"))), document
        )
    assert (raised.value.status, raised.value.code) == (409, "Conflict")
    await desk.world.operations.ended(operation)
