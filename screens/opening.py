"""The first frame: the frame of the first step with its words, drawn before the form and its styles are loaded.

The form takes as long again as Textual itself; somebody who sees where they are does not notice.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

NAME = "multivm-wizard"
LEAD = "Several VMs behind a load balancer. Where do they go?"

SEEN_S = 0.02
"""Textual draws 60 times a second, and `call_after_refresh` calls before what is laid out then is drawn."""


class Opening(Screen[None]):
    """Stands for a moment; calls the app's `begin` once it is seen."""

    CSS: ClassVar[str] = """
    Opening { background: $background; color: $foreground; }
    #opening-name { height: 2; border-bottom: solid $panel; padding: 0 1; text-style: bold; }
    #opening-words { padding: 0 2 0 20; }
    #opening-words.narrow { padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        yield Static(NAME, id="opening-name", markup=False)
        words = Content.assemble(("Start", "bold"), "\n", (LEAD, "$text-muted"))
        narrow = "narrow" if self.app.size.width < 72 else ""  # where steps have no rail
        yield Static(words, id="opening-words", classes=narrow, markup=False)

    def on_mount(self) -> None:
        self.set_timer(SEEN_S, self._begin)

    async def _begin(self) -> None:
        await self.run_action("app.begin")
