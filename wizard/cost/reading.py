"""Which meters the graph's resources run: a pure reading, without prices.

What costs nothing by itself is left out; a resource of a type that is not known here is named as without a price, so
that nobody takes a sum for the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from wizard import ids
from wizard.blueprint import names
from wizard.blueprint.resource import Blueprint, Resource
from wizard.cost import tiers
from wizard.cost.meters import Meter, Unit, machine
from wizard.plan.choices import IMAGES, image_named

INCLUDED_RULES = 5
"""Load balancing and outbound rules that a balancer's first price holds; NAT rules cost nothing (Microsoft, "Load
Balancer pricing")."""

FREE = frozenset(
    kind.lower()
    for kind in (
        names.GROUP,
        names.NSG,
        names.VNET,
        names.NIC,
        names.AVAILABILITY_SET,
        names.AUTOSCALE,
        names.EXTENSION,
        names.LOCK,
        names.WORKSPACE,  # what it takes in is billed: see the diagnostic setting
    )
)

_FREE_PUBLISHERS = {image.publisher.lower() for image in IMAGES.values()} - {"redhat"}
_RULES = "LB Rules and Outbound Rules"


class Span(NamedTuple):
    """How many: from the least to the most that autoscale makes of them; the same twice where nothing scales."""

    least: int
    most: int

    def times(self, number: int) -> Span:
        return Span(self.least * number, self.most * number)

    def plus(self, other: Span) -> Span:
        return Span(self.least + other.least, self.most + other.most)


@dataclass(frozen=True)
class Need:
    """So many of one meter. By use, how much is not known before; without a meter, `why` tells why there is none."""

    what: str
    count: Span
    meter: Meter | None = None
    by_use: bool = False
    why: str = ""


@dataclass(frozen=True)
class _Place:
    region: str
    everywhere: str
    graph: Blueprint


ONE = Span(1, 1)
Reading = Callable[[Resource, _Place], Iterator[Need]]


def needs(graph: Blueprint, region: str, everywhere: str = "Global") -> list[Need]:
    """The meters of all resources, each once: first what runs by itself, then what is billed by use.

    `everywhere` is the region that the list gives what costs the same everywhere.
    """
    place = _Place(region, everywhere, graph)
    found: dict[tuple[str, Meter | None, bool], Need] = {}
    order = [*_READINGS]  # machines first: they are most of what is paid
    for resource in sorted(graph, key=lambda one: order.index(kind) if (kind := one.type.lower()) in order else 99):
        for need in _read(resource, place):
            key = (need.what, need.meter, need.by_use)
            found[key] = replace(need, count=found[key].count.plus(need.count)) if key in found else need
    return sorted(found.values(), key=lambda need: need.by_use)


def _read(resource: Resource, place: _Place) -> Iterator[Need]:
    kind = resource.type.lower()
    if kind in _READINGS:
        yield from _READINGS[kind](resource, place)
    elif kind not in FREE:
        yield Need(f"{resource.type.rpartition('/')[2]} {resource.name}", ONE, why="What it costs is not known here.")


def _vm(resource: Resource, place: _Place) -> Iterator[Need]:
    properties = resource.body["properties"]
    yield from _machines(properties, properties["hardwareProfile"]["vmSize"], ONE, place)


def _scale_set(resource: Resource, place: _Place) -> Iterator[Need]:
    body = resource.body
    profile = body["properties"]["virtualMachineProfile"]
    yield from _machines(profile, body["sku"]["name"], _capacity(resource, place.graph), place)


def _capacity(resource: Resource, graph: Blueprint) -> Span:
    """How many machines a scale set has: what its autoscale setting allows, or its own number."""
    for setting in graph.of_type(names.AUTOSCALE):
        properties = setting.body["properties"]
        if properties["enabled"] and ids.key(properties["targetResourceUri"]) == ids.key(resource.id):
            bounds = [profile["capacity"] for profile in properties["profiles"]]
            return Span(min(int(each["minimum"]) for each in bounds), max(int(each["maximum"]) for each in bounds))
    count = int(resource.body["sku"]["capacity"])
    return Span(count, count)


def _machines(profile: Mapping[str, Any], size: str, count: Span, place: _Place) -> Iterator[Need]:
    """`count` machines that are alike: their hours, their image's licence, their disks."""
    windows = "windowsConfiguration" in profile["osProfile"]
    system = "Windows" if windows else "Linux"
    yield Need(f"{size}, {system}", count, machine(size, place.region, windows=windows))
    storage = profile["storageProfile"]
    image = storage.get("imageReference") or {}
    publisher = str(image.get("publisher") or "")
    if publisher and publisher.lower() not in _FREE_PUBLISHERS:
        why = "What its publisher asks for is not in this list."
        yield Need(f"Licence of {publisher} {image.get('offer')}", count, why=why)
    yield from _disk("OS disk", storage["osDisk"], count, place, _image_gb(image))
    for disk in storage.get("dataDisks") or ():
        yield from _disk("Data disk", disk, count, place, 0)


def _image_gb(image: Mapping[str, Any]) -> int:
    """The size of the OS disk that an image makes by itself; 0 where it is not known."""
    words = [str(image.get(part) or "") for part in ("publisher", "offer", "sku", "version")]
    found = image_named(":".join(words))
    return found.disk_gb if found else 0


def _disk(what: str, disk: Mapping[str, Any], count: Span, place: _Place, usual_gb: int) -> Iterator[Need]:
    if "managedDisk" not in disk:
        yield Need(f"{what}, VHD", count, why="Azure has retired unmanaged disks, and their prices with them.")
        return
    type_, size = str(disk["managedDisk"]["storageAccountType"]), int(disk.get("diskSizeGB") or usual_gb)
    found = tiers.tier(type_, size)
    if found is None:
        why = f"No tier of {type_} has {size} GiB." if size else "Its size is the image's own, which is not known here."
        yield Need(f"{what}, {type_}", count, why=why)
        return
    name, product, copies = found
    meter = Meter("Storage", place.region, Unit.MONTH, product, f"{name} {copies} Disk")
    yield Need(f"{what} {name}, {type_}", count, meter)
    if tiers.charges_operations(type_):
        operations = replace(meter, name=f"{meter.name} Operations", unit=Unit.OPERATIONS)
        yield Need(f"Reads and writes of {name} {copies}", count, operations, by_use=True)


def _public_ip(resource: Resource, place: _Place) -> Iterator[Need]:
    meter = Meter("Virtual Network", place.region, Unit.HOUR, "IP Addresses", "Standard IPv4 Static Public IP")
    yield Need("Public IP address", ONE, meter)


def _balancer(resource: Resource, place: _Place) -> Iterator[Need]:
    properties = resource.body["properties"]
    rules = sum(len(properties.get(key) or ()) for key in ("loadBalancingRules", "outboundRules"))

    def meter(name: str, unit: Unit) -> Meter:
        return Meter("Load Balancer", place.everywhere, unit, "Load Balancer", name)

    if rules:
        yield Need("Load balancer, up to 5 rules", ONE, meter(f"Standard Included {_RULES}", Unit.HOUR))
    if (more := rules - INCLUDED_RULES) > 0:
        overage = meter(f"Standard Overage {_RULES}", Unit.HOUR)
        yield Need("Load balancer, a further rule", ONE.times(more), overage)
    yield Need("Through the load balancer", ONE, meter("Standard Data Processed", Unit.GB), by_use=True)
    # What leaves over Microsoft's own network, as Azure routes unless it is told otherwise; the name is a recorded one.
    out = Meter("Bandwidth", place.region, Unit.GB, "Rtn Preference: MGN", "Standard Data Transfer Out")
    yield Need("Out to the Internet", ONE, out, by_use=True)


def _nat_gateway(resource: Resource, place: _Place) -> Iterator[Need]:
    meter = Meter("NAT Gateway", place.everywhere, Unit.HOUR, "NAT Gateway", "Standard Gateway")
    yield Need("NAT gateway", ONE, meter)
    data = replace(meter, name="Standard Data Processed", unit=Unit.GB)
    yield Need("Through the NAT gateway", ONE, data, by_use=True)


def _account(resource: Resource, place: _Place) -> Iterator[Need]:
    if any(f"//{resource.name}." in uri for vm in place.graph.of_type(names.VM) if (uri := _vhd(vm))):
        return  # told with the disks
    meter = Meter("Storage", place.region, Unit.GB_MONTH, "General Block Blob v2", "Hot LRS Data Stored")
    yield Need("Kept in storage accounts", ONE, meter, by_use=True)


def _vhd(vm: Resource) -> str:
    """Where a VM's unmanaged OS disk is, or ""."""
    return str((vm.body["properties"]["storageProfile"]["osDisk"].get("vhd") or {}).get("uri") or "")


def _diagnostic_setting(resource: Resource, place: _Place) -> Iterator[Need]:
    if resource.body["properties"].get("workspaceId"):
        meter = Meter("Log Analytics", place.region, Unit.GB, "Log Analytics", "Analytics Logs Data Ingestion")
        yield Need("Taken in by the workspace", ONE, meter, by_use=True)


_READINGS: Mapping[str, Reading] = {
    kind.lower(): reading
    for kind, reading in (
        (names.VM, _vm),
        (names.SCALE_SET, _scale_set),
        (names.PUBLIC_IP, _public_ip),
        (names.BALANCER, _balancer),
        (names.NAT_GATEWAY, _nat_gateway),
        (names.STORAGE, _account),
        (names.DIAGNOSTIC_SETTING, _diagnostic_setting),
    )
}

__all__: Sequence[str] = ("Need", "Span", "needs")
