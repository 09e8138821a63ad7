"""The valid name that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(text: str, valid: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The valid name most like `text`, without regard to case, or None when nothing is like it."""
    by_key = {name.casefold(): name for name in valid}
    found = difflib.get_close_matches(text.casefold(), by_key, n=1, cutoff=cutoff)
    return by_key[found[0]] if found else None


def did_you_mean(text: str, valid: Iterable[str]) -> str:
    """A remedy: the nearest name when there is one, else all of them."""
    names = list(valid)
    if found := nearest(text, names):
        return f'Did you mean "{found}"?'
    return f"Use one of: {', '.join(names)}."
