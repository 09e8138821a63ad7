"""What must hold before anything is written: asked of the cloud all at once, told as problems of the plan's fields.

Each module here is one group of checks, an `async def check(facts) -> list[Problem]` that knows nothing of the others.
What several of them need (the region's SKUs, what is there already) is asked once, in `facts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wizard.errors import AzureError, Problem
from wizard.preflight import (
    clashes,
    frontend,
    image,
    layout,
    placement,
    probe,
    providers,
    quota,
    region,
    rules,
    size,
    subscription,
    surplus,
    workspace,
)
from wizard.preflight.facts import Facts
from wizard.preflight.providers import namespaces, register

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint
    from wizard.plan.model import Plan

__all__ = ["check", "namespaces", "register"]

Check = Callable[[Facts], Awaitable[list[Problem]]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("The plan's rules", rules.check),
    ("The subscription", subscription.check),
    ("The resource providers", providers.check),
    ("The region", region.check),
    ("The size", size.check),
    ("The image", image.check),
    ("The quota", quota.check),
    ("The fault domains", placement.check),
    ("The disks' layout", layout.check),
    ("What exists already", clashes.check),
    ("Machines beyond the plan's count", surplus.check),
    ("The frontend's ports", frontend.check),
    ("The health probe's way", probe.check),
    ("The workspace", workspace.check),
)
"""What each check is called when it could not be made, and the check; problems are told in this order."""


async def check(plan: Plan, blueprint: Blueprint, azure: Azure, *, removing: bool = False) -> list[Problem]:
    """Every problem that would stop or harm the deployment, errors and warnings. Writes nothing.

    `removing` says that what is there beyond the plan's count will be removed, so that nobody is warned of it. A check
    that this sign-in may not make becomes a warning. Raises UnreachableError when the cloud stops answering.
    """
    facts = Facts(plan, blueprint, azure)
    wanted = [(name, one) for name, one in CHECKS if not (removing and one is surplus.check)]
    tasks = [asyncio.create_task(_made(name, one, facts)) for name, one in wanted]
    try:
        found = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await facts.close()
    return [problem for problems in found for problem in problems]


async def _made(name: str, one: Check, facts: Facts) -> list[Problem]:
    try:
        return await one(facts)
    except AzureError as error:
        return [
            Problem(
                "",
                f"{name} could not be checked.",
                " ".join(part for part in (error.what, error.why) if part),
                error.remedy or "Deploying may still work; what is wrong would show then.",
                "warning",
            )
        ]
