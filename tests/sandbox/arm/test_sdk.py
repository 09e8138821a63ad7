"""Azure's own clients against the sandbox: each operation's status code is one that the SDK takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient
from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import secret_of


@pytest.fixture
async def credential(sandbox: dict[str, Any]) -> AsyncIterator[ClientSecretCredential]:
    async with ClientSecretCredential(
        sandbox["tenant"],
        sandbox["client_id"],
        secret_of(sandbox),
        authority=sandbox["authority"],
        disable_instance_discovery=True,
        connection_verify=sandbox["ca"],
    ) as credential:
        yield credential
    # aiohttp closes TLS connections in the background; its own advice is to give them a quarter of a second.
    await asyncio.sleep(0.25)


def options(sandbox: dict[str, Any]) -> dict[str, Any]:
    return {
        "base_url": sandbox["arm"],
        "credential_scopes": [f"{sandbox['arm']}/.default"],
        "connection_verify": sandbox["ca"],
        "polling_interval": 0.1,
    }


@pytest.fixture
async def network(credential: ClientSecretCredential, sandbox: dict[str, Any]) -> AsyncIterator[Any]:
    async with NetworkManagementClient(credential, sandbox["subscription"], **options(sandbox)) as client:
        yield client


async def create(operations: Any, group: str, name: str, body: Any) -> Any:
    poller = await operations.begin_create_or_update(group, name, body)
    return await poller.result()


async def test_subscriptions_and_groups(credential: ClientSecretCredential, sandbox: dict[str, Any]) -> None:
    async with SubscriptionClient(credential, **options(sandbox)) as client:
        found = [one.subscription_id async for one in client.subscriptions.list()]
        assert found == [sandbox["subscription"]]
        locations = {one.name: one async for one in client.subscriptions.list_locations(sandbox["subscription"])}
        assert locations["westeurope"].display_name == "West Europe"
        assert [one.tenant_id async for one in client.tenants.list()] == [sandbox["tenant"]]
    async with ResourceManagementClient(credential, sandbox["subscription"], **options(sandbox)) as client:
        group = "sdk-groups"
        created: Any = await client.resource_groups.create_or_update(group, {"location": "westeurope"})
        assert created.properties.provisioning_state == "Succeeded"
        assert await client.resource_groups.check_existence(group)
        assert (await client.providers.register("Microsoft.Network")).registration_state == "Registered"
        assert [one async for one in client.resources.list_by_resource_group(group)] == []
        await (await client.resource_groups.begin_delete(group)).result()
        assert not await client.resource_groups.check_existence(group)


async def test_every_network_operation(network: Any, group: str) -> None:
    name = group.rsplit("/", 1)[1]
    guard = await create(network.network_security_groups, name, "nsg", bodies.nsg(bodies.rule()))
    address = await create(network.public_ip_addresses, name, "ip", bodies.public_ip())
    out = await create(network.public_ip_addresses, name, "out", bodies.public_ip())
    gateway = await create(network.nat_gateways, name, "nat", bodies.nat_gateway(out.id))
    subnet = bodies.subnet(networkSecurityGroup={"id": guard.id}, natGateway={"id": gateway.id})
    vnet = await create(network.virtual_networks, name, "vnet", bodies.vnet(subnet))
    identifier = address.id.replace("publicIPAddresses/ip", "loadBalancers/lb")
    await create(network.load_balancers, name, "lb", bodies.balancer(identifier, address.id))
    membership = {
        "pools": (f"{identifier}/backendAddressPools/be",),
        "nat_rules": (f"{identifier}/inboundNatRules/ssh-1",),
    }
    interface = await create(
        network.network_interfaces, name, "nic", bodies.nic(vnet.properties.subnets[0].id, **membership)
    )
    assert interface.properties.provisioning_state == "Succeeded"
    poller = await network.load_balancer_load_balancing_rules.begin_health(name, "lb", "http")
    health = await poller.result()
    assert (health.up, health.down) == (0, 1)
    assert (
        health.load_balancer_backend_addresses[0].ip_address
        == interface.properties.ip_configurations[0].properties.private_ip_address
    )

    frontend = {"id": f"{identifier}/frontendIPConfigurations/fe"}
    rule = {"frontendIPConfiguration": frontend, "protocol": "Tcp", "frontendPort": 50009, "backendPort": 22}
    made = await (
        await network.inbound_nat_rules.begin_create_or_update(name, "lb", "late", {"properties": rule})
    ).result()
    assert made.properties.frontend_port == 50009
    await (await network.inbound_nat_rules.begin_delete(name, "lb", "late")).result()
    pools = network.load_balancer_backend_address_pools
    await (await pools.begin_create_or_update(name, "lb", "second", {})).result()
    await (await pools.begin_delete(name, "lb", "second")).result()
    second = {"properties": {"addressPrefix": "10.0.2.0/24"}}
    await (await network.subnets.begin_create_or_update(name, "vnet", "second", second)).result()
    await (await network.subnets.begin_delete(name, "vnet", "second")).result()
    late = {"properties": bodies.rule(priority=300)["properties"]}
    await (await network.security_rules.begin_create_or_update(name, "nsg", "late", late)).result()
    await (await network.security_rules.begin_delete(name, "nsg", "late")).result()

    for operations, one in (
        (network.network_security_groups, "nsg"),
        (network.public_ip_addresses, "ip"),
        (network.virtual_networks, "vnet"),
        (network.load_balancers, "lb"),
        (network.network_interfaces, "nic"),
        (network.nat_gateways, "nat"),
    ):
        tagged = await operations.update_tags(name, one, {"tags": {"a": "b"}})
        assert tagged.tags == {"a": "b"}
        assert one in [found.name async for found in operations.list(name)]
    # Again, in place: 200 instead of 201.
    await create(network.load_balancers, name, "lb", bodies.balancer(identifier, address.id))
    for operations, one in (
        (network.network_interfaces, "nic"),
        (network.load_balancers, "lb"),
        (network.virtual_networks, "vnet"),
        (network.nat_gateways, "nat"),
        (network.public_ip_addresses, "ip"),
        (network.public_ip_addresses, "out"),
        (network.network_security_groups, "nsg"),
    ):
        await (await operations.begin_delete(name, one)).result()
        await (await operations.begin_delete(name, one)).result()  # what is gone is gone: 204


async def test_a_refusal_arrives_with_its_code(network: Any, group: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        await create(
            network.virtual_networks, group.rsplit("/", 1)[1], "vnet", bodies.vnet(bodies.subnet(prefix="10.9.0.0/24"))
        )
    assert caught.value.status_code == 400
    assert caught.value.error is not None
    assert caught.value.error.code == "NetcfgInvalidSubnet"


async def test_a_poller_goes_on_from_its_token(network: Any, group: str) -> None:
    name = group.rsplit("/", 1)[1]
    poller = await network.nat_gateways.begin_create_or_update(name, "nat", bodies.nat_gateway())
    again = await network.nat_gateways.begin_create_or_update(
        name, "nat", bodies.nat_gateway(), continuation_token=poller.continuation_token()
    )
    assert (await again.result()).properties.provisioning_state == "Succeeded"
    await poller.result()
