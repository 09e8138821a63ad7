"""Virtual machine scale sets with Flexible orchestration: a number of machines, and the profile they are made of.

The machines are resources of their own (`scale_set_members`); `scale_set_watch` looks after their health. Azure keeps a
profile's secrets for the machines to come. Of a password the sandbox keeps what those machines will keep, a hash.
Extensions' protected settings are in memory alone: after a restart, a scale set whose profile has some grows no more
until it is written again.
"""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.compute import digests, identities, images
from wizard.sandbox.arm.compute import scale_set_members as members
from wizard.sandbox.arm.compute import scale_set_rules as rules
from wizard.sandbox.arm.compute.power import conflict
from wizard.sandbox.arm.compute.reading import items, mapping, not_allowed, without_nulls, writable
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind, Reply, action, completes
from wizard.sandbox.fabric import kept
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

_SECRET = "properties.virtualMachineProfile.osProfile.adminPassword"  # noqa: S105 - where one stands
_CUSTOM = "properties.virtualMachineProfile.osProfile.customData"


class ScaleSets(Kind):
    """Microsoft.Compute/virtualMachineScaleSets"""

    type = rules.TYPE
    # Beside what its machines take, which are made and deleted meanwhile.
    durations = Durations(create=10, update=5, delete=10)
    write_only = (
        _SECRET,
        _CUSTOM,
        "properties.virtualMachineProfile.extensionProfile.extensions.properties.protectedSettings",
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._protected: dict[str, dict[str, Json]] = {}

    # Writing

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        rules.check(self.world, _whole(body, existing), call.name, existing)

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        before = existing.body.get("identity") if existing is not None else None
        identity = identities.represent(self.world, without_nulls(body).get("identity"), before)
        body = writable(without_nulls(_whole(body, existing)))
        body.pop("identity", None)
        if identity is not None:
            body["identity"] = identity
        properties = body["properties"]
        properties.pop("instanceView", None)
        old = existing.body["properties"] if existing is not None else {}
        properties["uniqueId"] = old.get("uniqueId") or str(uuid.uuid4())
        properties.setdefault("singlePlacementGroup", False)
        body["sku"] = {"tier": "Standard", **mapping(body, "sku")}
        body["sku"].setdefault("capacity", 0)
        return body

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        system = mapping(body, f"{rules.PROFILE}.osProfile")
        if "customData" in system:
            document.extra["customData"] = system["customData"]
        if password := system.get("adminPassword"):
            os = images.chosen(self.world, mapping(body, rules.PROFILE), document.body["location"]).os
            document.extra["password"] = {"hash": kept.hashed(os, password), "digest": digests.of(password)}
        protected = self._protected.setdefault(ids.key(document.id), {})
        for extension in items(body, f"{rules.PROFILE}.extensionProfile.extensions"):
            if settings := mapping(extension, "properties.protectedSettings"):
                protected[extension["name"]] = settings
        document.extra["protected"] = sorted({*document.extra.get("protected", ()), *protected})
        self.world.store.put(document)

    async def succeed(self, document: Document, created: bool) -> None:
        await self.settle(document)

    async def settle(self, document: Document) -> None:
        """As many machines as the capacity says. ArmError when one could not be made."""
        there = members.of(self.world.store, document.id)
        wanted = int(document.body["sku"]["capacity"])
        if len(there) > wanted:
            await members.remove(self.world, members.leaving_first(self.world.store, document, len(there) - wanted))
        elif len(there) < wanted:
            await members.add(self.world, document, wanted - len(there), self._profile(document))

    async def replace(self, document: Document, machine: Document) -> None:
        """A repair: the machine goes, and another one comes."""
        await members.remove(self.world, [machine])
        await self.settle(document)

    def _profile(self, document: Document) -> Json:
        """The profile as a new machine needs it, with all secrets but the password."""
        profile: Json = copy.deepcopy(document.body["properties"]["virtualMachineProfile"])
        protected = self._protected.get(ids.key(document.id), {})
        if document.extra.get("customData"):
            profile["osProfile"]["customData"] = document.extra["customData"]
        for extension in items(profile, "extensionProfile.extensions"):
            if settings := protected.get(extension["name"]):
                extension["properties"]["protectedSettings"] = settings
            elif extension["name"] in document.extra.get("protected", ()):
                raise not_allowed(
                    f"The sandbox was restarted and keeps no protected settings: write the scale set with those of "
                    f"{extension['name']} again before it grows."
                )
        return profile

    async def deleted(self, document: Document) -> None:
        await members.remove(self.world, members.of(self.world.store, document.id))
        self._protected.pop(ids.key(document.id), None)

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()

    # Reading

    @action("instanceView", method="GET")
    async def view(self, call: Call, document: Document) -> Reply:
        states: dict[str, int] = {}
        for vm in members.of(self.world.store, document.id):
            code = f"ProvisioningState/{str(vm.body['properties'].get('provisioningState', 'Succeeded')).lower()}"
            states[code] = states.get(code, 0) + 1
        services = []
        if mapping(document.body, "properties.automaticRepairsPolicy").get("enabled"):
            services.append({"serviceName": "AutomaticRepairs", "serviceState": "Running"})
        return Reply(
            200,
            {
                "virtualMachine": {
                    "statusesSummary": [{"code": code, "count": count} for code, count in states.items()]
                },
                "statuses": [
                    {
                        "code": f"ProvisioningState/{str(document.body['properties']['provisioningState']).lower()}",
                        "level": "Info",
                        "displayStatus": "Provisioning succeeded",
                    }
                ],
                "orchestrationServices": services,
            },
        )

    @action("virtualMachines", method="GET")
    async def instances(self, call: Call, document: Document) -> Reply:
        return Reply(200, [self._instance(vm, document) for vm in members.of(self.world.store, document.id)])

    def _instance(self, vm: Document, document: Document) -> Json:
        kind = self.world.operations.registry.kind(vm.type)
        assert kind is not None
        shown = kind.show(vm)
        shown["instanceId"] = vm.name
        shown["sku"] = {"name": document.body["sku"]["name"], "tier": "Standard"}
        return shown

    # Machines by name, as POST .../delete takes them

    @action("delete")
    async def delete_instances(self, call: Call, document: Document) -> Reply:
        """Delete machines by their names and lower the capacity by as many."""
        if self.world.operations.running_on(document.id):
            raise conflict()
        wanted: list[Any] = (call.body or {}).get("instanceIds") or []
        there = {vm.name.lower(): vm for vm in members.of(self.world.store, document.id)}
        unknown = [str(name) for name in wanted if str(name).lower() not in there]
        if unknown or not wanted:
            raise ArmError(400, "InvalidParameter", f"No instances of these ids: {', '.join(unknown) or '(none)'}.")
        names = [there[str(name).lower()].name for name in wanted]
        document.body["sku"]["capacity"] = max(0, int(document.body["sku"]["capacity"]) - len(names))
        self.world.store.put(document)
        return Reply.later("deleteInstances", 2.0, {"names": names}, polling="location")

    @completes("deleteInstances")
    async def instances_deleted(self, document: Document, arguments: Json) -> None:
        gone = [vm for vm in members.of(self.world.store, document.id) if vm.name in arguments["names"]]
        await members.remove(self.world, gone)


def left(world: World, machine: Document) -> None:
    """A machine was deleted by somebody: its scale set has one less, and makes no other one in its place."""
    document = members.set_of(world.store, machine)
    if document is None or machine.extra.get("leaving"):
        return
    document.body["sku"]["capacity"] = max(0, int(document.body["sku"]["capacity"]) - 1)
    world.store.put(document)


def _whole(body: Json, existing: Document | None) -> Json:
    """What is sent over what is there: a write of an existing scale set may leave out what stays as it is."""
    if existing is None:
        return body
    merged = {**existing.body, **{key: value for key, value in body.items() if value is not None}}
    merged["properties"] = _over(existing.body["properties"], mapping(body, "properties"))
    merged["sku"] = {**existing.body["sku"], **mapping(body, "sku")}
    return merged


def _over(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: _over(old.get(name), new.get(name)) for name in {**old, **new}}
    return old if new is None else new
