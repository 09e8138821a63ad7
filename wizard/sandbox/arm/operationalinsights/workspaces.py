"""Log Analytics workspaces. A deleted one can be had back for 14 days, by making it again with `force` not asked for.

Source: Microsoft, "Workspaces - Create Or Update", "Delete and recover an Azure Log Analytics workspace".
"""

from __future__ import annotations

import datetime
import re
import time
import uuid

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind
from wizard.sandbox.store import Document, Json, Store

WORKSPACE = "Microsoft.OperationalInsights/workspaces"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]")
SKU = "PerGB2018"
RETENTION_DAYS = (30, 730)
RECOVERABLE_S = 14 * 86400
_RETIRED = ("free", "standard", "premium", "pernode", "standalone", "unlimited")
_OTHERS = ("capacityreservation", "lacluster")


class Workspaces(Kind):
    """Microsoft.OperationalInsights/workspaces"""

    type = WORKSPACE
    durations = Durations(create=15, update=5)  # from memory; a deletion is answered at once
    deleted_status = 200

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        if not NAME.fullmatch(call.name):
            raise ArmError(
                400,
                "InvalidResourceName",  # from memory
                f"The workspace name '{call.name}' is not valid: 4 to 63 letters, digits and '-', which is neither "
                "the first nor the last of them.",
            )
        properties = body.get("properties") or {}
        if not isinstance(properties, dict):
            raise _bad("The value of 'properties' is not an object.")
        sku = str((properties.get("sku") or {}).get("name") or SKU)
        if sku.lower() in _RETIRED:
            raise _bad(f"The pricing tier '{sku}' is retired for new workspaces. Use {SKU}.")
        if sku.lower() != SKU.lower():
            known = "is not supported here" if sku.lower() in _OTHERS else "is not valid"
            raise _bad(f"The pricing tier '{sku}' {known}. Use {SKU}.")
        days, (low, high) = properties.get("retentionInDays"), RETENTION_DAYS
        if days is not None and (not isinstance(days, int) or not low <= days <= high):
            raise _bad(f"RetentionInDays '{days}' is not valid for the pricing tier {SKU}: {low} to {high} days.")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        old = (existing.body["properties"] if existing is not None else None) or self._recovered(call)
        sent = body.get("properties") or {}
        now = _now()
        properties: Json = {
            "customerId": old.get("customerId") or str(uuid.uuid4()),
            "sku": {"name": SKU, "lastSkuUpdate": (old.get("sku") or {}).get("lastSkuUpdate") or now},
            "retentionInDays": sent.get("retentionInDays") or old.get("retentionInDays") or RETENTION_DAYS[0],
            "features": {
                "legacy": 0,
                "searchVersion": 1,
                "enableLogAccessUsingOnlyResourcePermissions": True,
                **(old.get("features") or {}),
                **(sent.get("features") or {}),
            },
            "workspaceCapping": {"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"}
            | (sent.get("workspaceCapping") or {}),
            "publicNetworkAccessForIngestion": sent.get("publicNetworkAccessForIngestion") or "Enabled",
            "publicNetworkAccessForQuery": sent.get("publicNetworkAccessForQuery") or "Enabled",
            "createdDate": old.get("createdDate") or now,
            "modifiedDate": now,
        }
        shown: Json = {"location": body["location"], "properties": properties}
        if tags := body.get("tags", existing.body.get("tags") if existing is not None else None):
            shown["tags"] = tags
        return shown

    def check_delete(self, call: Call, document: Document) -> None:
        document.extra["force"] = call.query.get("force", "").lower() == "true"

    async def deleted(self, document: Document) -> None:
        if document.extra.get("force"):
            self.world.logs.forget(document.body["properties"]["customerId"])
            return
        gone = {"at": time.time(), "location": document.body["location"], "properties": document.body["properties"]}
        self.world.store.write("setting", _gone_key(document.id), gone)

    def _recovered(self, call: Call) -> Json:
        """What a workspace of this id had that was deleted a while ago; the rows are there still."""
        kept = self.world.store.read("setting", _gone_key(call.id))
        if kept is None:
            return {}
        self.world.store.write("setting", _gone_key(call.id), None)
        properties: Json = kept["properties"]
        if time.time() - kept["at"] <= RECOVERABLE_S:
            return properties
        self.world.logs.forget(properties["customerId"])
        return {}


def find(store: Store, customer: str) -> Document | None:
    """The workspace with a customerId."""
    for workspace in store.of_type(WORKSPACE):
        if workspace.body["properties"]["customerId"] == customer.lower():
            return workspace
    return None


def _gone_key(id: str) -> str:
    return f"deleted workspace {ids.key(id)}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _bad(message: str) -> ArmError:
    return ArmError(400, "InvalidParameter", message)  # from memory
