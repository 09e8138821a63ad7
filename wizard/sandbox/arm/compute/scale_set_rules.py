"""What Azure refuses of a scale set before it accepts one. Orchestration is Flexible; the sandbox has no Uniform."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm import errors
from wizard.sandbox.arm.compute import hardware, identities, images, osprofile, quota
from wizard.sandbox.arm.compute.reading import bad, flag, invalid, items, mapping, missing, not_allowed, number, text
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.catalog import Region
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

TYPE = "Microsoft.Compute/virtualMachineScaleSets"
MOST = 1000
PROFILE = "properties.virtualMachineProfile"
HEALTH = frozenset(
    ("microsoft.managedservices.applicationhealthlinux", "microsoft.managedservices.applicationhealthwindows")
)
_GRACE = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?")
_GRACE_MIN = (10, 90)


def check(world: World, body: Json, name: str, existing: Document | None) -> None:
    """Raise what Azure answers for the first fault. `body` is whole, and still has its secrets on a creation."""
    region = hardware.region(world.catalog, body["location"], TYPE, name)
    mode = text(body, "properties.orchestrationMode")
    if existing is not None and mode != existing.body["properties"]["orchestrationMode"]:
        raise ArmError(
            409,
            "PropertyChangeNotAllowed",
            "Changing property 'virtualMachineScaleSet.orchestrationMode' is not allowed.",
            target="virtualMachineScaleSet.orchestrationMode",
        )
    if mode != "Flexible":
        raise ArmError(501, "UniformNotInSandbox", "Azure has scale sets with Uniform orchestration, the sandbox not.")
    _flexible(body)
    identities.check(world, body, name, existing)
    capacity = number(body, "sku.capacity") or 0
    if not 0 <= capacity <= MOST:
        raise invalid(f"The value {capacity} of parameter sku.capacity is invalid: 0 to {MOST}.", "sku.capacity")
    _profile(world, region, body, name, existing)
    _quota(world, region, text(body, "sku.name") or "", capacity - _capacity(existing))
    _repairs(body)


def _flexible(body: Json) -> None:
    """What goes with Flexible orchestration. Wordings from memory."""
    domains = number(body, "properties.platformFaultDomainCount")
    if domains is None:
        raise missing("platformFaultDomainCount")
    if domains not in (1, 2, 3, 5):
        raise invalid("The value of parameter platformFaultDomainCount is invalid.", "platformFaultDomainCount")
    if body.get("zones") and domains not in (1, 5):
        raise bad("A scale set over zones has a platformFaultDomainCount of 1 or 5.", "platformFaultDomainCount")
    if flag(body, "properties.singlePlacementGroup"):
        raise bad("singlePlacementGroup must be false for a scale set with Flexible orchestration.")
    if identities.SYSTEM in identities.kinds(body.get("identity")):
        # Microsoft, "Orchestration modes": Managed Identity.
        raise bad("A scale set with Flexible orchestration takes user assigned identities only.", "identity")
    if flag(body, "properties.overprovision"):
        raise bad("Overprovisioning is not supported for a scale set with Flexible orchestration.", "overprovision")


def _profile(world: World, region: Region, body: Json, name: str, existing: Document | None) -> None:
    profile, size_name = mapping(body, PROFILE), text(body, "sku.name")
    if not size_name:
        raise missing("sku.name")
    if not profile:
        raise missing("virtualMachineProfile")
    zones = [str(zone) for zone in body.get("zones") or []]
    for zone in zones:
        hardware.zones(region, {"zones": [zone]}, name)
    like_machine = {**profile, "hardwareProfile": {"vmSize": size_name}}
    size = hardware.size(world.catalog, region, like_machine, zones)
    image = images.chosen(world, profile, region.name)
    images.check(world, region, profile)
    hardware.fit(size, image, like_machine)
    hardware.disks(size, image, like_machine)
    system = dict(mapping(profile, "osProfile"))
    prefix = text(system, "computerNamePrefix")
    if not prefix:
        raise missing("osProfile.computerNamePrefix")
    if existing is None:
        osprofile.check({**system, "computerName": f"{prefix}AAAAAA"}, image.os)
    _network(world, profile, name)


def _capacity(existing: Document | None) -> int:
    return int(existing.body["sku"]["capacity"]) if existing is not None else 0


def _quota(world: World, region: Region, size_name: str, more: int) -> None:
    size = world.catalog.size(size_name)
    if size is None or more <= 0:
        return
    known = world.catalog.quotas.get("cores")
    if known is not None and quota.used(world, region).get("cores", 0) + more * size.cores > known.limit:
        raise not_allowed(
            "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Location:"
            f" {region.name}, Current Limit: {known.limit}, Additional Required: {more * size.cores}."
        )


def _network(world: World, profile: Json, name: str) -> None:
    network = mapping(profile, "networkProfile")
    configurations = items(network, "networkInterfaceConfigurations")
    if not configurations:
        raise missing("networkInterfaceConfigurations")
    if not text(network, "networkApiVersion"):
        raise missing("networkApiVersion")  # of a Flexible scale set alone
    for one in configurations:
        if not text(one, "name"):
            raise missing("networkInterfaceConfiguration.name")
        inner = items(one, "properties.ipConfigurations")
        if not inner:
            raise missing("ipConfigurations")
        for configuration in inner:
            if items(configuration, "properties.loadBalancerInboundNatPools"):
                raise bad("Inbound NAT pools are not supported for a scale set with Flexible orchestration.")
            subnet = text(configuration, "properties.subnet.id")
            if not subnet:
                raise missing("subnet")
            pools = items(configuration, "properties.loadBalancerBackendAddressPools")
            for each in (subnet, *(text(pool, "id") or "" for pool in pools)):
                parent = world.store.get(each.rsplit("/", 2)[0]) if each.count("/") > 9 else None
                if parent is None or not _holds(parent, each):
                    raise errors.invalid_reference(each, f"{TYPE}/{name}")


def _holds(parent: Document, id: str) -> bool:
    kind, name = id.rsplit("/", 2)[1:]
    listed = parent.body["properties"].get(kind) or ()
    return any(ids.key(str(item.get("name"))) == ids.key(name) for item in listed)


def health_settings(body: Json) -> Json | None:
    """The settings of the application health extension in the profile; None when there is none."""
    for extension in items(body, f"{PROFILE}.extensionProfile.extensions"):
        properties = mapping(extension, "properties")
        if f"{properties.get('publisher')}.{properties.get('type')}".lower() in HEALTH:
            return mapping(properties, "settings")
    return None


def grace_s(body: Json) -> float:
    """Of repairs, in Azure's seconds: PT10M where nothing is said."""
    found = _GRACE.fullmatch(text(body, "properties.automaticRepairsPolicy.gracePeriod") or "PT10M")
    return (int(found[1] or 0) * 60 + int(found[2] or 0)) * 60.0 if found else 600.0


def _repairs(body: Json) -> None:
    if not flag(body, "properties.automaticRepairsPolicy.enabled"):
        return
    if health_settings(body) is None:
        raise bad(
            "Automatic repairs are enabled and neither an application health extension nor a health probe is "
            "configured for the scale set.",
            "automaticRepairsPolicy",
        )
    period = text(body, "properties.automaticRepairsPolicy.gracePeriod") or "PT10M"
    if not _GRACE.fullmatch(period) or not _GRACE_MIN[0] <= grace_s(body) / 60 <= _GRACE_MIN[1]:
        raise invalid(
            f"The value '{period}' of automaticRepairsPolicy.gracePeriod is invalid: PT10M to PT90M.",
            "automaticRepairsPolicy.gracePeriod",
        )
    if text(body, "properties.automaticRepairsPolicy.repairAction") not in (None, "Replace", "Restart", "Reimage"):
        raise invalid("The value of parameter repairAction is invalid.", "automaticRepairsPolicy.repairAction")
