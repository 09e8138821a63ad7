"""Resource groups, generic listings and tags."""

from __future__ import annotations

from tests.sandbox.arm import bodies
from tests.sandbox.arm.bodies import NETWORK
from tests.sandbox.arm.conftest import Arm


async def test_a_group_is_created_updated_and_found(arm: Arm, group: str) -> None:
    name = group.rsplit("/", 1)[1]
    assert (await arm("HEAD", group)).status == 204
    assert (await arm("HEAD", "/resourceGroups/nope")).status == 404
    again = await arm("PUT", group, {"location": "West Europe", "tags": {"a": "1"}})
    assert (again.status, again.body["tags"]) == (200, {"a": "1"})
    assert again.body["id"].endswith(f"/resourceGroups/{name}")
    moved = await arm("PUT", group, {"location": "eastus"})
    assert (moved.status, moved.code) == (409, "InvalidResourceGroupLocation")
    patched = await arm("PATCH", group, {"tags": {"b": "2"}})
    assert (patched.status, patched.body["tags"]) == (200, {"b": "2"})
    found = await arm("GET", "/resourceGroups", **{"$filter": "tagName eq 'b' and tagValue eq '2'"})
    assert name in [row["name"] for row in found.body["value"]]
    for wrong in ("a" * 91, "dot.", "sp ace"):
        assert (await arm("PUT", f"/resourceGroups/{wrong}", {"location": "westeurope"})).status == 400


async def test_deleting_a_group_deletes_what_is_in_it_in_order(arm: Arm, group: str) -> None:
    base = f"{group}{NETWORK}"
    gateway_ip = await arm.put(f"{base}/publicIPAddresses/out", bodies.public_ip())
    gateway = await arm.put(f"{base}/natGateways/nat", bodies.nat_gateway(gateway_ip["id"]))
    guard = await arm.put(f"{base}/networkSecurityGroups/nsg", bodies.nsg())
    subnet = bodies.subnet(natGateway={"id": gateway["id"]}, networkSecurityGroup={"id": guard["id"]})
    network = await arm.put(f"{base}/virtualNetworks/vnet", bodies.vnet(subnet))
    await arm.put(f"{base}/networkInterfaces/nic", bodies.nic(network["properties"]["subnets"][0]["id"]))
    deleting = await arm("DELETE", group)
    assert (deleting.status, "Location" in deleting.headers) == (202, True)
    assert (await arm("GET", group)).body["properties"]["provisioningState"] == "Deleting"
    refused = await arm("PUT", f"{base}/publicIPAddresses/late", bodies.public_ip())
    assert (refused.status, refused.code) == (409, "ResourceGroupBeingDeleted")
    assert (await arm.done(deleting)).status == 200
    assert (await arm("GET", group)).status == 404
    assert (await arm("GET", network["id"].replace(arm.base, ""))).status == 404


async def test_a_group_with_something_in_use_elsewhere_is_not_deleted(arm: Arm, group: str) -> None:
    other = f"{group}-other"
    await arm("PUT", other, {"location": "westeurope"})
    guard = await arm.put(f"{other}{NETWORK}/networkSecurityGroups/nsg", bodies.nsg())
    subnet = bodies.subnet(networkSecurityGroup={"id": guard["id"]})
    await arm.put(f"{group}{NETWORK}/virtualNetworks/vnet", bodies.vnet(subnet))
    ended = await arm.delete(other)
    assert (ended.status, ended.code) == (409, "ResourceGroupDeletionBlocked")
    assert ended.body["error"]["details"][0]["code"] == "InUseNetworkSecurityGroupCannotBeDeleted"
    await arm.delete(f"{group}{NETWORK}/virtualNetworks/vnet")
    assert (await arm.delete(other)).status == 200


async def test_resources_are_listed_and_filtered(arm: Arm, group: str) -> None:
    base = f"{group}{NETWORK}"
    await arm.put(f"{base}/networkSecurityGroups/nsg-a", {**bodies.nsg(), "tags": {"Owner": "one"}})
    await arm.put(f"{base}/networkSecurityGroups/nsg-b", {**bodies.nsg(), "tags": {"owner": "two"}})
    await arm.put(f"{base}/publicIPAddresses/ip-a", bodies.public_ip())

    async def names(filter: str = "", **query: str) -> list[str]:
        found = await arm("GET", f"{group}/resources", **({"$filter": filter} if filter else {}), **query)
        assert found.status == 200, found.body
        return sorted(row["name"] for row in found.body["value"])

    assert await names() == ["ip-a", "nsg-a", "nsg-b"]
    assert await names("resourceType eq 'microsoft.network/networksecuritygroups'") == ["nsg-a", "nsg-b"]
    assert await names("tagName eq 'owner' and tagValue eq 'one'") == ["nsg-a"]
    assert await names("name eq 'ip-a' or name eq 'nsg-b'") == ["ip-a", "nsg-b"]
    assert await names("substringof('-b', name)") == ["nsg-b"]
    assert (await arm("GET", f"{group}/resources", **{"$filter": "colour eq 'blue'"})).status == 400
    everywhere = await arm("GET", "/resources", **{"$expand": "createdTime,provisioningState"})
    mine = [row for row in everywhere.body["value"] if row["id"].startswith(f"{arm.base.split('8443', 1)[1]}{group}/")]
    assert {row["provisioningState"] for row in mine} == {"Succeeded"}
    assert all("createdTime" in row for row in mine)
    assert len(mine) == 3


async def test_tags_are_a_resource_of_their_own(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/networkSecurityGroups/nsg"
    await arm.put(path, {**bodies.nsg(), "tags": {"a": "1", "b": "2"}})
    tags = f"{path}/providers/Microsoft.Resources/tags/default"

    async def change(operation: str, **given: str) -> dict[str, str]:
        answer = await arm("PATCH", tags, {"operation": operation, "properties": {"tags": given}})
        assert answer.status == 200
        found: dict[str, str] = answer.body["properties"]["tags"]
        return found

    assert await change("Merge", B="3", c="4") == {"a": "1", "B": "3", "c": "4"}
    assert await change("Delete", a="") == {"B": "3", "c": "4"}
    assert await change("Replace", d="5") == {"d": "5"}
    assert (await arm("GET", path)).body["tags"] == {"d": "5"}
    patched = await arm("PATCH", path, {"tags": {"e": "6"}})
    assert (patched.status, patched.body["tags"]) == (200, {"e": "6"})
    too_many = {f"t{number}": "" for number in range(51)}
    assert (await arm("PATCH", path, {"tags": too_many})).code == "TagsPerResourceLimitExceeded"
