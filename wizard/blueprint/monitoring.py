"""What is kept of the balancer's health, and what guards the group: the diagnostic setting and the lock.

Neither can carry tags, so they are known as ours by their name alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wizard.blueprint import names
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.model import Lock, Plan

NOTES = "multivm-wizard: nothing here is deleted by mistake. destroy --remove-lock takes it off."


def resources(plan: Plan, ids: Ids) -> Iterator[Resource]:
    """The balancer's diagnostic setting, where the plan asks for its events or metrics."""
    wanted = plan.diagnostics
    if not (wanted.health_events or wanted.metrics):
        return
    properties: dict[str, Any] = {}
    after = [ids.balancer]
    if wanted.storage_account:
        properties["storageAccountId"] = ids.diagnostics_account
        after.append(ids.diagnostics_account)
    if wanted.workspace:
        properties["workspaceId"] = wanted.workspace
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
