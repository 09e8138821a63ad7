"""Where a deployment answers: read from what ARM holds, so that it is true whatever the plan says by now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard import ids
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import members
from wizard.deploy.arm import Arm, Document
from wizard.errors import AzureError

SSH_PORT = 22
RDP_PORT = 3389
READS_AT_ONCE = 16
"""Questions for ports side by side: each is an operation that ARM works on for a moment."""


@dataclass(frozen=True)
class Endpoints:
    """`http` is `http://ADDRESS:PORT`, the maps are VM name to `ADDRESS:PORT`; empty where nothing answers yet."""

    http: str = ""
    ssh: Mapping[str, str] = field(default_factory=dict)
    rdp: Mapping[str, str] = field(default_factory=dict)


async def read(azure: Arm, blueprint: Blueprint) -> Endpoints:
    """Ask for the balancer and its public address. Ports come from the live balancer, VM names from the plan's NICs."""
    balancer = next(iter(blueprint.of_type("Microsoft.Network/loadBalancers")), None)
    live = await azure.get(balancer.id) if balancer else None
    if live is None:
        return Endpoints()
    frontends = {
        ids.key(str(frontend.get("id") or ids.child_id(live["id"], "frontendIPConfigurations", frontend["name"]))): (
            await _address(azure, frontend)
        )
        for frontend in _items(live, "frontendIPConfigurations")
    }

    def where(rule: Mapping[str, Any], port: int = 0) -> str:
        frontend = _reference(rule.get("properties") or {}, "frontendIPConfiguration")
        address = frontends.get(frontend, "")
        return f"{address}:{port or rule['properties']['frontendPort']}" if address else ""

    http = next((f"http://{at}" for rule in _items(live, "loadBalancingRules") if (at := where(rule))), "")
    maps: dict[int, dict[str, str]] = {SSH_PORT: {}, RDP_PORT: {}}
    vm_of_rule = dict(_nat_rules(blueprint))
    for rule in _items(live, "inboundNatRules"):
        rule_id = str(rule.get("id") or ids.child_id(live["id"], "inboundNatRules", rule["name"]))
        port = (rule.get("properties") or {}).get("backendPort")
        vm = vm_of_rule.get(ids.key(rule_id))
        if vm and port in maps and (at := where(rule)):
            maps[port][vm] = at
    ranges = {
        str(rule["name"]).lower(): rule
        for rule in _items(live, "inboundNatRules")
        if (rule.get("properties") or {}).get("frontendPortRangeStart")
    }
    if ranges:
        blueprint = await members.populated(blueprint, azure)
        for vm, told in await _mapped(azure, blueprint, live):
            ranged = ranges.get(str(told.get("inboundNatRuleName", "")).lower())
            port = told.get("backendPort")
            if ranged and port in maps and (at := where(ranged, int(told["frontendPort"]))):
                maps[port][vm] = at
    return Endpoints(http, maps[SSH_PORT], maps[RDP_PORT])


async def _mapped(azure: Arm, blueprint: Blueprint, balancer: Document) -> list[tuple[str, Document]]:
    """What Azure has given of its NAT ranges: (VM name, mapping), in the plan's order. Nothing says which port is whose
    but Azure, asked for each member of the pool.
    """
    vm_of_nic = _vm_of_nic(blueprint)
    order = {vm: number for number, vm in enumerate(vm_of_nic.values())}
    members = [
        (vm, pool, member)
        for pool, member in _members(balancer)
        if (vm := vm_of_nic.get(ids.key(member.rpartition("/ipConfigurations/")[0])))
    ]
    at_once = asyncio.Semaphore(READS_AT_ONCE)

    async def ask(vm: str, pool: str, member: str) -> list[tuple[str, Document]]:
        async with at_once:
            try:
                return [(vm, told) for told in await azure.port_mappings(pool, member)]
            except AzureError:
                if (pool, member) in _members(await azure.get(str(balancer["id"])) or {}):
                    raise
                return []  # it has left the pool meanwhile: a scale set takes machines by itself

    told = await asyncio.gather(*(ask(*each) for each in sorted(members, key=lambda each: order[each[0]])))
    return [mapping for each in told for mapping in each]


def _members(balancer: Document) -> list[tuple[str, str]]:
    """Ids of each pool and of each IP configuration in it."""
    return [
        (str(pool["id"]), str(member["id"]))
        for pool in _items(balancer, "backendAddressPools")
        for member in (pool.get("properties") or {}).get("backendIPConfigurations") or ()
    ]


async def _address(azure: Arm, frontend: Mapping[str, Any]) -> str:
    public = _reference(frontend.get("properties") or {}, "publicIPAddress")
    live = await azure.get(public) if public else None
    return str(((live or {}).get("properties") or {}).get("ipAddress") or "")


def _nat_rules(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """Each NAT rule's id and the VM it leads to: a VM names its NICs, a NIC its NAT rules."""
    vm_of_nic = _vm_of_nic(blueprint)
    for nic in blueprint.of_type("Microsoft.Network/networkInterfaces"):
        vm_name = vm_of_nic.get(ids.key(nic.id))
        for configuration in _properties(nic).get("ipConfigurations", ()) if vm_name else ():
            for rule in configuration.get("properties", {}).get("loadBalancerInboundNatRules", ()):
                yield ids.key(rule["id"]), str(vm_name)


def _vm_of_nic(blueprint: Blueprint) -> dict[str, str]:
    return {
        ids.key(str(nic.get("id", ""))): vm.name
        for vm in blueprint.of_type("Microsoft.Compute/virtualMachines")
        for nic in _properties(vm).get("networkProfile", {}).get("networkInterfaces", ())
    }


def _properties(resource: Resource) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = resource.body.get("properties", {})
    return properties


def _items(document: Document, key: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (document.get("properties") or {}).get(key) or []
    return items


def _reference(properties: Mapping[str, Any], key: str) -> str:
    """The id an ARM reference `{"id": ...}` holds, as `ids.key` spells it; "" when there is none."""
    reference = properties.get(key)
    return ids.key(str(reference["id"])) if isinstance(reference, Mapping) and reference.get("id") else ""
