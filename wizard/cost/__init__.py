"""What a deployment would cost: a reading of the graph, held against the cloud's list of retail prices.

    Blueprint -> needs (`reading`) -> questions and prices (`meters`) -> lines and a sum (`estimate`) -> words

All of that is pure; `of` and `of_plan` ask the list in between, through `wizard.azure.prices`. Neither fails where
there are no prices: the estimate then says so and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wizard.ids import NO_SUBSCRIPTION

if TYPE_CHECKING:
    from decimal import Decimal

    from wizard.azure.clouds import Cloud
    from wizard.blueprint.resource import Blueprint
    from wizard.cost.estimate import Estimate
    from wizard.plan.model import Plan

__all__ = ["of", "of_plan", "of_sizes"]


async def of(graph: Blueprint, cloud: Cloud, *, within_s: float | None = None) -> Estimate:
    """What the graph's resources cost in `cloud` and the graph's region; starts a cloud that can be started.

    `within_s` is how long the list may take to answer; None is `prices.ASK_S`.
    """
    from wizard.azure import prices
    from wizard.cost import estimate, reading

    region = _region(graph.location)
    needs = reading.needs(graph, region, cloud.prices_everywhere)
    questions = [need.meter.question for need in needs if need.meter]
    listed = await prices.listed(cloud, region, questions, within_s=prices.ASK_S if within_s is None else within_s)
    return estimate.reckon(
        needs,
        listed.rows,
        region=region,
        billed=cloud.billed,
        unanswered=listed.unanswered,
        told={"asked": listed.asked, "stale": listed.stale, "why": listed.why},
    )


async def of_plan(plan: Plan) -> Estimate:
    """The same for a plan. Raises PlanProblems as `blueprint.build` does, InputError for a cloud that is none."""
    from wizard import blueprint
    from wizard.azure import clouds

    cloud = clouds.find(plan.cloud)
    return await of(blueprint.build(plan, cloud.subscription or NO_SUBSCRIPTION), cloud)


async def of_sizes(cloud: Cloud, region: str, *, windows: bool) -> tuple[Mapping[str, Decimal], str]:
    """Dollars a month for one machine by size, as far as they are listed; and why there are none, or ""."""
    from wizard.azure import prices
    from wizard.cost import meters

    place = _region(region)
    question = meters.all_sizes(place)
    listed = await prices.listed(cloud, place, [question], within_s=prices.LONG_ASK_S)
    return meters.by_size(listed.rows, place, datetime.now(UTC), windows=windows), listed.why


def _region(location: str) -> str:
    """`West Europe` is a way to write `westeurope`."""
    return location.replace(" ", "").lower()
