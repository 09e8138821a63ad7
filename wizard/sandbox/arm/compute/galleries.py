"""Galleries of images: a gallery holds image definitions, and those hold versions, copied to the regions they name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm.compute import attachments, hardware
from wizard.sandbox.arm.compute.power import conflict
from wizard.sandbox.arm.compute.reading import (
    bad,
    change,
    invalid,
    items,
    mapping,
    missing,
    not_allowed,
    text,
    without_nulls,
    writable,
)
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.world import World

GALLERY = "Microsoft.Compute/galleries"
DEFINITION = f"{GALLERY}/images"
VERSION = f"{DEFINITION}/versions"

_TRUSTED = ("trustedlaunch", "trustedlaunchsupported", "trustedlaunchandconfidentialvmsupported")


class _Held(Kind):
    """What holds, or is held: it goes once nothing is in it, or with its whole group."""

    def check_delete(self, call: Call, document: Document) -> None:
        if ids.key(call.id) == ids.key(document.id) and _below(self.world.store, document):
            # Code from memory.
            raise ArmError(
                409,
                "CannotDeleteResource",
                f"Can not delete resource before nested resources are deleted: {document.id}.",
            )

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        return writable(without_nulls(body))

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()


def _below(store: Store, document: Document) -> bool:
    prefix = f"{ids.key(document.id)}/"
    return any(ids.key(other.id).startswith(prefix) for kind in (DEFINITION, VERSION) for other in store.of_type(kind))


class Galleries(_Held):
    """Microsoft.Compute/galleries."""

    type = GALLERY
    durations = Durations(create=8, update=2, delete=5)  # from memory, as those below

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        hardware.region(self.world.catalog, body["location"], self.type, call.name)
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._]{0,78}[A-Za-z0-9])?", call.name):
            raise invalid(f"The gallery name '{call.name}' is invalid.", "galleryName")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = writable(without_nulls(body))
        unique = f"{call.subscription}-{call.name.upper()}"
        body["properties"] = {**mapping(body, "properties"), "identifier": {"uniqueName": unique}}
        return body


class Definitions(_Held):
    """Microsoft.Compute/galleries/images: what every version of an image has in common."""

    type = DEFINITION
    durations = Durations(create=5, update=2, delete=5)

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        hardware.region(self.world.catalog, body["location"], self.type, call.name)
        for name, allowed in (("osType", ("Linux", "Windows")), ("osState", ("Generalized", "Specialized"))):
            value = text(body, f"properties.{name}")
            if value is None:
                raise missing(f"galleryImage.properties.{name}")
            if value not in allowed:
                raise invalid(f"The value of parameter {name} is invalid.", name)
            if existing is not None and value != existing.body["properties"][name]:
                raise change(f"galleryImage.properties.{name}")
        for name in ("publisher", "offer", "sku"):
            if not text(body, f"properties.identifier.{name}"):
                raise missing(f"galleryImage.properties.identifier.{name}")
        if text(body, "properties.hyperVGeneration") not in (None, "V1", "V2"):
            raise invalid("The value of parameter hyperVGeneration is invalid.", "hyperVGeneration")
        items(body, "properties.features")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = writable(without_nulls(body))
        body["properties"] = {"hyperVGeneration": "V1", "architecture": "x64", **body["properties"]}
        return body


class Versions(_Held):
    """Microsoft.Compute/galleries/images/versions. What its source had installed lives on in machines made of it."""

    type = VERSION
    durations = Durations(create=120, update=60, delete=20)

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        hardware.region(self.world.catalog, body["location"], self.type, call.name)
        if not re.fullmatch(r"\d+\.\d+\.\d+", call.name):
            raise invalid(f"The gallery image version name '{call.name}' is invalid.", "galleryImageVersionName")
        regions = [
            place(text(each, "name") or "") for each in items(body, "properties.publishingProfile.targetRegions")
        ]
        for region in regions:
            hardware.region(self.world.catalog, region, self.type, call.name)
        if regions and place(body["location"]) not in regions:
            raise bad("The publishing profile of a gallery image version must hold its own region.", "targetRegions")
        source = _source(body)
        if existing is not None:
            if source and ids.key(source) != ids.key(str(existing.extra["source"])):
                raise change("galleryImageVersion.properties.storageProfile.source.id")
            return
        if not source:
            raise missing("galleryImageVersion.properties.storageProfile.source.id")
        found = _made_of(self.world.store, source)
        if found is None:
            raise ArmError(404, "NotFound", f"The source '{source}' cannot be found.", target="source")
        self._check_source(call, found)

    def _check_source(self, call: Call, source: Document) -> None:
        definition = self.world.store.get(call.id.rsplit("/", 2)[0])
        assert definition is not None, "the server has checked the parent"
        if source.body["properties"]["storageProfile"]["osDisk"]["osType"] != definition.body["properties"]["osType"]:
            raise bad("The source's operating system is not that of the image definition.", "source")
        wants = definition.body["properties"]["osState"] == "Generalized"
        machine = source.type.lower() == attachments.VM.lower()
        if machine and wants != bool(source.extra.get("generalized")):
            raise not_allowed(f"The source '{source.id}' must be {'generalized' if wants else 'specialized'}.")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = writable(without_nulls(body))
        properties = body["properties"]
        publishing = mapping(body, "properties.publishingProfile")
        publishing.setdefault("targetRegions", [{"name": body["location"]}])
        for each in publishing["targetRegions"]:
            each.setdefault("regionalReplicaCount", publishing.get("replicaCount", 1))
        properties["publishingProfile"] = publishing
        if existing is not None:
            properties["storageProfile"] = existing.body["properties"]["storageProfile"]
        else:
            source = _made_of(self.world.store, _source(body))
            assert source is not None, "checked when it was validated"
            disk = source.body["properties"]["storageProfile"]["osDisk"]
            properties["storageProfile"]["osDiskImage"] = {"sizeInGB": disk.get("diskSizeGB") or 30}
        return body

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        if not created:
            return
        source = _made_of(self.world.store, _source(body))
        assert source is not None, "checked when it was validated"
        machine = source.type.lower() == attachments.VM.lower()
        content = self.world.fabric.installed(source.id) if machine else source.extra.get("content")
        document.extra = {"source": source.id, "image": source.extra.get("image"), "content": content}
        self.world.store.put(document)


def _source(body: Json) -> str:
    where = "properties.storageProfile.source"
    return text(body, f"{where}.id") or text(body, f"{where}.virtualMachineId") or ""


def _made_of(store: Store, source: str) -> Document | None:
    return attachments.find(store, source, attachments.IMAGE) or attachments.find(store, source, attachments.VM)


def place(region: str) -> str:
    """`West Europe` and `westeurope` are one."""
    return "".join(region.split()).lower()


def latest(store: Store, definition: Document, region: str) -> Document | None:
    """What a machine is made of that names no version: the highest that its region has and that is not kept out."""
    prefix = f"{ids.key(definition.id)}/"
    versions = [each for each in store.of_type(VERSION) if ids.key(each.id).startswith(prefix)]
    there = [each for each in versions if _is_candidate(each.body["properties"], region)]
    return max(there, key=lambda each: [int(part) for part in each.name.split(".")], default=None)


def _is_candidate(properties: Json, region: str) -> bool:
    publishing = properties["publishingProfile"]
    copies = [each for each in publishing["targetRegions"] if place(each["name"]) == place(region)]
    kept_out = publishing.get("excludeFromLatest") or all(each.get("excludeFromLatest") for each in copies)
    return properties.get("provisioningState") == "Succeeded" and bool(copies) and not kept_out


def definition_of(world: World, version: Document) -> Json:
    """The properties of the image that this is a version of."""
    found = world.store.get(version.id.rsplit("/", 2)[0])
    return dict(found.body["properties"]) if found is not None else {}


def trusted(definition: Json) -> bool:
    """Whether machines with Trusted Launch can be made of it: its definition says so."""
    features = {
        str(each.get("name")).lower(): str(each.get("value")).lower() for each in definition.get("features", ())
    }
    return features.get("securitytype") in _TRUSTED


def check_region(version: Document, region: str) -> None:
    """Raise when the version is not replicated to a machine's region."""
    regions = [place(each["name"]) for each in version.body["properties"]["publishingProfile"]["targetRegions"]]
    if place(region) not in regions:
        raise not_in_region(version.id, region)


def not_in_region(image: str, region: str) -> ArmError:
    """There is no copy to make a machine of."""
    return ArmError(
        404,
        "GalleryImageNotFound",
        f"The gallery image {image} is not available in {place(region)} region. Please contact image owner to "
        "replicate to this region, or change your requested region.",
        target="imageReference",
    )
