"""What Review says in lines: who can reach what, what was chosen, what changed since 2016."""

from __future__ import annotations

from collections.abc import Sequence
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
