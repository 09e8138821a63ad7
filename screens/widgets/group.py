"""The resource group's name: typed for one that is made, or one of those that are there. The answer is the name."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.widget import Widget

from screens.widgets.choice import SelectControl
from screens.widgets.control import Control
from screens.widgets.text import TextControl


class GroupControl(Control):
    """`existing` decides which of the two is shown, and is the answer; the other keeps its own name."""

    def __init__(self, listed: SelectControl) -> None:
        super().__init__()
        self.typed = TextControl(placeholder="ra-multi-vm-rg")
        self.listed = listed
        self._existing = False

    def compose(self) -> ComposeResult:
        yield self.typed
        yield self.listed

    def on_mount(self) -> None:
        self.existing = self._existing

    @property
    def existing(self) -> bool:
        """Whether it is there already."""
        return self._existing

    @existing.setter
    def existing(self, existing: bool) -> None:
        self._existing = existing
        self.typed.display, self.listed.display = not existing, existing

    @property
    def _shown(self) -> TextControl | SelectControl:
        return self.listed if self._existing else self.typed

    @property
    def entrance(self) -> Widget:
        return self._shown.entrance

    @property
    def answer(self) -> Any:
        return self._shown.answer

    @answer.setter
    def answer(self, value: Any) -> None:
        self._shown.answer = value

    def fault(self) -> str:
        return self._shown.fault()
