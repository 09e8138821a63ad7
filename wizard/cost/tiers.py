"""What a managed disk is billed as: the tier whose size is the next one up (Microsoft, "Managed disks pricing")."""

from __future__ import annotations

from collections.abc import Mapping

_SSD = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767)
_NAMES = (1, 2, 3, 4, 6, 10, 15, 20, 30, 40, 50, 60, 70, 80)

_KINDS: Mapping[str, tuple[str, str, int]] = {
    "Premium": ("P", "Premium SSD Managed Disks", 0),
    "StandardSSD": ("E", "Standard SSD Managed Disks", 0),
    "Standard": ("S", "Standard HDD Managed Disks", 3),  # hard disks begin at 32 GiB
}


def tier(disk_type: str, size_gb: int) -> tuple[str, str, str] | None:
    """(`P10`, the product's name, `LRS`) of a type such as `Premium_LRS` and a size in GiB; None for what has none."""
    kind, _, copies = disk_type.partition("_")
    if kind not in _KINDS or not copies or size_gb < 1:
        return None
    letter, product, first = _KINDS[kind]
    for size, number in list(zip(_SSD, _NAMES, strict=True))[first:]:
        if size_gb <= size:
            return f"{letter}{number}", product, copies
    return None


def charges_operations(disk_type: str) -> bool:
    """Whether reads and writes are billed beside the disk: those of Premium SSD are not."""
    return disk_type.startswith("Standard")
