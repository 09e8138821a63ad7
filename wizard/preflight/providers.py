"""The resource providers are registered. The SDKs' automatic registration does not work for what `begin_*` sends, and
it changes the subscription unasked: here it is found out, offered, and done when somebody says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard import ids
from wizard.errors import Problem, UnreachableError
from wizard.preflight.facts import Facts

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint

NAMESPACES = ("Microsoft.Compute", "Microsoft.Network", "Microsoft.Storage", "Microsoft.Insights")

SOMETIMES = ("Microsoft.OperationalInsights", "Microsoft.ManagedIdentity")
"""Asked about where a blueprint has resources of theirs."""

REGISTRATION_S = 600.0
"""Registering takes one to a few minutes; after ten something is wrong."""


def namespaces(blueprint: Blueprint) -> tuple[str, ...]:
    """The providers that matter to a blueprint: all that a later change may need, and what it has beyond those."""
    return (*NAMESPACES, *(one for one in SOMETIMES if one.lower() in _needed(blueprint)))


def _needed(blueprint: Blueprint) -> set[str]:
    return {ids.parse(resource.id).namespace.lower() for resource in blueprint}


async def check(facts: Facts) -> list[Problem]:
    """An error for each provider that the blueprint needs and that is not registered, a warning for the others."""
    needed = _needed(facts.blueprint)
    wanted = namespaces(facts.blueprint)
    states = await asyncio.gather(*(facts.provider_state(namespace) for namespace in wanted))
    return [
        Problem(
            "",
            f"The resource provider {namespace} is not registered in the subscription ({state}).",
            "Azure refuses its resources until it is; registering costs nothing and takes a few minutes.",
            f"multivm-wizard preflight FILE --register, or: az provider register --namespace {namespace} --wait",
            "error" if namespace.lower() in needed else "warning",
        )
        for namespace, state in zip(wanted, states, strict=True)
        if state != "Registered"
    ]


async def register(azure: Azure, wanted: Collection[str] = NAMESPACES) -> None:
    """Register the providers that are not, and wait until they are. This changes the subscription: ask first.

    Raises AzureError when the sign-in may not, UnreachableError when it takes longer than `REGISTRATION_S`.
    """
    await asyncio.gather(*(_register(azure, namespace) for namespace in wanted))


async def _register(azure: Azure, namespace: str) -> None:
    provider = await azure.ask(azure.resource.providers.get(namespace))
    if provider.registration_state == "Registered":
        return
    await azure.ask(azure.resource.providers.register(namespace))
    deadline = asyncio.get_running_loop().time() + REGISTRATION_S
    while (await azure.ask(azure.resource.providers.get(namespace))).registration_state != "Registered":
        if asyncio.get_running_loop().time() > deadline:
            raise UnreachableError(
                f"The resource provider {namespace} is still not registered.",
                f"Azure has worked on it for {REGISTRATION_S:.0f} s.",
                f"See az provider show --namespace {namespace}, and run again when it says Registered.",
            )
        await asyncio.sleep(azure.cloud.poll_floor_s)
