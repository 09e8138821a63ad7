"""What Azure offers, as data: regions, sizes, images and quotas, in the shapes that ARM's listings have.

The rows under `data/` are condensed from recorded answers and Microsoft's documentation; each file's `about` tells
where they come from, which fields no source told, and which rows are the sandbox's own choice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Literal

Json = dict[str, Any]

ALIGNED, CLASSIC = "Aligned", "Classic"


@dataclass(frozen=True)
class Region:
    """One region. `zones` are logical zone names, `fault_domains` the most an availability set may have there."""

    name: str
    display_name: str
    geography: str
    geography_group: str
    physical_location: str
    paired_region: str | None
    zones: tuple[str, ...]
    latitude: str
    longitude: str
    category: str
    fault_domains: int


@dataclass(frozen=True)
class Size:
    """One VM size, with what ARM's SKU list tells of it."""

    name: str
    family: str
    cores: int
    memory_gib: float
    max_data_disks: int
    max_nics: int
    premium_io: bool
    generations: tuple[str, ...]
    accelerated_networking: bool
    encryption_at_host: bool
    architecture: str
    trusted_launch: bool

    def capabilities(self) -> list[Json]:
        """The name and value pairs of the SKU list; every value is text there."""
        values: dict[str, object] = {
            "OSVhdSizeMB": 1047552,
            "vCPUs": self.cores,
            "MemoryPreservingMaintenanceSupported": True,
            "HyperVGenerations": ",".join(self.generations),
            "CpuArchitectureType": self.architecture,
            "MaxDataDiskCount": self.max_data_disks,
            "MemoryGB": f"{self.memory_gib:g}",
            "VMDeploymentTypes": "IaaS",
            "vCPUsAvailable": self.cores,
            "PremiumIO": self.premium_io,
            "EncryptionAtHostSupported": self.encryption_at_host,
            "AcceleratedNetworkingEnabled": self.accelerated_networking,
            "MaxNetworkInterfaces": self.max_nics,
        }
        if not self.trusted_launch and "V2" in self.generations:
            values["TrustedLaunchDisabled"] = True  # Azure names the capability only where it takes something away
        return [{"name": name, "value": str(value)} for name, value in values.items()]


@dataclass(frozen=True)
class Image:
    """One marketplace image version, offered in every region."""

    publisher: str
    offer: str
    sku: str
    version: str
    os: Literal["Linux", "Windows"]
    generation: str
    architecture: str
    disk_gib: int
    managed: bool = False  # one's own that Azure takes no Trusted Launch of: all but those of a gallery that say so

    @property
    def urn(self) -> str:
        return f"{self.publisher}:{self.offer}:{self.sku}:{self.version}"

    @property
    def trusted_launch(self) -> bool:
        return self.generation == "V2" and self.architecture == "x64" and not self.managed


@dataclass(frozen=True)
class Quota:
    """One limit of a subscription in one region. `name` is `cores`, `virtualMachines`, ... or a size family."""

    name: str
    localized_name: str
    limit: int


class Catalog:
    """Regions, sizes, images and quotas, read once from the package's data."""

    @cached_property
    def regions(self) -> Mapping[str, Region]:
        """By lower-cased name, in the recorded order."""
        return {
            row["name"]: Region(
                name=row["name"],
                display_name=row["displayName"],
                geography=row["geography"],
                geography_group=row["geographyGroup"],
                physical_location=row["physicalLocation"],
                paired_region=row["pairedRegion"],
                zones=tuple(row["zones"]),
                latitude=row["latitude"],
                longitude=row["longitude"],
                category=row["regionCategory"],
                fault_domains=row["faultDomains"],
            )
            for row in _read("regions")["regions"]
        }

    @cached_property
    def sizes(self) -> Mapping[str, Size]:
        """By lower-cased name."""
        return {
            row["name"].lower(): Size(
                name=row["name"],
                family=row["family"],
                cores=row["vCPUs"],
                memory_gib=row["memoryGiB"],
                max_data_disks=row["maxDataDisks"],
                max_nics=row["maxNics"],
                premium_io=row["premiumIO"],
                generations=tuple(row["hyperVGenerations"].split(",")),
                accelerated_networking=row["acceleratedNetworking"],
                encryption_at_host=row["encryptionAtHost"],
                architecture=row["cpuArchitecture"],
                trusted_launch=bool(row["trustedLaunch"]),
            )
            for row in self._size_data["sizes"]
        }

    @cached_property
    def _size_data(self) -> Json:
        return _read("sizes")

    @cached_property
    def _images(self) -> tuple[Image, ...]:
        return tuple(
            Image(
                publisher=row["publisher"],
                offer=row["offer"],
                sku=row["sku"],
                version=row["version"],
                os=row["os"],
                generation=row["hyperVGeneration"],
                architecture=row["architecture"],
                disk_gib=row["diskGiB"],
            )
            for row in _read("images")["images"]
        )

    @cached_property
    def quotas(self) -> Mapping[str, Quota]:
        """The compute limits of each region, by lower-cased name."""
        return {
            row["name"].lower(): Quota(row["name"], row["localizedName"], row["limit"])
            for row in _read("quotas")["compute"]
        }

    @cached_property
    def vms_per_availability_set(self) -> int:
        return int(_read("quotas")["vmsPerAvailabilitySet"])

    # Questions

    def region(self, location: str) -> Region | None:
        """A region by name or display name: ARM takes `West Europe` for `westeurope`."""
        return self.regions.get(location.replace(" ", "").lower())

    def size(self, name: str) -> Size | None:
        return self.sizes.get(name.lower())

    def offered(self, size: Size, location: str) -> bool:
        """Whether the region has the size at all, for any subscription."""
        return not any(location in row["locations"] and size.name in row["sizes"] for row in self._size_data["absent"])

    def restrictions(self, size: Size, location: str) -> list[Json]:
        """Why this subscription may not use the size there: the SKU list's `restrictions`."""
        found: list[Json] = []
        for row in self._size_data["restrictions"]:
            if location not in row["locations"] or size.name not in row["sizes"]:
                continue
            info: Json = {"locations": [location]}
            if row["type"] == "Zone":
                info["zones"] = row["zones"]
            values = [location]
            found.append(
                {"type": row["type"], "values": values, "restrictionInfo": info, "reasonCode": row["reasonCode"]}
            )
        return found

    def images(self) -> tuple[Image, ...]:
        return self._images

    def image(self, publisher: str, offer: str, sku: str, version: str = "latest") -> Image | None:
        """The image of a reference, without regard to case; `latest` takes the newest (the only one) there is."""
        wanted = (publisher.lower(), offer.lower(), sku.lower())
        for image in self._images:
            if (image.publisher.lower(), image.offer.lower(), image.sku.lower()) == wanted:
                return image if version.lower() in ("latest", image.version.lower()) else None
        return None

    # Listings, as ARM answers them

    def locations(self, subscription: str) -> list[Json]:
        """`value` of `GET /subscriptions/S/locations`."""
        return [self._location(region, subscription) for region in self.regions.values()]

    def _location(self, region: Region, subscription: str) -> Json:
        root = f"/subscriptions/{subscription}/locations/"
        paired = region.paired_region
        location: Json = {
            "id": root + region.name,
            "name": region.name,
            "type": "Region",
            "displayName": region.display_name,
            "regionalDisplayName": f"({region.geography_group}) {region.display_name}",
            "metadata": {
                "regionType": "Physical",
                "regionCategory": region.category,
                "geography": region.geography,
                "geographyGroup": region.geography_group,
                "longitude": region.longitude,
                "latitude": region.latitude,
                "physicalLocation": region.physical_location,
                "pairedRegion": [{"name": paired, "id": root + paired}] if paired else [],
            },
        }
        if region.zones:
            location["availabilityZoneMappings"] = [
                {"logicalZone": zone, "physicalZone": f"{region.name}-az{zone}"} for zone in region.zones
            ]
        return location

    def skus(self, location: str | None = None) -> list[Json]:
        """`value` of `GET .../providers/Microsoft.Compute/skus`: one row per SKU and region; `location` narrows."""
        regions = list(self.regions.values())
        if location is not None:
            regions = [found] if (found := self.region(location)) else []
        return [row for region in regions for row in self._skus_of(region)]

    def _skus_of(self, region: Region) -> list[Json]:
        rows: list[Json] = []
        for name, domains in ((CLASSIC, 3), (ALIGNED, region.fault_domains)):
            rows.append(
                {
                    "resourceType": "availabilitySets",
                    "name": name,
                    "locations": [region.name],
                    "locationInfo": [{"location": region.name, "zones": [], "zoneDetails": []}],
                    "capabilities": [{"name": "MaximumPlatformFaultDomainCount", "value": str(domains)}],
                    "restrictions": [],
                }
            )
        rows.extend(
            {
                "resourceType": "virtualMachines",
                "name": size.name,
                "tier": "Standard",
                "size": size.name.removeprefix("Standard_"),
                "family": size.family,
                "locations": [region.name],
                "locationInfo": [{"location": region.name, "zones": list(region.zones), "zoneDetails": []}],
                "capabilities": size.capabilities(),
                "restrictions": self.restrictions(size, region.name),
            }
            for size in self.sizes.values()
            if self.offered(size, region.name)
        )
        return rows

    def usages(self, used: Mapping[str, int]) -> list[Json]:
        """`value` of `.../locations/L/usages`; `used` counts by lower-cased quota name."""
        return [
            {
                "limit": quota.limit,
                "unit": "Count",
                "currentValue": used.get(key, 0),
                "name": {"value": quota.name, "localizedValue": quota.localized_name},
            }
            for key, quota in self.quotas.items()
        ]


def _read(name: str) -> Json:
    text = resources.files("wizard.sandbox").joinpath("data", f"{name}.json").read_text(encoding="utf-8")
    content: Json = json.loads(text)
    return content
