"""Network security groups: which packet may reach a machine, and which rule says so. Pure functions.

A packet meets the subnet's group, then the network interface's (inbound; the other way round outbound), and both must
let it in. Ports are those behind the balancer, the source is the client's own: the balancer changes neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wizard.sandbox.fabric import addresses
from wizard.sandbox.fabric.addresses import EVERYTHING, NOTHING, Addresses

PROBE_SOURCE = "168.63.129.16"
"""Where Azure's health probes come from, and the one address of the tag AzureLoadBalancer."""

_PLATFORM: Addresses = addresses.prefix(PROBE_SOURCE)
_ALL_PORTS: tuple[tuple[int, int], ...] = ((0, 65535),)

Direction = Literal["Inbound", "Outbound"]


@dataclass(frozen=True)
class SecurityRule:
    """One rule with its tags resolved for one virtual network. `protocol` is lower case, or `*`."""

    name: str
    priority: int
    direction: str
    allow: bool
    protocol: str
    sources: Addresses
    source_ports: tuple[tuple[int, int], ...]
    destinations: Addresses
    ports: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SecurityGroup:
    """A group's rules in the order they are asked, default rules last."""

    id: str
    rules: tuple[SecurityRule, ...]


@dataclass(frozen=True)
class Packet:
    """The first packet of a flow as a machine would see it; addresses as integers."""

    source: int
    source_port: int
    destination: int
    port: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Verdict:
    """Whether a packet passes, and the group and rule that decided; `rule` is "" when no group exists at all."""

    allowed: bool
    group: str
    rule: str
    why: str


def _ports(one: object, many: object) -> tuple[tuple[int, int], ...]:
    texts = [str(text) for text in many] if isinstance(many, Sequence) and not isinstance(many, str) and many else []
    if one not in (None, ""):
        texts.append(str(one))
    ranges: list[tuple[int, int]] = []
    for text in texts:
        if text == "*":
            return _ALL_PORTS
        low, _, high = text.partition("-")
        if low.strip().isdigit() and (not high or high.strip().isdigit()):
            ranges.append((int(low), int(high or low)))
    return tuple(ranges)


def _tag(text: str, vnet: Addresses) -> Addresses:
    match text.lower():
        case "*" | "any":
            return EVERYTHING
        case "virtualnetwork":
            return vnet
        case "azureloadbalancer":
            return _PLATFORM
        case "internet":  # all that is neither the virtual network nor Azure's own: loopback clients too
            return addresses.difference(EVERYTHING, addresses.union((vnet, _PLATFORM)))
        case _:
            return addresses.prefix(text)


def _sets(one: object, many: object, vnet: Addresses) -> Addresses:
    texts = [str(text) for text in many] if isinstance(many, Sequence) and not isinstance(many, str) and many else []
    if one not in (None, ""):
        texts.append(str(one))
    return addresses.union(_tag(text, vnet) for text in texts) if texts else NOTHING


def _rule(name: str, properties: Mapping[str, Any], vnet: Addresses) -> SecurityRule:
    return SecurityRule(
        name=name,
        priority=int(properties.get("priority", 65500)),
        direction=str(properties.get("direction", "")).lower(),
        allow=str(properties.get("access", "")).lower() == "allow",
        protocol=str(properties.get("protocol", "*")).lower(),
        sources=_sets(properties.get("sourceAddressPrefix"), properties.get("sourceAddressPrefixes"), vnet),
        source_ports=_ports(properties.get("sourcePortRange"), properties.get("sourcePortRanges")) or _ALL_PORTS,
        destinations=_sets(
            properties.get("destinationAddressPrefix"), properties.get("destinationAddressPrefixes"), vnet
        ),
        ports=_ports(properties.get("destinationPortRange"), properties.get("destinationPortRanges")),
    )


def _default(name: str, priority: int, access: str, source: str, target: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "direction": "Inbound" if name.endswith("InBound") else "Outbound",
        "access": access,
        "protocol": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": target,
        "destinationPortRange": "*",
    }


_DEFAULTS = (
    _default("AllowVnetInBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowAzureLoadBalancerInBound", 65001, "Allow", "AzureLoadBalancer", "*"),
    _default("DenyAllInBound", 65500, "Deny", "*", "*"),
    _default("AllowVnetOutBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowInternetOutBound", 65001, "Allow", "*", "Internet"),
    _default("DenyAllOutBound", 65500, "Deny", "*", "*"),
)


def read_group(id: str, properties: Mapping[str, Any], vnet: Addresses) -> SecurityGroup:
    """A group's ARM properties as rules in the order they are asked; `vnet` is the network's address space."""
    rules = [
        _rule(str(rule.get("name", "")), rule.get("properties") or {}, vnet)
        for rule in properties.get("securityRules") or ()
    ]
    rules += [_rule(rule["name"], rule, vnet) for rule in _DEFAULTS]
    return SecurityGroup(id, tuple(sorted(rules, key=lambda rule: rule.priority)))


def _within(ranges: Sequence[tuple[int, int]], port: int) -> bool:
    return any(low <= port <= high for low, high in ranges)


def _concerns(rule: SecurityRule, direction: str, protocol: str, destination: int, port: int) -> bool:
    return (
        rule.direction == direction
        and rule.protocol in ("*", "any", protocol)
        and _within(rule.ports, port)
        and addresses.contains(rule.destinations, destination)
    )


def judge_group(group: SecurityGroup, packet: Packet, direction: Direction = "Inbound") -> Verdict:
    """What one group says: the first rule that matches, by priority."""
    for rule in group.rules:
        if (
            _concerns(rule, direction.lower(), packet.protocol, packet.destination, packet.port)
            and addresses.contains(rule.sources, packet.source)
            and _within(rule.source_ports, packet.source_port)
        ):
            verb = "allows" if rule.allow else "denies"
            return Verdict(rule.allow, group.id, rule.name, f"rule {rule.name} (priority {rule.priority}) {verb} it")
    return Verdict(False, group.id, "", "no rule matches")


def judge(
    groups: Sequence[SecurityGroup], packet: Packet, vnet: Addresses, direction: Direction = "Inbound"
) -> Verdict:
    """What all groups on the way say, in the order given; the first refusal decides.

    Without any group a machine behind a Standard balancer or public IP is closed to the Internet, and open to its
    own virtual network and to the probes.
    """
    if not groups:
        if direction == "Outbound":
            return Verdict(True, "", "", "no network security group limits what leaves")
        inside = addresses.contains(vnet, packet.source) or addresses.contains(_PLATFORM, packet.source)
        if inside:
            return Verdict(True, "", "", "no network security group limits the virtual network and the probes")
        return Verdict(False, "", "", "Standard balancers are closed until a network security group opens them")
    verdict = Verdict(False, "", "", "")
    for group in groups:
        verdict = judge_group(group, packet, direction)
        if not verdict.allowed:
            return verdict
    return verdict


def _allowed_by(group: SecurityGroup, destination: int, port: int, protocol: str) -> Addresses:
    undecided, allowed = EVERYTHING, NOTHING
    for rule in group.rules:
        if not undecided:
            break
        if not _concerns(rule, "inbound", protocol, destination, port):
            continue
        if rule.allow:
            allowed = addresses.union((allowed, addresses.intersection(undecided, rule.sources)))
        # A rule for some source ports only settles nothing for the others; the check at accept sees the port.
        if rule.source_ports == _ALL_PORTS:
            undecided = addresses.difference(undecided, rule.sources)
    return allowed


def allowed_sources(
    groups: Sequence[SecurityGroup], destination: int, port: int, vnet: Addresses, protocol: str = "tcp"
) -> Addresses:
    """Every source that may open a flow to this address and port: what a filter can enforce before a handshake."""
    if not groups:
        return addresses.union((vnet, _PLATFORM))
    allowed = EVERYTHING
    for group in groups:
        allowed = addresses.intersection(allowed, _allowed_by(group, destination, port, protocol))
    return allowed
