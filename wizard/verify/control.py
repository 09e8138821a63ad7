"""The control plane's side: every planned resource is there, as planned, and the balancer's pool holds every VM."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import compare
from wizard.deploy.provisioning import state as provisioning_state
from wizard.verify.events import CheckDone
from wizard.verify.machines import LOAD_BALANCERS, Holders, Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

READS_AT_ONCE = 32
"""ARM lets 250 reads pass at once and then 25 a second; 32 side by side keep a busy connection without a burst."""

Live = Mapping[str, Mapping[str, Any] | None]
"""By `ids.key`: what ARM holds under each planned id, None where it holds nothing."""


async def read(azure: Azure, blueprint: Blueprint) -> Live:
    """Ask for every planned resource by itself: a listing of the group can be minutes old, a GET is not."""
    at_once = asyncio.Semaphore(READS_AT_ONCE)

    async def one(resource: Resource) -> tuple[str, Mapping[str, Any] | None]:
        async with at_once:
            return ids.key(resource.id), await azure.get(resource.id)

    return dict(await together(one(resource) for resource in blueprint))


def present(blueprint: Blueprint, live: Live) -> Iterator[CheckDone]:
    """control.present: it is there and its last write succeeded."""
    for resource in blueprint:
        document = live[ids.key(resource.id)]
        kind = resource.type.rsplit("/", 1)[-1]
        if document is None:
            yield CheckDone("control.present", resource.name, "failed", f"{kind}: there is none")
            continue
        told = provisioning_state(document)
        good = told == "Succeeded"
        yield CheckDone("control.present", resource.name, "passed" if good else "failed", f"{kind}: {told}")


def states(blueprint: Blueprint, live: Live) -> list[dict[str, str]]:
    """Every planned resource with what ARM says of it, as the evidence keeps it."""
    return [
        {
            "id": resource.id,
            "type": resource.type,
            "name": resource.name,
            "state": provisioning_state(document) if (document := live[ids.key(resource.id)]) is not None else "absent",
        }
        for resource in blueprint
    ]


def as_planned(blueprint: Blueprint, live: Live) -> Iterator[CheckDone]:
    """control.as_planned: what ARM holds is what the plan asked for, for each resource that is there."""
    for resource in blueprint:
        document = live[ids.key(resource.id)]
        if document is None:
            continue
        kind = resource.type.rsplit("/", 1)[-1]
        differences = compare.same(resource.body, document)
        if not differences:
            yield CheckDone("control.as_planned", resource.name, "passed", f"{kind}: as planned")
            continue
        found = "; ".join(
            f"{difference.where} is {_short(difference.live)}, planned {_short(difference.desired)}"
            for difference in differences[:4]
        )
        more = f"; and {len(differences) - 4} more" if len(differences) > 4 else ""
        yield CheckDone("control.as_planned", resource.name, "failed", f"{kind}: {found}{more}")


def pool(blueprint: Blueprint, live: Live, machines: Sequence[Machine]) -> Iterator[CheckDone]:
    """balancer.pool: as the balancer itself tells it, every VM has a NIC in a backend pool."""
    for planned in blueprint.of_type(LOAD_BALANCERS):
        document = live[ids.key(planned.id)] or {}
        members = [
            str(member.get("id") or "")
            for backend_pool in _items(document, "backendAddressPools")
            for member in (backend_pool.get("properties") or {}).get("backendIPConfigurations") or ()
        ]
        holders = Holders(machines)
        within = {machine.id for member in members if (machine := holders.of(member)) is not None}
        for machine in machines:
            inside = machine.id in within
            detail = f"in a backend pool of {planned.name}" if inside else f"in no backend pool of {planned.name}"
            yield CheckDone("balancer.pool", machine.name, "passed" if inside else "failed", detail)


@dataclass(frozen=True)
class Frontend:
    """One public address of the deployment and the ports that its balancer opens there."""

    name: str
    address: str
    ports: frozenset[int]
    nat_ports: frozenset[int]


def public_addresses(blueprint: Blueprint, live: Live, doors: Iterable[str] = ()) -> list[Frontend]:
    """Every planned public IP that has an address, with what the live balancers open on it.

    `doors` are `ADDRESS:PORT` of single machines, which a NAT rule with a range does not tell itself.
    """
    told = [(host, int(port)) for host, _, port in (door.rpartition(":") for door in doors)]
    frontends = []
    for planned in blueprint.of_type("Microsoft.Network/publicIPAddresses"):
        address = str(((live[ids.key(planned.id)] or {}).get("properties") or {}).get("ipAddress") or "")
        if not address:
            continue
        ports: set[int] = set()
        nat_ports: set[int] = set()
        for balancer in blueprint.of_type(LOAD_BALANCERS):
            document = live[ids.key(balancer.id)] or {}
            ours = {
                ids.key(
                    str(frontend.get("id") or ids.child_id(balancer.id, "frontendIPConfigurations", frontend["name"]))
                )
                for frontend in _items(document, "frontendIPConfigurations")
                if _reference(frontend, "publicIPAddress") == ids.key(planned.id)
            }
            for key, opened in (("loadBalancingRules", ports), ("inboundNatRules", nat_ports)):
                opened.update(
                    int(rule["properties"]["frontendPort"])
                    for rule in _items(document, key)
                    if _reference(rule, "frontendIPConfiguration") in ours and rule["properties"].get("frontendPort")
                )
        nat_ports.update(port for host, port in told if host == address)
        frontends.append(Frontend(planned.name, address, frozenset(ports | nat_ports), frozenset(nat_ports)))
    return frontends


def balancing_rule(blueprint: Blueprint, live: Live) -> tuple[str, str] | None:
    """The balancer's id and the name of its first rule, if it is there."""
    for planned in blueprint.of_type(LOAD_BALANCERS):
        for rule in _items(live[ids.key(planned.id)] or {}, "loadBalancingRules"):
            return planned.id, str(rule["name"])
    return None


def _items(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = (document.get("properties") or {}).get(key) or []
    return items


def _reference(item: Mapping[str, Any], key: str) -> str:
    reference = (item.get("properties") or {}).get(key) or {}
    return ids.key(str(reference.get("id") or ""))


def _short(value: Any) -> str:
    if value is None:
        return "not set"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
