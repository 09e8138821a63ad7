"""What folds to one line: a title, what is in it in half a line, and what it holds."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Static

_TITLE = 24


class Head(Static, can_focus=True):
    """The line that opens and folds."""

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


class Foldable(Vertical):
    """A Head, and `inside`, which it shows or hides."""

    def __init__(self, title: str, inside: Widget, *, opened: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.title_text = title
        self.inside = inside
        self.opened = opened
        self._summary = ""
        self._head = Head("", markup=False)

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.inside

    def on_mount(self) -> None:
        self.inside.display = self.opened
        self._draw()

    @property
    def summary(self) -> str:
        """What stands beside the title."""
        return self._summary

    @summary.setter
    def summary(self, text: str) -> None:
        self._summary = text
        self._draw()

    def turn(self, opened: bool) -> None:
        """Open or fold it."""
        if self.opened == opened:
            return
        self.opened = opened
        if not opened and self.inside.has_focus_within:
            self._head.focus()
        self.inside.display = opened
        self._draw()
        if opened:
            self.call_after_refresh(self.scroll_visible, animate=False)

    def enter(self) -> None:
        """Put the focus on it."""
        self._head.focus()

    def told(self) -> str:
        """What its line says now."""
        return self._summary

    def _draw(self) -> None:
        told = self.told()
        style = "$text-error" if told.startswith(("✗", "!")) else "$text-muted"
        mark = ("▾ " if self.opened else "▸ ", "$primary")
        self._head.update(Content.assemble(mark, f"{self.title_text:<{_TITLE}}", (told, style)))
