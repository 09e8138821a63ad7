"""An estimate in words, for commands and screens alike: half a line, a sentence, and what must be said beside them."""

from __future__ import annotations

from decimal import Decimal

from wizard.cost.estimate import Estimate, Line, Money
from wizard.cost.reading import Span

UNKNOWN = "not known"
BASIS = "Retail prices in USD without tax and discounts, for months of 730 hours."


def dollars(amount: Decimal) -> str:
    """`$230.61`"""
    return f"${amount:,.2f}"


def unit_price(amount: Decimal) -> str:
    """As exactly as the list has it: `$0.115`, `$5.8072`, `$21.68`."""
    text = f"{amount.normalize():f}"
    places = len(text.partition(".")[2])
    return f"${amount:,.{max(2, places)}f}"


def money(span: Money) -> str:
    """`$230.61`, or `$230.61 to $561.00`."""
    return dollars(span.least) if span.least == span.most else f"{dollars(span.least)} to {dollars(span.most)}"


def count(span: Span) -> str:
    """`2`, or `2-10`."""
    return str(span.least) if span.least == span.most else f"{span.least}-{span.most}"


def headline(found: Estimate) -> str:
    """Half a line: `about $231 a month`, `at least ...` where something has no price, or that it is not known."""
    if not found.known:
        return UNKNOWN
    low, high = (f"{amount:,.0f}" if amount >= 10 else f"{amount:,.2f}" for amount in found.monthly)
    span = f"${low}" if low == high else f"${low}-{high}"
    return f"{'at least' if found.unpriced else 'about'} {span} a month"


def sentence(found: Estimate) -> str:
    """What is told before somebody consents."""
    if not found.known:
        return f"What it would cost is not known: {found.why or 'none of it is in the list of prices.'}"
    told = f"{headline(found)} ({money(found.hourly)} an hour), without tax, discounts and what is billed by use"
    return f"Costs {told}." if found.billed else f"Costs nothing here; on Azure it would be {told}."


def by_use(line: Line) -> str:
    """`$0.005 a GB`, `$2.99 a GB after 5 GB a month`, or that there is no price."""
    if line.price is None:
        return "no price"
    free = f" after {line.after.normalize():f} a month" if line.after else ""
    return f"{unit_price(line.price)} per {line.unit}{free}"


def notes(found: Estimate) -> list[str]:
    """What belongs to the figures: what is not in them, how old they are, and what they are."""
    said = []
    if found.known and found.unpriced:
        said.append(f"Not in the sum, for want of a price: {'; '.join(line.what for line in found.unpriced)}.")
    if found.stale and found.asked:
        said.append(f"The prices are old: told on {found.asked:%Y-%m-%d}. {found.why}".strip())
    elif found.why:
        said.append(found.why)
    if found.known:
        asked = f" The list was asked on {found.asked:%Y-%m-%d}" if found.asked else ""
        said.append(f"{BASIS}{asked}{f', its newest price is of {found.since}.' if asked else ''}")
    return said
