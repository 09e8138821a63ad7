"""Rules about availability zones: which, and what they promise. Whether the region and the size have them is the
cloud's to say.

Source: Microsoft, "Availability zones" and the SLA for Online Services (99.99 % for two or more VMs in two or more
zones of a region).
"""

from __future__ import annotations

from collections.abc import Iterator

from wizard.errors import Problem
from wizard.plan.model import Placement

FIELD = "machines.zones"
ALL = ("1", "2", "3")
"""Of every region that has zones; a public address that names all of them outlives any one."""


def zones(entries: tuple[str, ...]) -> Iterator[Problem]:
    """1, 2 and 3, each once."""
    if not entries:
        yield Problem(FIELD, "There is no zone.", "The list says which zones machines go to.", 'Write ["1", "2", "3"].')
    for entry in dict.fromkeys(entries):
        if entry not in ALL:
            yield Problem(FIELD, f'"{entry}" is not a zone.', "Zones are called 1, 2 and 3.", 'Write ["1", "2", "3"].')
        elif entries.count(entry) > 1:
            yield Problem(FIELD, f"Zone {entry} is there twice.", "Machines go round the list.", "Name each once.")


def spread(count: int, entries: tuple[str, ...], placement: Placement, scale_set_zones: bool = True) -> Problem | None:
    """A warning where a single zone holds all machines."""
    zonal = placement is Placement.ZONES or (placement is Placement.SCALE_SET and scale_set_zones)
    if not zonal or min(count, len(entries)) >= 2:
        return None
    return Problem(
        FIELD if count >= 2 else "machines.count",
        "All machines would be in one zone.",
        "Azure promises 99.99 % for two or more VMs in two or more zones; one zone can fail as a whole.",
        "Name two or more zones." if count >= 2 else "Use 2 or more machines.",
        "warning",
    )
