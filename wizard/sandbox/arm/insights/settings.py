"""Diagnostic settings: which of a resource's logs and metrics go to which storage account or workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.errors import ArmError, invalid_content
from wizard.sandbox.arm.kind import Call, Reply, route
from wizard.sandbox.arm.operationalinsights.workspaces import WORKSPACE
from wizard.sandbox.arm.scopes import TABLE, Scope, ScopeProvider
from wizard.sandbox.arm.storage.accounts import ACCOUNT

if TYPE_CHECKING:
    from wizard.sandbox.store import Document, Json, Store

CATEGORIES = {"microsoft.network/loadbalancers": (("LoadBalancerHealthEvent", "Logs"), ("AllMetrics", "Metrics"))}
"""By lower-cased type; others have none here.

Source: Microsoft, "Supported logs for Microsoft.Network/loadBalancers".
"""

MOST = 5
"""Settings on one resource."""
_TYPE = "Microsoft.Insights/diagnosticSettings"
_ELSEWHERE = ("eventHubAuthorizationRuleId", "marketplacePartnerId", "serviceBusRuleId")


class DiagnosticSettings(ScopeProvider):
    """`{resource}/providers/Microsoft.Insights/diagnosticSettings`"""

    namespace = "Microsoft.Insights"

    @route("GET", "diagnosticSettings")
    async def list_all(self, call: Call, scope: Scope) -> Reply:
        call.type = _TYPE
        return Reply(200, {"value": of(self.world.store, scope.key)})

    @route("GET", "diagnosticSettings/{name}")
    async def get(self, call: Call, scope: Scope, name: str) -> Reply:
        kept = self.world.store.read(TABLE, self._key(call, scope, name))
        if kept is None:
            raise ArmError(404, "ResourceNotFound", f"The diagnostic setting '{name}' of '{scope.id}' was not found.")
        return Reply(200, kept)

    @route("PUT", "diagnosticSettings/{name}")
    async def put(self, call: Call, scope: Scope, name: str) -> Reply:
        key = self._key(call, scope, name)
        others = [one for one in of(self.world.store, scope.key) if one["name"].lower() != name.lower()]
        given = (call.body or {}).get("properties")
        if not isinstance(given, dict):
            raise invalid_content("The property 'properties' is missing.")
        if len(others) >= MOST:
            raise ArmError(409, "Conflict", f"A resource has at most {MOST} diagnostic settings.")
        properties = self._checked(scope, given, others)
        kept: Json = {
            "id": f"{scope.id.lower()}/providers/microsoft.insights/diagnosticSettings/{name}",
            "type": _TYPE,
            "name": name,
            "location": None,
            "kind": None,
            "tags": None,
            "properties": properties,
            "identity": None,
        }
        self.world.store.write(TABLE, key, kept)
        return Reply(200, kept)

    @route("DELETE", "diagnosticSettings/{name}")
    async def delete(self, call: Call, scope: Scope, name: str) -> Reply:
        key = self._key(call, scope, name)
        found = self.world.store.read(TABLE, key)
        self.world.store.write(TABLE, key, None)
        return Reply(200 if found else 204)

    @route("GET", "diagnosticSettingsCategories")
    async def categories(self, call: Call, scope: Scope) -> Reply:
        call.type = f"{_TYPE}Categories"
        return Reply(200, {"value": [self._category(scope, *one) for one in _categories(scope)]})

    @route("GET", "diagnosticSettingsCategories/{name}")
    async def category(self, call: Call, scope: Scope, name: str) -> Reply:
        call.type = f"{_TYPE}Categories"
        for one in _categories(scope):
            if one[0].lower() == name.lower():
                return Reply(200, self._category(scope, *one))
        raise ArmError(404, "ResourceNotFound", f"'{scope.id}' has no category '{name}'.")

    def _category(self, scope: Scope, name: str, kind: str) -> Json:
        return {
            "id": f"{scope.id}/providers/microsoft.insights/diagnosticSettingsCategories/{name}",
            "type": "microsoft.insights/diagnosticSettingsCategories",
            "name": name,
            "properties": {"categoryType": kind, "categoryGroups": ["allLogs"] if kind == "Logs" else None},
        }

    def _key(self, call: Call, scope: Scope, name: str) -> str:
        call.type, call.names = _TYPE, (name,)
        call.id = f"{scope.key}/providers/microsoft.insights/diagnosticsettings/{name.lower()}"
        return call.id

    def _checked(self, scope: Scope, given: Json, others: list[Json]) -> Json:
        """The properties as Azure keeps them; what nobody can be sent to, or is no category, is refused."""
        for key in _ELSEWHERE:
            if given.get(key):
                raise _bad(f"'{key}' is not supported here: use a storage account or a workspace.")
        account, workspace = given.get("storageAccountId"), given.get("workspaceId")
        if not account and not workspace:
            raise _bad("At least one data sink needs to be specified.")
        self._check_sink(scope, account, ACCOUNT)
        self._check_sink(scope, workspace, WORKSPACE)
        kinds = {name.lower(): kind for name, kind in _categories(scope)}
        logs = [_enabled(one, kinds, "Logs") for one in given.get("logs") or ()]
        metrics = [_enabled(one, kinds, "Metrics") for one in given.get("metrics") or ()]
        if not any(one["enabled"] for one in (*logs, *metrics)):
            raise _bad("At least one category must be enabled.")
        for other in others:
            self._check_apart(other, logs, {"storageAccountId": account, "workspaceId": workspace})
        return {
            "storageAccountId": account,
            "serviceBusRuleId": None,
            "workspaceId": workspace,
            "eventHubAuthorizationRuleId": None,
            "eventHubName": None,
            "metrics": metrics,
            "logs": logs,
            "logAnalyticsDestinationType": given.get("logAnalyticsDestinationType"),
        }

    def _check_sink(self, scope: Scope, id: Any, type: str) -> None:
        if not id:
            return
        document = self.world.store.get(str(id))
        if document is None or document.type.lower() != type.lower():
            raise ArmError(404, "ResourceNotFound", f"The Resource '{id}' was not found.")
        home = (scope.document.body if scope.document else {}).get("location")
        if type == ACCOUNT and home and document.body.get("location") != home:
            raise _bad(f"Resource '{scope.id}' and storage account '{document.name}' must be in the same region.")

    def _check_apart(self, other: Json, logs: list[Json], sinks: Json) -> None:
        """No two settings send one category to one sink."""
        theirs = other["properties"]
        both = {one["category"] for one in theirs["logs"] if one["enabled"]} & {
            one["category"] for one in logs if one["enabled"]
        }
        for key, sink in sinks.items():
            if both and sink and theirs.get(key) and ids.key(theirs[key]) == ids.key(sink):
                raise ArmError(
                    409,
                    "Conflict",
                    f"Data sink '{sink}' is already used in diagnostic setting '{other['name']}' for category "
                    f"'{sorted(both)[0]}'. Data sinks can't be reused in different settings on the same category for "
                    "the same resource.",
                )


def of(store: Store, scope: str) -> list[Json]:
    """A resource's settings, by its key."""
    below = f"{scope}/providers/microsoft.insights/diagnosticsettings/"
    return [value for key, value in store.items(TABLE) if key.startswith(below)]


def sinks(store: Store, scope: str, category: str) -> list[Document]:
    """The storage accounts and workspaces that a category of a resource goes to."""
    found: list[Document | None] = []
    for setting in of(store, scope):
        properties = setting["properties"]
        wanted = any(
            one["enabled"] and one["category"].lower() == category.lower()
            for one in (*properties["logs"], *properties["metrics"])
        )
        if wanted:
            found += [store.get(properties[key]) for key in ("storageAccountId", "workspaceId") if properties[key]]
    return [sink for sink in found if sink is not None]


def _categories(scope: Scope) -> tuple[tuple[str, str], ...]:
    return CATEGORIES.get(scope.document.type.lower(), ()) if scope.document else ()


def _enabled(given: Any, kinds: dict[str, str], kind: str) -> Json:
    group = given.get("categoryGroup") if isinstance(given, dict) else None
    name = "LoadBalancerHealthEvent" if group == "allLogs" else str((given or {}).get("category"))
    if kinds.get(name.lower()) != kind:
        raise _bad(f"Category '{name}' is not supported.")
    retention = {"enabled": False, "days": 0}
    return {
        "category": name,
        "categoryGroup": None,
        "enabled": bool(given.get("enabled")),
        "retentionPolicy": retention,
    }


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)
