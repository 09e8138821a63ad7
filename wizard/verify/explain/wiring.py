"""Causes in the balancer's own wiring: frontend, rule, pool and NAT rule, each as its document says."""

from __future__ import annotations

from collections.abc import Iterator

from wizard import ids
from wizard.verify.explain.cause import Cause
from wizard.verify.explain.facts import Facts, items, named, pools_of, properties, reference
from wizard.verify.machines import Machine

AGAIN = "Deploy the plan again: it puts back what the plan says."


def frontend(facts: Facts) -> Iterator[Cause]:
    """The balancer, its public address and its load-balancing rule."""
    balancer_id, balancer = facts.balancer()
    if balancer is None:
        yield Cause("balancer-missing", "there is no load balancer", f"ARM holds nothing under {balancer_id}", AGAIN)
        return
    name = str(balancer.get("name") or "")
    rule = facts.rule()
    if rule is None:
        wanted = facts.planned_rule().get("name")
        there = ", ".join(str(one.get("name")) for one in items(balancer, "loadBalancingRules")) or "none"
        yield Cause(
            "rule-missing", f"{name} has no load-balancing rule {wanted}", f"its document lists: {there}", AGAIN
        )
        return
    key = reference(properties(rule).get("frontendIPConfiguration"))
    found = next(
        (one for one in items(balancer, "frontendIPConfigurations") if ids.key(str(one.get("id") or "")) == key), None
    )
    address = facts.documents.get(reference(properties(found).get("publicIPAddress")))
    if not properties(address).get("ipAddress"):
        yield Cause(
            "frontend-without-address",
            f"the frontend of rule {rule['name']} has no public address",
            f"frontend configuration {(found or {}).get('name', '?')} of {name}",
            AGAIN,
        )


def pool(facts: Facts, machine: Machine) -> Iterator[Cause]:
    """The machine's interface is not in the pool that the rule leads to."""
    rule = facts.rule()
    configurations = facts.configurations(machine)
    if rule is None:
        return
    if not configurations:
        yield Cause(
            "nic-missing", f"{machine.name} has no network interface", "ARM holds none of its interfaces", AGAIN
        )
        return
    wanted = pools_of(rule)
    held = {key for one in configurations for key in one.pools}
    if held & set(wanted):
        return
    name = str((facts.balancer()[1] or {}).get("name") or "")
    names = ", ".join(key.rsplit("/", 1)[-1] for key in wanted) or "none"
    nic = configurations[0].nic.get("name")
    if held:
        others = ", ".join(sorted(key.rsplit("/", 1)[-1] for key in held))
        yield Cause(
            "rule-to-another-pool",
            f"rule {rule['name']} of {name} leads to pool {names}, and {machine.name} is in {others}",
            f"the rule's backendAddressPool, and {nic}'s loadBalancerBackendAddressPools",
            AGAIN,
        )
        return
    empty = "; the pool is empty" if not _members(facts, wanted) else ""
    yield Cause(
        "not-in-pool",
        f"{machine.name} is not in pool {names} of {name}{empty}",
        f"{nic} names no backend address pool",
        f"{AGAIN} Or in the portal: {name}, Backend pools, {names}, Add {nic}.",
    )


def nat(facts: Facts, machine: Machine) -> Iterator[Cause]:
    """The NAT rule that leads to the machine is missing, leads elsewhere, or is attached to nobody."""
    door = facts.door(machine)
    balancer_id, balancer = facts.balancer()
    if balancer is None:
        yield Cause("balancer-missing", "there is no load balancer", f"ARM holds nothing under {balancer_id}", AGAIN)
        return
    if door is None:
        return
    name = str(balancer.get("name") or "")
    rules = items(balancer, "inboundNatRules")
    rule = named(rules, door.name)
    if rule is None:
        there = ", ".join(str(one.get("name")) for one in rules) or "none"
        yield Cause(
            "nat-rule-missing",
            f"{name} has no inbound NAT rule {door.name}",
            f"its document lists: {there}",
            f"{AGAIN} Its ports begin at balancer.nat_first_port.",
        )
        return
    port = int(properties(rule).get("backendPort") or 0)
    if port != door.backend_port:
        yield Cause(
            "nat-rule-port",
            f"NAT rule {door.name} leads to port {port} of {machine.name}, planned is {door.backend_port}",
            f"backendPort in the document of {name}",
            AGAIN,
        )
    configurations = facts.configurations(machine)
    if door.pool:
        if configurations and not any(door.pool in one.pools for one in configurations):
            yield from pool(facts, machine)
        return
    held = {key for one in configurations for key in one.nat_rules}
    if configurations and ids.key(door.rule_id) not in held:
        attached = reference(properties(rule).get("backendIPConfiguration"))
        other = f"it is attached to {attached.split('/')[-3]}" if attached else "it is attached to no interface"
        yield Cause(
            "nat-rule-detached",
            f"NAT rule {door.name} does not lead to {machine.name}",
            f"{configurations[0].nic.get('name')} does not name it; {other}",
            AGAIN,
        )


def _members(facts: Facts, pools: list[str]) -> bool:
    return any(
        properties(one).get("backendIPConfigurations")
        for one in items(facts.balancer()[1], "backendAddressPools")
        if ids.key(str(one.get("id") or "")) in pools
    )
