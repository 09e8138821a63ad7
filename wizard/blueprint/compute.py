"""The machines' bodies: the availability set they join at creation, and one VM after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.blueprint import names, userdata
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.choices import Image, image_named
from wizard.plan.model import Auth, Plan

PASSWORD_SLOT = (("properties", "osProfile", "adminPassword"), "password")
"""Where a VM's first password goes when its request is built; it is never part of a body here."""


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The availability set. `common` is location and tags."""
    # Aligned: the sets that take managed disks. A set without a sku is Classic and refuses them.
    body = {
        **common,
        "sku": {"name": "Aligned"},
        "properties": {
            "platformFaultDomainCount": plan.machines.fault_domains,
            "platformUpdateDomainCount": plan.machines.update_domains,
        },
    }
    name = names.availability_set(plan.prefix)
    yield Resource(ids.availability_set, names.AVAILABILITY_SET, name, body, after=(ids.group,))


def vms(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The VMs, in order. Each waits for its NIC, and through it for the network and the way out, and for the set."""
    image = image_named(plan.machines.image)
    if image is None:
        raise ValueError(f"not an image by name or URN: {plan.machines.image}")
    custom_data = userdata.custom_data(plan)
    secrets = (PASSWORD_SLOT,) if plan.machines.auth is Auth.PASSWORD else ()
    for vm in plan.vm_names:
        body = {**common, "properties": vm_properties(plan, ids, vm, image, custom_data)}
        yield Resource(ids.vm(vm), names.VM, vm, body, after=(ids.nic(vm), ids.availability_set), secrets=secrets)


def vm_properties(plan: Plan, ids: Ids, vm: str, image: Image, custom_data: str) -> dict[str, Any]:
    """One Linux VM. The OS disk and the NIC go with it when it is deleted."""
    machines = plan.machines
    return {
        "availabilitySet": {"id": ids.availability_set},
        "hardwareProfile": {"vmSize": machines.size},
        "securityProfile": {
            "securityType": "TrustedLaunch",
            "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        },
        "storageProfile": {
            "imageReference": {
                "publisher": image.publisher,
                "offer": image.offer,
                "sku": image.sku,
                "version": image.version,
            },
            "osDisk": {
                "createOption": "FromImage",
                "caching": "ReadWrite",
                "deleteOption": "Delete",
                "managedDisk": {"storageAccountType": machines.os_disk},
            },
        },
        "osProfile": {
            "computerName": vm,
            "adminUsername": machines.admin_user,
            **({"customData": custom_data} if custom_data else {}),
            "linuxConfiguration": _linux(plan, image),
        },
        "networkProfile": {
            "networkInterfaces": [{"id": ids.nic(vm), "properties": {"primary": True, "deleteOption": "Delete"}}]
        },
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": plan.diagnostics.boot}},  # storage that Azure manages
    }


def _linux(plan: Plan, image: Image) -> dict[str, Any]:
    machines, by_key = plan.machines, plan.machines.auth is Auth.SSH_KEY
    mode = "AutomaticByPlatform" if image.guest_patching else "ImageDefault"
    configuration: dict[str, Any] = {
        "disablePasswordAuthentication": by_key,
        "provisionVMAgent": True,
        "patchSettings": {"patchMode": mode, "assessmentMode": mode},
    }
    if by_key:
        path = f"/home/{machines.admin_user}/.ssh/authorized_keys"  # the only path Azure takes
        configuration["ssh"] = {"publicKeys": [{"path": path, "keyData": machines.ssh_key.strip()}]}
    return configuration
