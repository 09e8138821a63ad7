"""Every body is one that Azure takes: by its template schemas, and name by name by the SDK's models."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.blueprint import azure_schemas, sdk_models
from tests.plan.strategies import ED25519, plans
from wizard import blueprint
from wizard.plan.model import Auth, Balancer, Machines, Network, OsType, Plan, ProbeProtocol

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
needs_schemas = pytest.mark.skipif(
    not azure_schemas.available(),
    reason=f"AZURE'S TEMPLATE SCHEMAS ARE ABSENT ({azure_schemas.FOLDER}): NO BODY WAS VALIDATED AGAINST THEM; "
    "set AZURE_SPEC_DIR to the folder that holds arm-schemas/",
)
GALLERY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/mine/images/a/versions/1.0.0"
VARIANTS = {
    "default": Plan(machines=Machines(ssh_key=ED25519)),
    "password": Plan(machines=Machines(auth=Auth.PASSWORD, image="debian-12"), tags={"env": "test"}),
    "windows": Plan(
        machines=Machines(os=OsType.WINDOWS, image="windows-2025", auth=Auth.PASSWORD),
        balancer=Balancer(probe_path="/healthz", backend_port=8080),
    ),
    "tcp": Plan(
        machines=Machines(ssh_key=ED25519), balancer=Balancer(probe_protocol=ProbeProtocol.TCP, dns_label="abc")
    ),
    "gallery": Plan(machines=Machines(ssh_key=ED25519, image=GALLERY)),
    "sources": Plan(
        machines=Machines(ssh_key=ED25519, count=1),
        network=Network(allow_http=("Internet", "VirtualNetwork", "10.0.0.0/8", "192.0.2.1"), allow_admin=("*",)),
    ),
}


@needs_schemas
@pytest.mark.parametrize("name", VARIANTS)
def test_every_body_is_valid_by_azures_template_schemas(name: str) -> None:
    for resource in blueprint.build(VARIANTS[name], SUBSCRIPTION):
        if resource.type in sdk_models.MODELS and resource.type != "Microsoft.Resources/resourceGroups":
            assert azure_schemas.errors(resource.type, resource.name, dict(resource.body)) == []


@needs_schemas
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(most=3))
def test_every_plans_bodies_are_valid_by_azures_template_schemas(plan: Plan) -> None:
    for resource in blueprint.build(plan, SUBSCRIPTION):
        if resource.type not in ("Microsoft.Resources/resourceGroups", *azure_schemas.WITHOUT):
            assert azure_schemas.errors(resource.type, resource.name, dict(resource.body)) == []


@needs_schemas
@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("loadBalancers", ("properties", "probes", 0, "properties", "protocol"), "Icmp"),
        ("loadBalancers", ("properties", "loadBalancingRules", 0, "properties", "frontendPort"), "eighty"),
        ("networkSecurityGroups", ("properties", "securityRules", 0, "properties", "access"), "Maybe"),
        ("virtualMachines", ("properties", "osProfile", "linuxConfiguration", "provisionVMAgent"), 7),
        ("virtualMachines", ("properties", "storageProfile", "osDisk", "createOption"), "Guess"),
    ],
)
def test_the_schemas_do_refuse(kind: str, path: tuple[Any, ...], value: object) -> None:
    graph = blueprint.build(VARIANTS["default"], SUBSCRIPTION)
    resource = next(resource for resource in graph if resource.type.endswith(f"/{kind}"))
    assert azure_schemas.errors(resource.type, resource.name, _with(resource.body, path, value)) != []


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(most=3))
def test_no_body_holds_a_property_the_sdk_does_not_know(plan: Plan) -> None:
    for resource in blueprint.build(plan, SUBSCRIPTION):
        assert sdk_models.unknown(resource.type, resource.body) == []


def test_the_closed_world_pass_does_find() -> None:
    graph = blueprint.build(VARIANTS["password"], SUBSCRIPTION)
    (balancer,) = graph.of_type("Microsoft.Network/loadBalancers")
    path = ("properties", "inboundNatRules", 1, "properties", "frontendport")
    assert sdk_models.unknown(balancer.type, _with(balancer.body, path, 1)) == [
        "properties.inboundNatRules[1].properties.frontendport"
    ]
    vm = graph.of_type("Microsoft.Compute/virtualMachines")[0]
    assert sdk_models.unknown(vm.type, _with(vm.body, ("properties", "osProfile", "password"), "x")) != []
    assert sdk_models.unknown(vm.type, _with(vm.body, ("properties", "vmId"), "x")) != [], "only read"
    for hanging in (name for name, shape in sdk_models.SHAPES.items() if "tags" not in shape):
        assert sdk_models.unknown(hanging, {"tags": {}, "properties": {}}) == ["tags"], "Azure has no tags for it"
    for slot, _kind in vm.secrets:  # where the secret goes is a property too
        assert sdk_models.unknown(vm.type, _with(vm.body, slot, "x")) == []


def test_an_image_in_a_gallery_goes_by_its_id() -> None:
    latest = GALLERY.rpartition("/versions/")[0]
    plan = Plan(machines=Machines(ssh_key=ED25519, image=latest))
    one = blueprint.build(plan, SUBSCRIPTION).of_type("Microsoft.Compute/virtualMachines")[0]
    assert one.body["properties"]["storageProfile"]["imageReference"] == {"id": latest}, "Azure takes the latest"
    vm = blueprint.build(VARIANTS["gallery"], SUBSCRIPTION).of_type("Microsoft.Compute/virtualMachines")[0]
    assert vm.body["properties"]["storageProfile"]["imageReference"] == {"id": GALLERY}
    assert "securityProfile" not in vm.body["properties"]


def _with(body: Any, path: tuple[Any, ...], value: object) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(body))
    place: Any = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return changed
