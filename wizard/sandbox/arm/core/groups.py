"""Resource groups. Deleting one deletes what is in it, each resource when nothing else needs it any more."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.errors import ArmError, group_not_found
from wizard.sandbox.arm.kind import Call, Durations, Kind, Provider, Reply, route
from wizard.sandbox.arm.operations import Operation, set_state
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

_NAME = re.compile(r"[-\w._()]{1,90}")


class ResourceGroup(Kind):
    """A group's document; GroupRoutes answers for it because its path is not a provider's."""

    type = lifecycle.GROUP_TYPE
    durations = Durations(delete=5)  # beside the time that its resources take; from memory
    polling = "location"
    retry_after_s = 15.0

    async def deleted(self, document: Document) -> None:
        """Delete in waves until the group is empty; what cannot go because of another group fails the whole."""
        while resources := self._top_level(document):
            began, refused = self._wave(resources, document)
            await asyncio.gather(*map(self.world.operations.ended, began))
            failed = [operation for operation in began if operation.verb == "delete" and operation.error is not None]
            if failed or not began:
                names = [resource.id for resource, _error in refused] or [operation.target for operation in failed]
                raise ArmError(
                    409,
                    "ResourceGroupDeletionBlocked",
                    f"Deletion of resource group '{document.name}' failed as resources with identifiers "
                    f"'{', '.join(names)}' could not be deleted.",
                    details=[error.error() for _resource, error in refused]
                    + [operation.error for operation in failed if operation.error is not None],
                )

    def _top_level(self, group: Document) -> list[Document]:
        inside = self.world.store.in_group(group.name)
        known = {ids.key(document.id) for document in inside}
        return [document for document in inside if ids.key(document.id).rsplit("/", 2)[0] not in known]

    def _wave(
        self, resources: list[Document], group: Document
    ) -> tuple[list[Operation], list[tuple[Document, ArmError]]]:
        """Begin to delete all that can go now: what to wait for, and what is in use. What is busy is waited for."""
        began: list[Operation] = []
        refused: list[tuple[Document, ArmError]] = []
        operations = self.world.operations
        for document in resources:
            kind = operations.registry.kinds[document.type.lower()]
            call = Call(self.world, "DELETE", document.id, self.world.subscription, group.name, kind.type, ())
            call.names, call.id = ids.parse(document.id).names, document.id
            running = operations.running_on(document.id)
            try:
                if not running:
                    kind.check_delete(call, document)
                    set_state(kind, document, "Deleting")
                    self.world.store.put(document)
                    location = document.body.get("location", "")
                    seconds = kind.seconds("delete", document.body)
                    running = [operations.begin(kind, document.id, "delete", seconds, location=location)]
            except ArmError as error:
                refused.append((document, error))
                continue
            began += running
        return began, refused


class GroupRoutes(Provider):
    """`/subscriptions/S/resourceGroups[/G]`"""

    namespace = ""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._kind = ResourceGroup(world)

    @route("GET", "subscriptions/{subscription}/resourceGroups")
    async def list_all(self, call: Call, subscription: str) -> Reply:
        call.type = self._kind.type
        groups = self.world.store.of_type(self._kind.type)
        groups.sort(key=lambda group: group.name.lower())
        if wanted := _tag_filter(call.query.get("$filter", "")):
            name, value = wanted
            groups = [group for group in groups if _has_tag(group, name, value)]
        return Reply(200, [self._kind.show(group) for group in groups])

    @route("GET", "subscriptions/{subscription}/resourceGroups/{group}")
    async def get(self, call: Call, subscription: str, group: str) -> Reply:
        return Reply(200, self._kind.show(self._found(call, group)))

    @route("HEAD", "subscriptions/{subscription}/resourceGroups/{group}")
    async def exists(self, call: Call, subscription: str, group: str) -> Reply:
        self._found(call, group)
        return Reply(204)

    @route("PUT", "subscriptions/{subscription}/resourceGroups/{group}")
    async def put(self, call: Call, subscription: str, group: str) -> Reply:
        existing = self._existing(call, group)
        if not _NAME.fullmatch(group) or group.endswith("."):
            raise ArmError(
                400,
                "InvalidResourceGroup",
                f"The provided resource group name '{group}' has invalid characters or its length is not in 1-90. "
                "The name can only be a letter, digit, '-', '.', '(', ')' or '_' and cannot end with '.'.",
            )
        body = dict(call.body or {})
        lifecycle.check_tags(body)
        given = body.get("location")
        if not isinstance(given, str) or not given.strip():
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        location = lifecycle.region(call, self._kind.type, given)
        if existing is not None and existing.body["location"] != location:
            raise ArmError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location "
                f"'{existing.body['location']}'.",
            )
        self._check_open(existing)
        return self._write(call, existing, location, body.get("tags"), body.get("managedBy"))

    @route("PATCH", "subscriptions/{subscription}/resourceGroups/{group}")
    async def patch(self, call: Call, subscription: str, group: str) -> Reply:
        existing = self._found(call, group)
        self._check_open(existing)
        body = call.body or {}
        lifecycle.check_tags(body)
        tags = body.get("tags", existing.body.get("tags"))
        return self._write(call, existing, existing.body["location"], tags, existing.body.get("managedBy"))

    @route("DELETE", "subscriptions/{subscription}/resourceGroups/{group}")
    async def delete(self, call: Call, subscription: str, group: str) -> Reply:
        existing = self._found(call, group)
        return await lifecycle.delete(self._kind, call, existing)

    def _write(self, call: Call, existing: Document | None, location: str, tags: Json | None, by: str | None) -> Reply:
        now = time.time()
        document = existing or Document(call.id, self._kind.type, call.name, {}, etag=0, created=now)
        document.body = {"location": location, "properties": {"provisioningState": "Succeeded"}}
        if tags is not None:
            document.body["tags"] = tags
        if by:
            document.body["managedBy"] = by
        document.etag += 1
        document.changed = now
        self.world.store.put(document)
        return Reply(201 if existing is None else 200, self._kind.show(document))

    def _existing(self, call: Call, group: str) -> Document | None:
        call.type, call.group, call.names = self._kind.type, group, (group,)
        call.id = ids.group_id(self.world.subscription, group)
        return self.world.store.get(call.id)

    def _found(self, call: Call, group: str) -> Document:
        document = self._existing(call, group)
        if document is None:
            raise group_not_found(group)
        return document

    def _check_open(self, existing: Document | None) -> None:
        if existing is not None and existing.body["properties"]["provisioningState"] == "Deleting":
            raise ArmError(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{existing.name}' is in deprovisioning state and cannot perform this operation.",
            )


def _tag_filter(text: str) -> tuple[str, str | None] | None:
    """`tagName eq 'a' and tagValue eq 'b'`, the only filter that groups have."""
    name = re.search(r"tagname\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    value = re.search(r"tagvalue\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    return (name[1], value[1] if value else None) if name else None


def _has_tag(document: Document, name: str, value: str | None) -> bool:
    tags = document.body.get("tags") or {}
    return any(key.lower() == name.lower() and value in (None, found) for key, found in tags.items())
