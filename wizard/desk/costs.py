"""Questions about prices. Nobody signs in for them; without an answer of the price list they tell why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.desk.session import Session, Tell

if TYPE_CHECKING:
    from wizard.cost.estimate import Estimate, Line

Json = dict[str, Any]


async def cost(session: Session, tell: Tell, *, plan: Mapping[str, Any]) -> Json:
    """What a plan would cost a month, in figures and in words."""
    from wizard import blueprint as blueprints
    from wizard import cost as costs
    from wizard.ids import NO_SUBSCRIPTION
    from wizard.plan import values

    legal = values.legal(plan)
    graph = await asyncio.to_thread(blueprints.build, legal, NO_SUBSCRIPTION)
    return _told(await costs.of(graph, await session.running(legal.cloud)))


def _told(found: Estimate) -> Json:
    from wizard.cost import words

    return {
        **{name: value for name, value in found.as_event().items() if name != "event"},
        "headline": words.headline(found),
        "notes": words.notes(found),
        "lines": [_line(line) for line in found.lines],
    }


def _line(line: Line) -> Json:
    from wizard.cost import words

    return {
        **{name: value for name, value in line.as_event().items() if name != "event"},
        "words": {
            "count": "" if line.by_use else words.count(line.count),
            "price": words.by_use(line),
            "monthly": words.money(line.monthly) if line.monthly else "",
        },
    }


async def size_prices(
    session: Session, tell: Tell, *, location: str, cloud: str | None = None, os: str = "linux"
) -> Json:
    """What one machine of each size costs a month in a region."""
    from wizard import cost as costs

    where = await session.running(cloud or session.cloud)
    found, why = await costs.of_sizes(where, location, windows=os == "windows")
    return {"monthly": {size: float(dollars) for size, dollars in found.items()}, "why": why}
