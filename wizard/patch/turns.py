"""In which order VMs are patched: by update domain, by zone, and in a scale set by machine or by a share of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.blueprint import names
from wizard.verify.drill import domains
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint


@dataclass(frozen=True)
class Turn:
    """VMs that are patched side by side; `name` such as `update domain 0`, `zone 1`, or a machine's."""

    name: str
    machines: Sequence[Machine]


async def turns(azure: Azure, blueprint: Blueprint, machines: Sequence[Machine], share: int) -> Sequence[Turn]:
    """All VMs in their order. Two domains are never patched at once, and a scale set's turn never spans two zones.

    A zone of a plan with zones is one turn, as planned maintenance takes it. A scale set is larger than that and has
    no domains to speak of: its zones are walked through by `share` percent of its machines at a time; 0 is by one.
    """
    found = await domains.in_turn(azure, blueprint, machines)
    if not blueprint.of_type(names.SCALE_SET):
        return [Turn(domain.name, domain.machines) for domain in found]
    size = max(1, len(machines) * share // 100)
    return [turn for group in _by_zone(found) for turn in _parts(group, size)]


def _by_zone(found: Sequence[domains.Domain]) -> Sequence[Sequence[Machine]]:
    """A scale set's machines by zone; all of them together where it has none."""
    zones = [domain.machines for domain in found if domain.name.startswith("zone ")]
    rest = [machine for domain in found if not domain.name.startswith("zone ") for machine in domain.machines]
    return [*zones, rest] if rest else zones


def _parts(machines: Sequence[Machine], size: int) -> Sequence[Turn]:
    parts = [machines[start : start + size] for start in range(0, len(machines), size)]
    return [Turn(", ".join(machine.vm_name for machine in part), part) for part in parts]
