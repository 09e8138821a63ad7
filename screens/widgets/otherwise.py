"""A few words to choose from, and one more choice: something else, which is typed. The answer is one text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from screens.widgets.choice import RadioRow, SelectControl
from screens.widgets.control import Answered, Control
from screens.widgets.text import TextControl

OTHER = "\0other"
"""The value of the choice that stands for what is typed; no answer."""


class OtherwiseControl(Control):
    """`words` is a row or a list, one of whose choices has the value OTHER; `typed` is the line that it shows.

    `is_word` says of an answer whether it is one of the words, also before a list is known. What was typed, and the
    word chosen before, are kept while the other way is chosen.
    """

    def __init__(self, words: RadioRow | SelectControl, typed: TextControl, is_word: Callable[[str], bool]) -> None:
        super().__init__()
        self.words, self.typed, self._is_word = words, typed, is_word

    def compose(self) -> ComposeResult:
        yield self.words
        yield self.typed

    def on_mount(self) -> None:
        self.typed.display = self.other

    @property
    def other(self) -> bool:
        """Whether the answer is typed."""
        return bool(self.words.answer == OTHER)

    @property
    def entrance(self) -> Widget:
        return self.words.entrance

    @property
    def answer(self) -> Any:
        return self.typed.answer if self.other else self.words.answer

    @answer.setter
    def answer(self, value: Any) -> None:
        text = str(value or "")
        if self._is_word(text) or not text:
            if not (self.other and not text and not self.typed.answer):
                self.words.answer = text
        else:
            self.words.answer = OTHER
            self.typed.answer = text
        self.typed.display = self.other

    @on(Answered)
    def _changed(self, event: Answered) -> None:
        # Goes on to the step, which reads `answer`.
        if event.widget is self.words:
            self.typed.display = self.other
            if self.other:
                self.call_after_refresh(self.typed.entrance.focus)

    def fault(self) -> str:
        return "" if self.other else self.words.fault()
