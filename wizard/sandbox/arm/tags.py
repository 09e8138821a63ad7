"""`Microsoft.Resources/tags/default`: the tags of any scope as a resource of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wizard.sandbox.arm import errors, lifecycle
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Reply
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.arm.registry import Registry

_SUFFIX = ("providers", "microsoft.resources", "tags", "default")


def scope(segments: tuple[str, ...]) -> str | None:
    """The id whose tags a path names, or None for another path."""
    if len(segments) < 6 or tuple(segment.lower() for segment in segments[-4:]) != _SUFFIX:
        return None
    return "/" + "/".join(segments[:-4])


async def answer(call: Call, registry: Registry, scope: str) -> Reply:
    """GET, PUT (replace), PATCH (Merge, Replace, Delete) and DELETE."""
    call.type = "Microsoft.Resources/tags"
    if scope.count("/") == 2:  # the subscription's own tags
        return _of_subscription(call, scope)
    document = call.world.store.get(scope)
    if document is None:
        raise ArmError(404, "ResourceNotFound", f"The Resource '{scope}' was not found.")
    if call.method != "GET":
        kind = registry.kind(document.type)
        if kind is not None:
            lifecycle.check_idle(kind, call, document)
        document.body["tags"] = _changed(call, document.body.get("tags") or {})
        document.etag += 1
        document.changed = time.time()
        call.world.store.put(document)
    return _reply(call, document.id, document.body.get("tags") or {})


def _of_subscription(call: Call, scope: str) -> Reply:
    tags: Json = (call.world.store.read("setting", "subscription tags") or {}).get("tags", {})
    if call.method != "GET":
        tags = _changed(call, tags)
        call.world.store.write("setting", "subscription tags", {"tags": tags})
    return _reply(call, scope, tags)


def _changed(call: Call, tags: Json) -> Json:
    if call.method == "DELETE":
        return {}
    body = call.body or {}
    given = (body.get("properties") or {}).get("tags") or {}
    lifecycle.check_tags({"tags": given})
    if call.method == "PUT":
        return dict(given)
    if call.method != "PATCH":
        raise ArmError(405, "MethodNotAllowed", f"The HTTP method '{call.method}' is not supported at '{call.path}'.")
    operation = str(body.get("operation", ""))
    lower = {name.lower() for name in given}
    if operation.lower() == "merge":
        return {**{name: value for name, value in tags.items() if name.lower() not in lower}, **given}
    if operation.lower() == "replace":
        return dict(given)
    if operation.lower() == "delete":
        return {name: value for name, value in tags.items() if name.lower() not in lower}
    raise errors.invalid_content(f"'{operation}' is none of Merge, Replace, Delete")


def _reply(call: Call, scope: str, tags: Json) -> Reply:
    if call.method == "DELETE":
        return Reply(200)
    body: Json = {
        "id": f"{scope}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags},
    }
    return Reply(200, body)


def of(document: Document) -> Json:
    """A document's tags, an object even where none were sent."""
    found: Json = document.body.get("tags") or {}
    return found
