"""What network resources have in common: etags, children with ids of their own, references that must lead somewhere."""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from wizard import ids
from wizard.sandbox.arm import errors
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Kind
from wizard.sandbox.arm.network import references
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.store import Document, Json

_NAME = re.compile(r"\w([\w.-]{0,78}\w)?", re.ASCII)
_TOP = ("location", "tags", "sku", "zones", "extendedLocation")


class NetworkKind(Kind):
    """The base of every kind here. Back references are not stored: `link` puts them into an answer."""

    has_etag = True
    patch = "tags"
    provisioning = ("Updating", "Updating")  # Azure's network provider says Updating from the start
    retry_after_s = 3.0
    name_limit: ClassVar[int] = 80
    computed: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Read-only properties that a PUT may carry (after a GET) and that are dropped: by child list, "" for the own."""

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        represented: Json = {key: body[key] for key in _TOP if body.get(key) is not None}
        properties: Json = without_nulls(body.get("properties") or {})
        for name in self.computed.get("", ()):
            properties.pop(name, None)
        old = existing.body["properties"] if existing is not None else {}
        properties["resourceGuid"] = old.get("resourceGuid") or str(uuid.uuid4())
        for child in self.children:
            properties[child.where] = [
                self._named(call.id, child.type, item, self.computed.get(child.where, ()))
                for item in properties.get(child.where) or ()
            ]
        represented["properties"] = properties
        return represented

    def _named(self, parent: str, type: str, item: Json, drop: tuple[str, ...]) -> Json:
        properties = {key: value for key, value in (item.get("properties") or {}).items() if key not in drop}
        named: Json = {"id": f"{parent}/{type}/{item['name']}", "name": item["name"], "type": f"{self.type}/{type}"}
        if item.get("zones"):
            named["zones"] = item["zones"]
        return {**named, "properties": properties}

    def show(self, document: Document, call: Call | None = None) -> Json:
        shown = copy.deepcopy(super().show(document, call))
        self.link(document, shown["properties"], references.of(self.world.store))
        return shown

    def link(self, document: Document, properties: Json, uses: References) -> None:
        """Put back references into an answer's properties."""

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        if not _NAME.fullmatch(call.name) or len(call.name) > self.name_limit:
            raise invalid_name(call.name, self.name_limit)
        properties = body.get("properties")
        if properties is None:
            properties = body["properties"] = {}
        if not isinstance(properties, dict):
            raise errors.invalid_content("The value of 'properties' is not an object")
        for child in self.children:
            _check_children(call.id, child.where, properties)


def _check_children(parent: str, where: str, properties: Json) -> None:
    """Children are objects with a valid name of their own."""
    items = properties.get(where)
    if items is None:
        return
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise errors.invalid_format("InvalidJson", f"The value of '{where}' is not a list of objects.")
    seen: set[str] = set()
    for item in items:
        name = item.get("name")
        if not isinstance(name, str) or not name:
            raise errors.invalid_format("MissingJsonPropertyName", f"A resource in '{where}' of {parent} has no name.")
        if not _NAME.fullmatch(name):
            raise invalid_name(name, 80)
        if name.lower() in seen:
            raise ArmError(
                400, "DuplicateResourceName", f"Resource {parent} has two child resources with the same name ({name})."
            )
        if not isinstance(item.get("properties", {}) or {}, dict):
            raise errors.invalid_format("InvalidJson", f"The properties of '{name}' are not an object.")
        seen.add(name.lower())


def reference(call: Call, holder: Json, key: str, type: str, by: str, *, region: str | None = None) -> Document | None:
    """Check `holder[key]` (`{"id": ...}`) and reduce it to the target's own id; None when there is none.

    `type` is without its namespace and may be a child's (`virtualNetworks/subnets`): the document is then its parent's.
    Raises InvalidResourceReference when the target is missing or in another region than `region`.
    """
    value = holder.get(key)
    if value is None:
        return None
    holder[key], document = target(call, value, type, by, key, region)
    return document


def target(  # noqa: PLR0917
    call: Call, value: Any, type: str, by: str, path: str, region: str | None
) -> tuple[Json, Document]:
    """The reduced reference and the document that holds what it names."""
    given = value.get("id") if isinstance(value, Mapping) else None
    try:
        parsed = ids.parse(given if isinstance(given, str) else "")
    except ValueError:
        raise ArmError(
            400,
            "LinkedInvalidPropertyId",
            f"Property id '{given or ''}' at path 'properties.{path}.id' is invalid. Expect fully qualified resource "
            "Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        ) from None
    if parsed.type.lower() != f"microsoft.network/{type}".lower():
        raise errors.invalid_format(
            "InvalidResourceType",
            f"The reference '{given}' at '{path}' of {by} is not one of Microsoft.Network/{type}.",
        )
    found = find(call, parsed)
    if found is None or (region is not None and found[1].body.get("location") != region):
        raise errors.invalid_reference(str(given), by)
    own, document = found
    for operation in call.world.operations.running_on(document.id):
        if operation.verb in ("create", "delete") and ids.key(document.id) != ids.key(call.id):
            raise errors.not_provisioned(own, by, document.body["properties"]["provisioningState"])
    return {"id": own}, document


def find(call: Call, parsed: ids.ResourceId) -> tuple[str, Document] | None:
    """A network resource or a child of one: its own id and the document that holds it."""
    namespace, kinds, names = parsed.namespace, parsed.types, parsed.names
    parent = ids.resource_id(parsed.subscription, parsed.group, f"{namespace}/{kinds[0]}", names[0])
    document = call.world.store.get(parent)
    if document is None or len(kinds) == 1:
        return (document.id, document) if document is not None else None
    if item := child_of(document, kinds[1], names[1]):
        return item["id"], document
    return None


def child_of(document: Document, where: str, name: str) -> Json | None:
    """A child in its parent's document; network children lie under the name of their type."""
    listed = next((value for key, value in document.body["properties"].items() if key.lower() == where.lower()), None)
    return next((item for item in listed or () if item["name"].lower() == name.lower()), None)


def invalid_name(name: str, limit: int) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceName",
        f"Resource name {name} is invalid. The name can be up to {limit} characters long. It must begin with a word "
        "character, and it must end with a word character or with '_'. The name may contain word characters or '.', "
        "'-', '_'.",
    )


def number(properties: Mapping[str, Any], key: str, low: int, high: int, by: str, *, default: int | None = None) -> int:
    """A whole number within Azure's limits, or the default where it is left out."""
    value = properties.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise out_of_range(key, value, low, high, by)
    return value


def out_of_range(key: str, value: object, low: int, high: int, by: str) -> ArmError:
    # The code differs from property to property in Azure; this one is from memory.
    code = f"Invalid{key[0].upper()}{key[1:]}"
    return ArmError(400, code, f"The value '{value}' of {key} in {by} is invalid. It must be between {low} and {high}.")


def choice(properties: Json, key: str, allowed: tuple[str, ...], by: str, *, default: str | None = None) -> str:
    """One of Azure's words, in Azure's case; `holder[key]` is set to it."""
    value = properties.get(key)
    if value is None and default is not None:
        properties[key] = default
        return default
    for word in allowed:
        if isinstance(value, str) and word.lower() == value.lower():
            properties[key] = word
            return word
    given = "" if value is None else value
    raise errors.invalid_format(
        "InvalidJsonPropertyValue", f"The value '{given}' of {key} in {by} is not one of {', '.join(allowed)}."
    )


def check_zones(call: Call, body: Json, by: str) -> None:
    """Zones that the region has."""
    zones = body.get("zones")
    if not zones:
        return
    region = call.world.catalog.region(str(body.get("location", "")))
    offered = region.zones if region is not None else ()
    if not isinstance(zones, list) or any(zone not in offered for zone in zones):
        raise ArmError(
            400,
            "AvailabilityZoneNotSupported",
            f"The zone(s) '{zones}' for resource '{by}' is not supported. The supported zones for location "
            f"'{body.get('location')}' are '{','.join(offered)}'",
        )


def without_nulls(value: Any) -> Any:
    """A copy without null members: a PUT of null is a PUT without."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
