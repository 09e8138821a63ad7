"""The image exists in the region."""

from __future__ import annotations

from wizard.errors import Problem
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """An error when the region has no such image, or not in this version."""
    if not await facts.can_ask("Microsoft.Compute") or await facts.image() is not None:
        return []
    reference = facts.image_reference()
    urn = ":".join(str(reference.get(part) or "") for part in ("publisher", "offer", "sku", "version"))
    publisher = reference.get("publisher")
    return [
        Problem(
            "machines.image",
            f"{facts.plan.location} has no image {facts.plan.machines.image} ({urn}).",
            "Azure knows no such publisher, offer, SKU or version there.",
            f"az vm image list --location {facts.plan.location} --publisher {publisher} --all shows what there is.",
        )
    ]
