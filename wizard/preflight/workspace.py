"""The Log Analytics workspace that a plan names is there, and where a rule can send to it.

Otherwise one of the last resources would be refused, with everything else made already.
"""

from __future__ import annotations

from wizard.azure import monitor
from wizard.errors import AzureError, Problem
from wizard.plan.management import NEW
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """An error where it is missing, is not this sign-in's to see, or is in another region than its rule would be."""
    named = facts.plan.diagnostics.workspace
    if named in ("", NEW):
        return []
    name = named.rpartition("/")[2]
    try:
        found = await monitor.workspace(facts.azure, named)
    except AzureError as error:
        if error.status not in (403, 404):
            raise
        return [
            Problem(
                "diagnostics.workspace",
                f"The workspace {name} is not there, or not visible.",
                f"Azure answered {error.status}: {error.what}",
                f'Check its id, or write "{NEW}" to have one made.',
            )
        ]
    where, ours = str(found.get("location") or ""), facts.plan.location
    if not facts.plan.diagnostics.guest_metrics or _plain(where) == _plain(ours):
        return []
    return [
        Problem(
            "diagnostics.workspace",
            f"The workspace {name} is in {where}, and the machines are to be in {ours}.",
            "A data collection rule is in the region of the workspace that it sends to "
            '(Microsoft, "Data collection rules in Azure Monitor"), and ours is made where the machines are.',
            f'Name a workspace in {ours}, write "{NEW}" to have one made, or set guest_metrics = false.',
        )
    ]


def _plain(location: str) -> str:
    """`West Europe` and `westeurope` are one place."""
    return "".join(location.split()).lower()
