"""The one subscription, its tenant and its locations."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.store import Json

NAME = "Sandbox"


class Subscriptions(Provider):
    """What a sign-in sees first."""

    namespace = ""

    @route("GET", "subscriptions")
    async def list_all(self, call: Call) -> Reply:
        call.type = "Microsoft.Resources/subscriptions"
        return Reply(200, [self._subscription()])

    @route("GET", "subscriptions/{subscription}")
    async def get(self, call: Call, subscription: str) -> Reply:
        call.type = "Microsoft.Resources/subscriptions"
        return Reply(200, self._subscription())

    @route("GET", "subscriptions/{subscription}/locations")
    async def locations(self, call: Call, subscription: str) -> Reply:
        call.type = "Microsoft.Resources/subscriptions/locations"
        # One answer, not pages: the Azure CLI reads this list without following a nextLink.
        return Reply(200, {"value": self.world.catalog.locations(self.world.subscription)})

    @route("GET", "tenants")
    async def tenants(self, call: Call) -> Reply:
        call.type = "Microsoft.Resources/tenants"
        tenant: Json = {
            "id": f"/tenants/{self.world.tenant}",
            "tenantId": self.world.tenant,
            "displayName": NAME,
            "defaultDomain": "sandbox.onmicrosoft.com",
            "domains": ["sandbox.onmicrosoft.com"],
            "countryCode": "US",
            "tenantCategory": "Home",
            "tenantType": "AAD",
        }
        return Reply(200, [tenant])

    def _subscription(self) -> Json:
        kept = self.world.store.read("setting", "subscription tags") or {}
        subscription: Json = {
            "id": f"/subscriptions/{self.world.subscription}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": self.world.subscription,
            "tenantId": self.world.tenant,
            "displayName": NAME,
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }
        if kept.get("tags"):
            subscription["tags"] = kept["tags"]
        return subscription
