"""What Microsoft.Storage answers outside of resources: whether a name can be had, how many accounts there may be."""

from __future__ import annotations

from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.arm.storage.accounts import ACCOUNT, NAME, unavailable

MOST_ACCOUNTS = 250
"""In one region of a subscription."""


class Storage(Provider):
    namespace = "Microsoft.Storage"

    @route("POST", "checkNameAvailability")
    async def check_name(self, call: Call) -> Reply:
        call.type = f"{self.namespace}/checkNameAvailability"
        body = call.body or {}
        name = body.get("name")
        if not isinstance(name, str) or body.get("type") != ACCOUNT:
            raise ArmError(400, "InvalidRequestPropertyValue", f"The request needs a name, and the type {ACCOUNT}.")
        if not NAME.fullmatch(name):
            message = (
                f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 "
                "characters in length and use numbers and lower-case letters only."
            )
            return Reply(200, {"nameAvailable": False, "reason": "AccountNameInvalid", "message": message})
        if (why := unavailable(self.world.store, name)) is not None:
            return Reply(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": why[1]})
        return Reply(200, {"nameAvailable": True})

    @route("GET", "locations/{location}/usages")
    async def usages(self, call: Call, location: str) -> Reply:
        call.type = f"{self.namespace}/locations/usages"
        region = lifecycle.region(call, call.type, location)
        used = sum(account.body["location"] == region for account in self.world.store.of_type(ACCOUNT))
        name = {"value": "StorageAccounts", "localizedValue": "Storage Accounts"}
        return Reply(200, [{"unit": "Count", "currentValue": used, "limit": MOST_ACCOUNTS, "name": name}])
