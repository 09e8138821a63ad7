"""The grid of resources: name, kind, state and time of each. Sorted as planned, by need or by name; searchable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.message import Message

from screens.ledger import Ledger, Row
from screens.widgets.signs import sign
from screens.widgets.table import Cell, Table, fitted

Sort = Literal["plan", "need", "name"]
SORTS: tuple[Sort, ...] = ("need", "plan", "name")
WORDS: dict[Sort, str] = {"plan": "as planned", "need": "what needs a look first", "name": "by name"}
# What failed, then what is at work, then what is to come, and last what is there.
_NEED = {"failed": 0, "started": 1, "adopted": 1, "deleting": 1, "waiting": 2, "done": 3, "same": 4, "deleted": 4}

STATE_WIDTH, TIME_WIDTH, KIND_WIDTH = 22, 8, 17


class Grid(Table):
    """Draws a Ledger. `s` sorts; `filter` is what is searched for."""

    head = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort", tooltip="As planned, what needs a look first, by name", id="grid.sort"),
        Binding("enter", "choose", "Why", tooltip="Tell all about this resource", show=False, id="grid.choose"),
    ]

    class Chosen(Message):
        """A person wants to know more about a resource."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self, ledger: Ledger | None = None, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.ledger = ledger or Ledger()
        self.sort: Sort = "need"
        self.filter = ""
        self.now = 0.0
        self._order: list[Row] = []
        self._seen: tuple[int, Sort, str, int] | None = None

    def show(self, ledger: Ledger | None = None) -> None:
        """Draw what the ledger holds now."""
        if ledger is not None:
            self.ledger = ledger
        self.now = self.ledger.now()
        key = (self.ledger.changes, self.sort, self.filter, id(self.ledger))
        if key != self._seen:
            self._seen, self._order = key, self._sorted()
        self.redraw()

    def _sorted(self) -> list[Row]:
        wanted = self.filter.casefold().split()
        rows = [row for row in self.ledger.rows.values() if _matches(row, wanted)]
        if self.sort == "name":
            rows.sort(key=lambda row: (len(row.name), row.name))
        elif self.sort == "need":
            rows.sort(key=lambda row: (_NEED.get(row.state, 1), row.order))
        return rows

    def total(self) -> int:
        return len(self._order)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        kind = KIND_WIDTH if width >= 72 else 0
        state = STATE_WIDTH if width >= 50 else 14
        name = max(6, width - state - TIME_WIDTH - kind - 2)
        if line < 0:
            head = fitted("Resource", name) + " " + ("Kind".ljust(kind) if kind else "")
            return [(f"{head}{'State':<{state}}{'Time':>{TIME_WIDTH}} ", "quiet")]
        row = self._order[line]
        shown = sign(row.state)
        text = str(shown)
        if row.state == "waiting" and (missing := self.ledger.waits_for(row)):
            text = f"{shown.mark} waits for {missing}" if state > 14 else f"{shown.mark} waits"
        return [
            (fitted(row.name, name) + " ", "bad" if row.state == "failed" else "plain"),
            (fitted(row.kind, kind) if kind else "", "quiet"),
            (_cut(text, state), shown.tone),
            (f"{told_time(row.seconds(self.now)):>{TIME_WIDTH}} ", "quiet"),
        ]

    def row_at_cursor(self) -> Row | None:
        """The resource under the cursor."""
        return self._order[self.cursor] if self.cursor < len(self._order) else None

    def action_sort(self) -> None:
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self.show()
        self.go_to(0)
        self.notify(f"Sorted: {WORDS[self.sort]}.", timeout=2)

    def action_choose(self) -> None:
        if row := self.row_at_cursor():
            self.post_message(self.Chosen(row))


def told_time(seconds: float | None) -> str:
    """`4.2 s`, `45 s`, `2:05`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _matches(row: Row, wanted: Sequence[str]) -> bool:
    if not wanted:
        return True
    text = f"{row.name} {row.kind} {sign(row.state).word}".casefold()
    return all(word in text for word in wanted)


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) < width else text[: width - 2] + "… "
