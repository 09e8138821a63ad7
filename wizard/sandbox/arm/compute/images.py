"""Images of one's own: taken of a generalized machine, with what is installed on it, or of a generalized OS disk."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm.compute import attachments, galleries, hardware
from wizard.sandbox.arm.compute.power import conflict
from wizard.sandbox.arm.compute.reading import bad, change, invalid, mapping, missing, not_allowed, text, without_nulls
from wizard.sandbox.arm.compute.reading import writable as without_read_only
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind
from wizard.sandbox.catalog import Image, Region
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

IMAGE = attachments.IMAGE
_FALLBACK = ("Canonical", "ubuntu-24_04-lts", "server")  # what is on a disk that no machine here made is not known


class Images(Kind):
    """Microsoft.Compute/images. What a machine had installed lives on in the machines made of its image."""

    type = IMAGE
    durations = Durations(create=20, update=2, delete=5)  # from memory

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        hardware.region(self.world.catalog, body["location"], self.type, call.name)
        source, disk = text(body, "properties.sourceVirtualMachine.id"), _os_disk(body)
        if existing is not None:
            if source and ids.key(source) != ids.key(str(existing.extra.get("source", ""))):
                raise change("sourceVirtualMachine")
            return
        if bool(source) == bool(disk):
            raise bad("An image is made of a source virtual machine or of a storage profile, and of one of them only.")
        if source:
            self._check_source(source)
        elif text(disk, "osState") != "Generalized":
            raise invalid("The sandbox makes images of generalized disks only.", "osDisk.osState")
        elif text(disk, "osType") not in ("Linux", "Windows"):
            raise missing("osDisk.osType")

    def _check_source(self, source: str) -> None:
        machine = attachments.find(self.world.store, source, attachments.VM)
        if machine is None:
            raise ArmError(404, "NotFound", f"The Virtual Machine '{source}' cannot be found.", target="sourceVM")
        if "managedDisk" not in machine.body["properties"]["storageProfile"]["osDisk"]:
            raise not_allowed("The sandbox makes images of machines with managed disks only.")
        if not machine.extra.get("generalized"):
            raise not_allowed(
                f"The Virtual Machine '{machine.name}' must be generalized before an image can be captured of it."
            )

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = without_nulls(body)
        if existing is not None:
            return without_read_only({**body, "properties": existing.body["properties"]})
        properties = mapping(body, "properties")
        machine = attachments.find(
            self.world.store, text(body, "properties.sourceVirtualMachine.id") or "", attachments.VM
        )
        if machine is not None:
            own = machine.body["properties"]["storageProfile"]["osDisk"]
            properties["storageProfile"] = {
                "osDisk": {
                    "osType": own["osType"],
                    "osState": "Generalized",
                    "diskSizeGB": own["diskSizeGB"],
                    "managedDisk": {"id": own["managedDisk"]["id"]},
                    "caching": own["caching"],
                    "storageAccountType": own["managedDisk"]["storageAccountType"],
                },
                "dataDisks": [],
                "zoneResilient": False,
            }
        properties.setdefault("hyperVGeneration", "V2" if machine is not None else "V1")
        body["properties"] = properties
        return without_read_only(body)

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        if not created:
            return
        source = text(body, "properties.sourceVirtualMachine.id") or ""
        machine = attachments.find(self.world.store, source, attachments.VM) or self._owner_of(body)
        if machine is not None:
            document.extra = {
                "source": source,
                "image": machine.extra["image"],
                "content": self.world.fabric.installed(machine.id),
            }
            self.world.store.put(document)

    def _owner_of(self, body: Json) -> Document | None:
        """The machine that a managed disk is, or was, the OS disk of: so what is on it is known."""
        disk = self.world.store.get(text(_os_disk(body), "managedDisk.id") or "")
        owner = text(disk.body, "managedBy") if disk is not None else None
        return attachments.find(self.world.store, owner or "", attachments.VM)

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()


def chosen(world: World, properties: Json, region: str) -> Image:
    """What a new machine in a region is made of: an image of one's own by its id, or one of the marketplace."""
    found = own(world, properties, region)
    if found is None:
        return hardware.image(world.catalog, properties)
    publisher, offer, sku = str(found.extra.get("image") or ":".join((*_FALLBACK, ""))).split(":")[:3]
    base = world.catalog.image(publisher, offer, sku)
    assert base is not None, "the catalog never loses an image"
    if found.type == galleries.VERSION:
        definition = galleries.definition_of(world, found)
        return dataclasses.replace(
            base,
            os=definition["osType"],
            generation=definition["hyperVGeneration"],
            disk_gib=found.body["properties"]["storageProfile"]["osDiskImage"]["sizeInGB"],
            managed=not galleries.trusted(definition),
        )
    disk = found.body["properties"]["storageProfile"]["osDisk"]
    return dataclasses.replace(
        base,
        os=disk["osType"],
        generation=found.body["properties"]["hyperVGeneration"],
        disk_gib=disk.get("diskSizeGB") or base.disk_gib,
        managed=True,
    )


def own(world: World, properties: Json, region: str) -> Document | None:
    """The document of an image by id; None where a marketplace image is named. Raises when there is none.

    Of an image in a gallery without a version it is the latest that the region has.
    """
    wanted = text(properties, "storageProfile.imageReference.id")
    if not wanted:
        return None
    if definition := attachments.find(world.store, wanted, galleries.DEFINITION):
        newest = galleries.latest(world.store, definition, region)
        if newest is None:
            raise galleries.not_in_region(wanted, region)
        return newest
    found = attachments.find(world.store, wanted, IMAGE) or attachments.find(world.store, wanted, galleries.VERSION)
    if found is None or found.body["properties"].get("provisioningState") != "Succeeded":
        raise ArmError(404, "NotFound", f"The Image {wanted} cannot be found.", target="imageReference")
    return found


def check(world: World, region: Region, properties: Json) -> None:
    """Raise for a version of a gallery's image that is not in the region, or is no image to make new machines of."""
    found = own(world, properties, region.name)
    if found is None or found.type != galleries.VERSION:
        return
    galleries.check_region(found, region.name)
    if galleries.definition_of(world, found).get("osState") == "Specialized":
        raise bad("Parameter 'osProfile' is not allowed for a machine of a specialized image.", "osProfile")


def content(world: World, properties: Json, region: str) -> Json | None:
    """What is installed on an image of one's own."""
    found = own(world, properties, region)
    return copy.deepcopy(found.extra.get("content")) if found is not None else None


def _os_disk(body: Json) -> Json:
    return mapping(body, "properties.storageProfile.osDisk")
