"""A one-line button. Textual's own is three lines high and brings more styles than all of ours."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static


class Push(Static, can_focus=True):
    """Pressed with Enter, space or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "Press", tooltip="Press this button", show=False, id="push.press")
    ]

    class Pressed(Message):
        """The button was pressed."""

        def __init__(self, push: Push) -> None:
            super().__init__()
            self.push = push

        @property
        def control(self) -> Push:
            return self.push

    def __init__(self, label: str, *, id: str | None = None, classes: str = "", disabled: bool = False) -> None:
        super().__init__(label, id=id, classes=classes, markup=False, disabled=disabled)

    def on_focus(self) -> None:
        self.call_after_refresh(self.place_cursor)

    def place_cursor(self) -> None:
        """Put the terminal's own cursor on the first letter."""
        if self.has_focus:
            self.app.cursor_position = self.content_region.offset

    def action_press(self) -> None:
        if not self.disabled:
            self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        self.action_press()
