"""Who refers to whom among network documents: back references in answers, and what is in use at a delete.

Azure shows both ends of an association; here one end is kept (the one that a PUT names) and the other is read from this
index, so that they can never disagree. It is built once for each state of the store: 1,000 documents take some 5 ms.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wizard import ids
from wizard.sandbox.store import Document, Store

_NAMESPACE = "microsoft.network/"


@dataclass(frozen=True)
class Use:
    """One reference: `by` is the id of the innermost named thing that refers, `via` the property it does so with."""

    by: str
    via: str
    owner: Document

    @property
    def kind(self) -> str:
        """The owner's type without its namespace, lower-cased: `networkinterfaces`."""
        return self.owner.type.lower().removeprefix(_NAMESPACE)


class References:
    """Uses by the key of what is referred to."""

    def __init__(self, store: Store) -> None:
        self._uses: dict[str, list[Use]] = {}
        for document in store:
            if document.type.lower().startswith(_NAMESPACE):
                self._walk(document.body.get("properties") or {}, document.id, document)

    def to(self, id: str, *kinds: str, via: str = "") -> list[Use]:
        """Uses of an id, narrowed to owners of some types and to one property."""
        found = self._uses.get(ids.key(id), [])
        return [use for use in found if (not kinds or use.kind in kinds) and (not via or use.via == via)]

    def _walk(self, value: Any, by: str, owner: Document, via: str = "") -> None:
        if isinstance(value, list):
            for item in value:
                self._walk(item, by, owner, via)
        elif isinstance(value, Mapping):
            own = value.get("id")
            if isinstance(own, str) and "name" not in value:
                self._uses.setdefault(ids.key(own), []).append(Use(by, via, owner))
                return
            inner = own if isinstance(own, str) else by
            for key, item in value.items():
                self._walk(item, inner, owner, via if key == "properties" else key)


_BUILT: weakref.WeakKeyDictionary[Store, tuple[int, References]] = weakref.WeakKeyDictionary()


def of(store: Store) -> References:
    """The index of the store as it is now."""
    built = _BUILT.get(store)
    if built is None or built[0] != store.revision:
        built = (store.revision, References(store))
        _BUILT[store] = built
    return built[1]
