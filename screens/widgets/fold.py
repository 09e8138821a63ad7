"""Fields that few people change, folded to one line that tells what they say."""

from __future__ import annotations

from textual.containers import Vertical
from textual.widget import Widget

from screens.widgets.field import Field
from screens.widgets.foldable import Foldable


class Fold(Foldable):
    """A title, what its fields say in half a line, and the fields. A field in it that is to be mended opens it."""

    def __init__(self, title: str, *fields: Widget, id: str | None = None, opened: bool = False) -> None:
        super().__init__(title, Vertical(*fields, classes="inside"), opened=opened, id=id)
        self.add_class("fold")
        self._faults = 0
        self._warnings = 0

    def tell_problems(self) -> None:
        """Say in its line that something in it is wrong, or deserves a look."""
        fields = [field for field in self.query(Field) if field.display and field.shown_problem]
        faults = sum(field.has_class("wrong") for field in fields)
        if (faults, len(fields) - faults) != (self._faults, self._warnings):
            self._faults, self._warnings = faults, len(fields) - faults
            self._draw()

    def told(self) -> str:
        if self._faults:
            return f"✗ {self._faults} to mend"
        return f"! {self.summary}" if self._warnings and not self.opened else self.summary
