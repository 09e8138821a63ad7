"""Which VMs go together: those that Azure restarts, or loses, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.errors import InputError
from wizard.verify import health
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint


@dataclass(frozen=True)
class Domain:
    """VMs that planned maintenance restarts at once; `name` such as `update domain 0` or `zone 1`."""

    name: str
    machines: Sequence[Machine]


async def of_set(
    azure: Azure, deployment: str, machines: Sequence[Machine], kind: str, number: int
) -> Sequence[Machine]:
    """The VMs in a domain of the availability set: `update` (planned maintenance) or `fault` (a rack's power)."""
    views = await _views(azure, machines)
    domains = [_number(view, kind) for view in views]
    chosen = [machine for machine, domain in zip(machines, domains, strict=True) if domain == number]
    if not chosen:
        there = sorted({domain for domain in domains if domain is not None})
        raise InputError(
            f"No VM of {deployment} is in {kind} domain {number}.",
            f"Its VMs are in {', '.join(map(str, there))}." if there else f"Its VMs are in no {kind} domains.",
            "Name one of these." if there else "Name a VM, or a zone where they are in zones.",
        )
    return chosen


def of_zone(blueprint: Blueprint, machines: Sequence[Machine], zone: str) -> Sequence[Machine]:
    """The VMs in a zone. InputError when there is none."""
    zones = {machine.name: _zone(blueprint, machine) for machine in machines}
    chosen = [machine for machine in machines if zones[machine.name] == zone]
    if not chosen:
        there = sorted({each for each in zones.values() if each})
        raise InputError(
            f"No VM of {blueprint.name} is in zone {zone}.",
            f"Its VMs are in {', '.join(there)}." if there else "Its VMs are in no zones.",
            "Name one of these." if there else "Name a VM, or one of the availability set's domains.",
        )
    return chosen


async def in_turn(azure: Azure, blueprint: Blueprint, machines: Sequence[Machine]) -> Sequence[Domain]:
    """What planned maintenance takes one after another: zones, update domains, or single VMs that are in neither."""
    views = await _views(azure, machines)
    found: dict[tuple[int, str, str], list[Machine]] = {}
    for place, (machine, view) in enumerate(zip(machines, views, strict=True)):
        zone, update = _zone(blueprint, machine), _number(view, "update")
        if zone:
            key = (0, f"{zone:>4}", f"zone {zone}")
        elif update is not None:
            key = (1, f"{update:04}", f"update domain {update}")
        else:
            key = (2, f"{place:04}", machine.name)
        found.setdefault(key, []).append(machine)
    return [Domain(key[2], found[key]) for key in sorted(found)]


async def _views(azure: Azure, machines: Sequence[Machine]) -> Sequence[Mapping[str, Any]]:
    """The instance views; an empty one of a VM that was deleted meanwhile."""
    views = await together(health.instance_if_there(azure, machine) for machine in machines)
    return [view or {} for view in views]


def _zone(blueprint: Blueprint, machine: Machine) -> str:
    zones = blueprint[machine.id].body.get("zones") or ()
    return str(zones[0]) if zones else ""


def _number(view: Mapping[str, Any], kind: str) -> int | None:
    told = view.get(f"platform{kind.capitalize()}Domain")
    return int(told) if told is not None else None
