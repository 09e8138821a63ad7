"""PowerShell's values: texts, numbers, truth, lists, and objects with properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


class PsError(Exception):
    """A cmdlet's error: written and passed over, or the script's end when $ErrorActionPreference says Stop."""


class Thing:
    """An object: `type` as .NET names it, properties whose names have no case; `shown` are those of its table."""

    def __init__(self, type: str, properties: Mapping[str, Any], shown: Sequence[str] = ()) -> None:
        self.type = type
        self.properties = dict(properties)
        self.shown = tuple(shown) or tuple(properties)

    def get(self, name: str) -> Any:
        return next((value for key, value in self.properties.items() if key.lower() == name.lower()), None)


def text(value: Any) -> str:
    """A value as a string holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return " ".join(text(item) for item in value)
    if isinstance(value, datetime):
        return f"{value:%m/%d/%Y %H:%M:%S}"
    if isinstance(value, Thing):
        return str(value.properties.get("ToString", value.type))
    return str(value)


def truth(value: Any) -> bool:
    if isinstance(value, list):
        return truth(value[0]) if len(value) == 1 else bool(value)
    return bool(value)


def listed(value: Any) -> list[Any]:
    """The items that a pipeline would see."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def single(items: list[Any]) -> Any:
    """What a pipeline's output is as a value: nothing, one thing, or a list."""
    return None if not items else items[0] if len(items) == 1 else items


def printed(items: Sequence[Any]) -> str:
    """What the host prints: texts as they are, objects of one kind as a table."""
    lines: list[str] = []
    at = 0
    while at < len(items):
        item = items[at]
        if not isinstance(item, Thing):
            lines.append(_bare(item))
            at += 1
            continue
        run = [item]
        while at + len(run) < len(items) and _alike(items[at + len(run)], item):
            run.append(items[at + len(run)])
        lines += _table(run)
        at += len(run)
    return "".join(f"{line}\n" for line in lines)


def _bare(value: Any) -> str:
    if isinstance(value, datetime):
        return f"\n{value:%A, %B} {value.day}, {value:%Y %I:%M:%S %p}\n\n"
    return text(value)


def _alike(value: Any, one: Thing) -> bool:
    return isinstance(value, Thing) and value.type == one.type


def _table(things: Sequence[Thing]) -> list[str]:
    names = things[0].shown
    rows = [[text(thing.get(name)) for name in names] for thing in things]
    widths = [max(len(name), *(len(row[at]) for row in rows)) for at, name in enumerate(names)]

    def line(cells: Sequence[str]) -> str:
        return " ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return ["", line(names), line(["-" * len(name) for name in names]), *map(line, rows), ""]
