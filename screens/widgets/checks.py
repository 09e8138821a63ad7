"""The checks of a verification, a line for each kind of check; what failed is told under it, with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from screens.findings import Findings, Group
from screens.widgets.signs import sign
from screens.widgets.table import Cell, Table


class Checks(Table):
    """Draws Findings."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "All of it", tooltip="Every check of this kind", show=False, id="checks.choose")
    ]

    class Chosen(Message):
        """A person wants to see all checks of one kind."""

        def __init__(self, group: Group) -> None:
            super().__init__()
            self.group = group

    def __init__(self, findings: Findings | None = None, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.findings = findings or Findings()
        self._lines: list[tuple[Group | None, Sequence[Cell]]] = []

    def show(self, findings: Findings | None = None) -> None:
        """Draw what the findings hold now."""
        if findings is not None:
            self.findings = findings
        self._lines = [line for group in self.findings.groups.values() for line in _lines(group)]
        if self.findings.waiting:
            self._lines.append((None, [(" … ", "busy"), (self.findings.waiting, "quiet")]))
        self.redraw()

    def total(self) -> int:
        return len(self._lines)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        cells = self._lines[line][1]
        room, fitted = width, []
        for text, style in cells:
            cut = text if len(text) <= room else text[: max(0, room - 1)] + "…" * (room > 0)
            fitted.append((cut, style))
            room -= len(cut)
        return fitted

    def action_choose(self) -> None:
        if self.cursor < len(self._lines) and (group := self._lines[self.cursor][0]):
            self.post_message(self.Chosen(group))


def _lines(group: Group) -> list[tuple[Group | None, Sequence[Cell]]]:
    shown = sign(group.state)
    title = "plain" if group.state == "passed" else shown.tone
    lines: list[tuple[Group | None, Sequence[Cell]]] = [
        (group, [(f" {shown.mark} ", shown.tone), (f"{group.title:<36}", title), (f" {group.told}", "quiet")])
    ]
    for check in group.of("failed")[:6]:
        lines.append((group, [("     ", "plain"), (f"{check['target']}: {check.get('detail', '')}", "bad")]))
        lines += [
            (group, [("     → ", "strong"), (line, "plain")]) for line in str(check.get("remedy") or "").splitlines()
        ]
    return lines
