"""A child inside its parent's document (subnet, NAT rule, probe): each write of it is a write of the parent.

Azure's network provider works so: the child has no state of its own, and what is wrong with the whole refuses the part.
"""

from __future__ import annotations

import copy
import dataclasses

from wizard import ids
from wizard.sandbox.arm import errors, lifecycle
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Child, Kind, Reply
from wizard.sandbox.store import Document, Json


def items(kind: Kind, child: Child, parent: Document, call: Call) -> list[Json]:
    """All children of one type, as GET shows them."""
    shown = kind.show(parent, call)
    return list(shown.get("properties", {}).get(child.where) or ())


def find(kind: Kind, child: Child, parent: Document, call: Call) -> Json:
    """One child by the call's last name; NotFound when there is none."""
    for item in items(kind, child, parent, call):
        if item["name"].lower() == call.name.lower():
            return item
    raise ArmError(404, "NotFound", f"Resource {call.id} not found.")


def check(kind: Kind, child: Child, parent: Document, call: Call) -> None:
    """NotFound when there is no such child. What the document lists by itself need not be shown for that.

    To show it costs its size, and a balancer with 1,000 members is asked 1,000 times for a port.
    """
    if _index(parent.body.get("properties", {}).get(child.where) or [], call.name) is None:
        find(kind, child, parent, call)


async def put(kind: Kind, child: Child, parent: Document, call: Call) -> Reply:
    """Create or replace one child. The answer is the child; the operation is the parent's."""
    _check_writable(child, call)
    body = copy.deepcopy(parent.body)
    listed: list[Json] = body["properties"].setdefault(child.where, [])
    index = _index(listed, call.name)
    _check_conditions(kind, parent, call, exists=index is not None)
    lifecycle.check_idle(kind, call, parent)
    item = {**(call.body or {}), "name": call.name if index is None else listed[index]["name"]}
    if index is None:
        listed.append(item)
    else:
        listed[index] = item
    whole = _parent_call(kind, parent, call)
    kind.validate(whole, body, parent)
    reply = await lifecycle.write(kind, whole, body, parent, 201 if index is None else 200)
    return dataclasses.replace(reply, body=find(kind, child, parent, call))


async def delete(kind: Kind, child: Child, parent: Document, call: Call) -> Reply:
    """Remove one child; 204 when there was none."""
    _check_writable(child, call)
    body = copy.deepcopy(parent.body)
    listed: list[Json] = body["properties"].get(child.where) or []
    index = _index(listed, call.name)
    _check_conditions(kind, parent, call, exists=index is not None)
    if index is None:
        return Reply(204)
    lifecycle.check_idle(kind, call, parent)
    del listed[index]
    whole = _parent_call(kind, parent, call)
    kind.validate(whole, body, parent)
    reply = await lifecycle.write(kind, whole, body, parent, 202)
    running = call.world.operations.running_on(parent.id)
    if not running:
        return Reply(200)
    headers = {**reply.headers, "Location": call.world.operations.url(running[-1], call, "operationResults")}
    return Reply(202, None, headers)


def _parent_call(kind: Kind, parent: Document, call: Call) -> Call:
    return dataclasses.replace(call, type=kind.type, names=call.names[:-1], id=parent.id)


def _check_writable(child: Child, call: Call) -> None:
    if not child.writable:
        raise ArmError(
            405,
            "HttpMethodNotSupported",
            f"The HTTP method '{call.method}' is not supported at scope '{ids.key(call.id)}'.",
        )


def _check_conditions(kind: Kind, parent: Document, call: Call, *, exists: bool) -> None:
    lifecycle.check_conditions(kind, call, parent if exists else None)


def _index(listed: list[Json], name: str) -> int | None:
    return next((index for index, item in enumerate(listed) if item["name"].lower() == name.lower()), None)


def no_parent(verb: str, call: Call) -> errors.ArmError:
    """The parent of what the path names is not there."""
    return errors.parent_not_found(verb, call.type, call.id.rsplit("/", 2)[0])
