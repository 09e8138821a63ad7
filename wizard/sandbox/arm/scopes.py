"""Extension resources: what hangs on another resource, `{scope}/providers/Microsoft.Insights/metrics`.

A scope is the subscription, a resource group, or any resource with a document of its own. A package names its
ScopeProviders in SCOPED; their `@route` patterns follow the namespace, and each method gets the call, the Scope and one
argument for each brace. What they keep lies in the store's "extension" table, by the extension resource's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm import errors
from wizard.sandbox.arm.kind import Provider

if TYPE_CHECKING:
    from collections.abc import Collection

    from wizard.sandbox.store import Document, Store

TABLE = "extension"


class ScopeProvider(Provider):
    """What a namespace answers below a scope."""


@dataclass(frozen=True)
class Scope:
    """What an extension resource hangs on. `document` is None where that is the subscription."""

    id: str
    document: Document | None

    @property
    def key(self) -> str:
        return ids.key(self.id)


def split(segments: tuple[str, ...], namespaces: Collection[str]) -> tuple[str, tuple[str, ...]] | None:
    """The scope's id and what follows the last `providers`; None where no namespace of these is named there."""
    for index in range(len(segments) - 2, 1, -1):
        if segments[index].lower() == "providers":
            known = segments[index + 1].lower() in namespaces
            return ("/" + "/".join(segments[:index]), segments[index + 1 :]) if known else None
    return None


def find(store: Store, subscription: str, id: str) -> Scope:
    """The scope with that id; ArmError 404 when there is nothing."""
    if ids.key(id) == ids.key(f"/subscriptions/{subscription}"):
        return Scope(f"/subscriptions/{subscription}", None)
    document = store.get(id)
    if document is not None:
        return Scope(document.id, document)
    try:
        parsed = ids.parse(id)
    except ValueError:
        raise errors.ArmError(404, "NotFound", f"No route answers '{id}'.") from None
    if store.get(ids.group_id(subscription, parsed.group)) is None or not parsed.names:
        raise errors.group_not_found(parsed.group)
    raise errors.resource_not_found(parsed.type, parsed.names, parsed.group)
