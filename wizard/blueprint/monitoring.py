"""What is kept of the balancer's health, and what guards the group: workspace, diagnostic setting, lock.

The latter two cannot carry tags, so they are known as ours by their name alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wizard.blueprint import names
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.management import NEW
from wizard.plan.model import Lock, Plan

NOTES = "multivm-wizard: nothing here is deleted by mistake. destroy --remove-lock takes it off."


RETENTION_DAYS = 30
"""What a workspace keeps without a further charge is 31 days; 30 is Azure's default."""


def workspace(plan: Plan, ids: Ids) -> str:
    """The id of the Log Analytics workspace that the plan names or has made; empty for none."""
    return ids.workspace if plan.diagnostics.workspace == NEW else plan.diagnostics.workspace


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """A workspace where the plan wants a new one, and the balancer's diagnostic setting for its events or metrics."""
    wanted = plan.diagnostics
    if wanted.workspace == NEW:
        body = {**common, "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": RETENTION_DAYS}}
        yield Resource(ids.workspace, names.WORKSPACE, names.workspace(plan.prefix), body, after=(ids.group,))
    if not (wanted.health_events or wanted.metrics):
        return
    properties: dict[str, Any] = {}
    after = [ids.balancer]
    if wanted.storage_account:
        properties["storageAccountId"] = ids.diagnostics_account
        after.append(ids.diagnostics_account)
    if wanted.workspace:
        properties["workspaceId"] = workspace(plan, ids)
        after += [ids.workspace] if wanted.workspace == NEW else []
        properties["logAnalyticsDestinationType"] = "Dedicated"  # a table of their own: ALBHealthEvent
    properties["logs"] = [{"category": "LoadBalancerHealthEvent", "enabled": wanted.health_events}]
    properties["metrics"] = [{"category": "AllMetrics", "enabled": wanted.metrics}]
    yield Resource(
        ids.diagnostic_setting,
        names.DIAGNOSTIC_SETTING,
        names.OURS,
        {"properties": properties},
        after=tuple(after),
    )


def lock(plan: Plan, ids: Ids, inside: Iterable[Resource]) -> Iterator[Resource]:
    """The lock on the group, after everything in it: what fails half-way can still be taken away."""
    if plan.management.lock is Lock.NONE or plan.existing_group:
        return
    body = {"properties": {"level": "CanNotDelete", "notes": NOTES}}
    yield Resource(ids.lock, names.LOCK, names.OURS, body, after=tuple(each.id for each in inside))
