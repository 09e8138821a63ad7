"""The machines' bodies: the availability set they join at creation, and one VM after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import cycle
from typing import Any

from wizard.blueprint import disks, guests, names, userdata, vhds, windows
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan import workload
from wizard.plan.choices import Image, image_named
from wizard.plan.model import Auth, OsType, Patching, Placement, Plan

PASSWORD_SLOT = (("properties", "osProfile", "adminPassword"), "password")
"""Where a VM's first password goes when its request is built; it is never part of a body here."""


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The availability set, where machines are placed in one. `common` is location and tags."""
    if not in_set(plan):
        return
    # Aligned: the sets that take managed disks, and no others. A Classic one takes unmanaged disks alone.
    body = {
        **common,
        "sku": {"name": "Classic" if vhds.per_vm(plan) else "Aligned"},
        "properties": {
            "platformFaultDomainCount": plan.machines.fault_domains,
            "platformUpdateDomainCount": plan.machines.update_domains,
        },
    }
    name = names.availability_set(plan.prefix)
    yield Resource(ids.availability_set, names.AVAILABILITY_SET, name, body, after=(ids.group,))


def vms(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The VMs, in order. Each waits for its NIC, and through it for the network and the way out, and for the set.

    Behind each Windows VM comes the extension that makes it serve the page; a Linux VM is told by its custom data. Then
    comes what tells its figures, where the plan wants them.
    """
    image = image_of(plan)
    linux = plan.machines.os is OsType.LINUX
    custom_data = userdata.custom_data(plan) if linux else ""
    secrets = (PASSWORD_SLOT,) if plan.machines.auth is Auth.PASSWORD else ()
    zones = cycle(plan.machines.zones)
    for vm in plan.vm_names:
        body = {**common, **guests.identity(plan, ids), "properties": vm_properties(plan, ids, vm, image, custom_data)}
        if plan.machines.placement is Placement.ZONES:
            body["zones"] = [next(zones)]
        after: tuple[str, ...] = (ids.nic(vm), ids.availability_set) if in_set(plan) else (ids.nic(vm),)
        if vhds.per_vm(plan):
            after += vhds.needed(plan, ids, vm)
        yield Resource(ids.vm(vm), names.VM, vm, body, after=after, secrets=secrets)
        last = ids.vm(vm)
        if not linux and plan.machines.workload == workload.PAGE:
            page = windows.page(plan, ids, vm, common)
            last = page.id
            yield page
        yield from guests.on_vm(plan, ids, vm, common, last=last)


def image_of(plan: Plan) -> Image:
    """The image as the plan wants it patched: by Azure where that can be, or as the image itself is set.

    Of an image by its id only the system is known, which the plan names.
    """
    image = image_named(plan.machines.image) or Image("", "", "", plan.machines.os, guest_patching=False)
    return replace(image, guest_patching=False) if plan.management.patching is Patching.IMAGE else image


def in_set(plan: Plan) -> bool:
    """Whether the machines are placed in an availability set."""
    return plan.machines.placement is Placement.AVAILABILITY_SET


def vm_properties(plan: Plan, ids: Ids, vm: str, image: Image, custom_data: str) -> dict[str, Any]:
    """One VM. The OS disk and the NIC go with it when it is deleted."""
    machines = plan.machines
    return {
        **({"availabilitySet": {"id": ids.availability_set}} if in_set(plan) else {}),
        "hardwareProfile": {"vmSize": machines.size},
        **({"securityProfile": security} if (security := disks.security_profile(plan)) else {}),
        "storageProfile": (
            vhds.storage_profile(plan, ids, vm, image) if vhds.per_vm(plan) else disks.storage_profile(plan, image)
        ),
        "osProfile": {
            "computerName": vm,
            "adminUsername": machines.admin_user,
            **({"customData": custom_data} if custom_data else {}),
            **system_profile(plan, image),
        },
        "networkProfile": {
            "networkInterfaces": [{"id": ids.nic(vm), "properties": {"primary": True, "deleteOption": "Delete"}}]
        },
        "diagnosticsProfile": {
            # Without a storageUri, into storage that Azure manages.
            "bootDiagnostics": (
                vhds.boot_diagnostics(plan, ids) if vhds.per_vm(plan) else {"enabled": plan.diagnostics.boot}
            )
        },
    }


def system_profile(plan: Plan, image: Image) -> dict[str, Any]:
    """The system's part of `osProfile`."""
    if plan.machines.os is OsType.WINDOWS:
        return {"windowsConfiguration": windows.configuration(image)}
    return {"linuxConfiguration": _linux(plan, image)}


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
