"""Network resources: what they answer, what they refuse, and what holds them in place."""

from __future__ import annotations

import copy
import socket
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sandbox.arm import bodies
from tests.sandbox.arm.bodies import NETWORK
from tests.sandbox.arm.conftest import Arm


@dataclass
class Web:
    """A VNet, a public IP and a balancer with two NAT rules."""

    base: str
    subnet: str
    balancer: str
    body: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{self.base}/loadBalancers/lb"

    @property
    def pool(self) -> str:
        return f"{self.balancer}/backendAddressPools/be"

    def nat(self, number: int) -> str:
        return f"{self.balancer}/inboundNatRules/ssh-{number}"


@pytest.fixture
async def web(arm: Arm, group: str) -> Web:
    base = f"{group}{NETWORK}"
    network = await arm.put(f"{base}/virtualNetworks/vnet", bodies.vnet())
    address = await arm.put(f"{base}/publicIPAddresses/ip", bodies.public_ip())
    identifier = address["id"].replace("publicIPAddresses/ip", "loadBalancers/lb")
    body = bodies.balancer(identifier, address["id"])
    await arm.put(f"{base}/loadBalancers/lb", body)
    return Web(base, network["properties"]["subnets"][0]["id"], identifier, body)


def without_etags(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_etags(item) for key, item in value.items() if key != "etag"}
    return [without_etags(item) for item in value] if isinstance(value, list) else value


async def refusal(arm: Arm, path: str, body: Any) -> tuple[int, str]:
    answer = await arm("PUT", path, body)
    return answer.status, answer.code


async def test_a_public_ip_is_an_address_of_the_sandbox(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/publicIPAddresses/ip"
    first = await arm.put(path, bodies.public_ip(dnsSettings={"domainNameLabel": group[-12:]}))
    network = arm.state["network"].rsplit(".", 1)[0]
    address = first["properties"]["ipAddress"]
    assert address.startswith(f"{network}.")
    assert int(address.rsplit(".", 1)[1]) >= 4
    assert first["properties"]["dnsSettings"]["fqdn"] == f"{group[-12:]}.westeurope.cloudapp.azure.com"
    taken = f"{group}{NETWORK}/publicIPAddresses/other"
    wrong = bodies.public_ip(dnsSettings={"domainNameLabel": group[-12:]})
    assert await refusal(arm, taken, wrong) == (409, "DnsRecordInUse")
    available = await arm(
        "GET", f"{NETWORK}/locations/westeurope/CheckDnsNameAvailability", domainNameLabel=group[-12:]
    )
    assert available.body == {"available": False}
    again = await arm.put(path, bodies.public_ip())
    assert again["properties"]["ipAddress"] == address
    second = await arm.put(taken, bodies.public_ip())
    assert second["properties"]["ipAddress"] != address


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sku": {"name": "Basic"}}, "BasicSkuPublicIpAddressRetired"),
        ({"properties": {"publicIPAllocationMethod": "Dynamic"}}, "PublicIPAllocationMethodNotSupported"),
        ({"properties": {"dnsSettings": {"domainNameLabel": "1x"}}}, "InvalidDomainNameLabel"),
        ({"properties": {"idleTimeoutInMinutes": 31}}, "InvalidIdleTimeoutInMinutes"),
        ({"zones": ["9"]}, "AvailabilityZoneNotSupported"),
    ],
)
async def test_public_ips_that_azure_refuses(arm: Arm, group: str, changed: dict[str, Any], code: str) -> None:
    path = f"{group}{NETWORK}/publicIPAddresses/ip"
    assert await refusal(arm, path, {**bodies.public_ip(), **changed}) == (400, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (bodies.vnet(space=()), "MissingAddressSpace"),
        (bodies.vnet(space=("10.0.0.0/16", "10.0.1.0/24")), "NetcfgAddressSpacesOverlap"),
        (bodies.vnet(space=("10.0.0.1/16",)), "InvalidCIDRNotation"),
        (bodies.vnet(space=("ten",)), "InvalidAddressPrefixFormat"),
        (bodies.vnet(space=("127.0.0.0/16",)), "AddressPrefixNotAllowed"),
        (bodies.vnet(bodies.subnet(prefix="10.1.0.0/24")), "NetcfgInvalidSubnet"),
        (bodies.vnet(bodies.subnet(prefix="10.0.0.0/30")), "NetcfgInvalidSubnet"),
        (
            bodies.vnet(bodies.subnet("a"), bodies.subnet("b", "10.0.1.128/25")),
            "NetcfgSubnetRangesOverlap",
        ),
        (bodies.vnet(bodies.subnet("a"), bodies.subnet("A", "10.0.2.0/24")), "DuplicateResourceName"),
        (bodies.vnet(bodies.subnet("-a")), "InvalidResourceName"),
        (bodies.vnet({"name": "a"}), "NoAddressPrefixOrPoolProvided"),
        (bodies.vnet(bodies.subnet(natGateway={"id": "nope"})), "LinkedInvalidPropertyId"),
    ],
)
async def test_networks_that_azure_refuses(arm: Arm, group: str, body: dict[str, Any], code: str) -> None:
    assert await refusal(arm, f"{group}{NETWORK}/virtualNetworks/vnet", body) == (400, code)


async def test_a_missing_reference_is_named(arm: Arm, group: str) -> None:
    missing = f"{arm.base.split('8443', 1)[1]}{group}{NETWORK}/networkSecurityGroups/nope"
    body = bodies.vnet(bodies.subnet(networkSecurityGroup={"id": missing}))
    answer = await arm("PUT", f"{group}{NETWORK}/virtualNetworks/vnet", body)
    assert (answer.status, answer.code) == (400, "InvalidResourceReference")
    assert missing in answer.body["error"]["message"]
    assert "/virtualNetworks/vnet/subnets/web" in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([bodies.rule("a"), bodies.rule("b")], "SecurityRuleConflict"),
        ([bodies.rule(priority=99)], "SecurityRuleInvalidPriority"),
        ([bodies.rule(priority=4097)], "SecurityRuleInvalidPriority"),
        ([bodies.rule(destinationPortRange="80-79")], "SecurityRuleInvalidPortRange"),
        ([bodies.rule(destinationPortRange="http")], "SecurityRuleInvalidPortRange"),
        ([bodies.rule(sourceAddressPrefix="10.0.0.0/33")], "SecurityRuleInvalidAddressPrefix"),
        ([bodies.rule(sourceAddressPrefix=None)], "SecurityRuleParameterRequired"),
        ([bodies.rule(access="Perhaps")], "InvalidRequestFormat"),
    ],
)
async def test_security_rules_that_azure_refuses(arm: Arm, group: str, rules: list[Any], code: str) -> None:
    assert await refusal(arm, f"{group}{NETWORK}/networkSecurityGroups/nsg", bodies.nsg(*rules)) == (400, code)


async def test_a_security_group_has_six_rules_of_its_own(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/networkSecurityGroups/nsg"
    both_ways = [bodies.rule("in", 100), bodies.rule("out", 100, direction="Outbound")]
    shown = await arm.put(path, bodies.nsg(*both_ways))
    defaults = {rule["name"]: rule["properties"]["priority"] for rule in shown["properties"]["defaultSecurityRules"]}
    assert len(defaults) == 6
    assert defaults["AllowAzureLoadBalancerInBound"] == 65001
    assert (await arm("GET", f"{path}/defaultSecurityRules/DenyAllInBound")).body["properties"]["access"] == "Deny"
    assert (await arm("DELETE", f"{path}/defaultSecurityRules/DenyAllInBound")).status == 405
    ended = await arm.done(await arm("PUT", f"{path}/securityRules/more", bodies.rule("more", 200)))
    assert ended.body["status"] == "Succeeded"
    assert await refusal(arm, f"{path}/securityRules/again", bodies.rule("again", 200)) == (400, "SecurityRuleConflict")
    names = [rule["name"] for rule in (await arm("GET", f"{path}/securityRules")).body["value"]]
    assert names == ["in", "out", "more"]


async def test_both_ends_of_an_association_are_shown(arm: Arm, web: Web) -> None:
    shown = await arm.put(
        f"{web.base}/networkInterfaces/nic", bodies.nic(web.subnet, pools=(web.pool,), nat_rules=(web.nat(1),))
    )
    configuration = shown["properties"]["ipConfigurations"][0]
    assert configuration["properties"]["privateIPAddress"] == "10.0.1.4"
    balancer = (await arm("GET", web.path)).body["properties"]
    assert balancer["backendAddressPools"][0]["properties"]["backendIPConfigurations"] == [{"id": configuration["id"]}]
    assert [rule["properties"].get("backendIPConfiguration") for rule in balancer["inboundNatRules"]] == [
        {"id": configuration["id"]},
        None,
    ]
    frontend = balancer["frontendIPConfigurations"][0]
    assert [rule["id"] for rule in frontend["properties"]["inboundNatRules"]] == [web.nat(1), web.nat(2)]
    address = (await arm("GET", f"{web.base}/publicIPAddresses/ip")).body
    assert address["properties"]["ipConfiguration"] == {"id": frontend["id"]}
    subnet = (await arm("GET", f"{web.base}/virtualNetworks/vnet/subnets/web")).body
    assert subnet["properties"]["ipConfigurations"] == [{"id": configuration["id"]}]
    children = [item for value in balancer.values() if isinstance(value, list) for item in value]
    assert {child["properties"]["provisioningState"] for child in children} == {"Succeeded"}


async def test_what_is_in_use_is_not_deleted(arm: Arm, web: Web) -> None:
    guard = await arm.put(f"{web.base}/networkSecurityGroups/nsg", bodies.nsg())
    out = await arm.put(f"{web.base}/publicIPAddresses/out", bodies.public_ip())
    gateway = await arm.put(f"{web.base}/natGateways/nat", bodies.nat_gateway(out["id"]))
    subnet = bodies.subnet(networkSecurityGroup={"id": guard["id"]}, natGateway={"id": gateway["id"]})
    await arm.put(f"{web.base}/virtualNetworks/vnet", bodies.vnet(subnet))
    await arm.put(f"{web.base}/networkInterfaces/nic", bodies.nic(web.subnet))
    for path, code in {
        "networkSecurityGroups/nsg": "InUseNetworkSecurityGroupCannotBeDeleted",
        "natGateways/nat": "InUseNatGatewayCannotBeDeleted",
        "publicIPAddresses/out": "PublicIPAddressCannotBeDeleted",
        "publicIPAddresses/ip": "PublicIPAddressCannotBeDeleted",
        "virtualNetworks/vnet": "InUseSubnetCannotBeDeleted",
        "virtualNetworks/vnet/subnets/web": "InUseSubnetCannotBeDeleted",
    }.items():
        answer = await arm("DELETE", f"{web.base}/{path}")
        assert (path, answer.status, answer.code) == (path, 400, code)
    moved = bodies.vnet(bodies.subnet(prefix="10.0.7.0/24"))
    assert (await refusal(arm, f"{web.base}/virtualNetworks/vnet", moved))[1] == "InUsePrefixCannotBeDeleted"
    taken = await refusal(arm, f"{web.base}/natGateways/second", bodies.nat_gateway(out["id"]))
    assert taken == (400, "PublicIPAddressInUse")


async def test_addresses_are_given_lowest_first_and_kept(arm: Arm, web: Web) -> None:
    async def address(name: str, **properties: Any) -> str:
        shown = await arm.put(f"{web.base}/networkInterfaces/{name}", bodies.nic(web.subnet, **properties))
        found: str = shown["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
        return found

    assert await address("a") == "10.0.1.4"
    assert await address("b", privateIPAllocationMethod="Static", privateIPAddress="10.0.1.5") == "10.0.1.5"
    assert await address("c") == "10.0.1.6"
    assert await address("a") == "10.0.1.4"
    await arm.delete(f"{web.base}/networkInterfaces/a")
    assert await address("d") == "10.0.1.4"

    async def static(wanted: str) -> str:
        body = bodies.nic(web.subnet, privateIPAllocationMethod="Static", privateIPAddress=wanted)
        return (await refusal(arm, f"{web.base}/networkInterfaces/e", body))[1]

    assert await static("10.0.1.6") == "PrivateIPAddressIsAllocated"
    assert await static("10.0.1.3") == "PrivateIPAddressInReservedRange"
    assert await static("10.0.1.255") == "PrivateIPAddressInReservedRange"
    assert await static("10.0.2.9") == "PrivateIPAddressNotInSubnet"
    checked = await arm("GET", f"{web.base}/virtualNetworks/vnet/CheckIPAddressAvailability", ipAddress="10.0.1.6")
    assert checked.body["available"] is False
    assert checked.body["availableIPAddresses"][0] == "10.0.1.7"


async def test_a_full_subnet_takes_no_more(arm: Arm, group: str) -> None:
    base = f"{group}{NETWORK}"
    network = await arm.put(f"{base}/virtualNetworks/vnet", bodies.vnet(bodies.subnet(prefix="10.0.1.0/29")))
    subnet = network["properties"]["subnets"][0]["id"]
    for number in range(3):
        await arm.put(f"{base}/networkInterfaces/nic{number}", bodies.nic(subnet))
    assert await refusal(arm, f"{base}/networkInterfaces/nic3", bodies.nic(subnet)) == (400, "SubnetIsFull")


async def test_a_nat_rule_leads_to_one_interface(arm: Arm, web: Web) -> None:
    await arm.put(f"{web.base}/networkInterfaces/a", bodies.nic(web.subnet, nat_rules=(web.nat(1),)))
    second = bodies.nic(web.subnet, nat_rules=(web.nat(1),))
    assert (await refusal(arm, f"{web.base}/networkInterfaces/b", second))[1] == "InboundNatRuleAlreadyInUse"
    missing = bodies.nic(web.subnet, nat_rules=(f"{web.balancer}/inboundNatRules/nope",))
    assert (await refusal(arm, f"{web.base}/networkInterfaces/b", missing))[1] == "InvalidResourceReference"
    missing = bodies.nic(web.subnet, pools=(f"{web.balancer}/backendAddressPools/nope",))
    assert (await refusal(arm, f"{web.base}/networkInterfaces/b", missing))[1] == "InvalidResourceReference"


async def test_a_balancer_keeps_what_interfaces_are_in(arm: Arm, web: Web) -> None:
    await arm.put(f"{web.base}/networkInterfaces/a", bodies.nic(web.subnet, pools=(web.pool,), nat_rules=(web.nat(1),)))
    without = copy.deepcopy(web.body)
    del without["properties"]["inboundNatRules"][0]
    assert await refusal(arm, web.path, without) == (400, "InvalidResourceReference")
    assert (await arm("DELETE", f"{web.path}/inboundNatRules/ssh-1")).code == "InvalidResourceReference"
    assert (await arm.delete(f"{web.path}/inboundNatRules/ssh-2")).status in (200, 204)
    shown = (await arm("GET", web.path)).body
    # What GET answered can be sent back as it is: the read-only ends of associations do no harm.
    assert without_etags(await arm.put(web.path, shown)) == without_etags(shown)
    await arm.delete(web.path)
    kept = (await arm("GET", f"{web.base}/networkInterfaces/a")).body["properties"]["ipConfigurations"][0]["properties"]
    assert "loadBalancerBackendAddressPools" not in kept
    assert "loadBalancerInboundNatRules" not in kept


def two_rules(properties: dict[str, Any], **changed: Any) -> None:
    rule = copy.deepcopy(properties["loadBalancingRules"][0])
    rule["name"] = "second"
    rule["properties"].update(changed)
    properties["loadBalancingRules"].append(rule)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: two_rules(p, backendPort=81), "RulesUseSameFrontendPortProtocolAndVip"),
        (lambda p: two_rules(p, frontendPort=8081), "RulesUseSameBackendPortProtocolAndPool"),
        (
            lambda p: p["inboundNatRules"][0]["properties"].update(frontendPort=8080),
            "RulesUseSameFrontendPortProtocolAndVip",
        ),
        (lambda p: p["probes"][0]["properties"].pop("requestPath"), "MissingRequestPathInProbe"),
        (lambda p: p["probes"][0]["properties"].update(protocol="Tcp"), "RequestPathNotAllowedInProbe"),
        (lambda p: p["probes"][0]["properties"].update(intervalInSeconds=4), "InvalidIntervalInSeconds"),
        (lambda p: p["probes"].clear(), "InvalidResourceReference"),
        (lambda p: p["backendAddressPools"].clear(), "InvalidResourceReference"),
        (lambda p: p["loadBalancingRules"][0]["properties"].update(frontendPort=65535), "InvalidFrontendPort"),
        (
            lambda p: p["loadBalancingRules"][0]["properties"].update(idleTimeoutInMinutes=3),
            "InvalidIdleTimeoutInMinutes",
        ),
        (lambda p: p["loadBalancingRules"][0]["properties"].update(protocol="Http"), "InvalidRequestFormat"),
        (lambda p: p["inboundNatRules"][0].pop("name"), "InvalidRequestFormat"),
    ],
)
async def test_balancers_that_azure_refuses(arm: Arm, group: str, change: Any, code: str) -> None:
    base = f"{group}{NETWORK}"
    address = await arm.put(f"{base}/publicIPAddresses/ip", bodies.public_ip())
    body = bodies.balancer(address["id"].replace("publicIPAddresses/ip", "loadBalancers/lb"), address["id"])
    change(body["properties"])
    assert await refusal(arm, f"{base}/loadBalancers/lb", body) == (400, code)


async def test_a_frontend_port_that_is_taken_fails_the_balancer(arm: Arm, web: Web) -> None:
    address = (await arm("GET", f"{web.base}/publicIPAddresses/ip")).body["properties"]["ipAddress"]
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        body = bodies.balancer(
            web.balancer,
            web.body["properties"]["frontendIPConfigurations"][0]["properties"]["publicIPAddress"]["id"],
            port=port,
        )
        ended = await arm.done(await arm("PUT", web.path, body))
        assert (ended.body["status"], ended.body["error"]["code"]) == ("Failed", "FrontendPortNotAvailable")
    shown = (await arm("GET", web.path)).body
    assert shown["properties"]["provisioningState"] == "Failed"
    assert (await arm.put(web.path, web.body))["properties"]["provisioningState"] == "Succeeded"


async def test_an_outbound_rule_needs_snat_off(arm: Arm, web: Web) -> None:
    body = copy.deepcopy(web.body)
    body["properties"]["outboundRules"] = [
        {
            "name": "out",
            "properties": {
                "frontendIPConfigurations": [{"id": f"{web.balancer}/frontendIPConfigurations/fe"}],
                "backendAddressPool": {"id": web.pool},
                "protocol": "All",
                "allocatedOutboundPorts": 1024,
            },
        }
    ]
    shown = await arm.put(web.path, body)
    assert shown["properties"]["backendAddressPools"][0]["properties"]["outboundRules"] == [
        {"id": f"{web.balancer}/outboundRules/out"}
    ]
    body["properties"]["loadBalancingRules"][0]["properties"]["disableOutboundSnat"] = False
    assert "MustDisableSNAT" in (await refusal(arm, web.path, body))[1]
    body["properties"]["loadBalancingRules"][0]["properties"]["disableOutboundSnat"] = True
    body["properties"]["outboundRules"][0]["properties"]["allocatedOutboundPorts"] = 1023
    assert (await refusal(arm, web.path, body))[1] == "InvalidAllocatedOutboundPorts"
    body["properties"]["outboundRules"][0]["properties"]["allocatedOutboundPorts"] = 32000
    await arm.put(web.path, body)
    nic = bodies.nic(web.subnet, pools=(web.pool,))
    await arm.put(f"{web.base}/networkInterfaces/one", nic)
    await arm.put(f"{web.base}/networkInterfaces/one", nic)
    assert (await refusal(arm, f"{web.base}/networkInterfaces/two", nic))[1] == "AllocatedOutboundPortsExceedsLimit"
    body["properties"]["outboundRules"][0]["properties"]["allocatedOutboundPorts"] = 64000  # its own rules take some
    assert (await refusal(arm, web.path, body))[1] == "AllocatedOutboundPortsExceedsLimit"


async def test_a_range_of_nat_ports_gives_each_member_one_and_never_another(arm: Arm, web: Web) -> None:
    body = copy.deepcopy(web.body)
    rule = {
        "frontendIPConfiguration": {"id": f"{web.balancer}/frontendIPConfigurations/fe"},
        "backendAddressPool": {"id": web.pool},
        "protocol": "Tcp",
        "frontendPortRangeStart": 51001,
        "frontendPortRangeEnd": 51002,
        "backendPort": 22,
    }
    body["properties"]["inboundNatRules"] = [{"name": "ssh", "properties": rule}]
    shown = await arm.put(web.path, body)
    assert shown["properties"]["inboundNatRules"][0]["properties"]["frontendPort"] == 0
    nic = bodies.nic(web.subnet, pools=(web.pool,))
    second = await arm.put(f"{web.base}/networkInterfaces/second", nic)
    first = await arm.put(f"{web.base}/networkInterfaces/first", nic)
    assert (await refusal(arm, f"{web.base}/networkInterfaces/third", nic))[1] == "InboundNatRulePortRangeExhausted"
    query = f"{web.path}/backendAddressPools/be/queryInboundNatRulePortMapping"

    async def ports(asked: dict[str, Any]) -> list[int]:
        ended = await arm.done(await arm("POST", query, asked))
        return [one["frontendPort"] for one in ended.body["inboundNatRulePortMappings"]]

    def by_id(document: dict[str, Any]) -> dict[str, Any]:
        return {"ipConfiguration": {"id": document["properties"]["ipConfigurations"][0]["id"]}}

    assert (await ports(by_id(second)), await ports(by_id(first))) == ([51001], [51002])
    address = first["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
    assert await ports({"ipAddress": address}) == [51002]
    await arm.done(await arm("DELETE", f"{web.base}/networkInterfaces/second"))
    assert await ports(by_id(first)) == [51002]
    third = await arm.put(f"{web.base}/networkInterfaces/third", nic)
    assert await ports(by_id(third)) == [51001]
    assert (await arm("POST", query, {})).status == 400
    rule["frontendPortRangeEnd"] = 51001
    assert (await refusal(arm, web.path, body))[1] == "InboundNatRulePortRangeExhausted"
    own = bodies.nic(web.subnet, nat_rules=(f"{web.balancer}/inboundNatRules/ssh",))
    assert (await refusal(arm, f"{web.base}/networkInterfaces/own", own))[0] == 400


async def test_an_administrative_state_is_written_in_the_members_entry(arm: Arm, web: Web) -> None:
    nic = await arm.put(f"{web.base}/networkInterfaces/nic1", bodies.nic(web.subnet, pools=(web.pool,)))
    await arm.put(f"{web.base}/networkInterfaces/nic2", bodies.nic(web.subnet, pools=(web.pool,)))
    member = nic["properties"]["ipConfigurations"][0]["id"]

    async def states() -> dict[str, Any]:
        pool = (await arm("GET", web.path)).body["properties"]["backendAddressPools"][0]["properties"]
        return {
            one["properties"]["networkInterfaceIPConfiguration"]["id"]: one["properties"].get("adminState")
            for one in pool["loadBalancerBackendAddresses"]
        }

    async def written(state: str | None) -> None:
        live = (await arm("GET", web.path)).body
        for entry in live["properties"]["backendAddressPools"][0]["properties"]["loadBalancerBackendAddresses"]:
            if entry["properties"]["networkInterfaceIPConfiguration"]["id"] == member:
                entry["properties"]["adminState"] = state
        await arm.put(web.path, live)

    assert set((await states()).values()) == {None}
    await written("down")
    found = await states()
    assert found.pop(member) == "Down"
    assert set(found.values()) == {None}
    await arm.put(web.path, web.body)  # without the entries: who is in the pool stays so, in its state
    assert (await states())[member] == "Down"
    assert await refusal(arm, web.path, _with_state(web.body, "Drain")) == (400, "InvalidRequestFormat")
    await written("None")
    assert set((await states()).values()) == {None}
    await written("Down")
    await arm.put(f"{web.base}/networkInterfaces/nic1", bodies.nic(web.subnet))
    await arm.put(f"{web.base}/networkInterfaces/nic1", bodies.nic(web.subnet, pools=(web.pool,)))
    assert (await states())[member] is None, "who leaves the pool comes back without one"


def _with_state(body: dict[str, Any], state: str) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    entry = {"name": "any", "properties": {"adminState": state}}
    changed["properties"]["backendAddressPools"][0]["properties"] = {"loadBalancerBackendAddresses": [entry]}
    return changed


async def test_new_subnets_are_private_from_the_version_on_that_says_so(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/virtualNetworks/vnet"
    await arm.done(await arm("PUT", path, bodies.vnet(), version="2024-05-01"))
    assert "defaultOutboundAccess" not in (await arm("GET", path)).body["properties"]["subnets"][0]["properties"]
    two = bodies.vnet(bodies.subnet(), bodies.subnet("two", "10.0.2.0/24"))
    await arm.done(await arm("PUT", path, two, version="2025-07-01"))
    found = {one["name"]: one["properties"] for one in (await arm("GET", path)).body["properties"]["subnets"]}
    assert "defaultOutboundAccess" not in found["web"]
    assert found["two"]["defaultOutboundAccess"] is False


async def test_usages_count(arm: Arm, group: str) -> None:
    async def used() -> int:
        rows = (await arm("GET", f"{NETWORK}/locations/westeurope/usages")).body["value"]
        return next(int(row["currentValue"]) for row in rows if row["name"]["value"] == "NetworkSecurityGroups")

    before = await used()
    await arm.put(f"{group}{NETWORK}/networkSecurityGroups/nsg", bodies.nsg())
    assert await used() == before + 1
