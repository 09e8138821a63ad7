"""A field: a label, a control, a note, and under them what is wrong and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from screens.widgets.control import Control
from screens.widgets.foldable import Foldable

if TYPE_CHECKING:
    from wizard.errors import Problem


@dataclass(frozen=True)
class Help:
    """What F1 and the third column say: what it is, Azure's rule, what we recommend and why, what changes later."""

    what: str
    rule: str = ""
    recommend: str = ""
    later: str = ""


class Field(Vertical):
    """One question. `key` is where Answers keeps it; `""` for a field that only shows something.

    `note` stands dimmed beside a short control and beneath a long one; change it with `note = ...`.
    """

    def __init__(self, key: str, label: str, control: Control, *, help: Help, note: str = "") -> None:
        super().__init__(classes="field short" if control.short else "field")
        self.key, self.label, self.control, self.help = key, label, control, help
        self.touched = False
        """Whether a person changed it while this screen stood: untouched fields are not scolded before Next."""
        self._label = Static(f"  {label}", classes="label", markup=False)
        self._note: Static | None = None
        self._noted = note
        self._problem: Static | None = None
        self._shown = ""

    def compose(self) -> ComposeResult:
        if self._noted:
            self._note = self._new_note()
        with Horizontal(classes="row"):
            yield self._label
            yield self.control
            if self._note is not None and self.control.short:
                yield self._note
        if self._note is not None and not self.control.short:
            yield self._note

    def _new_note(self) -> Static:
        return Static(self._noted, classes="note", markup=False)

    @property
    def note(self) -> str:
        """What stands beside the control, or beneath it."""
        return self._noted

    @note.setter
    def note(self, text: str) -> None:
        if text == self._noted:
            return
        self._noted = text
        if self._note is not None:
            self._note.update(text)
            self._note.display = bool(text)
        elif self.is_mounted:
            self._mount_note()

    def _mount_note(self) -> None:
        self._note = self._new_note()
        row = self.query_one(".row")
        if self.control.short:
            row.mount(self._note)
        else:
            self.mount(self._note, after=row)

    @property
    def shown_problem(self) -> str:
        """What stands under the field now, for tests and readers."""
        return self._shown

    def show(self, problems: Sequence[Problem]) -> None:
        """Put these problems under the field; the control's own fault comes before any rule's."""
        fault = self.control.fault()
        told = [f"✗ {fault}"] if fault else [_told(problem) for problem in problems]
        text = "\n".join(told)
        wrong = bool(fault) or any(problem.severity == "error" for problem in problems)
        self.set_class(wrong, "wrong")
        if text == self._shown:
            return
        self._shown = text
        if self._problem is None:
            self._problem = Static(text, classes="problem", markup=False)
            self.mount(self._problem)
        self._problem.update(text)
        self._problem.display = bool(text)

    def enter(self) -> None:
        """Put the focus into this field; what it is folded into opens."""
        for above in self.ancestors:
            if isinstance(above, Foldable):
                above.turn(True)
        self.control.entrance.focus()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        self._label.update(f"▸ {self.label}")
        self._label.add_class("here")

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        self._label.update(f"  {self.label}")
        self._label.remove_class("here")


def _told(problem: Problem) -> str:
    sign = "✗" if problem.severity == "error" else "!"
    return " ".join(part for part in (sign, problem.what, problem.remedy) if part)
