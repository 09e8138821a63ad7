"""The log of a run, a line for each thing that happened. It follows the end until somebody looks back."""

from __future__ import annotations

from collections.abc import Sequence

from screens.ledger import Ledger
from screens.widgets.signs import sign
from screens.widgets.table import Cell, Table


class Log(Table):
    """Draws a Ledger's log."""

    def __init__(self, ledger: Ledger | None = None, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.ledger = ledger or Ledger()
        self._following = True

    def show(self, ledger: Ledger | None = None) -> None:
        """Draw what the ledger holds now."""
        if ledger is not None:
            self.ledger = ledger
        self.redraw()
        if self._following and self.total() > self.size.height:
            self.cursor = self.total() - 1
            self.scroll_to(y=self.total(), animate=False)

    def moved(self) -> None:
        self._following = self.cursor >= self.total() - 1

    def total(self) -> int:
        return len(self.ledger.log)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        entry = self.ledger.log[line]
        shown = sign(entry.state)
        at = f"{entry.at:8.1f} s  " if entry.at is not None else " " * 12
        return [(at, "quiet"), (f"{shown.mark} ", shown.tone), (entry.text[: max(0, width - 14)], "plain")]
