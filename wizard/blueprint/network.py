"""The network's bodies: who is let in, the way out, the balancer with its rules, and one NIC a machine.

Standard balancers and addresses are closed until an NSG opens them, and a NIC is created already in its pool and NAT
rule: Azure serialises NIC writes within an availability set, so a later patch would cost each machine a second turn.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wizard.blueprint import names
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan import limits, security, zones
from wizard.plan.addresses import is_tag
from wizard.plan.balancer import nat_ports
from wizard.plan.model import (
    Nat,
    OsType,
    Outbound,
    OutboundAddress,
    Placement,
    Plan,
    ProbeProtocol,
    Rule,
    RuleProtocol,
)

IDLE_MINUTES = 4
"""Azure's default and least, for balancer rules (4 to 30) and the NAT gateway (4 to 120)."""


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """NSG, addresses, NAT gateway (if that is the way out), virtual network, balancer. `common`: location and tags."""
    prefix = plan.prefix
    yield _resource(names.NSG, ids.nsg, names.nsg(prefix), common, nsg_properties(plan), after=(ids.group,))
    gateway = plan.network.outbound is Outbound.NAT_GATEWAY
    if gateway:
        yield _public_ip(plan, ids.nat_gateway_ip, names.nat_gateway_ip(prefix), common)
    own = _sends_from_its_own(plan)
    if own:
        yield _public_ip(plan, ids.outbound_ip, names.outbound_ip(prefix), common)
    yield _public_ip(plan, ids.balancer_ip, names.balancer_ip(prefix), common, dns_label=plan.balancer.dns_label)
    if gateway:
        yield _resource(
            names.NAT_GATEWAY,
            ids.nat_gateway,
            names.nat_gateway(prefix),
            {**common, "sku": {"name": "Standard"}},
            {"idleTimeoutInMinutes": IDLE_MINUTES, "publicIpAddresses": [{"id": ids.nat_gateway_ip}]},
            after=(ids.nat_gateway_ip,),
        )
    after = (ids.nsg, ids.nat_gateway) if gateway else (ids.nsg,)
    yield _resource(names.VNET, ids.vnet, names.vnet(prefix), common, vnet_properties(plan, ids), after=after)
    yield _resource(
        names.BALANCER,
        ids.balancer,
        names.balancer(prefix),
        {**common, "sku": {"name": "Standard", "tier": "Regional"}},
        balancer_properties(plan, ids),
        after=(ids.balancer_ip, ids.outbound_ip) if own else (ids.balancer_ip,),
    )


def nics(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """One NIC a machine, without a public address: its ways in are the pool and its own NAT rule."""
    for vm in plan.vm_names:
        configuration = {
            "subnet": {"id": ids.subnet(plan.network.subnet_name)},
            "privateIPAllocationMethod": "Dynamic",
            "loadBalancerBackendAddressPools": [{"id": ids.pool}],
        }
        if plan.balancer.nat is Nat.PER_VM:  # a range leads to whoever is in the pool
            configuration["loadBalancerInboundNatRules"] = [{"id": ids.nat_rule(vm, plan.machines.os)}]
        properties = {"ipConfigurations": [{"name": names.IP_CONFIGURATION, "properties": configuration}]}
        yield _resource(names.NIC, ids.nic(vm), names.nic(vm), common, properties, after=(ids.vnet, ids.balancer))


def nsg_properties(plan: Plan) -> dict[str, Any]:
    """The rules that let in: HTTP to the workload's port, then SSH or RDP.

    An NSG judges behind the balancer: the port is the machine's, the source the client's own address. Azure's default
    rules let the probes in (65001) and refuse the rest (65500).
    """
    service = names.admin_service(plan.machines.os)
    admin_port = limits.RDP_PORT if plan.machines.os == OsType.WINDOWS else limits.SSH_PORT
    wanted = [
        *_allowed("allow-http", plan.balancer.backend_port, plan.network.allow_http),
        *_allowed(f"allow-{service}", admin_port, plan.network.allow_admin),
    ]
    priorities = security.ours(plan.network.rules, len(wanted))
    rules = [
        {
            "name": name,
            "properties": {
                "priority": priority,
                "direction": "Inbound",
                "access": "Allow",
                "protocol": "Tcp",
                **source,
                "sourcePortRange": "*",
                "destinationAddressPrefix": plan.network.subnet,
                "destinationPortRange": str(port),
            },
        }
        for priority, (name, port, source) in zip(priorities, wanted, strict=True)
    ]
    return {"securityRules": [*rules, *map(_own_rule, plan.network.rules)]}


_PROTOCOLS = {RuleProtocol.TCP: "Tcp", RuleProtocol.UDP: "Udp", RuleProtocol.ICMP: "Icmp", RuleProtocol.ANY: "*"}


def _own_rule(rule: Rule) -> dict[str, Any]:
    """A rule of the plan's own, as it stands there."""
    properties: dict[str, Any] = {
        "priority": rule.priority,
        "direction": str(rule.direction).capitalize(),
        "access": str(rule.access).capitalize(),
        "protocol": _PROTOCOLS[rule.protocol],
        "sourcePortRange": "*",
    }
    for side, values in (("source", rule.source), ("destination", rule.destination)):
        if any(is_tag(value) for value in values):
            properties[f"{side}AddressPrefix"] = values[0]
            continue
        networks = ipaddress.collapse_addresses(ipaddress.IPv4Network(value) for value in values)
        ranges = [str(network) for network in networks]
        properties |= {f"{side}AddressPrefix": ranges[0]} if len(ranges) == 1 else {f"{side}AddressPrefixes": ranges}
    ports = ["0-65535" if text == "*" and len(rule.ports) > 1 else text for text in rule.ports]
    properties |= {"destinationPortRange": ports[0]} if len(ports) == 1 else {"destinationPortRanges": ports}
    return {"name": rule.name, "properties": properties}


def _allowed(name: str, port: int, entries: Iterable[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The rules one allow-list becomes: `NAME`, `NAME-2`, ...

    `sourceAddressPrefixes` takes addresses and ranges alone; a service tag stands alone in `sourceAddressPrefix`, one a
    rule (error SecurityRuleParameterContainsUnsupportedValue). Ranges that overlap are joined: one rule refuses them
    (error OverlappingSubnetsNotPermittedInSecurityRule).
    """
    listed = list(entries)
    tags = list({entry.lower(): entry for entry in listed if is_tag(entry)}.values())
    networks = ipaddress.collapse_addresses(ipaddress.IPv4Network(entry) for entry in listed if not is_tag(entry))
    ranges = [str(network) for network in networks]
    sources: list[dict[str, Any]] = []
    if ranges:
        sources.append({"sourceAddressPrefix": ranges[0]} if len(ranges) == 1 else {"sourceAddressPrefixes": ranges})
    sources.extend({"sourceAddressPrefix": tag} for tag in tags)
    for number, source in enumerate(sources, start=1):
        yield (name if number == 1 else f"{name}-{number}"), port, source


def vnet_properties(plan: Plan, ids: Ids) -> dict[str, Any]:
    """One subnet, private always: a NAT gateway as its way out so exists before any machine."""
    subnet = {
        "addressPrefix": plan.network.subnet,
        "defaultOutboundAccess": False,
        "networkSecurityGroup": {"id": ids.nsg},
    }
    if plan.network.outbound is Outbound.NAT_GATEWAY:
        subnet["natGateway"] = {"id": ids.nat_gateway}
    return {
        "addressSpace": {"addressPrefixes": [plan.network.address_space]},
        "subnets": [{"name": plan.network.subnet_name, "properties": subnet}],
    }


def balancer_properties(plan: Plan, ids: Ids) -> dict[str, Any]:
    """Frontend, pool, probe, the HTTP rule, and a NAT rule for each machine: one document, one write."""
    choice = plan.balancer
    frontend = {"id": ids.frontend}
    rule = {
        "frontendIPConfiguration": frontend,
        "backendAddressPool": {"id": ids.pool},
        "probe": {"id": ids.probe},
        "protocol": "Tcp",
        "frontendPort": choice.frontend_port,
        "backendPort": choice.backend_port,
        "idleTimeoutInMinutes": IDLE_MINUTES,
        "enableTcpReset": True,
        "loadDistribution": "Default",
        # The way out is the NAT gateway, or an outbound rule (which Azure refuses beside a rule's own SNAT), or none.
        "disableOutboundSnat": True,
    }
    frontends = [(names.FRONTEND, ids.balancer_ip)]
    if _sends_from_its_own(plan):
        frontends.append((names.OUTBOUND_FRONTEND, ids.outbound_ip))
    return {
        "frontendIPConfigurations": [
            {"name": name, "properties": {"publicIPAddress": {"id": address}}} for name, address in frontends
        ],
        "backendAddressPools": [{"name": names.POOL}],
        "probes": [{"name": names.PROBE, "properties": _probe(plan)}],
        "loadBalancingRules": [{"name": names.RULE, "properties": rule}],
        "inboundNatRules": list(_nat_rules(plan, ids, frontend)),
        **_outbound_rules(plan, ids),
    }


def _sends_from_its_own(plan: Plan) -> bool:
    """Whether there is an outbound rule with a public address of its own."""
    network = plan.network
    return network.outbound is Outbound.OUTBOUND_RULE and network.outbound_address is OutboundAddress.OWN


def _outbound_rules(plan: Plan, ids: Ids) -> dict[str, Any]:
    """The pool's way out through the balancer. It is in the one document: there before any machine is."""
    if plan.network.outbound is not Outbound.OUTBOUND_RULE:
        return {}
    properties = {
        "frontendIPConfigurations": [{"id": ids.outbound_frontend if _sends_from_its_own(plan) else ids.frontend}],
        "backendAddressPool": {"id": ids.pool},
        "protocol": "All",
        "allocatedOutboundPorts": plan.network.outbound_ports,
        "idleTimeoutInMinutes": IDLE_MINUTES,
        "enableTcpReset": True,
    }
    return {"outboundRules": [{"name": names.OUTBOUND_RULE, "properties": properties}]}


def _probe(plan: Plan) -> dict[str, Any]:
    choice = plan.balancer
    probe = {
        "protocol": "Tcp",
        "port": choice.backend_port,
        "intervalInSeconds": choice.probe_interval_s,
        "probeThreshold": choice.probe_threshold,
    }
    if choice.probe_protocol is ProbeProtocol.HTTP:  # a path is required with HTTP and refused with TCP
        probe |= {"protocol": "Http", "requestPath": choice.probe_path}
    return probe


def _nat_rules(plan: Plan, ids: Ids, frontend: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A port for each machine, or one rule with a range of which Azure gives each member of the pool a port."""
    common = {
        "frontendIPConfiguration": frontend,
        "protocol": "Tcp",
        "backendPort": limits.RDP_PORT if plan.machines.os == OsType.WINDOWS else limits.SSH_PORT,
        "idleTimeoutInMinutes": IDLE_MINUTES,
        "enableTcpReset": True,
    }
    choice = plan.balancer
    ports = nat_ports(choice.nat_first_port, plan.machines.count, choice.nat, choice.nat_range)
    if choice.nat is Nat.RANGE:
        pooled = {
            "backendAddressPool": {"id": ids.pool},
            "frontendPortRangeStart": ports[0],
            "frontendPortRangeEnd": ports[-1],
        }
        yield {"name": names.nat_range_rule(plan.machines.os), "properties": {**common, **pooled}}
        return
    for port, vm in zip(ports, plan.vm_names, strict=True):
        yield {"name": names.nat_rule(vm, plan.machines.os), "properties": {**common, "frontendPort": port}}


def _public_ip(plan: Plan, id: str, name: str, common: Mapping[str, Any], *, dns_label: str = "") -> Resource:
    # Without `zones`: where a region has them, Azure makes a Standard address zone-redundant by itself (Microsoft,
    # "Azure public IPs are now zone-redundant by default", September 2024); where it has none, naming them is an error.
    # Machines in zones are only where the region has some: there it is said.
    properties: dict[str, Any] = {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"}
    if dns_label:
        properties["dnsSettings"] = {"domainNameLabel": dns_label}
    head = {**common, "sku": {"name": "Standard", "tier": "Regional"}}
    choice = plan.machines.placement
    if choice is Placement.ZONES or (choice is Placement.SCALE_SET and plan.scale_set.zones):
        head["zones"] = list(zones.ALL)
    group = id.partition("/providers/")[0]
    return _resource(names.PUBLIC_IP, id, name, head, properties, after=(group,))


def _resource(
    type: str, id: str, name: str, head: Mapping[str, Any], properties: Mapping[str, Any], *, after: tuple[str, ...]
) -> Resource:
    return Resource(id=id, type=type, name=name, body={**head, "properties": properties}, after=after)
