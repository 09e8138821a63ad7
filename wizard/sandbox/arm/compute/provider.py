"""What Microsoft.Compute answers outside of resources: SKUs, usages, sizes, images, run command documents."""

from __future__ import annotations

import re

from wizard.sandbox.arm.compute import quota, runcommand, sizes
from wizard.sandbox.arm.compute.attachments import VM
from wizard.sandbox.arm.compute.extensions import HANDLERS
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.catalog import Image, Region
from wizard.sandbox.store import Json

_FILTER = re.compile(r"\s*location\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_OFFERS = "locations/{location}/publishers/{publisher}/artifacttypes/vmimage/offers"
_TYPES = "locations/{location}/publishers/{publisher}/artifacttypes/vmextension/types"
_EXTENSIONS = {
    "Microsoft.OSTCExtensions": ("VMAccessForLinux",),
    "Microsoft.Compute": ("CustomScriptExtension", "VMAccessAgent"),
    "Microsoft.Azure.Monitor": ("AzureMonitorLinuxAgent", "AzureMonitorWindowsAgent"),
}
"""The handlers of `extensions.HANDLERS` as Azure spells them, by publisher."""


class Compute(Provider):
    """`/subscriptions/S/providers/Microsoft.Compute/...`. Image listings are bare arrays, which a tuple stands for."""

    namespace = "Microsoft.Compute"

    @route("GET", "skus")
    async def skus(self, call: Call) -> Reply:
        wanted = call.query.get("$filter", "")
        if not wanted:
            return Reply(200, {"value": self.world.catalog.skus()})  # Azure, too, sends thousands of rows at once
        found = _FILTER.fullmatch(wanted)
        if found is None:
            raise ArmError(400, "InvalidFilter", f"The filter '{wanted}' is not supported: location eq 'westeurope'.")
        return Reply(200, {"value": self.world.catalog.skus(found[1])})

    @route("GET", "locations/{location}/usages")
    async def usages(self, call: Call, location: str) -> Reply:
        return Reply(200, self.world.catalog.usages(quota.used(self.world, self._region(location))))

    @route("GET", "locations/{location}/vmSizes")
    async def sizes(self, call: Call, location: str) -> Reply:
        return Reply(200, sizes.listing(self.world.catalog, self._region(location).name))

    @route("GET", "locations/{location}/virtualMachines")
    async def machines(self, call: Call, location: str) -> Reply:
        region, kind = self._region(location), self.world.operations.registry.kind(VM)
        assert kind is not None
        machines = self.world.store.of_type(VM)
        return Reply(200, [kind.show(vm, call) for vm in machines if vm.body["location"] == region.name])

    # Images

    @route("GET", "locations/{location}/publishers")
    async def publishers(self, call: Call, location: str) -> Reply:
        region = self._region(location)
        names = dict.fromkeys([image.publisher for image in self.world.catalog.images()] + list(_EXTENSIONS))
        return Reply(200, tuple(self._image_resource(region, name, f"/Publishers/{name}") for name in names))

    @route("GET", _OFFERS)
    async def offers(self, call: Call, location: str, publisher: str) -> Reply:
        images = self._images(publisher)
        names = dict.fromkeys(image.offer for image in images)
        return Reply(200, tuple(self._row(self._region(location), images[0], offer=name) for name in names))

    @route("GET", f"{_OFFERS}/{{offer}}/skus")
    async def image_skus(self, call: Call, location: str, publisher: str, offer: str) -> Reply:
        images = self._images(publisher, offer)
        return Reply(200, tuple(self._row(self._region(location), one, offer=one.offer, sku=one.sku) for one in images))

    @route("GET", f"{_OFFERS}/{{offer}}/skus/{{sku}}/versions")
    async def versions(self, call: Call, location: str, publisher: str, offer: str, sku: str) -> Reply:
        region = self._region(location)
        rows = [self._version(region, one) for one in self._images(publisher, offer, sku)]
        if call.query.get("$expand", "").lower() != "properties":
            for row in rows:
                del row["properties"]
        if (top := call.query.get("$top", "")).isdecimal():
            rows = rows[: int(top)]
        return Reply(200, tuple(rows))

    @route("GET", f"{_OFFERS}/{{offer}}/skus/{{sku}}/versions/{{version}}")
    async def version(self, call: Call, location: str, *names: str) -> Reply:
        publisher, offer, sku, version = names
        image = self.world.catalog.image(publisher, offer, sku, version)
        if image is None:
            raise _no_artifact("VMImage")
        return Reply(200, self._version(self._region(location), image))

    def _images(self, publisher: str, offer: str = "", sku: str = "") -> list[Image]:
        found = [
            image
            for image in self.world.catalog.images()
            if image.publisher.lower() == publisher.lower()
            and (not offer or image.offer.lower() == offer.lower())
            and (not sku or image.sku.lower() == sku.lower())
        ]
        if not found:
            raise _no_artifact("VMImage")
        return found

    def _row(self, region: Region, image: Image, *, offer: str, sku: str = "") -> Json:
        path = f"/Publishers/{image.publisher}/ArtifactTypes/VMImage/Offers/{offer}"
        return self._image_resource(region, sku or offer, f"{path}/Skus/{sku}" if sku else path)

    def _version(self, region: Region, image: Image) -> Json:
        path = f"/Publishers/{image.publisher}/ArtifactTypes/VMImage/Offers/{image.offer}/Skus/{image.sku}"
        row = self._image_resource(region, image.version, f"{path}/Versions/{image.version}")
        features = [{"name": "SecurityType", "value": "TrustedLaunchSupported"}] if image.trusted_launch else []
        row["properties"] = {
            "architecture": image.architecture,
            "hyperVGeneration": image.generation,
            "osDiskImage": {"operatingSystem": image.os},
            "dataDiskImages": [],
            "automaticOSUpgradeProperties": {"automaticOSUpgradeSupported": False},
            "features": features,
            "imageDeprecationStatus": {"imageState": "Active"},
        }
        return row

    def _image_resource(self, region: Region, name: str, path: str) -> Json:
        root = f"/Subscriptions/{self.world.subscription}/Providers/Microsoft.Compute/Locations/{region.name}"
        return {"location": region.name, "name": name, "id": root + path}

    # Extensions and run commands

    @route("GET", _TYPES)
    async def extension_types(self, call: Call, location: str, publisher: str) -> Reply:
        known = next((name for name in _EXTENSIONS if name.lower() == publisher.lower()), None)
        if known is None:
            raise _no_artifact("VMExtension")
        path, region = f"/Publishers/{known}/ArtifactTypes/VMExtension/Types", self._region(location)
        return Reply(200, tuple(self._image_resource(region, name, f"{path}/{name}") for name in _EXTENSIONS[known]))

    @route("GET", f"{_TYPES}/{{type}}/versions")
    async def extension_versions(self, call: Call, location: str, publisher: str, name: str) -> Reply:
        version = HANDLERS.get(f"{publisher}.{name}".lower())
        if version is None:
            raise _no_artifact("VMExtension")
        path = f"/Publishers/{publisher}/ArtifactTypes/VMExtension/Types/{name}/Versions/{version}"
        return Reply(200, (self._image_resource(self._region(location), version, path),))

    @route("GET", "locations/{location}/runCommands")
    async def run_commands(self, call: Call, location: str) -> Reply:
        return Reply(200, runcommand.documents(self._region(location).name, self.world.subscription))

    def _region(self, location: str) -> Region:
        found = self.world.catalog.region(location)
        if found is None:
            raise ArmError(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for location '{location}'.",
            )
        return found


def _no_artifact(kind: str) -> ArmError:
    return ArmError(404, "NotFound", f"Artifact: {kind} was not found.")
