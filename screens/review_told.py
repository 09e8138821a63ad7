"""What Review says in lines: what it costs, who can reach what, what was chosen, what changed since 2016."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from screens.changes import CHANGES
from screens.exposure import SIGNS, Exposure
from screens.placing import zonal
from screens.widgets.lines import wrapped

LONGEST = 400
"""Characters of what the cloud said."""


def opened(lines: Sequence[Exposure], width: int) -> list[Content]:
    """A line for each way in or out."""
    wide = max(len(line.subject) for line in lines) + 3
    shown: list[Content] = []
    for line in lines:
        style = {"risk": "$text-error", "open": "$text-warning"}.get(line.level, "")
        shown += wrapped(line.told, width, style, indent=wide, head=f"{SIGNS[line.level]} {line.subject}")
    return shown


def cost(told: Mapping[str, Any]) -> str:
    """The sum in half a line."""
    if told["monthly"] is None or told["billed"]:
        return str(told["headline"])
    return f"on Azure {told['headline']}"


def costs(told: Mapping[str, Any], width: int) -> list[Content]:
    """A line for each thing that costs, then those that are billed by use, then what must be said beside the sum."""
    fixed = [each for each in told["lines"] if not each["by_use"]]
    shown = [] if told["billed"] else [Content("Nothing here. On Azure:")]
    shown += _columns([_cells(each) for each in fixed], width)
    used = [each for each in told["lines"] if each["by_use"]]
    if used:
        shown.append(Content.styled("By use", "$primary"))
        shown += _columns([("", str(each["what"]), "", str(each["words"]["price"])) for each in used], width)
    for text in told["notes"]:
        shown += wrapped(text, width, "$text-muted")
    return shown


def _cells(line: Mapping[str, Any]) -> tuple[str, str, str, str]:
    words = line["words"]
    if not words["monthly"]:
        return words["count"], str(line["what"]), "", "no price"
    return words["count"], str(line["what"]), words["price"], words["monthly"]


def _columns(rows: Sequence[tuple[str, str, str, str]], width: int) -> list[Content]:
    """How many, what, the price of one, the sum; where that is too wide, without the price of one."""
    wide = [max((len(row[place]) for row in rows), default=0) for place in range(4)]
    with_price = sum(wide) + 6 <= width
    shown = []
    for count, what, price, total in rows:
        head = f"{count:>{wide[0]}}  {what:<{wide[1]}}" if wide[0] else f"{what:<{wide[1]}}"
        each = f"  {price:<{wide[2]}}" if with_price and wide[2] else ""
        tone = "$text-warning" if total == "no price" else ""
        shown.append(Content.assemble(head, (each, "$text-muted"), (f"  {total:>{wide[3]}}", tone)))
    return shown


def chosen(own: Sequence[tuple[str, str, str]], width: int) -> list[Content]:
    """A line for each answer that is not the default."""
    shown: list[Content] = []
    for key, value, default in own:
        told, instead = f"{key} = {value}", f"  instead of {default}"
        if len(told) + len(instead) <= width:
            shown.append(Content.assemble(told, (instead, "$text-muted")))
        else:
            shown += [*wrapped(told, width), Content.styled(instead, "$text-muted")]
    return shown


def shortened(text: str) -> str:
    """What differs of many machines in one sentence would fill the screen."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(' ')[0]} …"


def image(text: str) -> str:
    """Its name, or the last part of its id."""
    return text.rpartition("/")[2] or text


def where(get: Any) -> str:
    """The region, and its zones where they count."""
    zones = f"zones {' '.join(get('machines.zones') or ())}, " if zonal(get) else ""
    return f"{zones}{get('location')}"


def changes(width: int) -> list[Content]:
    """Then, now and why, for each thing."""
    shown: list[Content] = []
    for change in CHANGES:
        shown += wrapped(change.subject, width, "bold")
        for head, text in (("then", change.then), ("now", change.now), ("why", change.why)):
            shown += wrapped(text, width, "$text-muted" if head == "then" else "", indent=6, head=f" {head}")
    return shown
