"""Resource providers: which namespaces there are, whether the subscription may use them, and their types.

The Azure CLI chooses the api-version of a generic call from this list.
"""

from __future__ import annotations

import uuid
from functools import cached_property

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.store import Json

API_VERSIONS = {
    "Microsoft.Compute": ("2025-04-01", "2024-11-01", "2024-07-01", "2023-09-01", "2022-11-01", "2021-03-01"),
    "Microsoft.Network": ("2025-01-01", "2024-10-01", "2024-05-01", "2023-11-01", "2022-07-01", "2021-02-01"),
    "Microsoft.Storage": ("2025-01-01", "2024-01-01", "2023-05-01", "2021-04-01"),
    "Microsoft.Resources": ("2025-04-01", "2024-11-01", "2022-09-01", "2021-04-01"),
    "Microsoft.Insights": ("2024-02-01", "2023-03-11", "2022-10-01", "2022-06-01", "2021-05-01-preview"),
    "Microsoft.ManagedIdentity": ("2024-11-30", "2023-01-31", "2018-11-30"),
    "Microsoft.OperationalInsights": ("2025-07-01", "2025-02-01", "2023-09-01", "2022-10-01"),
}
"""Newest first. The sandbox takes any api-version of a type it has; these are the ones it names, from memory."""

EXTRA_TYPES = {
    "Microsoft.Compute": (
        "skus",
        "images",
        "locations",
        "locations/usages",
        "locations/vmSizes",
        "locations/operations",
    ),
    "Microsoft.Network": (
        "locations",
        "locations/operations",
        "locations/usages",
        "locations/CheckDnsNameAvailability",
    ),
    "Microsoft.Resources": ("subscriptions", "tenants", "resources", "tags", "providers", "subscriptions/locations"),
    "Microsoft.Storage": ("storageAccounts", "locations"),
    "Microsoft.Insights": ("diagnosticSettings", "autoscaleSettings", "metrics", "dataCollectionRuleAssociations"),
}
"""What a provider lists beside the types that have documents here."""


class Providers(Provider):
    """`/subscriptions/S/providers` and registration."""

    namespace = ""

    @route("GET", "subscriptions/{subscription}/providers")
    async def list_all(self, call: Call, subscription: str) -> Reply:
        call.type = "Microsoft.Resources/providers"
        return Reply(200, [self._provider(namespace) for namespace in API_VERSIONS])

    @route("GET", "subscriptions/{subscription}/providers/{namespace}")
    async def get(self, call: Call, subscription: str, namespace: str) -> Reply:
        call.type = "Microsoft.Resources/providers"
        return Reply(200, self._provider(self._named(namespace)))

    @route("GET", "providers")
    async def list_of_tenant(self, call: Call) -> Reply:
        call.type = "Microsoft.Resources/providers"
        return Reply(200, [self._provider(namespace) for namespace in API_VERSIONS])

    @route("GET", "providers/{namespace}")
    async def get_of_tenant(self, call: Call, namespace: str) -> Reply:
        call.type = "Microsoft.Resources/providers"
        return Reply(200, self._provider(self._named(namespace)))

    @route("POST", "subscriptions/{subscription}/providers/{namespace}/register")
    async def register(self, call: Call, subscription: str, namespace: str) -> Reply:
        call.type, call.action = "Microsoft.Resources/providers", "register"
        return self._set(namespace, "Registered")

    @route("POST", "subscriptions/{subscription}/providers/{namespace}/unregister")
    async def unregister(self, call: Call, subscription: str, namespace: str) -> Reply:
        call.type, call.action = "Microsoft.Resources/providers", "unregister"
        used = [document for document in self.world.store if document.type.lower().startswith(f"{namespace.lower()}/")]
        if used:
            raise ArmError(
                409,
                "CannotUnregisterProvider",
                f"The resource provider '{namespace}' has {len(used)} resource(s) in use and cannot be unregistered.",
            )
        return self._set(namespace, "NotRegistered")

    def _set(self, namespace: str, state: str) -> Reply:
        own = self._named(namespace)
        self.world.store.write("setting", f"provider {own.lower()}", {"state": state})
        return Reply(200, self._provider(own))

    def _named(self, namespace: str) -> str:
        for own in API_VERSIONS:
            if own.lower() == namespace.lower():
                return own
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")

    @cached_property
    def _types(self) -> dict[str, list[str]]:
        registry = self.world.operations.registry
        return {own: sorted({*registry.types(own), *EXTRA_TYPES.get(own, ())}) for own in API_VERSIONS}

    def _provider(self, namespace: str) -> Json:
        kept = self.world.store.read("setting", f"provider {namespace.lower()}") or {"state": "Registered"}
        locations = [region.display_name for region in self.world.catalog.regions.values()]
        versions = list(API_VERSIONS[namespace])
        return {
            "id": f"/subscriptions/{self.world.subscription}/providers/{namespace}",
            "namespace": namespace,
            "authorizations": [{"applicationId": str(uuid.uuid5(uuid.NAMESPACE_DNS, namespace.lower()))}],
            "resourceTypes": [
                {
                    "resourceType": name,
                    "locations": locations,
                    "apiVersions": versions,
                    "defaultApiVersion": versions[0],
                    "capabilities": "SupportsTags, SupportsLocation",
                }
                for name in self._types[namespace]
            ],
            "registrationState": kept["state"],
            "registrationPolicy": "RegistrationRequired",
        }
