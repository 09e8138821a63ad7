"""The diagnostics account: one for all machines, in the form that Azure takes today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.blueprint import names
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.model import Plan


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """A StorageV2 account, where the plan asks for one. `common` is location and tags.

    Standard and copied within the region: diagnostics are refused by premium and zone-redundant accounts.
    """
    if not plan.diagnostics.storage_account:
        return
    body = {
        **common,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {
            "minimumTlsVersion": "TLS1_2",
            "allowBlobPublicAccess": False,
            "supportsHttpsTrafficOnly": True,
        },
    }
    name = names.diagnostics_account(ids.subscription, ids.group_name)
    yield Resource(ids.diagnostics_account, names.STORAGE, name, body, after=(ids.group,))
