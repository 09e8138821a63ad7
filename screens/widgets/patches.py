"""The VMs of a patching, a line each: their domain, what is due on them, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.message import Message

from screens.patch_told import Course, Row, state
from screens.widgets.table import Cell, Table


class Patches(Table):
    """Draws a Course."""

    BINDINGS: ClassVar = [
        Binding("enter", "choose", "Updates", tooltip="Every update of this VM", show=False, id="patches.choose")
    ]
    head = True

    class Chosen(Message):
        """A person wants to see all updates of one VM."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.course = Course()
        self.updates, self.reboot = "security", "if-required"
        self._rows: list[Row] = []

    def show(self, course: Course, updates: str, reboot: str) -> None:
        """Draw what is known now, counted by the classes that are chosen."""
        self.course, self.updates, self.reboot = course, updates, reboot
        self._rows = list(course.rows.values())
        self._drawn.clear()
        self.redraw()

    def total(self) -> int:
        return len(self._rows)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        longest = max((len(row.vm) for row in self._rows), default=8)
        name, domain = (
            min(max(8, longest), max(12, width // 3)),
            max([6, *(len(row.domain) for row in self._rows if row.domain != row.vm)]),
        )
        domain = min(domain, 20)
        if line < 0:
            heads = f"   {'VM':<{name}} {'Turn':<{domain}} {'Due':>4}  {'Of all':>6}   State"
            return [(heads[:width].ljust(width), "quiet")]
        row = self._rows[line]
        sign, words, tone = state(row, self.updates, self.reboot)
        turn = "" if row.domain == row.vm else row.domain
        left = f"{_cut(row.vm, name):<{name}} {_cut(turn, domain):<{domain}} "
        due, everything = ("", "") if row.why else (str(row.due(self.updates)), str(len(row.patches)))
        counts = f"{due:>4}  {everything:>6}   "
        room = max(0, width - len(left) - len(counts) - 3)
        return [(f" {sign} ", tone), (left, "plain"), (counts, "strong" if due not in ("", "0") else "quiet"),
                (_cut(words, room), tone)]  # fmt: skip

    def action_choose(self) -> None:
        if self.cursor < len(self._rows):
            self.post_message(self.Chosen(self._rows[self.cursor]))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + "…" * (room > 0)
