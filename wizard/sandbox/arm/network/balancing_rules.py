"""The rules of a load balancer's probes, balancing rules, NAT rules and outbound rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.network import port_ranges
from wizard.sandbox.arm.network.resource import choice, number
from wizard.sandbox.store import Json

SNAT_PORTS = 64000
"""What one frontend address gives to outbound rules."""


def check_probe(probe: Json) -> None:
    """Protocol, port, interval and the path that HTTP must and TCP must not have."""
    facts, by = probe["properties"], probe["id"]
    protocol = choice(facts, "protocol", ("Http", "Tcp", "Https"), by)
    number(facts, "port", 1, 65535, by)
    number(facts, "intervalInSeconds", 5, 2**31 // 1000, by, default=15)
    number(facts, "numberOfProbes", 1, 100, by, default=1)
    number(facts, "probeThreshold", 1, 100, by, default=1)
    path = facts.get("requestPath")
    if protocol != "Tcp" and not path:
        raise ArmError(
            400,
            "MissingRequestPathInProbe",  # code from memory
            f"Probe {by} has the protocol {protocol} and must have a requestPath.",
        )
    if protocol == "Tcp" and path:
        raise ArmError(
            400,
            "RequestPathNotAllowedInProbe",  # code from memory
            f"Probe {by} has the protocol Tcp and cannot have a requestPath.",
        )


def complete_probe(facts: Json) -> None:
    facts.setdefault("intervalInSeconds", 15)
    facts.setdefault("numberOfProbes", 1)
    facts.setdefault("probeThreshold", 1)
    facts.setdefault("noHealthyBackendsBehavior", "AllProbedDown")


def check_rule(rule: Json) -> None:
    facts, by = rule["properties"], rule["id"]
    _check_ports(facts, by)
    _require(facts, "frontendIPConfiguration", by)
    choice(facts, "loadDistribution", ("Default", "SourceIP", "SourceIPProtocol"), by, default="Default")
    if facts.get("backendAddressPool") is None and facts.get("backendAddressPools"):
        facts["backendAddressPool"] = facts["backendAddressPools"][0]


def complete_rule(facts: Json) -> None:
    _complete(facts)
    facts.setdefault("loadDistribution", "Default")
    facts.setdefault("disableOutboundSnat", False)
    if facts.get("backendAddressPool") is not None:
        facts.setdefault("backendAddressPools", [facts["backendAddressPool"]])


def check_nat_rule(rule: Json) -> None:
    """One port for one interface, or a range of ports for a pool."""
    facts, by = rule["properties"], rule["id"]
    _require(facts, "frontendIPConfiguration", by)
    if not port_ranges.is_range(facts) and not facts.get("backendAddressPool"):
        _check_ports(facts, by)
        return
    for key in ("backendAddressPool", "frontendPortRangeStart", "frontendPortRangeEnd", "backendPort"):
        _require(facts, key, by)
    if facts.get("frontendPort"):
        raise ArmError(
            400,
            "InboundNatRuleFrontendPortAndRangeAreExclusive",  # code from memory
            f"NAT rule {by} has both a frontend port and a range of frontend ports.",
        )
    choice(facts, "protocol", ("Tcp", "Udp", "All"), by)
    first = number(facts, "frontendPortRangeStart", 1, 65534, by)
    number(facts, "frontendPortRangeEnd", first, 65534, by)
    number(facts, "backendPort", 1, 65535, by)
    number(facts, "idleTimeoutInMinutes", 4, 30, by, default=4)


def complete_nat_rule(facts: Json) -> None:
    _complete(facts)
    if port_ranges.is_range(facts):
        facts["frontendPort"] = 0


def check_outbound_rule(rule: Json) -> None:
    facts, by = rule["properties"], rule["id"]
    _require(facts, "backendAddressPool", by)
    _require(facts, "frontendIPConfigurations", by)
    choice(facts, "protocol", ("Tcp", "Udp", "All"), by)
    number(facts, "idleTimeoutInMinutes", 4, 120, by, default=4)
    ports = number(facts, "allocatedOutboundPorts", 0, SNAT_PORTS, by, default=0)
    if ports % 8:
        raise ArmError(
            400,
            "InvalidAllocatedOutboundPorts",  # code from memory
            f"AllocatedOutboundPorts {ports} of outbound rule {by} must be a multiple of 8.",
        )


def check_allocation(properties: Json, members: Callable[[str], int]) -> None:
    """What outbound rules promise each member of their pool is there. `members` counts by pool id.

    Ports given without a number (0) are Azure's own to share out. Rules on the same frontend take eight ports for each
    range of eight that one of theirs lies in.
    """
    for rule in properties.get("outboundRules") or ():
        facts = rule["properties"]
        wanted = facts.get("allocatedOutboundPorts") or 0
        fronts = {ids.key(front["id"]) for front in facts["frontendIPConfigurations"]}
        count = members(facts["backendAddressPool"]["id"])
        room = SNAT_PORTS * len(fronts) - 8 * len(_ranges_of_eight(properties, fronts))
        if wanted * count > room:
            raise ArmError(
                400,
                "AllocatedOutboundPortsExceedsLimit",  # code and wording from memory
                f"Outbound rule {rule['id']} allocates {wanted} ports to each of {count} backend instances, "
                f"{wanted * count} in all, and its frontend IP configurations have {room}.",
            )


def _ranges_of_eight(properties: Json, fronts: set[str]) -> set[tuple[str, int]]:
    found = set()
    for where in ("loadBalancingRules", "inboundNatRules"):
        for rule in properties.get(where) or ():
            facts = rule["properties"]
            front = ids.key(facts["frontendIPConfiguration"]["id"])
            if front not in fronts:
                continue
            found |= {(front, port // 8) for port in port_ranges.ports(facts)}
    return found


def complete_outbound_rule(facts: Json) -> None:
    facts.setdefault("allocatedOutboundPorts", 0)
    facts.setdefault("idleTimeoutInMinutes", 4)
    facts.setdefault("enableTcpReset", False)


def check_clashes(properties: Json) -> None:
    """No two rules on one frontend, port and protocol; no two on one pool and backend port."""
    fronts: dict[tuple[Any, ...], str] = {}
    backs: dict[tuple[Any, ...], str] = {}
    outbound: dict[tuple[str, str], str] = {}
    for where in ("loadBalancingRules", "inboundNatRules"):
        for rule in properties.get(where) or ():
            facts = rule["properties"]
            for protocol in _protocols(facts):
                for port in port_ranges.ports(facts):
                    front = (ids.key(facts["frontendIPConfiguration"]["id"]), port, protocol)
                    if other := fronts.get(front):
                        raise _same("RulesUseSameFrontendPortProtocolAndVip", other, rule["id"], "frontend port")
                    fronts[front] = rule["id"]
                pool = facts.get("backendAddressPool")
                if where != "loadBalancingRules" or pool is None or facts.get("enableFloatingIP"):
                    continue
                back = (ids.key(pool["id"]), facts["backendPort"], protocol)
                if other := backs.get(back):
                    raise _same("RulesUseSameBackendPortProtocolAndPool", other, rule["id"], "backend port")
                backs[back] = rule["id"]
    for rule in properties.get("outboundRules") or ():
        pool = ids.key(rule["properties"]["backendAddressPool"]["id"])
        for front in rule["properties"]["frontendIPConfigurations"]:
            if other := outbound.get((pool, ids.key(front["id"]))):
                raise _same("OutboundRulesUseSamePoolAndFrontend", other, rule["id"], "pool")
            outbound[pool, ids.key(front["id"])] = rule["id"]
    _check_snat(properties)


def _check_snat(properties: Json) -> None:
    """A pool cannot leave by an outbound rule and by a balancing rule's own SNAT at once."""
    leaving = {
        ids.key(rule["properties"]["backendAddressPool"]["id"]) for rule in properties.get("outboundRules") or ()
    }
    for rule in properties.get("loadBalancingRules") or ():
        facts = rule["properties"]
        pool = facts.get("backendAddressPool")
        if pool is not None and ids.key(pool["id"]) in leaving and facts.get("disableOutboundSnat") is not True:
            raise ArmError(
                400,
                "LoadBalancingRuleMustDisableSNATSinceSameFrontendIPConfigurationIsReferencedByOutboundRule",
                f"Load balancing rule {rule['id']} must disable SNAT since its backend pool is referenced by an "
                "outbound rule.",
            )


def _protocols(facts: Json) -> tuple[str, ...]:
    return ("Tcp", "Udp") if facts["protocol"] == "All" else (facts["protocol"],)


def _same(code: str, first: str, second: str, what: str) -> ArmError:
    return ArmError(400, code, f"Load balancing rules {first} and {second} use the same {what} with the same protocol.")


def _check_ports(facts: Json, by: str) -> None:
    protocol = choice(facts, "protocol", ("Tcp", "Udp", "All"), by)
    if protocol == "All" and facts.get("frontendPort") == 0:
        number(facts, "backendPort", 0, 0, by)
    else:
        number(facts, "frontendPort", 1, 65534, by)
        number(facts, "backendPort", 1, 65535, by, default=facts["frontendPort"])
        facts.setdefault("backendPort", facts["frontendPort"])
    number(facts, "idleTimeoutInMinutes", 4, 30, by, default=4)


def _complete(facts: Json) -> None:
    facts.setdefault("idleTimeoutInMinutes", 4)
    facts.setdefault("enableFloatingIP", False)
    facts.setdefault("enableTcpReset", False)


def _require(facts: Json, key: str, by: str) -> None:
    if not facts.get(key):
        raise ArmError(400, f"Missing{key[0].upper()}{key[1:]}", f"{by} has no {key}.")  # codes from memory
