"""A section that is folded to one line until somebody wants to read it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.widgets import Static

from screens.widgets.foldable import Foldable
from screens.widgets.lines import Lines, Make

_TITLE = 24


class Head(Static, can_focus=True):
    """The line that opens and folds its section."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "turn", "Open or fold", tooltip="Open this section, or fold it", id="section.turn"),
        Binding("right", "turn(True)", "Open", tooltip="Open this section", show=False, id="section.open"),
        Binding("left", "turn(False)", "Fold", tooltip="Fold this section", show=False, id="section.fold"),
    ]

    def on_focus(self) -> None:
        self.app.cursor_position = self.content_region.offset + Offset(0, 0)

    def action_turn(self, opened: bool | None = None) -> None:
        section = self.parent
        if isinstance(section, Foldable):
            section.turn(not section.opened if opened is None else opened)

    def on_click(self) -> None:
        self.action_turn()


def head_text(title: str, summary: str, *, opened: bool) -> Content:
    """The line of a Head."""
    style = "$text-error" if summary.startswith(("✗", "!")) else "$text-muted"
    return Content.assemble(("▾ " if opened else "▸ ", "$primary"), f"{title:<{_TITLE}}", (summary, style))


class Section(Vertical, Foldable):
    """A title, what is in it in half a line, and the lines themselves."""

    def __init__(self, title: str, *, most: int = 10, id: str | None = None) -> None:
        super().__init__(id=id)
        self.title_text = title
        self.opened = False
        self._summary = ""
        self._head = Head("", markup=False)
        self.lines = Lines(most=most, always=True)

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.lines

    def on_mount(self) -> None:
        self.turn(False)

    @property
    def summary(self) -> str:
        """What stands beside the title."""
        return self._summary

    @summary.setter
    def summary(self, text: str) -> None:
        self._summary = text
        self._draw()

    def show(self, make: Make) -> None:
        """What it holds."""
        self.lines.show(make)

    def turn(self, opened: bool) -> None:
        """Open or fold it."""
        self.opened = opened
        self.lines.display = opened
        self._draw()
        if opened:
            self.call_after_refresh(self.scroll_visible, animate=False)
        elif self.lines.has_focus:
            self._head.focus()

    def enter(self) -> None:
        """Put the focus on it."""
        self._head.focus()

    def _draw(self) -> None:
        self._head.update(head_text(self.title_text, self._summary, opened=self.opened))
