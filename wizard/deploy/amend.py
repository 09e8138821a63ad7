"""Changing a document that stays: read, modify, write only if nobody has written in between, else read again.

A balancer is one document for all its rules, and a deployment, a person in the portal and a policy may all write it.
What is written here is the live document with one difference applied: what others changed in it stays as it is.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from wizard.blueprint.resource import AtFirst, Resource
from wizard.deploy import compare, provisioning, waiting
from wizard.deploy.arm import Arm
from wizard.deploy.retry import Patience
from wizard.errors import AzureError, WizardError

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From the live document to the one that is wanted; pure, since it is asked again whenever somebody was faster."""

Retried = Callable[[str, float], None]
"""Told ARM's code and the seconds until the next try."""

PRECONDITION_FAILED = 412


async def amend(
    azure: Arm, resource: Resource, change: Change, retried: Retried, stalled: Callable[[float], None]
) -> bool:
    """Bring a live resource to what `change` makes of it; False when it is so already, or is not there any more.

    One whose last write failed is written again, also where its document shows what that write wanted: Azure keeps the
    document of a write that it did not carry out. `stalled` is told the seconds of a write that takes far too long.
    Raises AzureError when Azure refuses, WizardError when it is written by others again and again, or does not end.
    """
    patience = Patience.with_writes(azure.cloud.poll_floor_s)
    again = Patience(azure.cloud.poll_floor_s, _somebody_was_faster, PATIENCE_S)
    while True:
        live = await azure.get(resource.id)
        if live is None:
            return False
        body = _sendable(change(copy.deepcopy(live)))
        if body == _sendable(live) and provisioning.phase(live) != "broken":
            return False
        try:
            poller = await azure.begin_put(resource, body, if_match=live.get("etag"))
            if poller is not None:
                await waiting.ended(poller, resource.name, azure.cloud.poll_floor_s, stalled)
        except AzureError as error:
            wait = (again if _somebody_was_faster(error) else patience).next_wait_s(error)
            if wait is None:
                if _somebody_was_faster(error):
                    raise _contended(resource) from None
                raise
            retried(error.code, round(wait, 3))
            await asyncio.sleep(wait)
        else:
            return True


PATIENCE_S = 300.0
"""How long others may come first; a balancer's write takes Azure seconds."""


def _somebody_was_faster(error: AzureError) -> bool:
    return error.status == PRECONDITION_FAILED or error.code == "PreconditionFailed"


def _contended(resource: Resource) -> WizardError:
    return WizardError(
        f"{resource.name} could not be changed.",
        f"Others have written it again and again for {PATIENCE_S:g} s.",
        "See its activity log for who does, and run the same command again.",
    )


def _sendable(document: Mapping[str, Any]) -> dict[str, Any]:
    told = ("id", "name", "type", "etag", "resources", "systemData")
    return {key: value for key, value in document.items() if key not in told}


def applied(live: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The live document with what tells `after` from `before`: both are planned bodies of one resource. Pure.

    Items of a list go by their names: those that only `before` has are taken out, those that are missing are added, and
    one that both plan alike stays as it is, whatever somebody made of it.
    """
    merged: dict[str, Any] = copy.deepcopy(dict(live))
    for key in (*after, *(key for key in before if key not in after)):
        old, new, there = before.get(key), after.get(key), merged.get(key)
        new = int(new) if isinstance(new, AtFirst) else new  # who scales by hand means the number
        if _named(new) or _named(old):
            merged[key] = _items(there or (), old or (), new or ())
        elif isinstance(new, Mapping) and isinstance(old, Mapping) and isinstance(there, Mapping):
            merged[key] = applied(there, old, new)
        elif new == old or (key in after and not compare.same(new, there)):
            continue
        elif key in after:
            merged[key] = copy.deepcopy(new)
        else:
            merged.pop(key, None)
    return merged


def _items(live: Any, before: Any, after: Any) -> list[Any]:
    was, wanted = _by_name(before), _by_name(after)
    kept = []
    for item in live:
        name = str(item["name"]).casefold()
        if name in was and name not in wanted:
            continue
        changed = name in wanted and name in was and wanted[name] != was[name]
        kept.append(applied(item, was[name], wanted[name]) if changed else copy.deepcopy(item))
    there = _by_name(live)
    return [*kept, *(copy.deepcopy(dict(item)) for name, item in wanted.items() if name not in there)]


def _by_name(items: Any) -> dict[str, Mapping[str, Any]]:
    return {str(item["name"]).casefold(): item for item in items}


def _named(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(isinstance(item, Mapping) and "name" in item for item in value)
    )
