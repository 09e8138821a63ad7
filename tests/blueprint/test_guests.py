"""What tells a machine's figures from inside: a rule, associations, agents, and identities of the right kind."""

from __future__ import annotations

import pytest

from tests.plan.strategies import ED25519, WORKSPACE
from wizard import blueprint, ids
from wizard.blueprint import guests, names
from wizard.blueprint.resource import OWNER_TAG, Blueprint
from wizard.deploy import ownership
from wizard.plan.choices import DEFAULT_IMAGES
from wizard.plan.model import Auth, Balancer, Diagnostics, Machines, Nat, OsType, Placement, Plan

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def build(os: OsType = OsType.LINUX, *, scale_set: bool = False, workspace: str = "new", on: bool = True) -> Blueprint:
    machines = Machines(
        os=os,
        image=DEFAULT_IMAGES[os],
        auth=Auth.SSH_KEY if os is OsType.LINUX else Auth.PASSWORD,
        ssh_key=ED25519 if os is OsType.LINUX else "",
        placement=Placement.SCALE_SET if scale_set else Placement.AVAILABILITY_SET,
    )
    diagnostics = Diagnostics(workspace=workspace, guest_metrics=on)
    balancer = Balancer(nat=Nat.RANGE if scale_set else Nat.PER_VM)
    return blueprint.build(Plan(machines=machines, balancer=balancer, diagnostics=diagnostics), SUBSCRIPTION)


def test_without_it_nothing_of_it_is_there() -> None:
    for scale_set in (False, True):
        graph = build(scale_set=scale_set, on=False)
        kinds = (names.COLLECTION_RULE, names.IDENTITY, names.VM_ASSOCIATION, names.SCALE_SET_ASSOCIATION)
        assert not [one for kind in kinds for one in graph.of_type(kind)]
        assert not any("identity" in one.body for one in graph)
        assert "AzureMonitor" not in str([one.body for one in graph])


@pytest.mark.parametrize(
    ("os", "kind", "agent", "cpu"),
    [
        (OsType.LINUX, "Linux", "AzureMonitorLinuxAgent", "Processor(*)\\% Processor Time"),
        (OsType.WINDOWS, "Windows", "AzureMonitorWindowsAgent", "\\Processor Information(_Total)\\% Processor Time"),
    ],
)
def test_each_vm_has_an_identity_an_association_and_an_agent(os: OsType, kind: str, agent: str, cpu: str) -> None:
    graph = build(os)
    (rule,) = graph.of_type(names.COLLECTION_RULE)
    assert (rule.body["kind"], rule.body["tags"][OWNER_TAG]) == (kind, "ra-multi-vm-rg")
    (source,) = rule.body["properties"]["dataSources"]["performanceCounters"]
    assert cpu in source["counterSpecifiers"]
    (place,) = rule.body["properties"]["destinations"]["logAnalytics"]
    (workspace,) = graph.of_type(names.WORKSPACE)
    assert (place["workspaceResourceId"], rule.after) == (workspace.id, (workspace.id,))
    for vm, association in zip(graph.of_type(names.VM), graph.of_type(names.VM_ASSOCIATION), strict=True):
        assert vm.body["identity"] == {"type": "SystemAssigned"}
        assert association.body == {"properties": {"dataCollectionRuleId": rule.id}}
        assert set(association.after) == {rule.id, vm.id}
        assert association.id.startswith(f"{vm.id}/providers/Microsoft.Insights/")
        assert ownership.owned({"id": association.id}, "anything")
        extensions = [one for one in graph.of_type(names.EXTENSION) if one.id.startswith(f"{vm.id}/")]
        assert extensions[-1].body["properties"]["type"] == agent
        assert extensions[-1].body["properties"]["enableAutomaticUpgrade"] is True
        assert extensions[-1].after == (extensions[-2].id if os is OsType.WINDOWS else vm.id,)
    assert len({one.name for one in graph}) == len(graph), "messages name a resource alone"


def test_a_scale_set_has_a_user_assigned_identity_and_the_agent_in_its_profile() -> None:
    graph = build(scale_set=True)
    (scale_set,), (identity,) = graph.of_type(names.SCALE_SET), graph.of_type(names.IDENTITY)
    assert scale_set.body["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {identity.id: {}}}
    assert identity.id in scale_set.after
    profile = scale_set.body["properties"]["virtualMachineProfile"]
    agent = next(one for one in profile["extensionProfile"]["extensions"] if one["name"] == guests.IN_PROFILE)
    asked = agent["properties"]["settings"]["authentication"]["managedIdentity"]
    assert asked == {"identifier-name": "mi_res_id", "identifier-value": identity.id}
    (association,) = graph.of_type(names.SCALE_SET_ASSOCIATION)
    assert ids.key(association.id).startswith(ids.key(scale_set.id))
    assert scale_set.id in association.after


def test_a_workspace_of_somebody_elses_is_not_waited_for() -> None:
    graph = build(workspace=WORKSPACE)
    (rule,) = graph.of_type(names.COLLECTION_RULE)
    assert not graph.of_type(names.WORKSPACE)
    assert rule.after == (graph.resources[0].id,)
    assert rule.body["properties"]["destinations"]["logAnalytics"][0]["workspaceResourceId"] == WORKSPACE
