"""The image exists in the region, and is of the plan's system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.errors import Problem
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """An error when the region has no such image, or not in this version, or it is not of the plan's system."""
    if not await facts.can_ask("Microsoft.Compute"):
        return []
    found = await facts.image()
    if found is not None:
        return _of_ones_own(facts, found["own"]) if "own" in found else []
    reference = facts.image_reference()
    if own := reference.get("id"):
        return [
            _problem(
                f"There is no image {str(own).rsplit('/', 1)[-1]}.",
                f"Azure holds nothing under {own}.",
                "az image list --query [].id shows what there is.",
            )
        ]
    urn = ":".join(str(reference.get(part) or "") for part in ("publisher", "offer", "sku", "version"))
    publisher = reference.get("publisher")
    return [
        _problem(
            f"{facts.plan.location} has no image {facts.plan.machines.image} ({urn}).",
            "Azure knows no such publisher, offer, SKU or version there.",
            f"az vm image list --location {facts.plan.location} --publisher {publisher} --all shows what there is.",
        )
    ]


def _of_ones_own(facts: Facts, image: Mapping[str, Any]) -> list[Problem]:
    """A managed image is in the machines' region and of their system."""
    plan, problems = facts.plan, []
    region = "".join(str(image.get("location") or "").split()).lower()
    if region != plan.location.lower():
        problems.append(
            _problem(
                f"The image {image.get('name')} is in {region}, and the machines in {plan.location}.",
                "A managed image serves its own region only.",
                f"Make one in {plan.location}, or deploy to {region}.",
            )
        )
    disk = ((image.get("properties") or {}).get("storageProfile") or {}).get("osDisk") or {}
    if (system := str(disk.get("osType") or "").lower()) not in ("", str(plan.machines.os)):
        problems.append(
            _problem(
                f"The image {image.get('name')} is a {system} image, and machines.os is {plan.machines.os}.",
                "The two tell the same thing and must agree.",
                f'Write os = "{system}", or choose another image.',
            )
        )
    return problems


def _problem(what: str, why: str, remedy: str) -> Problem:
    return Problem("machines.image", what, why, remedy)
