"""Deploying never removes: machines beyond the plan's count stay, and somebody pays for them."""

from __future__ import annotations

from wizard.deploy import numbering
from wizard.errors import Problem
from wizard.preflight.facts import Facts

NAMED_AT_MOST = 3


async def check(facts: Facts) -> list[Problem]:
    """A warning for our machines that the plan does not count any more."""
    plan = facts.plan
    numbers = numbering.listed(plan, (await facts.live()).values(), types=["Microsoft.Compute/virtualMachines"])
    beyond = sorted(number for number in numbers if number > plan.machines.count)
    if not beyond:
        return []
    names = [f"{plan.prefix}{number}" for number in beyond[:NAMED_AT_MOST]]
    more = f" and {len(beyond) - NAMED_AT_MOST} more" if len(beyond) > NAMED_AT_MOST else ""
    return [
        Problem(
            "machines.count",
            f"{', '.join(names)}{more} {'is' if len(beyond) == 1 else 'are'} there beyond the plan's count of"
            f" {plan.machines.count}, and deploying leaves {'it' if len(beyond) == 1 else 'them'} alone.",
            "Deploying creates and changes, and never removes.",
            f"To drain and delete what is beyond it: multivm-wizard scale {plan.name} --count {plan.machines.count}",
            "warning",
        )
    ]
