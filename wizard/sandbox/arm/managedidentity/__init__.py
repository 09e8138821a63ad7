"""Microsoft.ManagedIdentity: identities that machines are given, with a life of their own.

Source: Microsoft, "User Assigned Identities - Create Or Update", 2023-01-31. All is answered at once.
"""

from __future__ import annotations

import uuid

from wizard.sandbox.arm.kind import Call, Kind, Provider
from wizard.sandbox.store import Document, Json

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"


class UserAssignedIdentities(Kind):
    """Microsoft.ManagedIdentity/userAssignedIdentities. One that machines have can be deleted, as in Azure."""

    type = IDENTITY
    provisioning = None

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        old = existing.body["properties"] if existing is not None else {}
        shown: Json = {
            "location": body["location"],
            "properties": {
                "tenantId": call.world.tenant,
                "principalId": old.get("principalId") or str(uuid.uuid4()),
                "clientId": old.get("clientId") or str(uuid.uuid4()),
            },
        }
        if tags := body.get("tags", existing.body.get("tags") if existing is not None else None):
            shown["tags"] = tags
        return shown


KINDS: tuple[type[Kind], ...] = (UserAssignedIdentities,)
PROVIDERS: tuple[type[Provider], ...] = ()
