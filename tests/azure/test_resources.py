"""Every type's operations against a running cloud: written, read, listed, changed under a condition, deleted."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wizard import blueprint, ids
from wizard.azure.clients import Azure
from wizard.azure.resources import CALLS
from wizard.blueprint.resource import OWNER_TAG, Blueprint, Resource
from wizard.errors import AzureError
from wizard.plan.model import Plan


@pytest.fixture
def planned(azure: Azure, group_name: str, ssh_key: str, unused_tcp_port: int) -> Blueprint:
    document = {
        "name": group_name,
        "machines": {"count": 1, "ssh_key": ssh_key},
        "balancer": {"frontend_port": unused_tcp_port},
    }
    return blueprint.build(Plan.model_validate(document), azure.subscription_id)


@pytest.fixture
async def group(azure: Azure, planned: Blueprint) -> AsyncIterator[str]:
    """The planned resource group; it is deleted with what it holds."""
    await write(azure, planned.resources[0])
    yield planned.name
    await delete(azure, planned.resources[0].id)


async def write(azure: Azure, resource: Resource, **changes: Any) -> dict[str, Any]:
    body = {**copy.deepcopy(dict(resource.body)), **changes}
    operation = await azure.begin_put(resource, body)
    if operation:
        await operation.result()
    found = await azure.get(resource.id)
    assert found is not None
    return found


async def delete(azure: Azure, id: str) -> None:
    if operation := await azure.begin_delete(id):
        assert await operation.result() is None


async def test_every_planned_type_is_written_read_listed_and_deleted(azure: Azure, planned: Blueprint, group: str):
    for resource in planned.resources[1:]:
        assert await azure.get(resource.id) is None
        found = await write(azure, resource)
        assert ids.key(found["id"]) == ids.key(resource.id)
        assert found["type"].lower() == resource.type.lower()
        assert found["tags"][OWNER_TAG] == group
        state = found["properties"].get("provisioningState", "Succeeded")  # an availability set has none
        assert state == "Succeeded"
    listed = await azure.list_group(group)
    assert listed is not None
    by_key = {ids.key(entry["id"]): entry for entry in listed}
    assert {ids.key(resource.id) for resource in planned.resources[1:]} <= set(by_key)
    assert all(by_key[ids.key(resource.id)]["tags"][OWNER_TAG] == group for resource in planned.resources[1:])
    await read_children(azure, planned)
    await write_extension(azure, planned)
    machine = planned.of_type("Microsoft.Compute/virtualMachines")[0]
    rest = [resource for resource in reversed(planned.resources[1:]) if resource is not machine]
    for resource in [machine, *_deletable(rest)]:
        await delete(azure, resource.id)
        assert await azure.get(resource.id) is None
        assert await azure.begin_delete(resource.id) is None or await azure.get(resource.id) is None
    assert {entry["type"].lower() for entry in await azure.list_group(group) or []} <= {"microsoft.compute/disks"}


def _deletable(resources: list[Resource]) -> list[Resource]:
    """In Azure's order: what refers to something goes before it."""
    order = ["networkinterfaces", "loadbalancers", "virtualnetworks", "natgateways", "publicipaddresses"]
    rank = {f"microsoft.network/{name}": place for place, name in enumerate(order)}
    return sorted(resources, key=lambda resource: rank.get(resource.type.lower(), len(order)))


async def write_extension(azure: Azure, planned: Blueprint) -> None:
    machine = planned.of_type("Microsoft.Compute/virtualMachines")[0]
    kind = "Microsoft.Compute/virtualMachines/extensions"
    extension = ids.child_id(machine.id, "extensions", "enablevmaccess")
    body = {
        "location": planned.location,
        "properties": {
            "publisher": "Microsoft.OSTCExtensions",
            "type": "VMAccessForLinux",
            "typeHandlerVersion": "1.5",
            "protectedSettings": {"username": "second", "password": "Canary-Passw0rd-8"},
        },
    }
    found = await write(azure, Resource(extension, kind, "enablevmaccess", body))
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert "Canary" not in str(found)
    await delete(azure, extension)
    assert await azure.get(extension) is None


async def read_children(azure: Azure, planned: Blueprint) -> None:
    """A machine's disk, a balancer's NAT rule and a network's subnet are read by ids of their own."""
    machine = planned.of_type("Microsoft.Compute/virtualMachines")[0]
    live = await azure.get(machine.id)
    assert live is not None
    disk = await azure.get(live["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"])
    assert disk is not None
    assert ids.key(disk["managedBy"]) == ids.key(machine.id)
    balancer = await azure.get(planned.of_type("Microsoft.Network/loadBalancers")[0].id)
    assert balancer is not None
    rule = balancer["properties"]["inboundNatRules"][0]
    found = await azure.get(rule["id"])
    assert found is not None
    assert found["properties"]["frontendPort"] == rule["properties"]["frontendPort"]
    network = await azure.get(planned.of_type("Microsoft.Network/virtualNetworks")[0].id)
    assert network is not None
    subnet = await azure.get(network["properties"]["subnets"][0]["id"])
    assert subnet is not None
    assert subnet["properties"]["addressPrefix"] == "10.0.1.0/24"


async def test_a_write_under_a_condition(azure: Azure, planned: Blueprint, group: str):
    resource = planned.of_type("Microsoft.Network/networkSecurityGroups")[0]
    first = await write(azure, resource)
    second = await write(azure, resource, tags={OWNER_TAG: group, "changed": "yes"})
    assert second["etag"] != first["etag"]
    with pytest.raises(AzureError) as caught:
        await azure.begin_put(resource, dict(resource.body), if_match=first["etag"])
    assert caught.value.status == 412
    operation = await azure.begin_put(resource, dict(resource.body), if_match=second["etag"])
    assert operation is not None
    await operation.result()
    written = await azure.get(resource.id)
    assert written is not None
    assert "changed" not in written["tags"]


async def test_an_operation_tells_its_state_and_its_token_holds_no_secret(azure: Azure, planned: Blueprint, group: str):
    resource = planned.of_type("Microsoft.Network/publicIPAddresses")[0]
    operation = await azure.begin_put(resource, dict(resource.body))
    assert operation is not None
    token = operation.continuation_token()
    assert "Bearer" not in token
    await operation.result()
    assert operation.done()
    assert operation.status() == "Succeeded"
    document = await azure.get(resource.id)
    assert document is not None
    assert document["properties"]["ipAddress"]


async def test_a_refused_write_names_the_resource_and_the_cause(azure: Azure, planned: Blueprint, group: str):
    nic = planned.of_type("Microsoft.Network/networkInterfaces")[0]
    with pytest.raises(AzureError) as caught:  # its subnet is not there
        await azure.begin_put(nic, dict(nic.body))
    error = caught.value
    assert error.code in {"InvalidResourceReference", "NotFound"}
    assert nic.name in error.what
    assert error.remedy


async def test_what_is_not_there(azure: Azure, group_name: str):
    group = ids.group_id(azure.subscription_id, group_name)
    assert await azure.get(group) is None
    assert await azure.list_group(group_name) is None
    assert await azure.begin_delete(group) is None
    for kind in CALLS:
        names = [f"none{place}" for place, _ in enumerate(kind.split("/")[1:])]
        if not kind.endswith("/resourcegroups"):
            assert await azure.get(ids.resource_id(azure.subscription_id, group_name, kind, *names)) is None


async def test_an_id_of_another_subscription_is_a_mistake_of_ours(azure: Azure):
    with pytest.raises(ValueError, match="not in subscription"):
        await azure.get("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x")
