"""Plan to resource graph: pure and deterministic. Nobody builds a resource body anywhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.blueprint.resource import Blueprint
    from wizard.plan.model import Plan


def build(plan: Plan, subscription: str) -> Blueprint:
    """What Azure must hold for `plan`: every resource with its id, its body and what it waits for, in order.

    `plan` is taken to be legal (`wizard.plan.rules.check`). PlanProblems for a choice that does not deploy yet.

    The edges are those Azure needs and no more: what a resource's body refers to must exist, and what follows from
    another edge is not drawn again (a VM waits for its NIC, and so for subnet, NSG, NAT gateway and balancer). A group
    that is somebody else's is no part of it: nothing here ever writes it.
    """
    from wizard.blueprint import compute, guests, monitoring, names, network, scaleset, storage
    from wizard.blueprint.resource import OWNER_TAG, Blueprint, Resource
    from wizard.plan import document, not_yet
    from wizard.plan.files import PlanProblems

    if refused := not_yet.check(document.flatten(plan)):
        raise PlanProblems(f"The plan {plan.name} cannot be deployed.", refused)
    ids = names.Ids(subscription, plan.name, plan.prefix)
    common = {"location": plan.location, "tags": {**plan.tags, OWNER_TAG: plan.name}}
    group = Resource(ids.group, names.GROUP, plan.name, common)
    inside = (
        *network.resources(plan, ids, common),
        *storage.resources(plan, ids, common),
        *monitoring.resources(plan, ids, common),
        *guests.resources(plan, ids, common),
        *compute.resources(plan, ids, common),
        *network.nics(plan, ids, common),
        *compute.vms(plan, ids, common),
        *scaleset.resources(plan, ids, common),
    )
    inside = (*inside, *monitoring.lock(plan, ids, inside))
    if plan.existing_group:
        resources = tuple(
            replace(one, after=tuple(other for other in one.after if other != ids.group)) for one in inside
        )
    else:
        resources = (group, *inside)
    return Blueprint(name=plan.name, subscription=subscription, location=plan.location, resources=resources)
