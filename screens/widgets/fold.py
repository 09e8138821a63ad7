"""Fields that few people change, folded to one line that tells what they say."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from screens.widgets.field import Field
from screens.widgets.foldable import Foldable
from screens.widgets.section import Head, head_text


class Fold(Vertical, Foldable):
    """A title, what its fields say in half a line, and the fields. A field in it that is to be mended opens it."""

    def __init__(self, title: str, *fields: Widget, id: str | None = None, opened: bool = False) -> None:
        super().__init__(id=id, classes="fold")
        self.title_text = title
        self.opened = opened
        self._summary = ""
        self._faults = 0
        self._warnings = 0
        self._head = Head("", markup=False)
        self._inside = Vertical(*fields, classes="inside")
        self._inside.display = opened

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._inside

    def on_mount(self) -> None:
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
        if not opened and self._inside.has_focus_within:
            self._head.focus()
        self._inside.display = opened
        self._draw()
        if opened:
            self.call_after_refresh(self.scroll_visible, animate=False)

    def enter(self) -> None:
        """Put the focus on it."""
        self._head.focus()

    def tell_problems(self) -> None:
        """Say in its line that something in it is wrong, or deserves a look."""
        fields = [field for field in self.query(Field) if field.display and field.shown_problem]
        faults = sum(field.has_class("wrong") for field in fields)
        if (faults, len(fields) - faults) != (self._faults, self._warnings):
            self._faults, self._warnings = faults, len(fields) - faults
            self._draw()

    def _draw(self) -> None:
        told = self._summary
        if self._faults:
            told = f"✗ {self._faults} to mend"
        elif self._warnings and not self.opened:
            told = f"! {told}"
        self._head.update(head_text(self.title_text, told, opened=self.opened))
