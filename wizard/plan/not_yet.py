"""What a plan can say already and what does not deploy yet. When a choice works, its line here goes."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.errors import Problem
from wizard.plan.choices import image_named, known
from wizard.plan.model import OsType, Placement

_WORKING_IMAGES = ("ubuntu-24.04", "debian-12")


@dataclass(frozen=True)
class _NotYet:
    field: str
    refuses: Callable[[Any], bool]
    what: str
    instead: str


def _image(text: str) -> bool:
    found = image_named(text)
    return found is None or known(found) not in _WORKING_IMAGES


def _is_windows(text: str) -> bool:
    found = image_named(text)
    return found is not None and found.os is OsType.WINDOWS


_LIST = (
    _NotYet("machines.os", lambda os: os is OsType.WINDOWS, "Windows machines", 'Use "linux".'),
    _NotYet("machines.image", _image, "This image", f"Use {' or '.join(_WORKING_IMAGES)}."),
    _NotYet(
        "machines.placement",
        lambda placement: placement is Placement.SCALE_SET,
        "A scale set",
        f'Use "{Placement.AVAILABILITY_SET}" or "{Placement.ZONES}".',
    ),
    _NotYet("diagnostics.storage_account", bool, "A storage account of one's own", "Use false."),
)


def check(values: Mapping[str, Any], bad: Container[str] = ()) -> list[Problem]:
    """A Problem for each choice that does not deploy yet. `values` by dotted key; keys in `bad` are passed over."""
    windows = values.get("machines.os") is OsType.WINDOWS and _is_windows(values.get("machines.image", ""))
    passed = {"machines.image"} if windows else set()  # it follows from machines.os, which is refused itself
    return [
        Problem(
            entry.field,
            f"{entry.what} cannot be deployed: not yet.",
            "The program knows this choice, but does not carry it out yet.",
            entry.instead,
        )
        for entry in _LIST
        if entry.field in values
        and entry.field not in bad
        and entry.field not in passed
        and entry.refuses(values[entry.field])
    ]
