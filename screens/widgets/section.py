"""A section of lines, folded to one line until somebody wants to read it."""

from __future__ import annotations

from screens.widgets.foldable import Foldable
from screens.widgets.lines import Lines, Make


class Section(Foldable):
    """A title, what is in it in half a line, and the lines themselves."""

    def __init__(self, title: str, *, most: int = 10, id: str | None = None) -> None:
        self.lines = Lines(most=most, always=True)
        super().__init__(title, self.lines, id=id)

    def show(self, make: Make) -> None:
        """What it holds."""
        self.lines.show(make)
