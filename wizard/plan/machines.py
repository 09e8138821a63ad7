"""Rules about the machines: how many, which image, size and disk, and the availability set's domains.

Sources: Microsoft, "Availability sets overview" and the Compute REST reference. Whether a region offers an image, a
size or a third fault domain is asked by preflight, not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wizard.errors import Problem
from wizard.plan import limits
from wizard.plan.choices import IMAGES, OS_DISKS, image_named, is_managed_image, is_own_image, known
from wizard.plan.limits import Range
from wizard.plan.model import Layout, OsType, Placement, SecurityType
from wizard.plan.naming import one_of
from wizard.plan.nearest import nearest

_IMAGE_IDS = (
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/images/[^/]+",
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/galleries/[^/]+/images/[^/]+(/versions/[^/]+)?",
    r"/(communityGalleries|sharedGalleries)/[^/]+/images/[^/]+(/versions/[^/]+)?",
)


def number(field: str, value: int, allowed: Range, why: str) -> Problem | None:
    """A whole number within Azure's range."""
    if value in allowed:
        return None
    side = f"less than {allowed.low}" if value < allowed.low else f"more than {allowed.high}"
    return Problem(field, f"{value} is {side}.", why, f"Use {allowed}.")


def count(value: int, placement: Placement | None) -> Problem | None:
    """How many machines: 200 in an availability set, 1,000 in a scale set. `None`: the placement is not known."""
    if placement is Placement.AVAILABILITY_SET:
        allowed, why = limits.AVAILABILITY_SET_VMS, "An availability set holds at most 200 VMs."
    else:
        allowed, why = limits.SCALE_SET_VMS, "A deployment has at least one VM, and a scale set at most 1,000."
    return number("machines.count", value, allowed, why)


def few(value: int) -> Problem | None:
    """A warning below two machines: nothing is left when one fails, and the SLA needs two or more."""
    if value >= 2:
        return None
    return Problem(
        "machines.count",
        "One machine alone has no availability promise of a set.",
        "Azure promises 99.95 % for two or more VMs of an availability set; one is also restarted with its host.",
        "Use 2 or more.",
        "warning",
    )


def image(text: str) -> Problem | None:
    """A name from the list, `publisher:offer:sku:version`, or the id of a custom or gallery image."""
    field = "machines.image"
    if text in IMAGES or any(re.fullmatch(pattern, text, re.IGNORECASE) for pattern in _IMAGE_IDS):
        return None
    if text.startswith("/"):
        return Problem(
            field,
            f'"{text}" is not the id of an image.',
            "It is the id of an image, or of an image in a gallery.",
            "Copy it from: az image show, az sig image-definition show, or az sig image-version show.",
        )
    if ":" in text:
        parts = text.split(":")
        proper = len(parts) == 4 and all(re.fullmatch(r"[A-Za-z0-9_.-]+", part) for part in parts)
        if proper and re.fullmatch(r"latest|\d+\.\d+\.\d+", parts[3], re.IGNORECASE):
            return None
        return Problem(
            field,
            f'"{text}" is not publisher:offer:sku:version.',
            "It has four parts, the last of them latest or three numbers such as 24.04.202609040.",
            "Copy the urn from: az vm image list --all --publisher PUBLISHER.",
        )
    near = nearest(text, IMAGES)
    return Problem(
        field,
        f'"{text}" is not an image.' if text else "There is no image.",
        f"Known by name are {', '.join(IMAGES)}.",
        f'Did you mean "{near}"?' if near else "Use one of these, publisher:offer:sku:version, or an image's id.",
    )


def own_image(text: str) -> Problem | None:
    """A warning that tells what an image of one's own is: the quicker start, which somebody has to keep up to date."""
    if not is_own_image(text):
        return None
    return Problem(
        "machines.image",
        "An image of your own is yours to keep up to date.",
        "Machines start quicker from one that holds all they need than from a plain one that installs it at the first"
        " boot; but updates come only with a new image. Azure does not patch it, and its machines go without Trusted"
        " Launch unless machines.security_type asks for it.",
        "Make a new one now and then; a plain image with cloud-init is the other way.",
        "warning",
    )


def trusted_launch(security: SecurityType, image: str, layout: Layout) -> bool:
    """Whether machines have secure boot and a virtual TPM."""
    if security is SecurityType.AUTO:
        return layout is Layout.MANAGED and not is_own_image(image)
    return security is SecurityType.TRUSTED_LAUNCH


def trusted_launch_fits(security: SecurityType, image: str, layout: Layout) -> Iterator[Problem]:
    """What Trusted Launch is not for (Microsoft, "Trusted Launch for Azure virtual machines")."""
    if security is not SecurityType.TRUSTED_LAUNCH:
        return
    field, auto = "machines.security_type", f'write security_type = "{SecurityType.AUTO}".'
    if layout is not Layout.MANAGED:
        yield Problem(field, "Trusted Launch is not for unmanaged disks.", "It needs managed disks.", auto.capitalize())
    if is_managed_image(image):
        yield Problem(
            field,
            "A managed image makes no machines with Trusted Launch.",
            "Only an image in a gallery does, whose definition says so.",
            f"Take it into a gallery, with the feature SecurityType=TrustedLaunchSupported; or {auto}",
        )


def image_fits(text: str, os: OsType) -> Problem | None:
    """An image we know is of the operating system that the plan names."""
    found = image_named(text)
    if found is None or known(found) is None or found.os == os:
        return None
    return Problem(
        "machines.image",
        f'"{text}" is a {found.os} image, and machines.os is {os}.',
        "The two tell the same thing and must agree.",
        f'Choose a {os} image, or os = "{found.os}".',
    )


def size(text: str) -> Problem | None:
    """The shape of a VM size's name. Whether the region has it is the cloud's to say."""
    if re.fullmatch(r"Standard_[A-Z][A-Za-z0-9-]*(_[A-Za-z0-9]+)*", text):
        return None
    fixed = "Standard_" + re.sub(r"(?i)^(standard|basic)_", "", text)
    proper = re.fullmatch(r"Standard_[A-Z][A-Za-z0-9-]*(_[A-Za-z0-9]+)*", fixed)
    return Problem(
        "machines.size",
        f'"{text}" is not a VM size.' if text else "There is no VM size.",
        "Sizes are written as Azure names them; Basic sizes cannot stand behind a load balancer.",
        f'Did you mean "{fixed}"?' if proper else "Use a size such as Standard_D2s_v5.",
    )


def os_disk(text: str) -> Problem | None:
    """A type of managed disk that can be an OS disk."""
    return one_of("machines.os_disk", text, tuple(OS_DISKS))


def os_disk_retires(text: str) -> Problem | None:
    """A warning for hard disks: as OS disks they retire on 2028-09-08 (Microsoft's announcement)."""
    if text != "Standard_LRS":
        return None
    return Problem(
        "machines.os_disk",
        "Hard disks retire as OS disks on 2028-09-08.",
        "They are slow to boot, and excluded from the single-VM SLA's better promises.",
        "Use StandardSSD_LRS or Premium_LRS.",
        "warning",
    )


def fault_domains(value: int) -> Problem | None:
    """1 to 3; the region may have fewer."""
    return number(
        "machines.fault_domains", value, limits.FAULT_DOMAINS, "An availability set has 1 to 3, by region often 2."
    )


def update_domains(value: int) -> Problem | None:
    """1 to 20."""
    return number("machines.update_domains", value, limits.UPDATE_DOMAINS, "An availability set has at most 20.")


def domains_agree(faults: int, updates: int) -> Problem | None:
    """One fault domain allows one update domain only (Azure's portal: "must be 1 when fault domain count is 1")."""
    if faults != 1 or updates == 1:
        return None
    return Problem(
        "machines.update_domains",
        f"{updates} update domains do not go with one fault domain.",
        "Azure takes exactly one update domain where there is one fault domain.",
        "Use 2 or more fault domains, or 1 update domain.",
    )
