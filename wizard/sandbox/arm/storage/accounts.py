"""Storage accounts: names unique in the whole world, a PUT answered with 202 and a Location, never 201."""

from __future__ import annotations

import datetime
import re

from wizard.sandbox.arm import errors
from wizard.sandbox.arm.compute import vhds
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind, Reply, action
from wizard.sandbox.store import Document, Json, Store

ACCOUNT = "Microsoft.Storage/storageAccounts"
NAME = re.compile(r"[a-z0-9]{3,24}")
KINDS = ("StorageV2", "BlockBlobStorage", "FileStorage", "BlobStorage")
SKUS = (
    *(f"{tier}_{copies}" for tier in ("Standard", "StandardV2") for copies in ("LRS", "ZRS", "GRS", "GZRS")),
    *("Standard_RAGRS", "Standard_RAGZRS", "Premium_LRS", "Premium_ZRS", "PremiumV2_LRS", "PremiumV2_ZRS"),
)
TAKEN = frozenset({"account", "backup", "data", "diagnostics", "diag", "logs", "storage", "test"})
"""Names that somebody else in the world has. The sandbox's choice, so that a name can be taken."""

_DEFAULTS = {
    "minimumTlsVersion": "TLS1_2",
    "allowBlobPublicAccess": False,
    "supportsHttpsTrafficOnly": True,
    "allowSharedKeyAccess": True,
    "publicNetworkAccess": "Enabled",
}
_SERVICES = ("blob", "dfs", "file", "queue", "table", "web")


class StorageAccounts(Kind):
    """Microsoft.Storage/storageAccounts"""

    type = ACCOUNT
    durations = Durations(create=20, update=2)  # from memory; a deletion is answered at once
    polling = "location"
    retry_after_s = 17.0  # what Azure sends, from memory
    created_status = 202
    deleted_status = 200

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        if not NAME.fullmatch(call.name):
            raise ArmError(
                400,
                "AccountNameInvalid",
                f"{call.name} is not a valid storage account name. Storage account name must be between 3 and 24 "
                "characters in length and use numbers and lower-case letters only.",
            )
        sku = body.get("sku") or (existing.body["sku"] if existing is not None else None)
        kind = body.get("kind") or (existing.body["kind"] if existing is not None else None)
        if not isinstance(sku, dict) or not isinstance(body.get("properties", {}), dict):
            raise errors.invalid_content("The value of 'sku' is not an object.")
        if sku.get("name") not in SKUS:
            raise ArmError(400, "InvalidValuesForRequestParameters", f"'{sku.get('name')}' is not a known sku.")
        if kind == "Storage":
            raise ArmError(
                400,
                "StorageAccountKindRetired",  # Azure refuses since the retirement; the code is from memory
                "General-purpose v1 storage accounts were retired on 2026-10-13 and cannot be created. Use StorageV2.",
            )
        if kind not in KINDS:
            raise ArmError(400, "InvalidValuesForRequestParameters", f"'{kind}' is not a known account kind.")
        if existing is not None and kind != existing.body["kind"]:
            raise ArmError(409, "PropertyImmutable", "The property 'kind' was specified in the input, but it cannot be "
                           "changed.")  # fmt: skip
        if existing is None and (why := unavailable(self.world.store, call.name)) is not None:
            raise ArmError(409, *why)

    def check_delete(self, call: Call, document: Document) -> None:
        """Whose VHDs a machine has cannot go: the machine leases its blobs."""
        if users := vhds.in_account(self.world.store, document):
            raise ArmError(
                409,
                "StorageAccountInUse",  # from memory
                f"The storage account {document.name} cannot be deleted due to its artifacts being in use: "
                f"{users[0].id}.",
            )

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        old = existing.body if existing is not None else {}
        sent = {key: value for key, value in (body.get("properties") or {}).items() if value is not None}
        sku = (body.get("sku") or old["sku"])["name"]
        now = datetime.datetime.now(datetime.UTC).isoformat()
        properties: Json = {**(old.get("properties") or {"creationTime": now, **_DEFAULTS}), **sent}
        properties.setdefault(
            "networkAcls",
            {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
        )
        properties.setdefault("accessTier", "Hot")
        properties["primaryLocation"] = body["location"]
        properties["statusOfPrimary"] = "available"
        properties["primaryEndpoints"] = {
            service: f"https://{call.name}.{'z6.' if service == 'web' else ''}{service}.core.windows.net/"
            for service in _SERVICES
        } | {"blob": f"{call.world.arm_url}/blob/{call.name}/"}
        represented: Json = {
            "location": body["location"],
            "kind": body.get("kind") or old["kind"],
            "sku": {"name": sku, "tier": "Premium" if sku.startswith("Premium") else "Standard"},
            "properties": properties,
        }
        if tags := body.get("tags", old.get("tags")):
            represented["tags"] = tags
        return represented

    async def deleted(self, document: Document) -> None:
        self.world.blobs.forget(document.name)

    @action("listKeys")
    async def keys(self, call: Call, document: Document) -> Reply:
        """The sandbox keeps no keys: nothing is behind an account's endpoints that they would open."""
        raise ArmError(403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted here.")


def unavailable(store: Store, name: str) -> tuple[str, str] | None:
    """Why a name cannot be had: code and message."""
    if name in TAKEN or any(account.name.lower() == name.lower() for account in store.of_type(ACCOUNT)):
        return "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken."
    return None
