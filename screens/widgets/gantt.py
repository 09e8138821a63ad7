"""The timeline of a run: one bar for each resource, the longest way drawn bold.

Where not all have a line, the longest way comes first and then what is at work: that is what decides about the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from screens.ledger import RUNNING, Ledger, Row
from screens.widgets.grid import told_time
from screens.widgets.signs import sign
from screens.widgets.table import Cell, Table, fitted

FULL, REST, PAST = "█", "░", "━"


class Gantt(Table):
    """Draws a Ledger. `everything` has a line for each resource, in the order they began; else those that fit."""

    head = False

    def __init__(self, ledger: Ledger | None = None, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.ledger = ledger or Ledger()
        self.everything = False
        self._rows: list[Row] = []
        self._bold: set[str] = set()
        self._now = self._span = 0.0

    def show(self, ledger: Ledger | None = None) -> None:
        """Draw what the ledger holds now."""
        if ledger is not None:
            self.ledger = ledger
        self._now = self.ledger.now()
        self._span = max(self.ledger.about() or 0.0, self._now, 0.1)
        way = self.ledger.longest_way()
        self._bold = {row.id for row in way}
        begun = [row for row in self.ledger.rows.values() if row.began is not None]
        begun.sort(key=lambda row: (row.began or 0.0, row.order))
        room = self.size.height
        self._rows = begun if self.everything or len(begun) <= room else picked(begun, way, room)
        self.redraw()

    def on_resize(self, _event: events.Resize) -> None:
        self._drawn.clear()
        self.show()

    def total(self) -> int:
        return len(self._rows)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        row = self._rows[line]
        name = min(max((len(each.name) for each in self._rows), default=8), max(8, width // 4))
        time = told_time(row.seconds(self._now))
        room = max(4, width - name - 13)
        per = room / self._span
        began, now = row.began or 0.0, self._now
        start = min(int(began * per), room - 1)
        end = max(start + 1, min(room, round((now if row.ended is None else row.ended) * per)))
        ahead = ""
        if row.ended is None and row.id in self._bold:
            ahead = REST * max(0, room - end)
        bold = row.id in self._bold
        shown = sign(row.state)
        return [
            (f" {fitted(row.name, name)} ", "strong" if bold else "quiet"),
            (" " * start, "plain"),
            ((FULL if bold else PAST) * (end - start), shown.tone if row.state != "done" or bold else "quiet"),
            (ahead, "quiet"),
            (" " * (room - end - len(ahead)), "plain"),
            (f" {shown.mark}{time:>8} ", shown.tone if row.state in ("failed", *RUNNING) else "quiet"),
        ]


def picked(begun: Sequence[Row], way: Sequence[Row], room: int) -> list[Row]:
    """As many rows as there is room for: the longest way's last ones, then what failed or is at work, then the slow."""
    chosen = [row for row in way if row.began is not None][-room:]
    for group in (
        [row for row in begun if row.state == "failed"],
        [row for row in begun if row.state in RUNNING],
        sorted(begun, key=lambda row: (row.began or 0.0) - (row.ended or 0.0)),
    ):
        if len(chosen) >= room:
            break
        known = set(chosen)
        chosen += [row for row in group if row not in known][: room - len(chosen)]
    return sorted(chosen, key=lambda row: (row.began or 0.0, row.order))
