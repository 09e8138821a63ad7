"""Lines to read: a few at a time, scrolled with the keys once the focus is in them. Only those in view are drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Offset, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

Make = Callable[[int], Sequence[Content]]
"""The lines for a width in cells."""


class Lines(ScrollView, can_focus=True):
    """`most` lines high at most. ↑ at the top and ↓ at the end go on to what stands above or below.

    With `always` it takes the focus even when everything is in view, so that a reader can go to it.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's declaration
        Binding(
            "up", "line(-1)", "Up", tooltip="A line up; from the first, the field above", show=False, id="lines.up"
        ),
        Binding("down", "line(1)", "Down", tooltip="A line down; from the last, on", show=False, id="lines.down"),
    ]

    def __init__(self, *, most: int = 8, always: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.most, self.always = most, always
        self.lines: Sequence[Content] = ()
        self._make: Make = lambda _width: ()
        self._width = 0
        self.can_focus = always

    def show(self, make: Make) -> None:
        """Draw what `make` gives for the width there is, and again when that changes."""
        self._make = make
        self._fill()

    def on_resize(self, _event: events.Resize) -> None:
        if self.outer_size.width != self._width:
            self._fill()

    def _fill(self) -> None:
        self._width = self.outer_size.width
        # One column stays free for the scrollbar, whether it is there or not: text does not jump when it comes.
        width = (self._width or 60) - 1
        self.lines = tuple(self._make(max(20, width)))
        longest = max((line.cell_length for line in self.lines), default=0)
        self.virtual_size = Size(min(longest, width), len(self.lines))
        self.styles.height = max(1, min(self.most, len(self.lines)))
        self.can_focus = self.always or len(self.lines) > self.most
        self.refresh(layout=True)

    def render_line(self, y: int) -> Strip:
        width, at = self.size.width, y + self.scroll_offset.y
        if at >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        line = self.lines[at].truncate(width, ellipsis=True) if self.lines[at].cell_length > width else self.lines[at]
        strips = Visual.to_strips(self, line, width, 1, self.visual_style)
        return strips[0].extend_cell_length(width, self.rich_style) if strips else Strip.blank(width, self.rich_style)

    def action_line(self, by: int) -> None:
        at_end = self.scroll_offset.y >= self.max_scroll_y if by > 0 else self.scroll_offset.y <= 0
        if not at_end:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False)
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def on_focus(self, _event: events.Focus) -> None:
        self.app.cursor_position = self.content_region.offset + Offset(0, 0)


def wrapped(text: str, width: int, style: str = "", *, indent: int = 0, head: str = "") -> list[Content]:
    """A text as lines of at most `width` cells, `indent` deep; `head` stands bold in the first line's indent."""
    lines = textwrap.wrap(text, max(10, width - indent), break_on_hyphens=False) or [""]
    first = Content.assemble((f"{head:<{indent}}", "$primary"), (lines[0], style))
    return [first, *(Content.assemble(" " * indent, (line, style)) for line in lines[1:])]
