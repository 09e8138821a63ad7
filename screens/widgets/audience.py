"""Who is let in: anyone, the address this computer is seen from, or a list. The answer is what an NSG rule takes."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from screens.widgets.choice import Choice, RadioRow
from screens.widgets.control import Answered, Control
from screens.widgets.text import ListControl

ANYONE, MINE, LIST = "anyone", "mine", "list"
INTERNET = ("Internet",)


class AudienceControl(Control):
    """Three ways to say it; the list is typed into when it is chosen.

    `told_mine` gives it this computer's address once the desk knows it, or the reason why not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.radio = RadioRow([Choice(ANYONE, "anyone"), Choice(MINE, "my address"), Choice(LIST, "a list")])
        self.list = ListControl()
        self.mine = ""
        self.why = "… asking where this computer is seen from"
        self._answer: tuple[str, ...] = ()
        self._listed: tuple[str, ...] = ()
        self._chosen = False  # by a person: what they chose stays, whatever else it could be called

    def compose(self) -> ComposeResult:
        yield self.radio
        yield self.list

    def on_mount(self) -> None:
        self._show_mode(str(self.radio.answer))

    @property
    def entrance(self) -> Widget:
        return self.radio

    @property
    def mode(self) -> str:
        """Which of the three it is."""
        return str(self.radio.answer)

    @property
    def answer(self) -> Any:
        return self._answer

    @answer.setter
    def answer(self, value: Any) -> None:
        self._answer = tuple(value or ())
        self._chosen = False
        self._read()

    def told_mine(self, mine: str, why: str) -> None:
        """This computer's address as a range, `""` when it is not known, and the reason in words."""
        self.mine, self.why = mine, why
        if not self._chosen:
            self._read()

    def _read(self) -> None:
        from wizard.plan.addresses import ANYONE as OPEN

        if len(self._answer) == 1 and self._answer[0].lower() in OPEN:
            mode = ANYONE
        elif self.mine and self._answer in ((self.mine,), (self.mine.removesuffix("/32"),)):
            mode = MINE
        else:
            mode = LIST
            self._listed = self._answer
        self.list.answer = self._answer
        self._show_mode(mode)

    def _show_mode(self, mode: str) -> None:
        self.radio.answer = mode
        self.list.display = mode == LIST

    @on(Answered)
    def _changed(self, event: Answered) -> None:
        # Goes on to the step, which reads `answer`.
        if event.widget is self.list:
            self._answer = self._listed = self.list.answer
            return
        self._chosen = True
        mode = str(self.radio.answer)
        if mode == ANYONE:
            self._answer = INTERNET
        elif mode == MINE and self.mine:
            self._answer = (self.mine,)
        elif mode == LIST:
            self._answer = self._listed or ((self.mine,) if self.mine else ())
            self.list.answer = self._answer
        self._show_mode(mode)

    def fault(self) -> str:
        if self.mode == MINE and not self.mine:
            return f"Your address is not known: {self.why}. Give a list."
        return ""
