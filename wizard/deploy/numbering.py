"""Which of a deployment's machines something belongs to: PREFIX1, PREFIX2, ... read backwards from names in Azure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wizard import ids
from wizard.blueprint import names
from wizard.deploy.ownership import owned
from wizard.plan import limits
from wizard.plan.model import Plan


def listed(plan: Plan, items: Iterable[Mapping[str, Any]], *, types: Iterable[str] = (names.VM, names.NIC)) -> set[int]:
    """The numbers of the machines whose VMs and NICs a listing of the group holds. Only what carries our tag counts."""
    kinds = {kind.lower() for kind in types}
    numbers = _numbers(plan)
    return {
        numbers[name]
        for item in items
        if str(item.get("type", "")).lower() in kinds
        and (name := str(item.get("name", "")).casefold()) in numbers
        and owned(item, plan.name)
    }


def wired(plan: Plan, balancer: Mapping[str, Any]) -> set[int]:
    """The numbers of the machines that a live balancer knows: by their NAT rules, and by the members of its pools.

    A GET is never behind, as a listing can be: a machine's rule is the first that is written of it and the last to go.
    """
    numbers = _numbers(plan)
    return {numbers[name] for name in map(str.casefold, _names(balancer)) if name in numbers}


def _names(balancer: Mapping[str, Any]) -> Iterator[str]:
    properties = balancer.get("properties") or {}
    for rule in properties.get("inboundNatRules") or ():
        yield str(rule.get("name", ""))
    for pool in properties.get("backendAddressPools") or ():
        for member in (pool.get("properties") or {}).get("backendIPConfigurations") or ():
            try:
                yield ids.parse(str(member.get("id", ""))).names[0]
            except (ValueError, IndexError):
                continue


def _numbers(plan: Plan) -> dict[str, int]:
    """Every name that machine 1, 2, ... can have in Azure, to its number."""
    found: dict[str, int] = {}
    for number in range(1, limits.SCALE_SET_VMS.high + 1):
        vm = f"{plan.prefix}{number}"
        for name in (vm, names.nic(vm), names.nat_rule(vm, plan.machines.os)):
            found[name.casefold()] = number
    return found
