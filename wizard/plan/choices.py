"""What a plan can choose from by name: clouds, images, disk types.

An entry may be offered before it deploys; `not_yet` says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from wizard.plan.model import OsType


@dataclass(frozen=True)
class CloudChoice:
    """What `plan new` writes for a cloud that is known by name.

    `admin_from` is the address this computer is seen from there, where that is certain; otherwise None.
    `unmanaged_disks`: whether it still has them. `storage_suffix` follows `ACCOUNT.blob.`; `account_kind` is that of a
    general-purpose account.
    """

    location: str
    admin_from: str | None = None
    unmanaged_disks: bool = False
    storage_suffix: str = "core.windows.net"
    account_kind: str = "StorageV2"


CLOUDS: Mapping[str, CloudChoice] = {
    "sandbox": CloudChoice("westeurope", admin_from="127.0.0.1/32", unmanaged_disks=True),
    "public": CloudChoice("westeurope"),
    "usgov": CloudChoice("usgovvirginia", storage_suffix="core.usgovcloudapi.net"),
    "china": CloudChoice("chinanorth3", storage_suffix="core.chinacloudapi.cn"),
}

CUSTOM_CLOUD = CloudChoice("local", unmanaged_disks=True, account_kind="Storage")
"""A cloud known by its ARM endpoint's URL. `local` is the region of an Azure Stack Hub development kit.

Azure Stack Hub has general-purpose v1 accounts only (Microsoft, "Azure Stack Hub storage: differences").
"""


def cloud_choice(cloud: str) -> CloudChoice:
    """What is known of a plan's cloud; of one known by its URL, what Azure Stack Hub has."""
    if cloud in CLOUDS:
        return CLOUDS[cloud]
    host = urlsplit(cloud).hostname or ""
    return replace(CUSTOM_CLOUD, storage_suffix=host.removeprefix("management.").removeprefix("adminmanagement."))


@dataclass(frozen=True)
class Image:
    """A marketplace image, Gen2 (Trusted Launch needs it). `version` is asked as `latest`.

    `guest_patching`: Azure patches VMs of a closed list of images by itself and refuses `AutomaticByPlatform` on any
    other; Debian is not on the list (Microsoft: "Automatic Guest Patching for Azure Virtual Machines", 2025-08).
    `disk_gb`: the OS disk that it makes by itself, in GiB (from memory); 0 where that is not known.
    """

    publisher: str
    offer: str
    sku: str
    os: OsType
    guest_patching: bool = True
    version: str = "latest"
    disk_gb: int = 0

    @property
    def urn(self) -> str:
        return f"{self.publisher}:{self.offer}:{self.sku}:{self.version}"


IMAGES: Mapping[str, Image] = {
    "ubuntu-24.04": Image("Canonical", "ubuntu-24_04-lts", "server", OsType.LINUX, disk_gb=30),
    "debian-12": Image("Debian", "debian-12", "12-gen2", OsType.LINUX, guest_patching=False, disk_gb=30),
    "rhel-9": Image("RedHat", "RHEL", "9-lvm-gen2", OsType.LINUX, disk_gb=64),
    "windows-2022": Image("MicrosoftWindowsServer", "WindowsServer", "2022-datacenter-g2", OsType.WINDOWS, disk_gb=127),
    "windows-2025": Image(
        "MicrosoftWindowsServer", "WindowsServer", "2025-datacenter-azure-edition", OsType.WINDOWS, disk_gb=127
    ),
}

DEFAULT_IMAGES: Mapping[OsType, str] = {OsType.LINUX: "ubuntu-24.04", OsType.WINDOWS: "windows-2022"}

OS_DISKS: Mapping[str, str] = {
    "Premium_LRS": "SSD with a guaranteed rate; what the single-VM SLA asks for",
    "Premium_ZRS": "Premium SSD copied over three zones, where the region has them",
    "StandardSSD_LRS": "SSD for light use",
    "StandardSSD_ZRS": "standard SSD copied over three zones, where the region has them",
    "Standard_LRS": "hard disk; retired for OS disks on 2028-09-08",
}


def image_named(text: str) -> Image | None:
    """The image a plan means by one of our names or by `publisher:offer:sku:version`; None for anything else.

    A URN of an image we know keeps what we know of it (see `known`); of another one only the words are known, and it
    is taken for Linux.
    """
    if text in IMAGES:
        return IMAGES[text]
    parts = text.split(":")
    if len(parts) != 4 or not all(parts):
        return None
    publisher, offer, sku, version = parts
    unknown = Image(publisher, offer, sku, OsType.LINUX, guest_patching=False, version=version)
    ours = _ours(unknown)
    return replace(ours, publisher=publisher, offer=offer, sku=sku, version=version) if ours else unknown


def is_managed_image(text: str) -> bool:
    """Whether it is the id of a managed image: one of the subscription's own, outside of any gallery."""
    return bool(_MANAGED_IMAGE.fullmatch(text))


def is_gallery_image(text: str) -> bool:
    """Whether it is the id of an image in a gallery of one's own, or of one version of it."""
    return bool(_GALLERY_IMAGE.fullmatch(text))


def is_own_image(text: str) -> bool:
    """Whether it is the id of an image of one's own that deploys: a managed one, or one in a gallery."""
    return is_managed_image(text) or is_gallery_image(text)


_GALLERY_IMAGE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute"
    r"/galleries/[^/]+/images/[^/]+(/versions/\d+\.\d+\.\d+)?",
    re.IGNORECASE,
)
_MANAGED_IMAGE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/images/[^/]+", re.IGNORECASE
)


def known(image: Image) -> str | None:
    """Our name for an image of the list, whatever its version and the case of its words; None for another one."""
    ours = _ours(image)
    return next((name for name, each in IMAGES.items() if each is ours), None)


def _ours(image: Image) -> Image | None:
    words = (image.publisher.lower(), image.offer.lower(), image.sku.lower())
    for each in IMAGES.values():
        if words == (each.publisher.lower(), each.offer.lower(), each.sku.lower()):
            return each
    return None
