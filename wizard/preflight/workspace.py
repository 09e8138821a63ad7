"""The Log Analytics workspace that a plan names is there: otherwise its last resource but one would be refused."""

from __future__ import annotations

from wizard.azure import monitor
from wizard.errors import AzureError, Problem
from wizard.plan.management import NEW
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """An error where it is missing, or is not this sign-in's to see."""
    named = facts.plan.diagnostics.workspace
    if named in ("", NEW):
        return []
    try:
        await monitor.workspace(facts.azure, named)
    except AzureError as error:
        if error.status not in (403, 404):
            raise
        return [
            Problem(
                "diagnostics.workspace",
                f"The workspace {named.rpartition('/')[2]} is not there, or not visible.",
                f"Azure answered {error.status}: {error.what}",
                f'Check its id, or write "{NEW}" to have one made.',
            )
        ]
    return []
