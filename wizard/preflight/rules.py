"""What the plan's own rules say, warnings too: a single machine, for one, has no promise of availability."""

from __future__ import annotations

from wizard.errors import Problem
from wizard.plan import rules
from wizard.preflight.facts import Facts


async def check(facts: Facts) -> list[Problem]:
    """The plan's problems, as `plan check` tells them."""
    return list(rules.check(facts.plan))
