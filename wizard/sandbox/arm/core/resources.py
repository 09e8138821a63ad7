"""Generic listings: everything in the subscription or in a group, filtered as ARM filters."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

from wizard import ids
from wizard.sandbox.arm.errors import ArmError, group_not_found
from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.arm.lifecycle import GROUP_TYPE
from wizard.sandbox.store import Document, Json

_SHOWN = ("location", "tags", "sku", "kind", "managedBy", "identity", "zones", "plan")
_TERM = re.compile(r"\s*(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_SUBSTRING = re.compile(r"\s*substringof\('([^']*)'\s*,\s*name\)\s*", re.IGNORECASE)


class Resources(Provider):
    """`/resources` of the subscription and of a group."""

    namespace = ""

    @route("GET", "subscriptions/{subscription}/resources")
    async def all(self, call: Call, subscription: str) -> Reply:
        call.type = "Microsoft.Resources/resources"
        return Reply(
            200, self._listed(call, [document for document in self.world.store if document.type != GROUP_TYPE])
        )

    @route("GET", "subscriptions/{subscription}/resourceGroups/{group}/resources")
    async def in_group(self, call: Call, subscription: str, group: str) -> Reply:
        call.type = "Microsoft.Resources/resources"
        if self.world.store.get(ids.group_id(self.world.subscription, group)) is None:
            raise group_not_found(group)
        return Reply(200, self._listed(call, self.world.store.in_group(group)))

    @route("GET", "subscriptions/{subscription}/tagNames")
    async def tag_names(self, call: Call, subscription: str) -> Reply:
        call.type = "Microsoft.Resources/subscriptions/tagNames"
        counted: dict[str, dict[str, int]] = {}
        for document in self.world.store:
            for name, value in (document.body.get("tags") or {}).items():
                values = counted.setdefault(name, {})
                values[value] = values.get(value, 0) + 1
        base = f"/subscriptions/{self.world.subscription}/tagNames"
        names = [
            {
                "id": f"{base}/{name}",
                "tagName": name,
                "count": {"type": "Total", "value": sum(values.values())},
                "values": [
                    {
                        "id": f"{base}/{name}/tagValues/{value}",
                        "tagValue": value,
                        "count": {"type": "Total", "value": number},
                    }
                    for value, number in values.items()
                ],
            }
            for name, values in counted.items()
        ]
        return Reply(200, names)

    def _listed(self, call: Call, documents: list[Document]) -> list[Json]:
        wanted = _filter(call.query.get("$filter", ""))
        expand = {part.strip().lower() for part in call.query.get("$expand", "").split(",")}
        return [
            _summary(document, expand) for document in documents if "location" in document.body and wanted(document)
        ]


def _summary(document: Document, expand: set[str]) -> Json:
    names = "/".join(ids.parse(document.id).names)
    shown: Json = {"id": document.id, "name": names, "type": document.type}
    shown.update({key: document.body[key] for key in _SHOWN if key in document.body})
    if "createdtime" in expand:
        shown["createdTime"] = _iso(document.created)
    if "changedtime" in expand:
        shown["changedTime"] = _iso(document.changed)
    if "provisioningstate" in expand:
        shown["provisioningState"] = (document.body.get("properties") or {}).get("provisioningState", "Succeeded")
    return shown


def _filter(text: str) -> Callable[[Document], bool]:
    """The part of OData that ARM takes here: comparisons joined by `and` (or all of them by `or`)."""
    if not text.strip():
        return lambda document: True
    either = re.search(r"'\s*\)?\s+or\s+", text, re.IGNORECASE) is not None
    terms = re.split(r"\s+or\s+" if either else r"\s+and\s+", _bare(text), flags=re.IGNORECASE)
    tests = [_term(term) for term in terms]
    names = {term.lower().split()[0] for term in terms}
    if {"tagname", "tagvalue"} <= names:
        name = next(_value(term) for term in terms if term.lower().startswith("tagname"))
        value = next(_value(term) for term in terms if term.lower().startswith("tagvalue"))
        return lambda document: any(
            key.lower() == name.lower() and found == value for key, found in (document.body.get("tags") or {}).items()
        )
    return (
        (lambda document: any(test(document) for test in tests))
        if either
        else (lambda document: all(test(document) for test in tests))
    )


def _bare(text: str) -> str:
    """Without the parentheses that some clients put around the whole."""
    bare = text.strip()
    return bare[1:-1].strip() if bare.startswith("(") and bare.endswith(")") else bare


def _term(term: str) -> Callable[[Document], bool]:
    if found := _SUBSTRING.fullmatch(term):
        part = found[1].lower()
        return lambda document: part in document.name.lower()
    comparison = _TERM.fullmatch(term)
    if comparison is None or comparison[1].lower() not in _FIELDS:
        raise ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{term}' specified in the query string.")
    field, wanted = _FIELDS[comparison[1].lower()], comparison[3].replace("''", "'").lower()
    equal = comparison[2].lower() == "eq"
    return lambda document: (wanted in field(document)) == equal


def _value(term: str) -> str:
    found = _TERM.fullmatch(term)
    assert found is not None
    return found[3].replace("''", "'")


def _plain(location: str) -> str:
    return location.replace(" ", "").lower()


_FIELDS: dict[str, Callable[[Document], set[str]]] = {
    "resourcetype": lambda document: {document.type.lower()},
    "name": lambda document: {document.name.lower()},
    "resourcegroup": lambda document: {document.group},
    "location": lambda document: {_plain(str(document.body.get("location", "")))},
    "tagname": lambda document: {name.lower() for name in document.body.get("tags") or {}},
    "tagvalue": lambda document: {value.lower() for value in (document.body.get("tags") or {}).values()},
}


def _iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")
