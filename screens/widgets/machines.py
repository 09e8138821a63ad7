"""VMs as a checklist: which are chosen, how each was made, and what is going on with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from screens.widgets.signs import Sign
from screens.widgets.table import Cell, Table


@dataclass
class Machine:
    """One VM: what the record says of its first credential, and how its reset goes."""

    name: str
    fact: str
    urgent: bool = False  # it still has the password it was made with
    chosen: bool = False
    sign: Sign | None = None
    told: str = ""
    more: list[str] = field(default_factory=list)


class Machines(Table):
    """Space chooses; `a` chooses all, or none when all are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "choose", "Choose", tooltip="Choose this VM, or not", show=False, id="machines.choose"),
        Binding("a", "all", "All", tooltip="Choose all VMs, or none", id="machines.all"),
    ]

    class Changed(Message):
        """Another set of VMs is chosen."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.machines: list[Machine] = []
        self.locked = False

    def show(self, machines: Sequence[Machine] | None = None) -> None:
        if machines is not None:
            self.machines = list(machines)
        self.redraw()

    def chosen(self) -> list[str]:
        return [machine.name for machine in self.machines if machine.chosen]

    def machine(self, name: str) -> Machine | None:
        return next((each for each in self.machines if each.name == name), None)

    def total(self) -> int:
        return len(self.machines)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        each = self.machines[line]
        name = max((len(machine.name) for machine in self.machines), default=0)
        left: list[Cell] = [
            (f" [{'x' if each.chosen else ' '}] ", "strong" if each.chosen else "quiet"),
            (f"{each.name:<{name}}  ", "plain"),
        ]
        used = name + 7
        if each.sign is not None:
            text = f"{each.sign.mark} {each.told}"
            return [*left, (text[: max(0, width - used)], each.sign.tone)]
        return [*left, (each.fact[: max(0, width - used)], "warn" if each.urgent else "quiet")]

    def action_move(self, by: int) -> None:
        """From the last one down, on to what stands below."""
        if by > 0 and self.cursor >= self.total() - 1:
            self.screen.focus_next()
        else:
            super().action_move(by)

    def action_choose(self) -> None:
        if self.locked or not self.machines:
            return
        each = self.machines[self.cursor]
        each.chosen = not each.chosen
        self.redraw()
        self.post_message(self.Changed())

    def action_all(self) -> None:
        if self.locked:
            return
        every = all(each.chosen for each in self.machines)
        for each in self.machines:
            each.chosen = not every
        self.redraw()
        self.post_message(self.Changed())

    async def on_click(self, event: events.Click) -> None:
        line = self._line_at(event.y)
        if line is not None and event.x < 5:
            self.cursor = line
            self.action_choose()
