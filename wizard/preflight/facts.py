"""What the checks ask of the cloud, each thing once: the first to need it asks, the others wait for the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.errors import AzureError
from wizard.plan.machines import trusted_launch

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint, Resource
    from wizard.plan.model import Plan

Json = dict[str, Any]

VIRTUAL_MACHINES = "Microsoft.Compute/virtualMachines"
SCALE_SETS = "Microsoft.Compute/virtualMachineScaleSets"


class Facts:
    """A plan, its blueprint and a connection, with the cloud's answers kept for the length of one preflight.

    Every method raises AzureError when ARM refuses and UnreachableError when the cloud does not answer.
    """

    def __init__(self, plan: Plan, blueprint: Blueprint, azure: Azure) -> None:
        self.plan = plan
        self.blueprint = blueprint
        self.azure = azure
        self._answers: dict[str, asyncio.Task[Any]] = {}

    async def close(self) -> None:
        """Stop what is still being asked."""
        for task in self._answers.values():
            task.cancel()
        await asyncio.gather(*self._answers.values(), return_exceptions=True)

    async def _once(self, name: str, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        if name not in self._answers:
            self._answers[name] = asyncio.create_task(ask())
        return await self._answers[name]

    async def locations(self) -> list[Json]:
        """The subscription's regions: `name`, `displayName`, ..."""
        pages = self.azure.subscriptions.subscriptions.list_locations
        found: list[Json] = await self._once("locations", lambda: self.azure.rows(pages(self.azure.subscription_id)))
        return found

    async def provider_state(self, namespace: str) -> str:
        """`Registered`, `Registering`, `NotRegistered`, `Unregistered`, ..."""

        async def ask() -> str:
            return str((await self.azure.ask(self.azure.resource.providers.get(namespace))).registration_state)

        state: str = await self._once(f"provider {namespace}", ask)
        return state

    async def can_ask(self, namespace: str) -> bool:
        """Whether questions about the region can be put to a provider: the region exists, the provider is registered.

        Without these every question fails, and the cause has a problem of its own.
        """
        names = {str(entry["name"]).lower() for entry in await self.locations()}
        return self.plan.location.lower() in names and (await self.provider_state(namespace)) == "Registered"

    async def skus(self, resource_type: str) -> list[Json]:
        """The compute SKUs of one type (`virtualMachines`, `availabilitySets`) that the region lists."""
        where = f"location eq '{self.plan.location}'"
        listed: list[Json] = await self._once(
            "skus", lambda: self.azure.rows(self.azure.compute.resource_skus.list(filter=where))
        )
        return [entry for entry in listed if str(entry.get("resourceType", "")).lower() == resource_type.lower()]

    async def size(self) -> Json | None:
        """The SKU of the plan's size in the region, or None when it is not offered there."""
        wanted = self.plan.machines.size.lower()
        return next((sku for sku in await self.skus("virtualMachines") if str(sku["name"]).lower() == wanted), None)

    async def compute_usages(self) -> list[Json]:
        """`{name: {value, localizedValue}, currentValue, limit}` of the region: cores, families, machines, sets."""
        found: list[Json] = await self._once(
            "compute usages", lambda: self.azure.rows(self.azure.compute.usage.list(self.plan.location))
        )
        return found

    async def network_usages(self) -> list[Json]:
        """The same of the region's network resources."""
        found: list[Json] = await self._once(
            "network usages", lambda: self.azure.rows(self.azure.network.usages.list(self.plan.location))
        )
        return found

    async def group(self) -> Json | None:
        """The resource group as it is, or None."""
        group = ids.group_id(self.azure.subscription_id, self.plan.name)
        found: Json | None = await self._once("group", lambda: self.azure.get(group))
        return found

    async def live(self) -> Mapping[str, Json]:
        """What is in the resource group, by the key of its id (see `ids.key`); empty when there is no group."""

        async def ask() -> dict[str, Json]:
            return {ids.key(entry["id"]): entry for entry in await self.azure.list_group(self.plan.name) or []}

        found: dict[str, Json] = await self._once("live", ask)
        return found

    async def to_create(self, type: str) -> list[Resource]:
        """The planned resources of a type that do not exist yet."""
        live = await self.live()
        return [resource for resource in self.blueprint.of_type(type) if ids.key(resource.id) not in live]

    async def image(self) -> Json | None:
        """The platform image that the machines are made from, with its properties; None when the region lacks it.

        An image of one's own comes as `_own_image` tells; an empty object is one that cannot be asked for.
        """
        found: Json | None = await self._once("image", self._image)
        return found

    async def _image(self) -> Json | None:
        reference = self.image_reference()
        if own := str(reference.get("id") or ""):
            return await self._own_image(own)
        if not all(reference.get(part) for part in ("publisher", "offer", "sku")):
            return {}
        names = (self.plan.location, reference["publisher"], reference["offer"], reference["sku"])
        images = self.azure.compute.virtual_machine_images
        try:
            version = str(reference.get("version") or "latest")
            if version.lower() == "latest":
                newest = await self.azure.ask(images.list(*names, top=1, orderby="name desc"))
                if not newest:
                    return None
                version = str(newest[0].name)
            return (await self.azure.ask(images.get(*names, version))).as_dict()
        except AzureError as error:
            if error.status == 404:
                return None
            raise

    async def _own_image(self, id: str) -> Json | None:
        """An image of one's own, with what it has in common with a platform image; `own` is its document.

        Of one in a gallery `definition` is the document of the image, and `own` of its version; `own` is empty where
        Azure is to take the latest one and the region has none.
        """
        held, named = "/galleries/" in id.lower(), "/versions/" in id.lower()
        try:
            definition = await self.azure.get(id.rsplit("/", 2)[0] if named else id) if held else None
            found = await self.azure.get(id) if named or not held else await self._latest(id, definition)
        except (ValueError, NotImplementedError):  # of another subscription: Azure will tell
            return {}
        if found is None or (held and definition is None):
            return None
        told = {"definition": definition} if definition is not None else {}
        generation = ((definition or found).get("properties") or {}).get("hyperVGeneration") or "V1"
        return {"own": found, **told, "properties": {"hyperVGeneration": generation}}

    async def _latest(self, id: str, definition: Json | None) -> Json | None:
        """The version that Azure takes of an image in a gallery; empty when the region has none, None without image.

        The highest that is copied to the region and not kept out of "latest", as a whole or there (Microsoft,
        "GalleryImageVersionPublishingProfile" and "TargetRegion").
        """
        if definition is None:
            return None
        image = ids.parse(id)
        gallery, name = image.names
        versions = await self.azure.rows(
            self.azure.compute.gallery_image_versions.list_by_gallery_image(image.group, gallery, name)
        )
        there = [each for each in versions if _taken_for_latest(each, self.plan.location)]
        return max(there, key=lambda each: [int(part) for part in str(each["name"]).split(".")], default={})

    def image_reference(self) -> Mapping[str, Any]:
        """`storageProfile.imageReference` of the machines; empty when there are none."""
        for profile in self.profiles():
            reference = profile.get("storageProfile", {}).get("imageReference")
            if isinstance(reference, Mapping):
                return reference
        return {}

    @property
    def trusted_launch(self) -> bool:
        """Whether machines are planned with Trusted Launch."""
        machines = self.plan.machines
        return trusted_launch(machines.security_type, machines.image, self.plan.storage.layout)

    def profiles(self) -> Iterator[Mapping[str, Any]]:
        """What each machine, or those of each scale set, are made of: `storageProfile`, `securityProfile`, ..."""
        for machine in self.blueprint.of_type(VIRTUAL_MACHINES):
            yield machine.body.get("properties", {})
        for scale_set in self.blueprint.of_type(SCALE_SETS):
            yield scale_set.body.get("properties", {}).get("virtualMachineProfile", {})


def _taken_for_latest(version: Json, location: str) -> bool:
    properties = version.get("properties") or {}
    publishing = properties.get("publishingProfile") or {}
    copies = [
        each for each in publishing.get("targetRegions") or () if place(str(each.get("name"))) == location.lower()
    ]
    kept_out = publishing.get("excludeFromLatest") or all(each.get("excludeFromLatest") for each in copies)
    return properties.get("provisioningState") == "Succeeded" and bool(copies) and not kept_out


def place(region: str) -> str:
    """`West Europe` and `westeurope` are one."""
    return "".join(region.split()).lower()


def capability(sku: Mapping[str, Any], name: str) -> str:
    """The value of a SKU's capability, or "" when it does not tell it."""
    for entry in sku.get("capabilities") or ():
        if str(entry.get("name", "")).lower() == name.lower():
            return str(entry.get("value", ""))
    return ""
