"""VM sizes in the form of the older `vmSizes` calls."""

from __future__ import annotations

from wizard.sandbox.catalog import Catalog
from wizard.sandbox.store import Json

_OS_DISK_MB = 1047552


def listing(catalog: Catalog, location: str) -> list[Json]:
    """`value` of `.../vmSizes`; empty where there is no such region."""
    region = catalog.region(location)
    if region is None:
        return []
    return [
        {
            "name": size.name,
            "numberOfCores": size.cores,
            "osDiskSizeInMB": _OS_DISK_MB,
            "resourceDiskSizeInMB": 0,
            "memoryInMB": int(size.memory_gib * 1024),
            "maxDataDiskCount": size.max_data_disks,
        }
        for size in catalog.sizes.values()
        if catalog.offered(size, region.name)
    ]
