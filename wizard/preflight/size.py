"""The size is offered in the region, to this subscription, and fits the image, the disk and Trusted Launch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from wizard.errors import Problem
from wizard.preflight.facts import Facts, capability

FIELD = "machines.size"


async def check(facts: Facts) -> list[Problem]:
    """Errors for a size that is not offered, is closed to the subscription, or cannot run what is planned."""
    if not await facts.can_ask("Microsoft.Compute"):
        return []
    sku = await facts.size()
    if sku is None:
        return [_not_offered(facts, await facts.skus("virtualMachines"))]
    if problem := _closed(facts, sku, await facts.skus("virtualMachines")):
        return [problem]
    return [*_fits_disk(facts, sku), *_fits_data(facts, sku), *_fits_image(facts, sku, await facts.image())]


def _not_offered(facts: Facts, skus: list[dict[str, Any]]) -> Problem:
    wanted = facts.plan.machines.size
    names = {str(sku["name"]).lower(): str(sku["name"]) for sku in skus if not restriction(sku)}
    near = [names[match] for match in difflib.get_close_matches(wanted.lower(), names, n=3, cutoff=0.6)]
    return Problem(
        FIELD,
        f"{facts.plan.location} does not offer {wanted} to this subscription.",
        f"It lists {len(names)} sizes that are open to it.",
        f"Take one of: {', '.join(near)}." if near else f"az vm list-skus --location {facts.plan.location} shows them.",
    )


def _closed(facts: Facts, sku: Mapping[str, Any], skus: list[dict[str, Any]]) -> Problem | None:
    reason = restriction(sku)
    if not reason:
        return None
    like = _like(sku, skus)
    return Problem(
        FIELD,
        f"{sku['name']} is closed to this subscription in {facts.plan.location}.",
        closed_because(reason),
        f"Take {' or '.join(like)}, or another region." if like else "Take another region.",
    )


def closed_because(reason: str) -> str:
    """A restriction's reason code, for people."""
    words = {
        "NotAvailableForSubscription": "Azure keeps it from this subscription there (NotAvailableForSubscription).",
        "QuotaId": "The subscription's offer does not include it (QuotaId).",
    }
    return words.get(reason, f"Azure says: {reason}.")


def restriction(sku: Mapping[str, Any]) -> str:
    """Why a whole region's SKU is closed to the subscription, or "". Restrictions of single zones do not count."""
    for entry in sku.get("restrictions") or ():
        if str(entry.get("type", "")).lower() == "location":
            return str(entry.get("reasonCode") or "restricted")
    return ""


def _like(sku: Mapping[str, Any], skus: list[dict[str, Any]]) -> list[str]:
    """Up to three open sizes with as many vCPUs and at least as much memory, the smallest first."""

    def memory(entry: Mapping[str, Any]) -> float:
        return float(capability(entry, "MemoryGB") or 0)

    alike = [
        other
        for other in skus
        if not restriction(other)
        and capability(other, "vCPUs") == capability(sku, "vCPUs")
        and capability(other, "CpuArchitectureType") == capability(sku, "CpuArchitectureType")
        and memory(other) >= memory(sku)
    ]
    return [str(other["name"]) for other in sorted(alike, key=lambda other: (memory(other), str(other["name"])))[:3]]


def _fits_disk(facts: Facts, sku: Mapping[str, Any]) -> list[Problem]:
    disk = facts.plan.machines.os_disk
    if not disk.lower().startswith("premium") or capability(sku, "PremiumIO").lower() != "false":
        return []
    return [
        Problem(
            "machines.os_disk",
            f"{sku['name']} takes no premium disks, and the plan asks for {disk}.",
            "Its SKU says PremiumIO: False.",
            "Write StandardSSD_LRS, or take a size with an s in its name, such as Standard_D2s_v5.",
        )
    ]


def _fits_data(facts: Facts, sku: Mapping[str, Any]) -> list[Problem]:
    """Data disks: how many, and premium ones; encryption at host."""
    machines = facts.plan.machines
    problems = []
    most = capability(sku, "MaxDataDiskCount")
    if most.isdigit() and len(machines.data_disks) > int(most):
        problems.append(
            Problem(
                "machines.data_disks",
                f"{sku['name']} takes {most} data disks, and the plan has {len(machines.data_disks)}.",
                f"Its SKU says MaxDataDiskCount: {most}.",
                "Use fewer and larger disks, or a larger size.",
            )
        )
    premium = any(disk.type.lower().startswith("premium") for disk in machines.data_disks)
    if premium and capability(sku, "PremiumIO").lower() == "false":
        problems.append(
            Problem(
                "machines.data_disks",
                f"{sku['name']} takes no premium disks.",
                "Its SKU says PremiumIO: False.",
                "Write StandardSSD_LRS, or take a size with an s in its name, such as Standard_D2s_v5.",
            )
        )
    if machines.encryption_at_host and capability(sku, "EncryptionAtHostSupported").lower() != "true":
        problems.append(
            Problem(
                "machines.encryption_at_host",
                f"{sku['name']} has no encryption at host.",
                "Its SKU does not say EncryptionAtHostSupported: True.",
                "Take another size, such as Standard_D2s_v5, or write false.",
            )
        )
    return problems


def _fits_image(facts: Facts, sku: Mapping[str, Any], image: Mapping[str, Any] | None) -> list[Problem]:
    properties = (image or {}).get("properties") or {}
    generation = str(properties.get("hyperVGeneration") or "")
    architecture = str(properties.get("architecture") or "")
    generations = capability(sku, "HyperVGenerations")
    processor = capability(sku, "CpuArchitectureType")
    problems = []
    if generation and generations and generation not in generations.split(","):
        problems.append(
            Problem(
                FIELD,
                f"{sku['name']} cannot run the image {facts.plan.machines.image}.",
                f"The image is generation {generation}, the size runs {generations}.",
                "Take a size that runs this generation, such as Standard_D2s_v5, or another image.",
            )
        )
    if architecture and processor and architecture.lower() != processor.lower():
        problems.append(
            Problem(
                FIELD,
                f"{sku['name']} cannot run the image {facts.plan.machines.image}.",
                f"The image is for {architecture}, the size's processors are {processor}.",
                f"Take a size with {architecture} processors, or an image for {processor}.",
            )
        )
    if facts.trusted_launch and capability(sku, "TrustedLaunchDisabled").lower() == "true":
        problems.append(
            Problem(
                FIELD,
                f"{sku['name']} has no Trusted Launch, which the machines are planned with.",
                "Its SKU says TrustedLaunchDisabled: True.",
                'Take another size, such as Standard_D2s_v5, or write machines.security_type = "standard".',
            )
        )
    return problems
