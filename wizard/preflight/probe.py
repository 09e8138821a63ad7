"""The health probe gets through: Azure's default rule 65001 lets it in, and a deny above that rule kills every probe.

A balancer without a healthy machine answers nobody, and nothing else says why.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wizard.errors import Problem
from wizard.preflight.facts import Facts

PROBE_SOURCE = ipaddress.ip_address("168.63.129.16")
"""Where Azure's probes come from, in every region and cloud; the tag AzureLoadBalancer means it."""

GROUPS = "Microsoft.Network/networkSecurityGroups"


async def check(facts: Facts) -> list[Problem]:
    """An error for each planned rule that refuses the probe on its port."""
    ports = {
        int((probe.get("properties") or {}).get("port") or facts.plan.balancer.backend_port)
        for balancer in facts.blueprint.of_type("Microsoft.Network/loadBalancers")
        for probe in (balancer.body.get("properties") or {}).get("probes") or ()
    }
    subnet = facts.plan.network.subnet
    return [
        _problem(group.name, rule, port)
        for group in facts.blueprint.of_type(GROUPS)
        for port in sorted(ports)
        if (rule := blocking_rule((group.body.get("properties") or {}).get("securityRules") or (), port, subnet))
    ]


def blocking_rule(rules: Iterable[Mapping[str, Any]], port: int, subnet: str) -> Mapping[str, Any] | None:
    """The rule of a network security group that denies the probe on a TCP port of machines in `subnet` (a range), or
    None. The first rule that matches decides.
    """
    inbound = [rule for rule in rules if _of(rule, "direction") == "inbound"]
    for rule in sorted(inbound, key=lambda rule: int(rule["properties"]["priority"])):
        if _of(rule, "protocol") in {"*", "tcp"} and _from_probe(rule) and _to(rule, port, subnet):
            return rule if _of(rule, "access") == "deny" else None
    return None


def _of(rule: Mapping[str, Any], name: str) -> str:
    return str((rule.get("properties") or {}).get(name) or "").lower()


def _values(rule: Mapping[str, Any], single: str, several: str) -> Iterator[str]:
    properties = rule.get("properties") or {}
    if value := properties.get(single):
        yield str(value)
    yield from (str(value) for value in properties.get(several) or ())


def _from_probe(rule: Mapping[str, Any]) -> bool:
    for value in _values(rule, "sourceAddressPrefix", "sourceAddressPrefixes"):
        if value == "*" or value.lower() == "azureloadbalancer":
            return True
        try:
            if PROBE_SOURCE in ipaddress.ip_network(value, strict=False):
                return True
        except ValueError:
            continue  # another tag: none of them includes the probe's address
    return False


def _to(rule: Mapping[str, Any], port: int, subnet: str) -> bool:
    ranges = [
        value for value in _values(rule, "destinationAddressPrefix", "destinationAddressPrefixes") if "/" in value
    ]
    if ranges and not any(_overlap(value, subnet) for value in ranges):
        return False  # other machines' rule; a tag (*, VirtualNetwork) counts as theirs too
    for value in _values(rule, "destinationPortRange", "destinationPortRanges"):
        first, _, last = value.partition("-")
        if value == "*" or (first.isdigit() and int(first) <= port <= int(last or first)):
            return True
    return False


def _overlap(one: str, other: str) -> bool:
    try:
        return ipaddress.IPv4Network(one, strict=False).overlaps(ipaddress.IPv4Network(other, strict=False))
    except ValueError:
        return True


def _problem(group: str, rule: Mapping[str, Any], port: int) -> Problem:
    priority = int(rule["properties"]["priority"])
    return Problem(
        "network",
        f"The rule {rule.get('name')} of {group} refuses the health probe on port {port}.",
        f"Its priority is {priority}; probes come from {PROBE_SOURCE}, which Azure lets in only at 65001. Every machine"
        " would be taken out of the balancer.",
        f"Allow the service tag AzureLoadBalancer at a priority below {priority}, or deny less.",
    )
