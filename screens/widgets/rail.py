"""The rail: the steps and how far each is. It is navigation too, by click; keys go through the step."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from screens.flow import SIGNS, Entry, State

STYLES: dict[State, str] = {
    "done": "$text-success",
    "here": "$primary bold",
    "to come": "$text-muted",
    "needs attention": "$text-error",
}


class Rail(Static):
    """Draws what the step tells it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._reached: list[str] = []

    def tell(self, steps: Sequence[tuple[Entry, State, bool]], to_mend: int) -> None:
        """Each step with its state and whether it can be gone to; how many problems there are in all."""
        self._reached = [entry.id if reached and state != "here" else "" for entry, state, reached in steps]
        lines = [Content.styled(f" {SIGNS[state]} {entry.title}", STYLES[state]) for entry, state, _reached in steps]
        if to_mend:
            lines += [Content(""), Content.styled(f" ✗ {to_mend} to mend", "$text-error")]
        self.update(Content("\n").join(lines))

    async def on_click(self, event: events.Click) -> None:
        if event.y < len(self._reached) and self._reached[event.y]:
            await self.screen.run_action(f"go({self._reached[event.y]!r})")
