"""The base of the live widgets that show many lines: only the lines in view are ever made (Textual's Line API).

A DataTable measures and keeps every cell; with 600 resources changing at 4 Hz that is most of a core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

Cell = tuple[str, str]
"""A text and the name of its style: good, busy, bad, warn, quiet, strong, plain."""


class Table(ScrollView, can_focus=True):
    """Lines under an optional head. A subclass says how many there are and what stands in one.

    `head` stays in view. The cursor is shown while the table has the focus.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--good", "table--busy", "table--bad", "table--warn", "table--quiet", "table--strong", "table--plain",
        "table--cursor",
    }  # fmt: skip
    DEFAULT_CSS = """
    Table { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    Table > .table--good { color: $text-success; }
    Table > .table--busy { color: $text-accent; }
    Table > .table--bad { color: $text-error; }
    Table > .table--warn { color: $text-warning; }
    Table > .table--quiet { color: $text-muted; }
    Table > .table--strong { text-style: bold; }
    Table > .table--cursor { background: $primary 20%; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", tooltip="The line above", show=False, id="table.up"),
        Binding("down", "move(1)", "Down", tooltip="The line below", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "Page up", tooltip="A page up", show=False, id="table.pageup"),
        Binding("pagedown", "page(1)", "Page down", tooltip="A page down", show=False, id="table.pagedown"),
        Binding("home", "edge(0)", "First", tooltip="The first line", show=False, id="table.home"),
        Binding("end", "edge(1)", "Last", tooltip="The last line", show=False, id="table.end"),
    ]
    head: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.cursor = 0
        self._drawn: dict[int, tuple[Cell, ...]] = {}

    # What a subclass says

    def total(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        """What stands in a line; -1 is the head."""
        raise NotImplementedError

    # Drawing

    def redraw(self) -> None:
        """Draw anew those lines in view that changed."""
        if not self.is_attached:
            return
        lines, width = self.total(), self.size.width
        size = Size(width, lines + self.head)
        if size != self.virtual_size:
            self.virtual_size = size
            self.cursor = min(self.cursor, max(0, lines - 1))
            self.refresh()
            return
        changed = [y for y in range(self.size.height) if self._differs(y, width)]
        if 2 * len(changed) > self.size.height:
            self.refresh()
        else:
            for y in changed:
                self.refresh_lines(y + self.scroll_offset.y)

    def _differs(self, y: int, width: int) -> bool:
        line = self._line_at(y)
        return line is not None and tuple(self.cells(line, width)) != self._drawn.get(line)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        line = self._line_at(y)
        if line is None:
            return Strip.blank(width, self.rich_style)
        cells = tuple(self.cells(line, width))
        self._drawn[line] = cells
        base = self.rich_style
        if line == self.cursor and self.has_focus and line >= 0:
            base = base + self.get_component_rich_style("table--cursor")
        segments = [Segment(text, base + self._style(name)) for text, name in cells if text]
        return Strip(segments).adjust_cell_length(width, base)

    def _line_at(self, y: int) -> int | None:
        if self.head and y == 0:
            return -1
        line = y - self.head + self.scroll_offset.y
        return line if 0 <= line < self.total() else None

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"table--{name}", partial=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn.clear()

    def on_resize(self, _event: events.Resize) -> None:
        self._drawn.clear()
        self.redraw()

    # The cursor

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def action_move(self, by: int) -> None:
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.go_to(self.cursor + by * max(1, self.size.height - self.head - 1))

    def action_edge(self, end: int) -> None:
        self.go_to(self.total() - 1 if end else 0)

    def go_to(self, line: int) -> None:
        """Put the cursor on a line and bring it into view."""
        before, self.cursor = self.cursor, max(0, min(line, self.total() - 1))
        room = max(1, self.size.height - self.head)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False)
        for each in {before, self.cursor}:
            self.refresh_lines(each + self.head)
        self.moved()

    def moved(self) -> None:
        """The cursor is on another line."""

    async def on_click(self, event: events.Click) -> None:
        line = self._line_at(event.y)
        if line is not None and line >= 0:
            self.go_to(line)


def fitted(text: str, width: int) -> str:
    """Exactly `width` cells: filled up, or cut with an ellipsis at its beginning, where names are alike."""
    if len(text) <= width:
        return text.ljust(width)
    return "…" + text[len(text) - width + 1 :] if width > 1 else text[:width]
