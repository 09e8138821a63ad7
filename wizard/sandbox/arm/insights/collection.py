"""Data collection rules: what agents count and where it goes; and their associations with machines and scale sets.

Of data sources the sandbox has performance counters, of destinations Log Analytics workspaces; whatever else Azure has
is refused, so that no rule stands here that nothing comes of.

Source: Microsoft, the swagger dataCollectionRules_API and dataCollectionRuleAssociations_API, 2022-06-01; "Structure of
a data collection rule in Azure Monitor". Codes and wordings are from memory.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.errors import ArmError, invalid_content
from wizard.sandbox.arm.kind import Call, Kind, Reply, action, route
from wizard.sandbox.arm.operationalinsights.workspaces import WORKSPACE
from wizard.sandbox.arm.scopes import TABLE, Scope, ScopeProvider

if TYPE_CHECKING:
    from wizard.sandbox.store import Document, Json, Store

RULE = "Microsoft.Insights/dataCollectionRules"
ASSOCIATION = "Microsoft.Insights/dataCollectionRuleAssociations"
SYSTEMS = ("Linux", "Windows")
STREAMS = ("Microsoft-Perf", "Microsoft-InsightsMetrics")
SECONDS = range(1, 1801)
MOST_COUNTERS = 100
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}[A-Za-z0-9]")
_BELOW = "/providers/microsoft.insights/datacollectionruleassociations/"
_SCOPES = ("microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets")


class DataCollectionRules(Kind):
    """Microsoft.Insights/dataCollectionRules"""

    type = RULE
    has_etag = True

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        if not NAME.fullmatch(call.name):
            raise ArmError(400, "InvalidName", f"The data collection rule name '{call.name}' is not valid.")
        kind = body.get("kind")
        if kind is not None and kind not in SYSTEMS:
            raise _beyond(f"rules of the kind '{kind}'")
        if existing is not None and kind != existing.body.get("kind"):
            raise _invalid("InvalidKind", "The kind of a data collection rule cannot be changed.")
        properties = body.get("properties")
        if not isinstance(properties, dict):
            raise invalid_content("The property 'properties' is missing.")
        streams = _sources(properties.get("dataSources"))
        places = self._destinations(properties.get("destinations"), body["location"])
        _flows(properties.get("dataFlows"), streams, places)

    def _destinations(self, given: Any, location: str) -> set[str]:
        """The destinations' names."""
        found = _object(given, "destinations")
        if other := [name for name in found if name != "logAnalytics" and found[name]]:
            raise _beyond(f"the destination '{other[0]}'")
        names: list[str] = []
        for one in _list(found.get("logAnalytics"), "destinations.logAnalytics"):
            workspace = self.world.store.get(str(one.get("workspaceResourceId")))
            if workspace is None or workspace.type != WORKSPACE:
                raise _invalid("InvalidDestination", f"The workspace '{one.get('workspaceResourceId')}' was not found.")
            if workspace.body["location"] != location:
                raise _invalid(
                    "InvalidDestination",
                    f"The workspace '{workspace.name}' is in '{workspace.body['location']}': a data collection rule "
                    "must be in the region of its destination workspace.",
                )
            names.append(str(one.get("name") or ""))
        if not names or len(set(names)) < len(names) or "" in names:
            raise _invalid("InvalidDestination", "Each destination needs a name of its own.")
        return set(names)

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        old = existing.body["properties"] if existing is not None else {}
        sent = body["properties"]
        places = []
        for one in sent["destinations"]["logAnalytics"]:
            workspace = self.world.store.get(one["workspaceResourceId"])
            assert workspace is not None, "validated"
            places.append({**one, "workspaceId": workspace.body["properties"]["customerId"]})
        properties: Json = {
            "immutableId": old.get("immutableId") or f"dcr-{uuid.uuid4().hex}",
            **{name: sent[name] for name in ("description", "dataSources", "dataFlows") if sent.get(name) is not None},
            "destinations": {"logAnalytics": places},
        }
        shown: Json = {"location": body["location"], "properties": properties}
        for name in ("kind", "tags"):
            if body.get(name) is not None:
                shown[name] = body[name]
        return shown

    def etag(self, document: Document) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{document.id.lower()} {document.created} {document.etag}"))

    def check_delete(self, call: Call, document: Document) -> None:
        held = on_rule(self.world.store, document.id)
        if held and call.query.get("deleteassociations", "").lower() != "true":
            raise ArmError(
                400,
                "DataCollectionRuleHasAssociations",
                f"The data collection rule '{document.name}' has associations: {', '.join(one['id'] for one in held)}. "
                "Delete them first, or with it: deleteAssociations=true.",
            )

    async def deleted(self, document: Document) -> None:
        for one in on_rule(self.world.store, document.id):
            self.world.store.write(TABLE, ids.key(one["id"]), None)

    @action("associations", method="GET")
    async def associations(self, call: Call, document: Document) -> Reply:
        return Reply(200, on_rule(self.world.store, document.id))


class Associations(ScopeProvider):
    """`{machine or scale set}/providers/Microsoft.Insights/dataCollectionRuleAssociations`"""

    namespace = "Microsoft.Insights"

    @route("GET", "dataCollectionRuleAssociations")
    async def list_all(self, call: Call, scope: Scope) -> Reply:
        call.type = ASSOCIATION
        return Reply(200, {"value": of(self.world.store, scope.key)})

    @route("GET", "dataCollectionRuleAssociations/{name}")
    async def get(self, call: Call, scope: Scope, name: str) -> Reply:
        kept = self.world.store.read(TABLE, self._key(call, scope, name))
        if kept is None:
            raise ArmError(404, "ResourceNotFound", f"The association '{name}' of '{scope.id}' was not found.")
        return Reply(200, kept)

    @route("PUT", "dataCollectionRuleAssociations/{name}")
    async def put(self, call: Call, scope: Scope, name: str) -> Reply:
        key = self._key(call, scope, name)
        if scope.document is None or scope.document.type.lower() not in _SCOPES:
            raise _beyond("associations with other resources than machines and scale sets")
        given = (call.body or {}).get("properties")
        if not isinstance(given, dict):
            raise invalid_content("The property 'properties' is missing.")
        if given.get("dataCollectionEndpointId"):
            raise _beyond("data collection endpoints")
        rule = self.world.store.get(str(given.get("dataCollectionRuleId")))
        if rule is None or rule.type != RULE:
            raise _invalid(
                "InvalidAssociation", f"The data collection rule '{given.get('dataCollectionRuleId')}' was not found."
            )
        created = self.world.store.read(TABLE, key) is None
        described = {"description": str(given["description"])} if given.get("description") else {}
        kept: Json = {
            "id": f"{scope.id}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{name}",
            "name": name,
            "type": ASSOCIATION,
            "etag": str(uuid.uuid4()),
            "properties": {"dataCollectionRuleId": rule.id, **described, "provisioningState": "Succeeded"},
        }
        self.world.store.write(TABLE, key, kept)
        return Reply(201 if created else 200, kept)

    @route("DELETE", "dataCollectionRuleAssociations/{name}")
    async def delete(self, call: Call, scope: Scope, name: str) -> Reply:
        key = self._key(call, scope, name)
        found = self.world.store.read(TABLE, key)
        self.world.store.write(TABLE, key, None)
        return Reply(200 if found else 204)

    def _key(self, call: Call, scope: Scope, name: str) -> str:
        call.type, call.names = ASSOCIATION, (name,)
        call.id = f"{scope.key}{_BELOW}{name.lower()}"
        return call.id


def of(store: Store, scope: str) -> list[Json]:
    """The associations of a machine or a scale set, by its key."""
    return [value for key, value in store.items(TABLE) if key.startswith(f"{scope}{_BELOW}")]


def on_rule(store: Store, rule: str) -> list[Json]:
    """The associations with a rule, by its id."""
    return [
        value
        for key, value in store.items(TABLE)
        if _BELOW in key and ids.key(value["properties"]["dataCollectionRuleId"]) == ids.key(rule)
    ]


def _sources(given: Any) -> set[str]:
    """The streams that the data sources send to."""
    found = _object(given, "dataSources")
    if other := [name for name in found if name != "performanceCounters" and found[name]]:
        raise _beyond(f"the data source '{other[0]}'")
    names: list[str] = []
    streams: set[str] = set()
    for one in _list(found.get("performanceCounters"), "dataSources.performanceCounters"):
        own = _list(one.get("streams"), "streams")
        if not own or set(own) - set(STREAMS):
            raise _invalid("InvalidDataSource", f"The streams of a performance counter are {', '.join(STREAMS)}.")
        if one.get("samplingFrequencyInSeconds") not in SECONDS:
            raise _invalid("InvalidDataSource", f"samplingFrequencyInSeconds is {SECONDS[0]} to {SECONDS[-1]}.")
        if not 1 <= len(_list(one.get("counterSpecifiers"), "counterSpecifiers")) <= MOST_COUNTERS:
            raise _invalid("InvalidDataSource", f"A data source has 1 to {MOST_COUNTERS} counters.")
        names.append(str(one.get("name") or ""))
        streams.update(own)
    if len(set(names)) < len(names) or "" in names:
        raise _invalid("InvalidDataSource", "Each data source needs a name of its own.")
    return streams


def _flows(given: Any, streams: set[str], places: set[str]) -> None:
    flows = _list(given, "dataFlows")
    for one in flows:
        if lost := set(_list(one.get("streams"), "streams")) - streams:
            raise _invalid("InvalidDataFlow", f"No data source sends to the stream '{sorted(lost)[0]}'.")
        if lost := set(_list(one.get("destinations"), "destinations")) - places:
            raise _invalid("InvalidDataFlow", f"There is no destination '{sorted(lost)[0]}'.")
        if one.get("transformKql") not in (None, "source"):
            raise _beyond("transformations")
    if not flows:
        raise _invalid("InvalidDataFlow", "A data collection rule needs a data flow.")


def _object(given: Any, path: str) -> Json:
    if not isinstance(given, dict):
        raise invalid_content(f"The value at path 'properties.{path}' must be an object")
    return given


def _list(given: Any, path: str) -> list[Any]:
    if given is not None and not isinstance(given, list):
        raise invalid_content(f"The value at path 'properties.{path}' must be an array")
    return given or []


def _invalid(code: str, message: str) -> ArmError:
    return ArmError(
        400, "InvalidPayload", "Data collection rule is invalid", details=[{"code": code, "message": message}]
    )


def _beyond(what: str) -> ArmError:
    return ArmError(501, "NotInSandbox", f"Azure has {what}, the sandbox has not: nothing was changed.")
