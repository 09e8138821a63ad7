"""Who refers to whom among network documents: back references in answers, and what is in use at a delete.

Azure shows both ends of an association; here one end is kept (the one that a PUT names) and the other is read from this
index, so that they can never disagree. It follows the store: reading 1,000 documents anew at each write would take some
10 ms of each.
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
    """One reference: `by` is the id of the innermost named thing that refers, `via` the property it does so with.

    `kind` is the owner's type without its namespace, lower-cased: `networkinterfaces`.
    """

    by: str
    via: str
    owner: Document
    kind: str


class References:
    """Uses by the key of what is referred to, in the order in which the users were written."""

    def __init__(self, store: Store) -> None:
        self._uses: dict[str, dict[tuple[str, str], Use]] = {}
        self._referred: dict[str, list[tuple[str, tuple[str, str]]]] = {}
        for document in store:
            self._changed("put", document)
        store.listeners.insert(0, self._changed)  # before those who may ask it

    def _changed(self, what: str, document: Document) -> None:
        if not document.type.lower().startswith(_NAMESPACE):
            return
        for key, use in self._referred.pop(ids.key(document.id), ()):
            users = self._uses.get(key, {})
            users.pop(use, None)
            if not users:
                self._uses.pop(key, None)
        if what == "put":
            self._walk(document.body.get("properties") or {}, document.id, document)

    def to(self, id: str, *kinds: str, via: str = "") -> list[Use]:
        """Uses of an id, narrowed to owners of some types and to one property."""
        found = self._uses.get(ids.key(id), {})
        return [use for use in found.values() if (not kinds or use.kind in kinds) and (not via or use.via == via)]

    def _walk(self, value: Any, by: str, owner: Document, via: str = "") -> None:
        if isinstance(value, list):
            for item in value:
                self._walk(item, by, owner, via)
        elif isinstance(value, Mapping):
            own = value.get("id")
            if isinstance(own, str) and "name" not in value:
                key, one = ids.key(own), (by, via)
                self._uses.setdefault(key, {})[one] = Use(by, via, owner, owner.type.lower().removeprefix(_NAMESPACE))
                self._referred.setdefault(ids.key(owner.id), []).append((key, one))
                return
            inner = own if isinstance(own, str) else by
            for key, item in value.items():
                self._walk(item, inner, owner, via if key == "properties" else key)


_OF: weakref.WeakKeyDictionary[Store, References] = weakref.WeakKeyDictionary()


def of(store: Store) -> References:
    """The index of a store, made when it is asked for first."""
    found = _OF.get(store)
    if found is None:
        found = _OF[store] = References(store)
    return found
