"""Rules about where disks live: managed, or VHDs in a storage account for each machine.

Sources: Microsoft, "Run multiple VMs for scalability and availability" (2016: an account for each VM, so that no two
share its limit), "Scalability and performance targets for standard storage accounts" (20,000 requests a second), and
the announcement that unmanaged disks retired on 2026-03-31. A VHD of standard storage does up to 500 IOPS, so 40 busy
ones use up an account; scale sets had to count on 20, or 40 without overprovisioning, which makes more VMs than asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard.errors import Problem
from wizard.plan.choices import CLOUDS
from wizard.plan.model import DataDisk, Layout, Placement

FIELD = "storage.layout"
ACCOUNT_IOPS = 20_000
VHD_IOPS = 500
VHDS = ACCOUNT_IOPS // VHD_IOPS
VHD_GB = 4095
TYPES = ("Premium_LRS", "Standard_LRS")
"""An account is premium or standard; the newer kinds of disks are managed ones only."""


def retired(layout: Layout, cloud: str) -> Problem | None:
    """An error where the cloud is known to have no unmanaged disks any more; a warning of what they are elsewhere."""
    if layout is Layout.MANAGED:
        return None
    choice = CLOUDS.get(cloud)
    if choice is not None and not choice.unmanaged_disks:
        return Problem(
            FIELD,
            "Azure has no unmanaged disks any more.",
            "They retired on 2026-03-31: a managed disk has its own limits, so no account has to be shared or split.",
            f'Write layout = "{Layout.MANAGED}".',
        )
    return Problem(
        FIELD,
        "Unmanaged disks have retired on Azure, and are retiring on Azure Stack Hub.",
        f"Each machine gets a storage account of its own: a standard one does {ACCOUNT_IOPS:,} requests a second, "
        f"which {VHDS} VHDs of {VHD_IOPS} use up (20 in a scale set that overprovisions). Managed disks share none.",
        f'Use "{Layout.MANAGED}" wherever the cloud has it.',
        "warning",
    )


def managed_only(layout: Layout, placement: Placement, image: str, encryption_at_host: bool) -> Iterator[Problem]:
    """What there is for machines on managed disks alone."""
    if layout is Layout.MANAGED:
        return
    why = "It needs managed disks."
    if placement is not Placement.AVAILABILITY_SET:
        name = "A zone" if placement is Placement.ZONES else "A scale set"
        yield Problem(
            FIELD, f"{name} takes no machines with unmanaged disks.", why, f'Use "{Placement.AVAILABILITY_SET}".'
        )
    if image.startswith("/"):
        yield Problem(FIELD, "An image of one's own makes no unmanaged disks.", why, "Use an image of the marketplace.")
    if encryption_at_host:
        yield Problem(FIELD, "Encryption at host is not for unmanaged disks.", why, "Write encryption_at_host = false.")


def vhds(layout: Layout, os_disk: str, data_disks: Sequence[DataDisk]) -> Iterator[Problem]:
    """An account is premium or standard as a whole, and a VHD has 4,095 GB at most."""
    if layout is Layout.MANAGED:
        return
    if os_disk not in TYPES:
        yield Problem(
            "machines.os_disk",
            f"{os_disk} is a type of managed disks.",
            "VHDs are in a premium or a standard storage account, copied within the region.",
            f"Use {' or '.join(TYPES)}.",
        )
    elif other := [disk.type for disk in data_disks if disk.type != os_disk]:
        yield Problem(
            "machines.data_disks",
            f"A disk of {other[0]} does not go with an OS disk of {os_disk}.",
            "All VHDs of a machine are in one storage account, which is premium or standard.",
            f'Write type = "{os_disk}".',
        )
    if any(disk.size_gb > VHD_GB for disk in data_disks):
        yield Problem("machines.data_disks", "A VHD is too large.", f"It has up to {VHD_GB:,} GB.", "Use more disks.")
    if os_disk == "Standard_LRS" and len(data_disks) + 1 > VHDS:
        yield Problem(
            "machines.data_disks",
            f"{len(data_disks) + 1} VHDs share one account of {ACCOUNT_IOPS:,} requests a second.",
            f"{VHDS} of {VHD_IOPS} use it up; more are throttled when all are busy.",
            "Use fewer and larger disks, or Premium_LRS.",
            "warning",
        )


def boot_diagnostics(layout: Layout, boot: bool, account: bool) -> Problem | None:
    """Boot diagnostics in storage that Azure manages are for machines on managed disks."""
    if layout is Layout.MANAGED or not boot or account:
        return None
    return Problem(
        "diagnostics.storage_account",
        "Boot diagnostics have nowhere to go.",
        "Storage that Azure manages takes them of machines with managed disks only.",
        "Write storage_account = true, one for all machines; or boot = false.",
    )
