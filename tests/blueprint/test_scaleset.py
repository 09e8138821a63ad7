"""A scale set's bodies: valid by Azure's schemas and models, and holding what the plan says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blueprint import azure_schemas, sdk_models
from tests.blueprint.test_bodies import needs_schemas
from tests.plan.strategies import ED25519
from wizard import blueprint
from wizard.blueprint import names
from wizard.plan.model import Auth, Balancer, Machines, Nat, OsType, Placement, Plan, ScaleSet

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
RANGE = Balancer(nat=Nat.RANGE)
LINUX = Plan(
    machines=Machines(ssh_key=ED25519, placement=Placement.SCALE_SET),
    scale_set=ScaleSet(autoscale=True, maximum=7, cpu_out_percent=80, window_min=10),
    balancer=RANGE,
)
WINDOWS = Plan(
    machines=Machines(
        os=OsType.WINDOWS, image="windows-2022", auth=Auth.PASSWORD, placement=Placement.SCALE_SET, count=3
    ),
    scale_set=ScaleSet(zones=False, repairs=False),
    balancer=RANGE,
)


def of(plan: Plan, kind: str) -> dict[str, Any]:
    (found,) = blueprint.build(plan, SUBSCRIPTION).of_type(kind)
    return dict(found.body)


@needs_schemas
@pytest.mark.parametrize("plan", [LINUX, WINDOWS], ids=["linux", "windows"])
def test_bodies_are_valid(plan: Plan) -> None:
    for resource in blueprint.build(plan, SUBSCRIPTION):
        if resource.type in (names.SCALE_SET, names.AUTOSCALE, names.BALANCER, names.PUBLIC_IP):
            assert azure_schemas.errors(resource.type, resource.name, dict(resource.body)) == []
    assert sdk_models.unknown(names.SCALE_SET, of(plan, names.SCALE_SET)) == []


def test_one_resource_stands_for_all_machines() -> None:
    graph = blueprint.build(LINUX, SUBSCRIPTION)
    assert LINUX.vm_names == ()
    assert graph.of_type(names.VM) == graph.of_type(names.NIC) == graph.of_type(names.AVAILABILITY_SET) == ()
    body = of(LINUX, names.SCALE_SET)
    assert body["sku"] == {"name": "Standard_D2s_v5", "tier": "Standard", "capacity": 2}
    assert body["zones"] == ["1", "2", "3"]
    assert body["properties"]["automaticRepairsPolicy"]["gracePeriod"] == "PT10M"
    (health,) = body["properties"]["virtualMachineProfile"]["extensionProfile"]["extensions"]
    assert health["properties"]["settings"] == {"protocol": "http", "port": 80, "requestPath": "/"}
    (address, *_) = graph.of_type(names.PUBLIC_IP)
    assert address.body["zones"] == ["1", "2", "3"]


def test_autoscale_goes_by_the_plans_numbers() -> None:
    (profile,) = of(LINUX, names.AUTOSCALE)["properties"]["profiles"]
    assert profile["capacity"] == {"minimum": "2", "maximum": "7", "default": "2"}
    rules = [(one["metricTrigger"]["threshold"], one["metricTrigger"]["timeWindow"]) for one in profile["rules"]]
    assert rules == [(80, "PT10M"), (30, "PT10M")]
    assert blueprint.build(WINDOWS, SUBSCRIPTION).of_type(names.AUTOSCALE) == ()


def test_windows_machines_serve_the_page_before_they_are_asked() -> None:
    (resource,) = blueprint.build(WINDOWS, SUBSCRIPTION).of_type(names.SCALE_SET)
    profile = resource.body["properties"]["virtualMachineProfile"]
    assert resource.secrets == ((("properties", "virtualMachineProfile", "osProfile", "adminPassword"), "password"),)
    assert profile["osProfile"]["computerNamePrefix"] == "ra-multi"
    page, health = profile["extensionProfile"]["extensions"]
    assert page["properties"]["type"] == "CustomScriptExtension"
    assert health["properties"]["provisionAfterExtensions"] == [page["name"]]
    assert "zones" not in resource.body
    assert "automaticRepairsPolicy" not in resource.body["properties"]
