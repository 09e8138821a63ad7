"""The cloud still has the disks that the plan asks for."""

from __future__ import annotations

from wizard.azure.clouds import UNMANAGED_DISKS
from wizard.errors import Problem
from wizard.plan.model import Layout
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """An error where the cloud does not offer unmanaged disks and the plan puts VHDs into accounts."""
    if facts.plan.storage.layout is Layout.MANAGED or UNMANAGED_DISKS in facts.azure.cloud.offers:
        return []
    return [
        Problem(
            "storage.layout",
            f"The cloud {facts.azure.cloud.name} has no unmanaged disks.",
            "They retired on Azure on 2026-03-31; Azure Stack Hub still has them.",
            f'Write layout = "{Layout.MANAGED}".',
        )
    ]
