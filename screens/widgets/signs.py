"""What a state looks like: always a sign and a word, with a colour beside them. One table for all live screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Tone = Literal["good", "busy", "bad", "warn", "quiet"]

STYLES: Final[dict[Tone, str]] = {
    "good": "$text-success",
    "busy": "$text-accent",
    "bad": "$text-error",
    "warn": "$text-warning",
    "quiet": "$text-muted",
}


@dataclass(frozen=True)
class Sign:
    """One state as people see it."""

    mark: str
    word: str
    tone: Tone

    @property
    def style(self) -> str:
        return STYLES[self.tone]

    def __str__(self) -> str:
        return f"{self.mark} {self.word}"


_SIGNS: Final[dict[str, Sign]] = {
    # A resource while it is written or deleted.
    "waiting": Sign("○", "to come", "quiet"),
    "started": Sign("…", "creating", "busy"),
    "adopted": Sign("…", "at work already", "busy"),
    "done": Sign("✓", "done", "good"),
    "same": Sign("✓", "as planned", "good"),
    "failed": Sign("✗", "failed", "bad"),
    "deleting": Sign("…", "deleting", "busy"),
    "deleted": Sign("✓", "gone", "quiet"),
    # A check, a reset.
    "passed": Sign("✓", "passed", "good"),
    "warned": Sign("!", "look at this", "warn"),
    "skipped": Sign("-", "not checked", "quiet"),
    "proved": Sign("✓", "proved", "good"),
    "unproved": Sign("!", "not proved", "warn"),
    # A VM while load runs.
    "serving": Sign("✓", "answers", "good"),
    "silent": Sign("✗", "silent", "bad"),
    # A deployment and its resources, as Azure tells.
    "deployed": Sign("✓", "deployed", "good"),
    "partial": Sign("!", "partly there", "warn"),
    "absent": Sign("○", "not there", "quiet"),
    "unknown": Sign("·", "not known", "quiet"),
    "Succeeded": Sign("✓", "there", "good"),
    "Failed": Sign("✗", "failed", "bad"),
    "Canceled": Sign("✗", "cancelled", "bad"),
    "Absent": Sign("○", "not there", "quiet"),
    "NotOurs": Sign("!", "not ours", "warn"),
}


def sign(state: str) -> Sign:
    """The look of a state; a state that nobody foresaw shows as itself."""
    return _SIGNS.get(state) or Sign("…", state.lower(), "busy")
