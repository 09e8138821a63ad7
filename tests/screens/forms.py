"""What tests of the form's steps share: filling a field as a person does."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot


async def fill(pilot: Pilot[Any], key: str, text: str) -> None:
    """Go to the field of a key and put a text in place of what is there, as a paste does: one change."""
    screen: Any = pilot.app.screen
    screen.field(key).enter()
    await pilot.pause()
    focused: Any = pilot.app.focused
    focused.value = text
    await pilot.pause()
