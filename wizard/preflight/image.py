"""The image exists in the region, and is of the plan's system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.errors import Problem
from wizard.preflight.facts import Facts, place

TRUSTED = ("TrustedLaunch", "TrustedLaunchSupported", "TrustedLaunchAndConfidentialVmSupported")
"""The security types of definitions whose images make machines with Trusted Launch."""


async def check(facts: Facts) -> list[Problem]:
    """An error when the region has no such image, or not in this version, or it is not of the plan's system."""
    if not await facts.can_ask("Microsoft.Compute"):
        return []
    found = await facts.image()
    if found is not None:
        if "definition" in found:
            if not found["own"]:
                return [_without_version(facts, found["definition"])]
            return list(_of_a_gallery(facts, found["own"], found["definition"]))
        return _of_ones_own(facts, found["own"]) if "own" in found else []
    reference = facts.image_reference()
    if own := reference.get("id"):
        held = "/galleries/" in str(own).lower()
        return [
            _problem(
                f"There is no image {_called(str(own))}.",
                f"Azure holds nothing under {own}.",
                f"{'az sig image-version list' if held else 'az image list --query [].id'} shows what there is.",
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
    problems += _of_another_system(facts, str(image.get("name")), disk)
    return problems


def _without_version(facts: Facts, definition: Mapping[str, Any]) -> Problem:
    region = facts.plan.location.lower()
    return _problem(
        f"The image {definition.get('name')} has no version in {region} that is taken as the latest.",
        "Its id names no version: Azure takes the highest that is copied there and not excluded from latest.",
        f"Copy a version to {region}, or name one: az sig image-version list shows what there is.",
    )


def _of_a_gallery(facts: Facts, version: Mapping[str, Any], definition: Mapping[str, Any]) -> Iterator[Problem]:
    """A version is copied to the machines' region, of their system, and one that new machines are made of."""
    name, region = _called(str(version.get("id"))), facts.plan.location.lower()
    publishing = (version.get("properties") or {}).get("publishingProfile") or {}
    copies = sorted(place(str(each.get("name"))) for each in publishing.get("targetRegions") or ())
    if region not in copies:
        yield _problem(
            f"The image {name} is not in {region}.",
            f"It is copied to {', '.join(copies) or 'no region'}, and machines are made of a copy in their own region.",
            f"Add the region: az sig image-version update --add publishingProfile.targetRegions name={region} ...",
        )
    told = definition.get("properties") or {}
    yield from _of_another_system(facts, name, told)
    if told.get("osState") == "Specialized":
        yield _problem(
            f"The image {name} is specialized.",
            "Machines of it would have the name, the users and the keys of the one that it was taken of.",
            "Use a version of a generalized image.",
        )
    features = {str(each.get("name")).lower(): each.get("value") for each in told.get("features") or ()}
    yield from _of_another_security_type(facts, name, str(features.get("securitytype") or ""))


def _of_another_security_type(facts: Facts, name: str, feature: str) -> Iterator[Problem]:
    """What the definition says of the firmware that machines of it need, or can have."""
    if facts.trusted_launch and feature not in TRUSTED:
        yield Problem(
            "machines.security_type",
            f"The image {name} makes no machines with Trusted Launch.",
            f"Its definition has {f'SecurityType={feature}' if feature else 'no security type'}.",
            'Make its definition with SecurityType=TrustedLaunchSupported, or write security_type = "auto".',
        )
    if feature == "ConfidentialVM" or (feature == "TrustedLaunch" and not facts.trusted_launch):
        ours = 'write machines.security_type = "trusted-launch", or ' if feature == "TrustedLaunch" else ""
        remedy = f"{ours}make its definition with the feature SecurityType={feature}Supported."
        yield _problem(
            f"The image {name} is for machines with {feature} only.",
            "The machines are planned without it.",
            remedy[0].upper() + remedy[1:],
        )


def _of_another_system(facts: Facts, name: str, disk: Mapping[str, Any]) -> Iterator[Problem]:
    planned = facts.plan.machines.os
    if (system := str(disk.get("osType") or "").lower()) not in ("", str(planned)):
        yield _problem(
            f"The image {name} is a {system} image, and machines.os is {planned}.",
            "The two tell the same thing and must agree.",
            f'Write os = "{system}", or choose another image.',
        )


def _called(id: str) -> str:
    """`golden`, or `golden 1.0.0` of a version in a gallery."""
    parts = id.split("/")
    return " ".join(parts[-3::2]) if "versions" in map(str.lower, parts) else parts[-1]


def _problem(what: str, why: str, remedy: str) -> Problem:
    return Problem("machines.image", what, why, remedy)
