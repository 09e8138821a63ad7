"""What a field needs of the widget in it: an answer that can be read, set, and told when a person changes it."""

from __future__ import annotations

from typing import Any

from textual.message import Message
from textual.widget import Widget


class Answered(Message):
    """A person changed a control's answer (never sent when a program set it)."""

    def __init__(self, widget: Control) -> None:
        super().__init__()
        self.widget = widget

    @property
    def control(self) -> Control:
        return self.widget


class Control(Widget):
    """The base of every control. `answer` is the value as Answers holds it.

    `short`: the note stands beside it, not beneath.
    """

    short = False

    @property
    def answer(self) -> Any:
        raise NotImplementedError

    @answer.setter
    def answer(self, value: Any) -> None:
        raise NotImplementedError

    @property
    def entrance(self) -> Widget:
        """The widget that takes the focus."""
        return self

    def told(self) -> None:
        """Tell the field that a person changed the answer."""
        self.post_message(Answered(self))

    def fault(self) -> str:
        """What is wrong with the text before any rule of the plan can judge it; `""` for nothing."""
        return ""
