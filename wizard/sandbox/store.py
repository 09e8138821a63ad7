"""The sandbox's memory: ARM documents, guests, running operations and settings, in SQLite and mirrored in memory.

Reads come from memory (200 machines make about 600 documents, each read many times a second while polling), writes go
through to the file at once. A guest is what a machine's disk would hold: it survives a stop, a restart and the
sandbox's own end. Passwords reach it only as hashes.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wizard import ids

Json = dict[str, Any]

_TABLES = ("document", "guest", "operation", "setting", "extension")


@dataclass
class Document:
    """One ARM resource. `body` is its representation without `id`, `name`, `type`, `etag`; change it, then `put` it.

    `parent` types that live inside another's document (subnets, NAT rules, ...) have no Document of their own.
    """

    id: str
    type: str
    name: str
    body: Json
    etag: int = 1
    created: float = 0.0
    changed: float = 0.0
    extra: Json = field(default_factory=dict)  # what ARM never shows but the sandbox must know; no secrets

    @property
    def group(self) -> str:
        """Lower-cased name of the resource group, or "" for a subscription-wide document."""
        parts = self.id.lower().split("/")
        return parts[4] if len(parts) > 4 and parts[3] == "resourcegroups" else ""


class Store:
    """Documents by id (without regard to case); guests, operations and settings by key."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        for table in _TABLES:
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
            )
        self._documents: dict[str, Document] = {}
        self._by_type: dict[str, dict[str, Document]] = {}
        self._below: dict[str, dict[str, Document]] = {}
        for _key, value in self._db.execute("SELECT key, value FROM document"):
            self._remember(Document(**json.loads(value)))
        self._rest: dict[str, dict[str, Json]] = {
            table: {key: json.loads(value) for key, value in self._db.execute(f"SELECT key, value FROM {table}")}  # noqa: S608
            for table in _TABLES[1:]
        }
        self.listeners: list[Callable[[str, Document], None]] = []
        """Called after each `put` ("put") and `delete` ("delete") with the document."""

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # Documents

    def get(self, id: str) -> Document | None:
        return self._documents.get(ids.key(id))

    def put(self, document: Document) -> None:
        """Keep a new or changed document and tell the listeners."""
        value = json.dumps(
            {
                name: getattr(document, name)
                for name in ("id", "type", "name", "body", "etag", "created", "changed", "extra")
            }
        )
        self._write("document", ids.key(document.id), value)
        self._remember(document)
        for listener in self.listeners:
            listener("put", document)

    def delete(self, id: str) -> Document | None:
        """Forget a document; None when there was none."""
        document = self._documents.pop(ids.key(id), None)
        if document is None:
            return None
        del self._by_type[document.type.lower()][ids.key(id)]
        parent = _parent(ids.key(id))
        del self._below[parent][ids.key(id)]
        if not self._below[parent]:
            del self._below[parent]
        self._write("document", ids.key(id), None)
        for listener in self.listeners:
            listener("delete", document)
        return document

    def of_type(self, type: str, group: str | None = None) -> list[Document]:
        """All documents of an ARM type, in the order they were first written; `group` narrows (any case)."""
        found = list(self._by_type.get(type.lower(), {}).values())
        return found if group is None else [document for document in found if document.group == group.lower()]

    def below(self, id: str, type: str) -> list[Document]:
        """The documents of a type right below another one (a machine's extensions), in the order of `of_type`.

        Each showing of a machine asks for them: to look through those of all machines would cost their number squared.
        """
        return [one for one in self._below.get(ids.key(id), {}).values() if one.type.lower() == type.lower()]

    def in_group(self, group: str) -> list[Document]:
        """Everything inside a resource group, the group itself not."""
        return [
            document
            for document in self._documents.values()
            if document.group == group.lower() and document.type.lower() != "microsoft.resources/resourcegroups"
        ]

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._documents.values()))

    def _remember(self, document: Document) -> None:
        self._documents[ids.key(document.id)] = document
        self._by_type.setdefault(document.type.lower(), {})[ids.key(document.id)] = document
        self._below.setdefault(_parent(ids.key(document.id)), {})[ids.key(document.id)] = document

    # Guests, operations, settings, extension resources: JSON objects by key. A returned object is the live one: put it
    # back after a change.

    def read(self, table: str, key: str) -> Json | None:
        return self._rest[table].get(key)

    def write(self, table: str, key: str, value: Json | None) -> None:
        """Keep `value` under `key` of a table other than "document"; None forgets it."""
        if value is None:
            self._rest[table].pop(key, None)
            self._write(table, key, None)
        else:
            self._rest[table][key] = value
            self._write(table, key, json.dumps(value))

    def items(self, table: str) -> list[tuple[str, Json]]:
        return list(self._rest[table].items())

    def _write(self, table: str, key: str, value: str | None) -> None:
        with self._lock:
            if value is None:
                self._db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608
            else:
                self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))  # noqa: S608


def _parent(key: str) -> str:
    """The key of what a document is right below."""
    return key.rsplit("/", 2)[0]
