"""The layout of one storage account for each machine: the accounts, and the VHDs in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.blueprint import names
from wizard.blueprint.disks import CACHING, image_reference
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.choices import Image, cloud_choice
from wizard.plan.model import Layout, Plan

CONTAINER = "vhds"
SECURED = {"minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": False, "supportsHttpsTrafficOnly": True}


def per_vm(plan: Plan) -> bool:
    """Whether each machine's disks are VHDs in an account of its own."""
    return plan.storage.layout is Layout.ACCOUNT_PER_VM


def accounts(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """One for each machine: its requests a second are then shared with nobody. Premium or standard as its disks are."""
    if not per_vm(plan):
        return
    body = {
        **common,
        "kind": cloud_choice(plan.cloud).account_kind,
        "sku": {"name": plan.machines.os_disk},
        "properties": dict(SECURED),
    }
    for vm in plan.vm_names:
        yield Resource(
            ids.vhd_account(vm),
            names.STORAGE,
            names.vhd_account(ids.subscription, ids.group_name, vm),
            body,
            after=(ids.group,),
        )


def storage_profile(plan: Plan, ids: Ids, vm: str, image: Image) -> dict[str, Any]:
    """The image and all disks, as VHDs. They have no `deleteOption`: they go with their account."""
    machines = plan.machines
    endpoint = blob_endpoint(plan, names.vhd_account(ids.subscription, ids.group_name, vm))

    def vhd(disk: str) -> dict[str, str]:
        return {"uri": f"{endpoint}{CONTAINER}/{disk}.vhd"}

    os_disk: dict[str, Any] = {
        "name": f"{vm}-os",
        "createOption": "FromImage",
        "caching": CACHING[machines.os_disk_caching],
        "vhd": vhd(f"{vm}-os"),
    }
    if machines.os_disk_gb:
        os_disk["diskSizeGB"] = machines.os_disk_gb
    profile: dict[str, Any] = {"imageReference": image_reference(machines.image, image), "osDisk": os_disk}
    if machines.data_disks:
        profile["dataDisks"] = [
            {
                "lun": lun,
                "name": f"{vm}-data{lun}",
                "createOption": "Empty",
                "diskSizeGB": disk.size_gb,
                "caching": CACHING[disk.caching],
                "vhd": vhd(f"{vm}-data{lun}"),
            }
            for lun, disk in enumerate(machines.data_disks)
        ]
    return profile


def boot_diagnostics(plan: Plan, ids: Ids) -> dict[str, Any]:
    """Into the diagnostics account: storage that Azure manages takes them of machines with managed disks only."""
    if not _keeps_boots(plan):
        return {"enabled": False}
    account = names.diagnostics_account(ids.subscription, ids.group_name)
    return {"enabled": True, "storageUri": blob_endpoint(plan, account)}


def needed(plan: Plan, ids: Ids, vm: str) -> tuple[str, ...]:
    """The accounts that a machine's body names."""
    return (ids.vhd_account(vm), *((ids.diagnostics_account,) if _keeps_boots(plan) else ()))


def _keeps_boots(plan: Plan) -> bool:
    return plan.diagnostics.boot and plan.diagnostics.storage_account


def blob_endpoint(plan: Plan, account: str) -> str:
    """Where an account's blobs are in the plan's cloud."""
    return f"https://{account}.blob.{cloud_choice(plan.cloud).storage_suffix}/"
