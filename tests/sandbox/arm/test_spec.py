"""What the sandbox answers, held against Azure's published descriptions (network 2021-02-01, resources 2021-04-01)."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import referencing
from referencing.jsonschema import DRAFT4

from tests.sandbox.arm import bodies
from tests.sandbox.arm.bodies import NETWORK
from tests.sandbox.arm.conftest import Arm

SPEC = Path(os.environ.get("AZURE_SPEC_DIR", Path(__file__).resolve().parents[4] / "shared" / "azure-spec")) / "swagger"
NETWORK_SPEC = SPEC / "network/resource-manager/Microsoft.Network/stable/2021-02-01"
RESOURCES_SPEC = SPEC / "resources/resource-manager/Microsoft.Resources/stable/2021-04-01"

pytestmark = pytest.mark.skipif(not SPEC.is_dir(), reason=f"AZURE'S SPECIFICATION IS NOT THERE ({SPEC}): NOT CHECKED")


def adapted(value: Any, *, names: bool = False) -> Any:
    """Swagger's dialect as JSON schema: nullable values, open enums, and `properties` without a type.

    With `names` the keys of `value` are names of properties or definitions, not words of the schema.
    """
    if isinstance(value, list):
        return [adapted(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {
        key: adapted(item, names=not names and key in ("properties", "definitions")) for key, item in value.items()
    }
    if names:
        return changed
    if "properties" in changed:
        changed.setdefault("type", "object")
    if value.get("x-ms-enum", {}).get("modelAsString"):
        changed.pop("enum", None)
    return {"anyOf": [changed, {"type": "null"}]} if changed.pop("x-nullable", False) else changed


@functools.cache
def document(path: Path) -> Any:
    return adapted(json.loads(path.read_text()))


def retrieve(uri: str) -> referencing.Resource[Any]:
    return referencing.Resource.from_contents(document(Path(uri.removeprefix("file://"))), default_specification=DRAFT4)


REGISTRY: referencing.Registry[Any] = referencing.Registry(retrieve=retrieve)  # type: ignore[call-arg]


def check(shown: Any, file: Path, definition: str) -> None:
    schema = {"$ref": f"file://{file}#/definitions/{definition}"}
    validator = jsonschema.Draft4Validator(schema, registry=REGISTRY)
    faults = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(shown)]
    assert faults == []


def known_names(file: Path, definition: str) -> set[str]:
    """Property names of a definition, those it inherits included."""
    found = document(file)["definitions"][definition]
    names = set(found.get("properties", {}))
    for base in found.get("allOf", ()):
        names |= known_names(
            (file.parent / base["$ref"].split("#")[0]) if base["$ref"][0] != "#" else file,
            base["$ref"].rsplit("/", 1)[1],
        )
    return names


async def everything(arm: Arm, base: str) -> dict[str, tuple[Any, str, str]]:
    """One of each kind, associated with each other, with the file and definition that describe it."""
    guard = await arm.put(f"{base}/networkSecurityGroups/nsg", bodies.nsg(bodies.rule()))
    address = await arm.put(f"{base}/publicIPAddresses/ip", bodies.public_ip())
    out = await arm.put(f"{base}/publicIPAddresses/out", bodies.public_ip())
    gateway = await arm.put(f"{base}/natGateways/nat", bodies.nat_gateway(out["id"]))
    subnet = bodies.subnet(networkSecurityGroup={"id": guard["id"]}, natGateway={"id": gateway["id"]})
    network = await arm.put(f"{base}/virtualNetworks/vnet", bodies.vnet(subnet))
    balancer = address["id"].replace("publicIPAddresses/ip", "loadBalancers/lb")
    await arm.put(f"{base}/loadBalancers/lb", bodies.balancer(balancer, address["id"]))
    interface = bodies.nic(
        network["properties"]["subnets"][0]["id"],
        pools=(f"{balancer}/backendAddressPools/be",),
        nat_rules=(f"{balancer}/inboundNatRules/ssh-1",),
    )
    await arm.put(f"{base}/networkInterfaces/nic", interface)
    described = {
        "networkSecurityGroups/nsg": ("networkSecurityGroup.json", "NetworkSecurityGroup"),
        "networkSecurityGroups/nsg/securityRules/http": ("networkSecurityGroup.json", "SecurityRule"),
        "publicIPAddresses/ip": ("publicIpAddress.json", "PublicIPAddress"),
        "natGateways/nat": ("natGateway.json", "NatGateway"),
        "virtualNetworks/vnet": ("virtualNetwork.json", "VirtualNetwork"),
        "virtualNetworks/vnet/subnets/web": ("virtualNetwork.json", "Subnet"),
        "loadBalancers/lb": ("loadBalancer.json", "LoadBalancer"),
        "loadBalancers/lb/inboundNatRules/ssh-1": ("loadBalancer.json", "InboundNatRule"),
        "loadBalancers/lb/backendAddressPools/be": ("loadBalancer.json", "BackendAddressPool"),
        "loadBalancers/lb/probes/http": ("loadBalancer.json", "Probe"),
        "loadBalancers/lb/loadBalancingRules/http": ("loadBalancer.json", "LoadBalancingRule"),
        "loadBalancers/lb/frontendIPConfigurations/fe": ("loadBalancer.json", "FrontendIPConfiguration"),
        "networkInterfaces/nic": ("networkInterface.json", "NetworkInterface"),
    }
    return {path: ((await arm("GET", f"{base}/{path}")).body, *where) for path, where in described.items()}


def test_the_check_itself_can_fail() -> None:
    with pytest.raises(AssertionError, match="location"):
        check({"location": 5}, NETWORK_SPEC / "loadBalancer.json", "LoadBalancer")
    with pytest.raises(AssertionError, match="inboundNatRules"):
        check({"properties": {"inboundNatRules": [5]}}, NETWORK_SPEC / "loadBalancer.json", "LoadBalancer")


async def test_every_network_answer_is_as_described(arm: Arm, group: str) -> None:
    for path, (shown, file, definition) in (await everything(arm, f"{group}{NETWORK}")).items():
        assert "error" not in shown, path
        check(shown, NETWORK_SPEC / file, definition)
        assert set(shown) <= known_names(NETWORK_SPEC / file, definition), path


async def test_groups_and_listings_are_as_described(arm: Arm, group: str) -> None:
    await arm.put(f"{group}{NETWORK}/networkSecurityGroups/nsg", bodies.nsg())
    resources = next(RESOURCES_SPEC.glob("resources.json"))
    check((await arm("GET", group)).body, resources, "ResourceGroup")
    check((await arm("GET", "/resourceGroups")).body, resources, "ResourceGroupListResult")
    check((await arm("GET", f"{group}/resources")).body, resources, "ResourceListResult")
    check((await arm("GET", "/providers")).body, resources, "ProviderListResult")
    check(
        (await arm("GET", f"{NETWORK}/locations/westeurope/usages")).body,
        NETWORK_SPEC / "usage.json",
        "UsagesListResult",
    )


def example(name: str, arm: Arm, group: str) -> Any:
    """The body of one of Microsoft's examples, moved into the test's subscription, group and region."""
    text = json.dumps(json.loads((NETWORK_SPEC / "examples" / f"{name}.json").read_text())["parameters"]["parameters"])
    text = text.replace("/subscriptions/subid", f"/subscriptions/{arm.state['subscription']}")
    text = text.replace("/resourceGroups/rg1", group)
    body = json.loads(text)
    return {**body, "location": bodies.LOCATION} if "location" in body else body


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("VirtualNetworkCreate", "virtualNetworks/test-vnet"),
        ("VirtualNetworkCreateSubnet", "virtualNetworks/test-vnet"),
        ("VirtualNetworkCreateSubnetWithAddressPrefixes", "virtualNetworks/test-vnet"),
        ("NatGatewayCreateOrUpdate", "natGateways/test-natgateway"),
    ],
)
async def test_microsofts_own_examples_are_taken(arm: Arm, group: str, name: str, path: str) -> None:
    await arm.put(f"{group}{NETWORK}/publicIPAddresses/PublicIpAddress1", bodies.public_ip())
    body = example(name, arm, group)
    body.get("properties", {}).pop("publicIpPrefixes", None)  # a kind that the sandbox lacks
    answer = await arm("PUT", f"{group}{NETWORK}/{path}", body)
    assert answer.status == 201, answer.body
    assert (await arm.done(answer)).body["status"] == "Succeeded"
