"""A machine's image, disks and security profile: what it starts from and what it keeps."""

from __future__ import annotations

from typing import Any

from wizard.plan.choices import Image
from wizard.plan.machines import trusted_launch
from wizard.plan.model import Caching, Plan, SecurityType

CACHING = {Caching.NONE: "None", Caching.READ_ONLY: "ReadOnly", Caching.READ_WRITE: "ReadWrite"}


def storage_profile(plan: Plan, image: Image) -> dict[str, Any]:
    """The image and all disks. Disks go with their machine when it is deleted, unless the plan keeps them.

    A disk that is made with its machine takes the machine's tags, so one that is kept is still known as ours.
    """
    machines = plan.machines
    with_machine = "Detach" if plan.management.keep_disks else "Delete"
    os_disk: dict[str, Any] = {
        "createOption": "FromImage",
        "caching": CACHING[machines.os_disk_caching],
        "deleteOption": with_machine,
        "managedDisk": {"storageAccountType": machines.os_disk},
    }
    if machines.os_disk_gb:
        os_disk["diskSizeGB"] = machines.os_disk_gb
    profile: dict[str, Any] = {"imageReference": image_reference(machines.image, image), "osDisk": os_disk}
    if machines.data_disks:
        profile["dataDisks"] = [
            {
                "lun": lun,
                "createOption": "Empty",
                "diskSizeGB": disk.size_gb,
                "caching": CACHING[disk.caching],
                "deleteOption": with_machine,
                "managedDisk": {"storageAccountType": disk.type},
            }
            for lun, disk in enumerate(machines.data_disks)
        ]
    return profile


def image_reference(text: str, image: Image) -> dict[str, str]:
    """A marketplace image by its four words, or an image of one's own by its id."""
    if text.startswith("/"):
        return {"id": text}
    return {"publisher": image.publisher, "offer": image.offer, "sku": image.sku, "version": image.version}


def security_profile(plan: Plan) -> dict[str, Any]:
    """The security type where it is not left to Azure, and encryption at host if asked."""
    profile: dict[str, Any] = {}
    machines = plan.machines
    if trusted_launch(machines.security_type, machines.image, plan.storage.layout):
        profile["securityType"] = "TrustedLaunch"
        profile["uefiSettings"] = {"secureBootEnabled": True, "vTpmEnabled": True}
    elif machines.security_type is SecurityType.STANDARD:
        profile["securityType"] = "Standard"
    if plan.machines.encryption_at_host:
        profile["encryptionAtHost"] = True
    return profile
