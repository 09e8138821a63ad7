"""A password's rules as they are fulfilled, letter by letter."""

from __future__ import annotations

import re


def rules(text: str, windows: bool = False) -> list[tuple[bool, str]]:
    """Each rule with whether it holds. Of the four kinds of characters Azure asks for three."""
    from wizard.plan import limits
    from wizard.plan.credentials import password
    from wizard.plan.model import OsType

    length = limits.PASSWORD_WINDOWS if windows else limits.PASSWORD_LINUX
    verdict = password(text, OsType.WINDOWS if windows else OsType.LINUX)
    return [
        (len(text) in length, f"{length.low}-{length.high} long"),
        (bool(re.search("[a-z]", text)), "lower"),
        (bool(re.search("[A-Z]", text)), "upper"),
        (bool(re.search("[0-9]", text)), "digit"),
        (bool(re.search("[^a-zA-Z0-9]", text)), "other"),
        (bool(text) and not (verdict and "refused" in verdict.what), "not a known bad one"),
    ]


def rules_note(text: str, windows: bool = False) -> str:
    """The rules in two lines of at most 39 columns, for a field's note."""
    length, *kinds, known = [f"{'✓' if holds else '○'} {words}" for holds, words in rules(text, windows)]
    return f"{length}  {known}\n{'  '.join(kinds)}: three"
