"""PUT, PATCH, GET and DELETE of a resource that has a Document, in the order in which ARM decides."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

from wizard import ids
from wizard.sandbox.arm import errors
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Kind, Reply
from wizard.sandbox.arm.operations import set_state
from wizard.sandbox.store import Document, Json

GROUP_TYPE = "Microsoft.Resources/resourceGroups"


async def put(kind: Kind, call: Call, existing: Document | None) -> Reply:
    """Create or replace; `call.body` is an object. The group and the parent are known to be there."""
    body = copy.deepcopy(call.body or {})
    check_conditions(kind, call, existing)
    check_idle(kind, call, existing)
    check_tags(body)
    if kind.tracked:
        body["location"] = _location(kind, call, body, existing)
    kind.validate(call, body, existing)
    status = kind.created_status if existing is None else kind.updated_status
    return await write(kind, call, body, existing, status)


async def patch(kind: Kind, call: Call, existing: Document) -> Reply:
    """Change tags, or merge what was sent into what is there (RFC 7396) and write that."""
    check_conditions(kind, call, existing)
    check_idle(kind, call, existing)
    sent = call.body or {}
    if kind.patch == "tags":
        check_tags(sent)
        existing.body["tags"] = sent.get("tags") or {}
        existing.etag += 1
        existing.changed = time.time()
        call.world.store.put(existing)
        return Reply(200, kind.show(existing, call))
    body = merge(copy.deepcopy(existing.body), sent)
    if kind.tracked and ids.key(str(body.get("location"))) != ids.key(str(existing.body.get("location"))):
        raise _location_fixed(kind, call, existing, str(body.get("location")))
    check_tags(body)
    kind.validate(call, body, existing)
    return await write(kind, call, body, existing, 200)


async def write(kind: Kind, call: Call, body: Json, existing: Document | None, status: int) -> Reply:
    """Store what was validated, and run or begin the operation."""
    world, now = call.world, time.time()
    seconds = kind.seconds("create" if existing is None else "update", body)
    represented = kind.represent(call, copy.deepcopy(body), existing)
    for path in kind.write_only:
        take_out(represented, path.split("."))
    created = existing is None
    document = existing or Document(call.id, kind.type, call.name, {}, etag=0, created=now)
    document.body = represented
    document.etag += 1
    document.changed = now
    if kind.provisioning is not None:
        set_state(kind, document, kind.provisioning[0 if created else 1] if seconds > 0 else "Succeeded")
    world.store.put(document)
    kind.accepted(call, body, document, created)
    if seconds <= 0:
        await kind.succeed(document, created)
        if kind.provisioning is not None:
            set_state(kind, document, "Succeeded")
        world.store.put(document)
        return Reply(status, kind.show(document, call))
    operation = world.operations.begin(
        kind, document.id, "create" if created else "update", seconds, location=document.body.get("location", "")
    )
    return Reply(status, kind.show(document, call), world.operations.headers(operation, call, kind.polling))


async def delete(kind: Kind, call: Call, existing: Document | None) -> Reply:
    """Remove; 204 when there was nothing."""
    if existing is None:
        return Reply(204)
    check_conditions(kind, call, existing)
    world = call.world
    deleting = [operation for operation in world.operations.running_on(existing.id) if operation.verb == "delete"]
    if deleting:  # asking twice is answered with the deletion that runs
        return Reply(kind.deleted_status, None, world.operations.headers(deleting[0], call, kind.polling))
    check_idle(kind, call, existing)
    kind.check_delete(call, existing)
    seconds = kind.seconds("delete", existing.body)
    if seconds <= 0:
        await kind.deleted(existing)
        world.operations.forget(existing)
        return Reply(200)
    set_state(kind, existing, "Deleting")
    world.store.put(existing)
    operation = world.operations.begin(kind, existing.id, "delete", seconds, location=existing.body.get("location", ""))
    return Reply(kind.deleted_status, None, world.operations.headers(operation, call, kind.polling))


def check_conditions(kind: Kind, call: Call, existing: Document | None) -> None:
    """If-Match and If-None-Match, as RFC 9110 has them."""
    match, none_match = call.headers.get("if-match"), call.headers.get("if-none-match")
    tag = kind.etag(existing) if existing is not None else ""
    if match is not None and (existing is None or (match.strip() != "*" and tag not in _tags(match))):
        raise errors.precondition_failed()
    if none_match is not None and existing is not None and (none_match.strip() == "*" or tag in _tags(none_match)):
        raise errors.precondition_failed()


def check_idle(kind: Kind, call: Call, existing: Document | None) -> None:
    """One write at a time on a resource."""
    if existing is None:
        return
    running = call.world.operations.running_on(existing.id)
    if running:
        raise kind.busy(call, existing, call.world.operations.url(running[0], call))


def merge(target: Any, change: Any) -> Any:
    """JSON merge patch: null removes, objects merge, anything else replaces."""
    if not isinstance(change, Mapping):
        return change
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def take_out(body: Any, path: list[str]) -> None:
    """Remove a dotted path; lists are walked through."""
    if isinstance(body, list):
        for item in body:
            take_out(item, path)
    elif isinstance(body, dict):
        if len(path) == 1:
            body.pop(path[0], None)
        elif path[0] in body:
            take_out(body[path[0]], path[1:])


def _tags(header: str) -> set[str]:
    # Azure takes a tag with or without its quotes and weakness.
    given = {part.strip() for part in header.split(",")}
    return given | {f'W/"{part.strip().strip(chr(34))}"' for part in given if not part.startswith("W/")}


def check_tags(body: Json) -> None:
    """Azure's limits of `tags`: 50, names up to 512 characters, values up to 256."""
    tags = body.get("tags")
    if tags is None:
        return
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise errors.invalid_content("Error converting the value of 'tags' to a dictionary of strings.")
    if len(tags) > 50:
        raise ArmError(
            400, "TagsPerResourceLimitExceeded", f"The number of tags '{len(tags)}' exceeds the maximum of '50'."
        )
    for name, value in tags.items():
        if not 1 <= len(name) <= 512 or len(value) > 256:
            raise ArmError(
                400,
                "InvalidTagNameOrValue",
                f"The tag '{name[:80]}' is invalid: a name has 1 to 512 characters, a value up to 256.",
            )


def _location(kind: Kind, call: Call, body: Json, existing: Document | None) -> str:
    given = body.get("location")
    if not isinstance(given, str) or not given.strip():
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if existing is not None and _plain(given) != _plain(str(existing.body.get("location", ""))):
        raise _location_fixed(kind, call, existing, given)
    return region(call, kind.type, given)


def region(call: Call, type: str, given: str) -> str:
    """A region's own name for what the caller wrote (`West Europe`)."""
    found = call.world.catalog.region(given)
    if found is None:
        names = ",".join(known.name for known in call.world.catalog.regions.values())
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{given}' is not available for resource type '{type}'. List of available regions "
            f"for the resource type is '{names}'.",
        )
    return found.name


def _location_fixed(kind: Kind, call: Call, existing: Document, given: str) -> ArmError:
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{existing.name}' already exists in location '{existing.body.get('location')}' in resource "
        f"group '{call.group}'. A resource with the same name cannot be created in location '{given}'. Please select a "
        "new resource name.",
    )


def _plain(location: str) -> str:
    return location.replace(" ", "").lower()
