"""Virtual machines: what is checked before one is accepted, what it brings along, and what it takes along."""

from __future__ import annotations

from wizard import ids
from wizard.sandbox.arm.compute import (
    attachments,
    changes,
    digests,
    disks,
    hardware,
    identities,
    images,
    osprofile,
    quota,
    representation,
    shapes,
    vhds,
)
from wizard.sandbox.arm.compute.bootdiagnostics import BootDiagnostics
from wizard.sandbox.arm.compute.extensions import of_machine
from wizard.sandbox.arm.compute.patching import Patching
from wizard.sandbox.arm.compute.power import conflict, soon, until
from wizard.sandbox.arm.compute.reading import flag, mapping, missing, text, without_nulls
from wizard.sandbox.arm.compute.runcommand import RunCommand
from wizard.sandbox.arm.compute.scale_sets import left
from wizard.sandbox.arm.compute.sizes import listing
from wizard.sandbox.arm.compute.view import instance_view, statuses
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Reply, action
from wizard.sandbox.catalog import Image, Region, Size
from wizard.sandbox.fabric.fabric import GuestSpec
from wizard.sandbox.store import Document, Json

POWER_ON_AFTER_S = 10.0
"""Of a creation's seconds, what finding a host and copying the image takes before the machine boots (from memory)."""
PROVISIONING_TIMEOUT_S = 1200.0
"""Azure gives a guest 20 minutes to report that it is provisioned (from memory)."""


class VirtualMachines(RunCommand, BootDiagnostics, Patching):
    """Microsoft.Compute/virtualMachines"""

    type = attachments.VM
    durations = Durations(create=45, update=5, delete=30)
    write_only = (
        "properties.osProfile.adminPassword",
        "properties.osProfile.customData",
        "properties.osProfile.windowsConfiguration.additionalUnattendContent",
        "properties.userData",
    )

    # Writing

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        shapes.check(body)
        identities.check(self.world, body, call.name, existing)
        region = hardware.region(self.world.catalog, body["location"], self.type, call.name)
        if existing is None:
            self._validate_new(call, body, region)
        else:
            self._validate_change(call, body, region, existing)

    def _validate_new(self, call: Call, body: Json, region: Region) -> None:
        catalog, properties = self.world.catalog, mapping(body, "properties")
        _vm_name(call.name)
        zones = hardware.zones(region, body, call.name)
        size = hardware.size(catalog, region, properties, zones)
        image = images.chosen(self.world, properties, region.name)
        images.check(self.world, region, properties)
        hardware.fit(size, image, properties)
        hardware.disks(size, image, properties)
        own_image = images.own(self.world, properties, region.name) is not None
        vhds.check(self.world, region, body, call.id, own_image=own_image)
        profile = mapping(properties, "osProfile")
        if not profile:
            raise missing("osProfile")
        osprofile.check(profile, image.os, password_kept=call.kept_password is not None)
        attachments.check_interfaces(self.world, region, size, properties, call.id)
        attachments.check_availability_set(self.world, region, body, call.group)
        attachments.check_disks(self.world, region, properties, call.id, call.group)
        quota.check(self.world, region, size, None)

    def _validate_change(self, call: Call, body: Json, region: Region, existing: Document) -> None:
        changes.check(body, existing)
        old = existing.body["properties"]
        merged = {**old, **{name: value for name, value in mapping(body, "properties").items() if value is not None}}
        size, image = self._resized(region, merged, existing), self._image(existing)
        hardware.disks(size, image, {"storageProfile": {**merged["storageProfile"], "osDisk": {}}})
        own_image = "id" in merged["storageProfile"]["imageReference"]
        vhds.check(self.world, region, {"properties": merged}, existing.id, own_image=own_image)
        attachments.check_disks(self.world, region, merged, existing.id, call.group)
        attachments.check_interfaces(self.world, region, size, merged, existing.id)
        moved = changes.interfaces(merged) != changes.interfaces(old)
        if moved and self.state(existing) != "deallocated":
            # Code and wording from memory.
            raise ArmError(
                409,
                "AddingOrDeletingNetworkInterfacesOnARunningVirtualMachineIsNotSupported",
                f"Adding or deleting network interfaces on a running virtual machine {existing.id} is not supported. "
                "Stop and deallocate it first.",
            )

    def _resized(self, region: Region, properties: Json, existing: Document) -> Size:
        old = existing.body["properties"]["hardwareProfile"]["vmSize"]
        if (text(properties, "hardwareProfile.vmSize") or "").lower() == old.lower():
            known = self.world.catalog.size(old)
            assert known is not None, "checked when the machine was created"
            return known
        size = hardware.size(self.world.catalog, region, properties, existing.body.get("zones") or [])
        hardware.fit(size, self._image(existing), properties)
        quota.check(self.world, region, size, existing)
        return size

    def _image(self, document: Document) -> Image:
        found = self.world.catalog.image(*document.extra["image"].split(":"))
        if found is None:  # a newer catalog has another version: the machine keeps what it was made of
            publisher, offer, sku, _version = document.extra["image"].split(":")
            found = self.world.catalog.image(publisher, offer, sku)
        assert found is not None, "the catalog never loses an image"
        return found

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body, before = without_nulls(body), existing.body.get("identity") if existing is not None else None
        identity = identities.represent(self.world, body.pop("identity", None), before)
        if existing is not None:
            shown = representation.updated(body, existing, call.world.subscription, call.group)
        else:
            image = images.chosen(self.world, body["properties"], body["location"])
            shown = representation.created(body, image, call.world.subscription, call.group, name=call.name)
        return {**shown, "identity": identity} if identity is not None else shown

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        if created:
            self._bring_forth(call, body, document)
        else:
            self._apply(document)
        attachments.tie_interfaces(self.world.store, document, document.extra.get("before"))
        self._tie_disks(document)
        document.extra["before"] = {"networkProfile": document.body["properties"]["networkProfile"]}
        self.world.store.put(document)
        if created:
            soon(lambda: self.world.fabric.power_on(document.id), POWER_ON_AFTER_S / self.world.speed)

    def _bring_forth(self, call: Call, body: Json, document: Document) -> None:
        """Everything that a new machine has beside its document: domains, disks, and the guest with its secrets."""
        store, properties = self.world.store, document.body["properties"]
        image = images.chosen(self.world, body["properties"], body["location"])
        extra: Json = {
            "image": image.urn,
            "generation": image.generation,
            "size": properties["hardwareProfile"]["vmSize"],
        }
        if joined := text(properties, "availabilitySet.id"):
            extra["faultDomain"], extra["updateDomain"] = attachments.domains(store, joined)
        profile = body["properties"]["osProfile"]
        if profile.get("adminPassword") is not None:
            extra["adminPassword"] = digests.of(profile["adminPassword"])
        elif call.kept_password is not None:
            extra["adminPassword"] = call.kept_password["digest"]
        extra["customData"] = digests.plain(profile.get("customData") or "")
        document.extra = extra
        os_disk = properties["storageProfile"]["osDisk"]
        if "managedDisk" in os_disk:
            creation = {"createOption": "FromImage", "imageReference": {"id": _image_id(call, document, image)}}
            disks.bring(store, document, os_disk, creation, os=image.os, size_gib=os_disk["diskSizeGB"])
        content = images.content(self.world, body["properties"], body["location"])
        self.world.fabric.create_machine(document.id, _guest(call, profile, image, content))

    def _tie_disks(self, document: Document) -> None:
        store = self.world.store
        data = document.body["properties"]["storageProfile"]["dataDisks"]
        listed = [disk for disk in data if "managedDisk" in disk]
        for disk in listed:
            if disk.get("createOption") == "Empty":
                creation = {"createOption": "Empty"}
                disks.bring(store, document, disk, creation, os=None, size_gib=disk.get("diskSizeGB") or 1)
            disks.attach(store, document, disk["managedDisk"]["id"])
        now = [ids.key(disk["managedDisk"]["id"]) for disk in listed]
        for gone in set(document.extra.get("disks", ())) - set(now):
            disks.release(store, gone, delete=False)
        document.extra["disks"] = now

    def _apply(self, document: Document) -> None:
        """A new size takes a restart; Azure does it by itself when the machine runs."""
        size = document.body["properties"]["hardwareProfile"]["vmSize"]
        if size.lower() != str(document.extra.get("size", size)).lower() and self.state(document) == "running":
            soon(lambda: self.world.fabric.restart(document.id))
        document.extra["size"] = size

    async def succeed(self, document: Document, created: bool) -> None:
        """A creation, or a second try of a failed one, is done when the guest has reported that it is provisioned."""
        if document.extra.get("provisioned"):
            return
        if self.state(document) not in ("running", "starting"):
            await self.world.fabric.power_on(document.id)
        ready = await until(self.world, lambda: self.world.fabric.agent_ready(document.id), PROVISIONING_TIMEOUT_S)
        if not ready:
            raise ArmError(
                409,
                "OSProvisioningTimedOut",
                f"OS Provisioning for VM '{document.name}' did not finish in the allotted time. The VM may still "
                "finish provisioning successfully. Please check provisioning state later. Also, make sure the image "
                "has been properly prepared (generalized).",
            )
        document.extra["provisioned"] = True

    # Deleting

    async def deleted(self, document: Document) -> None:
        """The guest goes; interfaces and disks go along or stay, as their `deleteOption` says."""
        await self.world.fabric.remove_machine(document.id)
        left(self.world, document)
        properties, store = document.body["properties"], self.world.store
        listed = mapping(properties, "networkProfile").get("networkInterfaces") or []
        along = {attachments.reference(one) for one in listed if text(one, "properties.deleteOption") == "Delete"}
        for nic in attachments.interfaces(store, properties):
            attachments.free_interface(store, nic)
            if ids.key(nic.id) in along:
                await self._delete_interface(nic)
        storage = properties["storageProfile"]
        for disk in (storage["osDisk"], *storage["dataDisks"]):
            if "managedDisk" in disk:  # a VHD stays in its account
                disks.release(store, disk["managedDisk"]["id"], delete=disk.get("deleteOption") == "Delete")
        for extension in of_machine(store, document):
            store.delete(extension.id)

    async def _delete_interface(self, nic: Document) -> None:
        kind = self.world.operations.registry.kind(nic.type)
        if kind is not None:
            await kind.deleted(nic)
        self.world.operations.forget(nic)

    # Reading

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()

    def show(self, document: Document, call: Call | None = None) -> Json:
        shown = super().show(document, call)
        query = call.query if call is not None else {}
        if "instanceview" in query.get("$expand", "").lower():
            shown["properties"] = {**shown["properties"], "instanceView": instance_view(self.world, document)}
        elif query.get("statusonly", "").lower() == "true":
            view = {"statuses": statuses(document, self.state(document))}
            shown["properties"] = {**shown["properties"], "instanceView": view}
        own = of_machine(self.world.store, document)
        if own and call is not None and call.name.lower() != document.name.lower():
            # A listing has ids alone: the Azure CLI's `vm list` cannot read more there.
            shown["resources"] = [{"id": one.id} for one in own]
        elif own:
            shown["resources"] = [{"id": one.id, "name": one.name, "type": one.type, **one.body} for one in own]
        return shown

    @action("instanceView", method="GET")
    async def view(self, call: Call, document: Document) -> Reply:
        return Reply(200, instance_view(self.world, document))

    @action("vmSizes", method="GET")
    async def sizes(self, call: Call, document: Document) -> Reply:
        return Reply(200, listing(self.world.catalog, document.body["location"]))


def _vm_name(name: str) -> None:
    refused = osprofile.NAME_CHARACTERS.replace("_", "").replace(".", "")
    if not 1 <= len(name) <= 64 or any(one in refused for one in name) or name[0] == "_" or name[-1] in ".-":
        # Wording from memory.
        raise ArmError(
            400,
            "InvalidParameter",
            f"The name '{name}' of the virtual machine is invalid: 1 to 64 characters, not beginning with '_' nor "
            f"ending with '.' or '-', and none of {' '.join(refused)}",
            target="vm.name",
        )


def _guest(call: Call, profile: Json, image: Image, content: Json | None) -> GuestSpec:
    key_only = flag(profile, "linuxConfiguration.disablePasswordAuthentication") or False
    return GuestSpec(
        os=image.os,
        computer_name=profile["computerName"],
        admin_user=profile["adminUsername"],
        admin_password=profile.get("adminPassword"),
        password_login=not key_only,
        ssh_keys=osprofile.ssh_keys(profile),
        custom_data=osprofile.custom_data(profile),
        image=image.urn,
        content=content,
        password_hash=call.kept_password["hash"] if call.kept_password is not None else None,
    )


def _image_id(call: Call, document: Document, image: Image) -> str:
    return (
        f"/Subscriptions/{call.world.subscription}/Providers/Microsoft.Compute/Locations/{document.body['location']}"
        f"/Publishers/{image.publisher}/ArtifactTypes/VMImage/Offers/{image.offer}/Skus/{image.sku}"
        f"/Versions/{image.version}"
    )
