"""Which choices the forms offer: those that deploy. What does not yet is left out, and comes by itself once it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from screens.widgets.choice import Choice


def deploys(key: str, value: Any) -> bool:
    """Whether this value of a plan's key is carried out. Imports pydantic: not before the first frame."""
    from enum import StrEnum

    from wizard.plan import document, not_yet

    kind = document.fields()[key]
    proper = kind(value) if isinstance(kind, type) and issubclass(kind, StrEnum) else value
    return not not_yet.check({key: proper})


def offered(key: str, choices: Sequence[Choice]) -> list[Choice]:
    """Those of the choices that deploy."""
    return [choice for choice in choices if deploys(key, choice.value)]
