"""Why an agent sends nothing, from documents written by hand: what no sandbox does on demand."""

from __future__ import annotations

from typing import Any

import pytest

from wizard import blueprint, ids
from wizard.blueprint import names
from wizard.plan.model import Balancer, Diagnostics, Machines, Nat, Placement, Plan
from wizard.verify.events import CheckDone
from wizard.verify.explain import Facts, explain
from wizard.verify.machines import Machine

FAILED = CheckDone("monitor.guest", "web1", "failed", "no heartbeat after 5 s of waiting")
READ: tuple[str, ...] = (names.COLLECTION_RULE, names.VM_ASSOCIATION, names.SCALE_SET_ASSOCIATION)


def facts(placement: Placement = Placement.AVAILABILITY_SET, **more: Any) -> tuple[Facts, dict[str, Any]]:
    """A deployment whose first machine has all that it needs; and that machine's document, to be changed."""
    plan = Plan(
        prefix="web",
        machines=Machines(ssh_key="ssh-ed25519 AAAA", placement=placement),
        balancer=Balancer(nat=Nat.RANGE if placement is Placement.SCALE_SET else Nat.PER_VM),
        diagnostics=Diagnostics(workspace="new", guest_metrics=True),
    )
    planned = blueprint.build(plan, "s")
    machine = Machine("web1", ids.resource_id("s", plan.name, names.VM, "web1"), "web1", ())
    agent = {"publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent", "provisioningState": "Succeeded"}
    document: dict[str, Any] = {
        "id": machine.id,
        "identity": {"type": "SystemAssigned", "principalId": "1"},
        "properties": {},
        "resources": [{"name": "web1/web1-agent", "properties": {**agent, "settings": {}}}],
    }
    documents = {ids.key(one.id): dict(one.body) for kind in READ for one in planned.of_type(kind)}
    return Facts([machine], planned, {**documents, ids.key(machine.id): document}, **more), document


def test_where_nothing_is_wrong_nothing_is_told() -> None:
    known, _document = facts()
    assert explain(FAILED, known) == FAILED


def test_a_failed_agent_is_told_in_its_own_words() -> None:
    said = {"statuses": [{"code": "ProvisioningState/failed/51", "message": "Agent is not supported on this system."}]}
    known, document = facts(views={"web1": {"extensions": [{"name": "web1-agent", **said}]}})
    document["resources"][0]["properties"]["provisioningState"] = "Failed"
    told = explain(FAILED, known)
    assert told.cause == "monitor-agent-failed"
    assert "Agent is not supported on this system." in told.detail
    assert told.remedy == "Deploy the plan again."


def test_an_association_with_another_rule() -> None:
    known, _document = facts()
    (association,) = [one for one in known.blueprint.of_type(names.VM_ASSOCIATION) if "/web1/" in one.id]
    held = known.documents[ids.key(association.id)]
    assert held is not None
    changed = {**held, "properties": {"dataCollectionRuleId": "/subscriptions/s/other"}}
    told = explain(
        FAILED, Facts(known.machines, known.blueprint, {**known.documents, ids.key(association.id): changed})
    )
    assert told.cause == "monitor-association-elsewhere"
    assert "/subscriptions/s/other" in told.detail


@pytest.mark.parametrize(("given", "cause"), [(True, ""), (False, "monitor-identity-missing")])
def test_a_scale_sets_machine_signs_in_as_its_settings_say(*, given: bool, cause: str) -> None:
    known, document = facts(Placement.SCALE_SET)
    (identity,) = known.blueprint.of_type(names.IDENTITY)
    document["identity"] = {
        "type": "UserAssigned",
        "userAssignedIdentities": {identity.id.upper(): {}} if given else {},
    }
    chosen = {"identifier-name": "mi_res_id", "identifier-value": identity.id}
    settings = {"authentication": {"managedIdentity": chosen}}
    document["resources"] = [
        {"name": "web1/agent", "properties": {"type": "AzureMonitorLinuxAgent", "settings": settings}}
    ]
    assert explain(FAILED, known).cause == cause


def test_a_scale_sets_machine_without_an_agent_is_replaced() -> None:
    known, document = facts(Placement.SCALE_SET)
    document["resources"] = []
    told = explain(FAILED, known)
    assert (told.cause, "scale --count 1" in told.remedy) == ("monitor-agent-missing", True)


def test_a_scale_set_without_its_association() -> None:
    known, _document = facts(Placement.SCALE_SET)
    (association,) = known.blueprint.of_type(names.SCALE_SET_ASSOCIATION)
    told = explain(FAILED, Facts(known.machines, known.blueprint, {**known.documents, ids.key(association.id): None}))
    assert told.cause == "monitor-association-missing"
    assert "web-vmss is not associated" in told.detail
