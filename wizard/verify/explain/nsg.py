"""Which rule of which network security group decides over a flow: Azure's evaluation, told rule by rule.

Rules are asked in the order of their priority and the first that matches decides; a flow coming in meets the subnet's
group and then the interface's, and both must let it in. Behind a balancer the port is the machine's own and the source
is the client's: a balancer changes neither (Microsoft, "Network security groups"; "Azure Load Balancer components").

What cannot be known is never guessed: a service tag whose addresses Azure alone knows, or a source behind somebody's
NAT, makes a rule one that *may* match. The verdict is then `unknown`, unless every way through the rules ends alike.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Literal

from wizard import ids

PLATFORM = IPv4Address("168.63.129.16")
"""The virtual address of the host, in every region and cloud: health probes come from it (tag AzureLoadBalancer)."""

EVERY_PORT = (0, 65535)

Access = Literal["allow", "deny", "unknown"]
Direction = Literal["Inbound", "Outbound"]

Document = Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """One end of a flow. `address` None: some address of the Internet that is not known here.

    `groups` are the keys of the application security groups that it is in, None when they are not known.
    """

    address: IPv4Address | None
    groups: frozenset[str] | None = frozenset()

    def __str__(self) -> str:
        return str(self.address) if self.address is not None else "an Internet address that is not known"


@dataclass(frozen=True)
class Flow:
    """The first packet of a connection, as the machine behind the balancer would see it."""

    source: End
    destination: End
    port: int
    protocol: str = "Tcp"
    direction: Direction = "Inbound"


@dataclass(frozen=True)
class Space:
    """What the tag VirtualNetwork means: the network's ranges and those of its peers.

    Azure counts gateways' and routes' ranges as well, which do not stand in the network's document. So a private
    address outside `ranges` may belong to it or not.
    """

    ranges: tuple[IPv4Network, ...]

    def holds(self, address: IPv4Address | None) -> bool | None:
        if address is None:
            return False
        if any(address in one for one in self.ranges):
            return True
        # The host's own address is in the tag by Microsoft's words, while its probes are told to pass by another one.
        return None if address == PLATFORM or (address.is_private and not address.is_loopback) else False


@dataclass(frozen=True)
class PassedOver:
    """A rule that did not decide, and why."""

    group: str
    rule: str
    priority: int
    why: str

    def __str__(self) -> str:
        return f"{self.rule} ({self.priority}): {self.why}"


@dataclass(frozen=True)
class Verdict:
    """What the groups say about one flow. `group` and `rule` decided; both are "" where there is no group at all."""

    access: Access
    group: str
    rule: str
    priority: int
    why: str
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def decided_by(self) -> str:
        """`rule deny-all (priority 90) of web-nsg`, or the reason where no rule decided."""
        return f"rule {self.rule} (priority {self.priority}) of {self.group}" if self.rule else self.why


@dataclass(frozen=True)
class _Rule:
    group: str
    name: str
    priority: int
    access: Literal["allow", "deny"]
    properties: Mapping[str, Any] = field(repr=False)


def space(network: Document) -> Space:
    """Read the tag VirtualNetwork off a virtual network's document."""
    properties = network.get("properties") or {}
    texts = list((properties.get("addressSpace") or {}).get("addressPrefixes") or ())
    for peering in properties.get("virtualNetworkPeerings") or ():
        facts = peering.get("properties") or {}
        for key in ("remoteAddressSpace", "remoteVirtualNetworkAddressSpace"):
            texts += (facts.get(key) or {}).get("addressPrefixes") or ()
    return Space(tuple(found for text in texts if (found := _network(str(text))) is not None))


def judge(groups: Sequence[Document], flow: Flow, network: Space) -> Verdict:
    """What all groups on a flow's way say. `groups` are NSG documents in the order they are met."""
    if not groups:
        return _without_groups(flow, network)
    verdicts = [judge_group(group, flow, network) for group in groups]
    for access in ("deny", "unknown"):
        for verdict in verdicts:
            if verdict.access == access:
                return verdict
    return verdicts[-1]


def judge_group(group: Document, flow: Flow, network: Space) -> Verdict:
    """What one group says, with every rule that was passed over on the way."""
    passed: list[PassedOver] = []
    possible: list[tuple[_Rule, str]] = []
    for rule in _rules(group, flow.direction):
        matches, why = _matches(rule, flow, network)
        if matches is False:
            passed.append(PassedOver(rule.group, rule.name, rule.priority, why))
        elif matches is None:
            possible.append((rule, why))
        else:
            return _decided(rule, possible, passed)
    name = str(group.get("name") or "")  # every group Azure makes ends with a rule that denies all
    return Verdict("deny", name, "", 0, f"no rule of {name} matches", tuple(passed))


def _decided(rule: _Rule, possible: list[tuple[_Rule, str]], passed: list[PassedOver]) -> Verdict:
    verb = "allows" if rule.access == "allow" else "denies"
    unlike = next(((other, why) for other, why in possible if other.access != rule.access), None)
    if unlike is None:
        return Verdict(rule.access, rule.group, rule.name, rule.priority, f"{rule.name} {verb} it", tuple(passed))
    other, why = unlike
    told = f"{why}; if it does not match, {rule.name} (priority {rule.priority}) {verb} it"
    return Verdict("unknown", other.group, other.name, other.priority, told, tuple(passed))


def _without_groups(flow: Flow, network: Space) -> Verdict:
    """Standard balancers and public addresses are closed until a group opens them; a virtual network is open inside."""
    if flow.direction == "Outbound":
        return Verdict("allow", "", "", 0, "no network security group limits what leaves")
    if flow.source.address == PLATFORM:
        return Verdict("allow", "", "", 0, "no network security group limits the probes")
    inside = network.holds(flow.source.address)
    if inside:
        return Verdict("allow", "", "", 0, "no network security group limits the virtual network")
    why = "there is no network security group, and a Standard balancer is closed until one opens it"
    return Verdict("deny" if inside is False else "unknown", "", "", 0, why)


def _rules(group: Document, direction: Direction) -> list[_Rule]:
    properties = group.get("properties") or {}
    listed = [*(properties.get("securityRules") or ()), *(properties.get("defaultSecurityRules") or _DEFAULTS)]
    rules = [
        _Rule(
            str(group.get("name") or ""),
            str(item.get("name") or ""),
            int(facts.get("priority") or 65500),
            "allow" if str(facts.get("access")).lower() == "allow" else "deny",
            facts,
        )
        for item in listed
        if str((facts := item.get("properties") or {}).get("direction")).lower() == direction.lower()
    ]
    return sorted(rules, key=lambda rule: rule.priority)


def _default(name: str, priority: int, access: str, source: str, destination: str) -> Document:
    return {
        "name": name,
        "properties": {
            "priority": priority,
            "direction": "Inbound" if name.endswith("InBound") else "Outbound",
            "access": access,
            "protocol": "*",
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": destination,
            "destinationPortRange": "*",
        },
    }


_DEFAULTS = (
    _default("AllowVnetInBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowAzureLoadBalancerInBound", 65001, "Allow", "AzureLoadBalancer", "*"),
    _default("DenyAllInBound", 65500, "Deny", "*", "*"),
    _default("AllowVnetOutBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowInternetOutBound", 65001, "Allow", "*", "Internet"),
    _default("DenyAllOutBound", 65500, "Deny", "*", "*"),
)
"""Every group's last rules (Microsoft, "Network security groups", default security rules), where ARM left them out."""


def _matches(rule: _Rule, flow: Flow, network: Space) -> tuple[bool | None, str]:
    """Whether a rule matches: True, False, or None when that cannot be told; and why it is not True."""
    facts = rule.properties
    protocol = str(facts.get("protocol") or "*")
    if protocol.lower() not in {"*", "any", flow.protocol.lower()}:
        return False, f"it is for {protocol}"
    ports = _values(facts, "destinationPortRange", "destinationPortRanges")
    if not any(low <= flow.port <= high for low, high in map(_range, ports)):
        return False, f"it is for port {_some(ports)}"
    doubts = []
    for which, end in (("source", flow.source), ("destination", flow.destination)):
        matches, why = _end_matches(facts, which, end, network)
        if matches is False:
            return False, why
        if matches is None:
            doubts.append(why)
    from_ports = _values(facts, "sourcePortRange", "sourcePortRanges")
    if from_ports and EVERY_PORT not in map(_range, from_ports):
        doubts.append(f"{rule.name} is for source port {_some(from_ports)}, and a client's port is any")
    return (None, f"{rule.name} may match: {'; '.join(doubts)}") if doubts else (True, "")


def _end_matches(facts: Mapping[str, Any], which: str, end: End, network: Space) -> tuple[bool | None, str]:
    application = [ids.key(str(one.get("id"))) for one in facts.get(f"{which}ApplicationSecurityGroups") or ()]
    if application:
        names = _some(key.rsplit("/", 1)[-1] for key in application)
        if end.groups is None:
            return None, f"whether {end} is in application security group {names} is not known"
        inside = bool(set(application) & end.groups)
        return inside, "" if inside else f"its {which} is application security group {names}"
    texts = _values(facts, f"{which}AddressPrefix", f"{which}AddressPrefixes")
    found = [_prefix_holds(text, end.address, network) for text in texts]
    if True in found:
        return True, ""
    if None in found:
        unsure = _some(text for text, holds in zip(texts, found, strict=True) if holds is None)
        return None, f"whether its {which} {unsure} holds {end} cannot be told here"
    return False, f"its {which} is {_some(texts)}"


def _prefix_holds(text: str, address: IPv4Address | None, network: Space) -> bool | None:
    """Whether an address prefix or service tag holds an address; None when that cannot be told."""
    match text.lower():
        case "*" | "any" | "0.0.0.0/0":
            return True
        case "virtualnetwork":
            return network.holds(address)
        case "azureloadbalancer":
            return address == PLATFORM
        case "internet":
            # All that is outside the virtual network and reachable by the Internet, Azure's public addresses too.
            if address == PLATFORM:  # an address of every network's own host, whoever it is announced to
                return False
            inside = network.holds(address)
            return None if inside is None else not inside
    prefix = _network(text)
    if prefix is None:
        # Any other tag is a list of Microsoft's own public addresses, which only Azure knows; the networks of a
        # person and the host's address are in none of them.
        return False if address is not None and not address.is_global else None
    if address is None:
        return None if prefix.is_global else False
    return address in prefix


def _network(text: str) -> IPv4Network | None:
    """`10.0.0.0/8` or `10.0.0.4`; None for a service tag."""
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _values(facts: Mapping[str, Any], single: str, several: str) -> list[str]:
    found = [str(value) for value in facts.get(several) or ()]
    if (value := facts.get(single)) not in (None, ""):
        found.append(str(value))
    return found


def _range(text: str) -> tuple[int, int]:
    if text == "*":
        return EVERY_PORT
    low, _, high = text.partition("-")
    try:
        return int(low), int(high or low)
    except ValueError:
        return (1, 0)  # matches nothing


def _some(texts: Iterable[str]) -> str:
    listed = list(texts)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
