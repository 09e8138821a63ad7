"""Whether a region, a size, an image and the disks fit each other, as the compute provider checks before it accepts."""

from __future__ import annotations

import re

from wizard.sandbox.arm.compute.reading import bad, invalid, items, mapping, missing, not_allowed, number, text
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.catalog import Catalog, Image, Region, Size
from wizard.sandbox.store import Json

OS_DISK_TYPES = ("Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "StandardSSD_ZRS", "Premium_ZRS")
DATA_DISK_TYPES = (*OS_DISK_TYPES, "PremiumV2_LRS", "UltraSSD_LRS")
CACHING = ("None", "ReadOnly", "ReadWrite")
DISK_NAME = re.compile(r"\w([\w.-]{0,78}\w)?", re.ASCII)
VM_TYPE = "Microsoft.Compute/virtualMachines"


def region(catalog: Catalog, location: str, type: str, name: str) -> Region:
    """The region of a resource, or ARM's answer when it has none of that name."""
    found = catalog.region(location)
    if found is None:
        known = ",".join(catalog.regions)
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{type}'. "
            f"List of available regions for the resource type is '{known}'.",
        )
    return found


def size(catalog: Catalog, region: Region, properties: Json, zones: list[str]) -> Size:
    """The machine's size, offered there and not restricted for this subscription."""
    wanted = text(properties, "hardwareProfile.vmSize")
    if not wanted:
        raise missing("vmSize")
    found = catalog.size(wanted)
    offered = ", ".join(one.name for one in catalog.sizes.values() if catalog.offered(one, region.name))
    if found is None:
        raise invalid(
            f"The value {wanted} provided for the VM size is not valid. The valid sizes in the current region are: "
            f"{offered}. Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
            "vmSize",
        )
    if not catalog.offered(found, region.name):
        raise invalid(
            f"The requested VM size {wanted} is not available in the current region. The sizes available in the "
            f"current region are: {offered}. Find out more on the available VM sizes in each region at "
            "https://aka.ms/azure-regions.",
            "vmSize",
        )
    for restriction in catalog.restrictions(found, region.name):
        closed = restriction["restrictionInfo"].get("zones")
        if closed is None or set(closed) & set(zones):
            raise ArmError(
                409,
                "SkuNotAvailable",
                "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: "
                f"{found.name}' is currently not available in location '{region.name}'. Please try another size or "
                "deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for "
                "details.",
            )
    return found


def zones(region: Region, body: Json, name: str) -> list[str]:
    """The machine's zone, at most one, that the region has. Wordings from memory."""
    wanted = body.get("zones") or []
    resource = f"{VM_TYPE}/{name}"
    if not isinstance(wanted, list) or len(wanted) > 1:
        raise invalid("A virtual machine can be in one availability zone.", "zones")
    if wanted and not region.zones:
        raise ArmError(
            400,
            "LocationNotSupportAvailabilityZones",
            f"The resource '{resource}' does not support availability zones at location '{region.name}'.",
        )
    if wanted and str(wanted[0]) not in region.zones:
        raise ArmError(
            400,
            "InvalidAvailabilityZone",
            f"The zone(s) '{wanted[0]}' for resource '{resource}' is not supported. The supported zones for location "
            f"'{region.name}' are '{','.join(region.zones)}'",
        )
    return [str(zone) for zone in wanted]


def image(catalog: Catalog, properties: Json) -> Image:
    """The marketplace image of a new machine. The sandbox has no images of one's own."""
    reference = mapping(properties, "storageProfile.imageReference")
    if not reference:
        raise missing("imageReference")
    if own := text(reference, "id"):
        raise ArmError(404, "NotFound", f"The Image {own} cannot be found.", target="imageReference")
    parts = [text(reference, name) or "" for name in ("publisher", "offer", "sku", "version")]
    if not all(parts):
        raise invalid(
            "The imageReference must name a publisher, an offer, a sku and a version, or an id.", "imageReference"
        )
    found = catalog.image(*parts)
    if found is None:
        raise ArmError(
            404,
            "PlatformImageNotFound",
            f"The platform image '{':'.join(parts)}' is not available. Verify that all fields in the storage profile "
            "are correct. For more details about storage profile information, please refer to "
            "https://aka.ms/storageprofile",
            target="imageReference",
        )
    return found


def fit(size: Size, image: Image, properties: Json) -> None:
    """Architecture, hypervisor generation and security type agree."""
    if image.architecture != size.architecture:
        raise bad(
            f"Cannot create a VM of size '{size.name}' because this VM size only supports a CPU Architecture of "
            f"'{size.architecture}', but an image or disk with CPU Architecture '{image.architecture}' was given. "
            "Please check that the CPU Architecture of the image or disk is compatible with that of the VM size."
        )
    if image.generation not in size.generations:
        number = image.generation.removeprefix("V")
        raise bad(
            f"The selected VM size '{size.name}' cannot boot Hypervisor Generation '{number}'. If this was a Create "
            "operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of "
            "the selected VM Size. For more information, see https://aka.ms/azuregen2vm"
        )
    security = text(properties, "securityProfile.securityType")
    if security not in (None, "Standard", "TrustedLaunch", "ConfidentialVM"):
        raise invalid("The value of parameter securityType is invalid.", "securityType")
    if security == "ConfidentialVM":
        raise bad(
            f"The VM size '{size.name}' is not supported for creation of VMs with 'ConfidentialVM' security type."
        )
    if security == "TrustedLaunch":
        if not image.trusted_launch:
            raise bad(
                f"Security type of VM is not compatible with the security type of attached OS Disk: the image "
                f"'{image.urn}' does not support 'TrustedLaunch'."
            )
        if not size.trusted_launch or "V2" not in size.generations:
            raise bad(
                f"The VM size '{size.name}' is not supported for creation of VMs with 'TrustedLaunch' security type."
            )
    if mapping(properties, "securityProfile").get("encryptionAtHost") and not size.encryption_at_host:
        raise invalid(f"The VM size '{size.name}' does not support encryption at host.", "encryptionAtHost")


def disks(size: Size, image: Image, properties: Json) -> None:
    """The OS disk comes from the image, is managed and large enough; data disks have their own LUN each."""
    disk = mapping(properties, "storageProfile.osDisk")
    if text(disk, "createOption") not in (None, "FromImage"):
        raise invalid("Cannot attach an existing OS disk if the VM is created from a platform or user image.", "osDisk")
    _disk(disk, "osDisk", OS_DISK_TYPES)
    wanted = number(disk, "diskSizeGB")
    if wanted is not None and wanted < image.disk_gib:
        raise not_allowed(
            f"The specified disk size {wanted} GB is smaller than the size of the corresponding disk in the VM image: "
            f"{image.disk_gib} GB. This is not allowed. Please choose equal or greater size or do not specify an "
            "explicit size.",
            "osDisk.diskSizeGB",
        )
    data = items(properties, "storageProfile.dataDisks")
    if len(data) > size.max_data_disks:
        raise not_allowed(
            f"The maximum number of data disks allowed to be attached to a VM of this size is {size.max_data_disks}.",
            "dataDisks",
        )
    luns: set[int] = set()
    for disk in data:
        lun = number(disk, "lun")
        if lun is None:
            raise missing("dataDisk.lun")
        if lun in luns:
            raise invalid(f"A disk at LUN {lun} already exists.", "dataDisk.lun")
        luns.add(lun)
        option = text(disk, "createOption")
        if option not in ("Empty", "Attach"):
            raise invalid("The value of parameter dataDisk.createOption is invalid.", "dataDisk.createOption")
        if option == "Empty" and number(disk, "diskSizeGB") is None:
            raise missing("dataDisk.diskSizeGB")
        _disk(disk, "dataDisk", DATA_DISK_TYPES)


def _disk(disk: Json, target: str, types: tuple[str, ...]) -> None:
    name = text(disk, "name")
    if name is not None and not DISK_NAME.fullmatch(name):
        raise invalid(f"The value '{name}' of parameter {target}.name is invalid.", f"{target}.name")
    account = text(disk, "managedDisk.storageAccountType")
    if account is not None and account not in types:
        target = f"{target}.managedDisk.storageAccountType"
        raise invalid(f"The value '{account}' of parameter {target} is invalid.", target)
    if text(disk, "caching") not in (None, *CACHING):
        raise invalid(f"The value of parameter {target}.caching is invalid.", f"{target}.caching")
    if text(disk, "deleteOption") not in (None, "Delete", "Detach"):
        raise invalid(f"The value of parameter {target}.deleteOption is invalid.", f"{target}.deleteOption")
