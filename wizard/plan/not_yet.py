"""What a plan can say already and what does not deploy yet. When a choice works, its line here goes."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.errors import Problem
from wizard.plan.choices import image_named, is_own_image, known

_WORKING_IMAGES = ("ubuntu-24.04", "debian-12", "rhel-9", "windows-2022", "windows-2025")


@dataclass(frozen=True)
class _NotYet:
    field: str
    refuses: Callable[[Any], bool]
    what: str
    instead: str


def _image(text: str) -> bool:
    if is_own_image(text):
        return False
    found = image_named(text)
    return found is None or known(found) not in _WORKING_IMAGES


_LIST = (
    _NotYet(
        "machines.image",
        _image,
        "This image",
        f"Use {', '.join(_WORKING_IMAGES)}, the id of a managed image, or of one in a gallery of your own.",
    ),
)


def check(values: Mapping[str, Any], bad: Container[str] = ()) -> list[Problem]:
    """A Problem for each choice that does not deploy yet. `values` by dotted key; keys in `bad` are passed over."""
    return [
        Problem(
            entry.field,
            f"{entry.what} cannot be deployed: not yet.",
            "The program knows this choice, but does not carry it out yet.",
            entry.instead,
        )
        for entry in _LIST
        if entry.field in values and entry.field not in bad and entry.refuses(values[entry.field])
    ]
