"""Rules about disks: types, sizes and caching. What the size allows is asked of the region by preflight.

Source: Microsoft, "Managed disk types" and "Virtual machine disk caching".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard.errors import Problem
from wizard.plan import limits
from wizard.plan.choices import OS_DISKS
from wizard.plan.machines import number
from wizard.plan.model import Caching, DataDisk
from wizard.plan.nearest import nearest

FIELD = "machines.data_disks"
UNCACHED_ABOVE_GB = 4095
"""Disks of 4 TiB and more cannot be cached."""


def os_disk_gb(value: int) -> Problem | None:
    """0, or what an OS disk can have. Whether it holds the image is Azure's to say."""
    if value == 0:
        return None
    return number(
        "machines.os_disk_gb", value, limits.OS_DISK_GB, "An OS disk has up to 4,095 GB; 0 is the image's own."
    )


def data_disks(entries: Sequence[DataDisk]) -> Iterator[Problem]:
    """Every disk by itself, and how many they are."""
    if len(entries) > limits.DATA_DISKS:
        yield Problem(
            FIELD,
            f"{len(entries)} disks are too many.",
            f"The largest sizes take {limits.DATA_DISKS}.",
            "Use fewer and larger ones.",
        )
    for place, entry in enumerate(entries, start=1):
        if entry.size_gb not in limits.DATA_DISK_GB:
            yield Problem(
                FIELD,
                f"Disk {place} has {entry.size_gb} GB.",
                f"A managed disk has {limits.DATA_DISK_GB} GB.",
                "Choose a size within that.",
            )
        if entry.type not in OS_DISKS:
            near = nearest(entry.type, OS_DISKS)
            yield Problem(
                FIELD,
                f'Disk {place}: "{entry.type}" is not a type of disk that is known here.',
                f"Known are {', '.join(OS_DISKS)}.",
                f'Did you mean "{near}"?' if near else "Use one of these.",
            )
        if entry.caching is not Caching.NONE and entry.size_gb > UNCACHED_ABOVE_GB:
            yield Problem(
                FIELD,
                f"Disk {place} cannot be cached.",
                f"Azure caches disks up to {UNCACHED_ABOVE_GB} GB, and it has {entry.size_gb}.",
                f'Write caching = "{Caching.NONE}".',
            )
        elif entry.caching is Caching.READ_WRITE:
            yield Problem(
                FIELD,
                f"Disk {place} keeps writes in a cache.",
                "What the cache holds is lost with the host, unless the application writes through it.",
                f'Use "{Caching.READ_ONLY}" or "{Caching.NONE}" for data.',
                "warning",
            )
