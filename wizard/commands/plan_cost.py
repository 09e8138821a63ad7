"""`plan cost FILE`: what a plan would cost a month, line by line, at the retail prices of its cloud."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import output
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.cost.estimate import Estimate, Line


@click.command("cost")
@click.argument("file", type=click.Path(path_type=Path))
@output.json_option
@output.guarded
def command(file: Path, as_json: bool) -> None:
    """Estimate what the plan FILE costs a month, line by line.

    Retail prices in USD, without tax and discounts, for months of 730 hours; what depends on use is listed with its
    price alone. Nobody signs in: the cloud's public price list is asked for the region, the size and the names of
    services, and for nothing else. Answers are kept for a day. Exit status 1 when no price can be had.
    """
    from wizard import cost
    from wizard.plan import files

    plan = files.read(file)
    out = output.Output(as_json)
    out.say(f"Reading the prices of {plan.location} ({plan.cloud}) ...")
    found = output.run(cost.of_plan(plan))
    for line in found.lines:
        out.data(line.as_event())
    out.data(found.as_event(), "\n".join(_told(found)))
    if not found.known:
        sys.exit(WizardError.exit_status)


def _told(found: Estimate) -> Iterator[str]:
    """The estimate for a person."""
    from wizard.cost import words

    fixed = [line for line in found.lines if not line.by_use]
    yield from _columns([_row(line) for line in fixed])
    used = [line for line in found.lines if line.by_use]
    if used:
        yield "By use:"
        yield from _columns([("", line.what, words.by_use(line), "") for line in used])
    yield words.sentence(found)
    if found.known:  # otherwise the sentence says all
        yield from words.notes(found)


def _row(line: Line) -> tuple[str, str, str, str]:
    """How many, of what, at which price, and the sum."""
    from wizard.cost import words

    if line.price is None or line.monthly is None:
        return words.count(line.count), line.what, "no price", line.why
    return (
        words.count(line.count),
        line.what,
        f"{words.unit_price(line.price)} per {line.unit}",
        words.money(line.monthly),
    )


def _columns(rows: Sequence[tuple[str, str, str, str]]) -> Iterator[str]:
    """Sums stand under each other; a reason in their place is a sentence, and as long as it is."""
    wide = [max((len(row[place]) for row in rows), default=0) for place in range(3)]
    sums = max((len(row[3]) for row in rows if row[3].startswith("$")), default=0)
    for count, what, price, last in rows:
        total = f"{last:>{sums}}" if last.startswith("$") else last
        yield f"{count:>{wide[0]}}  {what:<{wide[1]}}  {price:<{wide[2]}}  {total}".rstrip()
