"""Storage accounts: one for all machines' diagnostics, and one for each machine's VHDs where disks are unmanaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.blueprint import names, vhds
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.choices import cloud_choice
from wizard.plan.model import Plan


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The diagnostics account, where the plan asks for one, and the VHDs'. `common` is location and tags.

    Standard and copied within the region: diagnostics are refused by premium and zone-redundant accounts.
    """
    yield from vhds.accounts(plan, ids, common)
    if not plan.diagnostics.storage_account:
        return
    body = {
        **common,
        "kind": cloud_choice(plan.cloud).account_kind,
        "sku": {"name": "Standard_LRS"},
        "properties": dict(vhds.SECURED),
    }
    name = names.diagnostics_account(ids.subscription, ids.group_name)
    yield Resource(ids.diagnostics_account, names.STORAGE, name, body, after=(ids.group,))
