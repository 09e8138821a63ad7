"""The region exists for this subscription."""

from __future__ import annotations

import difflib

from wizard.errors import Problem
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """An error that names the nearest region when the plan's is none."""
    wanted = facts.plan.location
    locations = await facts.locations()
    names = {str(entry["name"]) for entry in locations}
    if wanted.lower() in {name.lower() for name in names}:
        return []
    return [
        Problem(
            "location",
            f"There is no region {wanted!r} in this subscription.",
            f"{len(names)} regions are open to it.",
            _nearest(wanted, {str(entry.get("displayName") or ""): str(entry["name"]) for entry in locations}),
        )
    ]


def _nearest(wanted: str, names: dict[str, str]) -> str:
    """`West Europe` and `weseurope` both mean `westeurope`."""
    squeezed = "".join(wanted.lower().split())
    by_spelling = {"".join(display.lower().split()): name for display, name in names.items()}
    by_spelling |= {name.lower(): name for name in names.values()}
    if found := difflib.get_close_matches(squeezed, by_spelling, n=1, cutoff=0.6):
        return f"Did you mean {by_spelling[found[0]]}?"
    return "az account list-locations --query [].name shows them."
