"""The rail: the steps and how far each is. It is navigation too, by click; keys go through the step."""

from __future__ import annotations

from collections.abc import Sequence

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

    def tell(self, steps: Sequence[tuple[Entry, State, bool]], to_mend: int) -> None:
        """Each step with its state and whether it can be gone to; how many problems there are in all."""
        lines = [self._line(number, *step) for number, step in enumerate(steps, 1)]
        if to_mend:
            lines += [Content(""), Content.styled(f" ✗ {to_mend} to mend", "$text-error")]
        self.update(Content("\n").join(lines))

    def _line(self, number: int, entry: Entry, state: State, reached: bool) -> Content:
        line = Content.styled(f" {SIGNS[state]} {entry.title:<14}", STYLES[state])
        return line.stylize(f"@click=screen.go({entry.id!r})") if reached and state != "here" else line
