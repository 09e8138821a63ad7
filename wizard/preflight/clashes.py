"""Nothing that is not ours stands where something is planned: groups, resources, address spaces, a DNS label."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wizard import ids
from wizard.blueprint.resource import OWNER_TAG
from wizard.deploy.ownership import owned, owner
from wizard.errors import Problem
from wizard.preflight.facts import Facts

NAMED_AT_MOST = 3
"""So many clashing networks are named; a subscription may have hundreds with the same address space."""


async def check(facts: Facts) -> list[Problem]:
    """Errors for what deploying would refuse to touch, a warning for address spaces that overlap."""
    parts = await asyncio.gather(_names(facts), _addresses(facts), _dns_label(facts), _account(facts))
    return [problem for part in parts for problem in part]


async def _names(facts: Facts) -> list[Problem]:
    group = await facts.group()
    if problem := await _group(facts, group):
        return [problem]
    if group is None:
        return []
    live = await facts.live()
    return [
        *_another(facts, live.values()),
        *(
            Problem(
                "prefix",
                f"{resource.name} ({resource.type}) exists and does not belong to this deployment.",
                f"It lacks the tag {OWNER_TAG} = {facts.blueprint.name}, so it is never written.",
                "Choose another prefix or name, or remove what is in the way.",
            )
            for resource in facts.blueprint
            if (found := live.get(ids.key(resource.id))) is not None and not owned(found, facts.blueprint.name)
        ),
    ]


async def _group(facts: Facts, group: Mapping[str, Any] | None) -> Problem | None:
    """Whether the group is what the plan takes it for: ours or still to come, or somebody else's and there."""
    name = facts.plan.name
    if not facts.plan.existing_group:
        return None if group is None or owned(group, name) else await _foreign_group(facts, group)
    if group is None:
        return Problem(
            "existing_group",
            f"There is no resource group {name}.",
            "The plan says that it is there already.",
            "Create the group, check its name, or let the deployment make its own: existing_group = false.",
        )
    if (whose := owner(group)) is None:
        return None
    return Problem(
        "existing_group",
        f"The resource group {name} was made by a deployment of ours"
        + ("." if owned(group, name) else f", which is called {whose}."),
        "Its deployment writes it and deletes it, so that it is nobody else's.",
        "Set existing_group to false, or name another group.",
    )


_ONE_EACH = frozenset({"microsoft.network/loadbalancers", "microsoft.network/virtualnetworks"})
"""Types of which every deployment has one: another one with our tag is another prefix's."""


def _another(facts: Facts, live: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """One group holds one deployment: the owner's tag could not tell two apart, and destroy would take both."""
    planned = {ids.key(resource.id) for resource in facts.blueprint}
    others = [
        str(found["name"])
        for found in live
        if str(found.get("type", "")).lower() in _ONE_EACH
        and ids.key(str(found["id"])) not in planned
        and owned(found, facts.blueprint.name)
    ]
    if not others:
        return []
    return [
        Problem(
            "prefix",
            f"The resource group {facts.plan.name} holds a deployment of ours with other names: {', '.join(others)}.",
            "One resource group holds one deployment.",
            "Take back the former prefix, destroy what is there first, or name another resource group.",
        )
    ]


async def _foreign_group(facts: Facts, group: Mapping[str, Any]) -> Problem:
    count = len(await facts.live())
    holds = f"It holds {count} {'resource' if count == 1 else 'resources'}" if count else "It is empty"
    other = owner(group)
    whose = f"belongs to the deployment {other}" if other else f"lacks the tag {OWNER_TAG} = {facts.blueprint.name}"
    return Problem(
        "name",
        f"The resource group {facts.plan.name} exists and does not belong to this deployment.",
        f"{holds} and {whose}, so nothing is written there.",
        "Choose another name, or deploy into that group and leave the group itself alone: existing_group = true.",
    )


async def _addresses(facts: Facts) -> list[Problem]:
    planned = list(_networks([facts.plan.network.address_space]))
    if not planned or not await facts.can_ask("Microsoft.Network"):
        return []
    everything = await facts.azure.rows(facts.azure.network.virtual_networks.list_all())
    ours = {ids.key(resource.id) for resource in facts.blueprint}
    overlapping = [
        str(network["name"])
        for network in everything
        if ids.key(network["id"]) not in ours
        and any(
            one.overlaps(other)
            for one in planned
            for other in _networks(network.get("properties", {}).get("addressSpace", {}).get("addressPrefixes") or [])
            if one.version == other.version
        )
    ]
    if not overlapping:
        return []
    more = f" and {len(overlapping) - NAMED_AT_MOST} more" if len(overlapping) > NAMED_AT_MOST else ""
    return [
        Problem(
            "network.address_space",
            f"{facts.plan.network.address_space} overlaps with other networks of the subscription:"
            f" {', '.join(overlapping[:NAMED_AT_MOST])}{more}.",
            "Networks are isolated from each other, so this works; but overlapping ones can never be peered.",
            "Leave it, or take an address space of its own, such as 10.20.0.0/16.",
            "warning",
        )
    ]


def _networks(prefixes: list[str]) -> Iterator[Any]:
    for prefix in prefixes:
        try:
            yield ipaddress.ip_network(prefix, strict=False)
        except ValueError:
            continue  # the plan's rules tell what is no range


async def _dns_label(facts: Facts) -> list[Problem]:
    label = facts.plan.balancer.dns_label
    if not label or not await facts.can_ask("Microsoft.Network") or await _is_ours(facts, label):
        return []
    azure = facts.azure
    answer = await azure.ask(azure.network.check_dns_name_availability(facts.plan.location, domain_name_label=label))
    if answer.available:
        return []
    return [
        Problem(
            "balancer.dns_label",
            f"{label}.{facts.plan.location}.{azure.cloud.dns_suffix} is taken.",
            "A DNS label is unique within a region, whoever has it.",
            "Choose another label, or leave it empty.",
        )
    ]


async def _account(facts: Facts) -> list[Problem]:
    """The name of the storage account is nobody else's in the world."""
    azure = facts.azure
    missing = await facts.to_create("Microsoft.Storage/storageAccounts")
    if not missing or not await facts.can_ask("Microsoft.Storage"):
        return []
    problems = []
    for account in missing:
        asked: Any = {"name": account.name, "type": account.type}
        answer = (await azure.ask(azure.storage.storage_accounts.check_name_availability(asked))).as_dict()
        if not answer.get("nameAvailable"):
            problems.append(
                Problem(
                    "diagnostics.storage_account" if account.name.startswith("diag") else "storage.layout",
                    f"The storage account {account.name} cannot be had.",
                    str(answer.get("message") or answer.get("reason") or "Azure does not say why."),
                    "The name follows from the subscription and the deployment's name: choose another name, or false.",
                )
            )
    return problems


async def _is_ours(facts: Facts, label: str) -> bool:
    """Whether one of the deployment's own addresses has the label already."""
    live = await facts.live()
    for address in facts.blueprint.of_type("Microsoft.Network/publicIPAddresses"):
        if ids.key(address.id) in live and (found := await facts.azure.get(address.id)):
            settings = found.get("properties", {}).get("dnsSettings") or {}
            if str(settings.get("domainNameLabel", "")).lower() == label.lower() and owned(found, facts.blueprint.name):
                return True
    return False
