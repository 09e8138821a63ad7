"""What a machine is tied to: network interfaces, an availability set and its domains, disks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm import errors
from wizard.sandbox.arm.compute import vhds
from wizard.sandbox.arm.compute.reading import bad, flag, invalid, items, mapping, missing, not_allowed, text
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.catalog import Region, Size
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.world import World

VM = "Microsoft.Compute/virtualMachines"
NIC = "Microsoft.Network/networkInterfaces"
DISK = "Microsoft.Compute/disks"
IMAGE = "Microsoft.Compute/images"
AVAILABILITY_SET = "Microsoft.Compute/availabilitySets"


def reference(value: object) -> str:
    """The id of a `{"id": ...}`, comparable; "" when there is none."""
    found = value.get("id") if isinstance(value, dict) else None
    return ids.key(found) if isinstance(found, str) and found else ""


def find(store: Store, id: str, type: str) -> Document | None:
    """A document by id, if it is of that type."""
    document = store.get(id) if id else None
    return document if document is not None and document.type.lower() == type.lower() else None


# Network interfaces


def check_interfaces(world: World, region: Region, size: Size, properties: Json, vm_id: str) -> None:
    """Each interface exists, is in the machine's region, provisioned and free."""
    wanted = items(properties, "networkProfile.networkInterfaces")
    if not wanted:
        raise missing("networkProfile")
    if len(wanted) > size.max_nics:
        raise bad(
            f"The number of network interfaces for virtual machine {vm_id} exceeds the maximum allowed for the "
            f"virtual machine size {size.name}. The number of network interfaces is {len(wanted)} and the maximum "
            f"allowed is {size.max_nics}."
        )
    primaries = sum(bool(flag(one, "properties.primary")) for one in wanted)
    if len(wanted) > 1 and primaries != 1:
        raise invalid(
            "Virtual machine has more than one network interface: exactly one of them must be primary.",
            "networkProfile.networkInterfaces",
        )
    if len({reference(one) for one in wanted}) != len(wanted):
        raise invalid(
            "A network interface is listed more than once in the network profile.", "networkProfile.networkInterfaces"
        )
    for one in wanted:
        _check_interface(world, region, text(one, "id") or "", vm_id)
        if text(one, "properties.deleteOption") not in (None, "Delete", "Detach"):
            raise invalid("The value of parameter deleteOption is invalid.", "networkInterface.deleteOption")


def _check_interface(world: World, region: Region, id: str, vm_id: str) -> None:
    nic = find(world.store, id, NIC)
    if nic is None or world.catalog.region(str(nic.body.get("location"))) != region:
        raise errors.invalid_reference(id, vm_id)
    properties = mapping(nic.body, "properties")
    owner = reference(properties.get("virtualMachine"))
    if owner and owner != ids.key(vm_id):
        raise ArmError(
            400,
            "NicInUse",
            f"Network Interface {nic.id} is used by existing resource {properties['virtualMachine']['id']}. A network "
            "interface can be attached to one virtual machine only. Please see aka.ms/deletenic for more details.",
        )
    state = text(properties, "provisioningState")
    if state not in (None, "Succeeded"):
        raise errors.not_provisioned(nic.id, vm_id, str(state))


def interfaces(store: Store, properties: Json) -> list[Document]:
    """The documents of a machine's interfaces that exist."""
    listed = items(properties, "networkProfile.networkInterfaces")
    found = (find(store, reference(one), NIC) for one in listed)
    return [nic for nic in found if nic is not None]


def tie_interfaces(store: Store, document: Document, before: Json | None) -> None:
    """Write the machine into its interfaces, and take it out of those it no longer has."""
    now = interfaces(store, document.body["properties"])
    keep = {ids.key(nic.id) for nic in now}
    for nic in interfaces(store, before) if before else ():
        if ids.key(nic.id) not in keep:
            free_interface(store, nic)
    for nic in now:
        properties = nic.body.setdefault("properties", {})
        if reference(properties.get("virtualMachine")) != ids.key(document.id):
            properties["virtualMachine"] = {"id": document.id}
            properties["primary"] = primary(document, nic)
            nic.etag += 1
            store.put(nic)


def primary(document: Document, nic: Document) -> bool:
    """Whether an interface is the machine's first: the only one, or the one marked so."""
    listed = items(document.body["properties"], "networkProfile.networkInterfaces")
    mine = next((one for one in listed if reference(one) == ids.key(nic.id)), {})
    return len(listed) == 1 or bool(flag(mine, "properties.primary"))


def free_interface(store: Store, nic: Document) -> None:
    properties = nic.body.setdefault("properties", {})
    properties.pop("virtualMachine", None)
    properties.pop("primary", None)
    nic.etag += 1
    store.put(nic)


# Availability sets


def check_availability_set(world: World, region: Region, body: Json, group: str) -> None:
    """The set exists in the machine's region, is Aligned as managed disks need, and has room."""
    wanted = text(body, "properties.availabilitySet.id")
    if wanted is None:
        return
    if body.get("zones"):
        # Wording from memory.
        raise bad(
            "Virtual Machine cannot be created because both Availability Zone and Availability Set were specified."
        )
    found = find(world.store, wanted, AVAILABILITY_SET)
    if found is None or world.catalog.region(str(found.body.get("location"))) != region:
        raise ArmError(404, "NotFound", f"The Availability Set '{wanted}' cannot be found.", target="availabilitySet")
    if found.group != group.lower():
        raise bad(f"The Availability Set '{wanted}' must be in the resource group of the virtual machine.")
    vhds.check_set(str(mapping(found.body, "sku").get("name", "Classic")), mapping(body, "properties"))
    most = world.catalog.vms_per_availability_set
    if len(members(world.store, found.id)) >= most:
        raise not_allowed(f"The maximum number of virtual machines in an availability set is {most}.")


def members(store: Store, set_id: str) -> list[Document]:
    """The machines of an availability set, oldest first."""
    key = ids.key(set_id)
    return [vm for vm in store.of_type(VM) if reference(vm.body["properties"].get("availabilitySet")) == key]


def domains(store: Store, set_id: str) -> tuple[int, int]:
    """The fault and update domain of the set's next machine: the emptiest of each, the lowest first."""
    document = find(store, set_id, AVAILABILITY_SET)
    assert document is not None, "checked when the machine was validated"
    properties = document.body["properties"]
    others = [vm.extra for vm in members(store, set_id)]

    def emptiest(kind: str, count: int) -> int:
        taken = Counter(extra.get(kind) for extra in others)
        return min(range(count), key=lambda domain: (taken[domain], domain))

    return (
        emptiest("faultDomain", properties["platformFaultDomainCount"]),
        emptiest("updateDomain", properties["platformUpdateDomainCount"]),
    )


# Disks


def check_disks(world: World, region: Region, properties: Json, vm_id: str, group: str) -> None:
    """A disk to attach exists, is in the region and free; a disk to make takes no other disk's name."""
    if vhds.unmanaged(properties):
        return
    own = text(properties, "storageProfile.osDisk.name")
    if own and world.store.get(vm_id) is None:
        _check_new(world, own, vm_id, group)
    for disk in items(properties, "storageProfile.dataDisks"):
        wanted, name = text(disk, "managedDisk.id"), text(disk, "name")
        if wanted is not None:
            _check_attachable(world, region, wanted, vm_id)
        elif text(disk, "createOption") == "Attach":
            raise missing("dataDisk.managedDisk.id")
        elif name:
            _check_new(world, name, vm_id, group)


def _check_new(world: World, name: str, vm_id: str, group: str) -> None:
    found = world.store.get(ids.resource_id(world.subscription, group, DISK, name))
    if found is not None and ids.key(found.body.get("managedBy", "")) != ids.key(vm_id):
        raise ArmError(409, "ConflictingUserInput", f"Disk {name} already exists in resource group {group.upper()}.")


def _check_attachable(world: World, region: Region, wanted: str, vm_id: str) -> None:
    found = find(world.store, wanted, DISK)
    if found is None or world.catalog.region(str(found.body.get("location"))) != region:
        raise ArmError(404, "NotFound", f"The Disk '{wanted}' cannot be found.", target="dataDisk.managedDisk.id")
    owner = text(found.body, "managedBy")
    if owner and ids.key(owner) != ids.key(vm_id):
        raise ArmError(
            409,
            "ConflictingUserInput",
            f"Disk '{found.name}' cannot be attached as the disk is already owned by VM '{owner}'.",
        )
