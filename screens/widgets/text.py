"""Controls that are typed into: a text, a number, a list, pairs, a path. All are one line high."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from screens.widgets.control import Control


class Line(Input):
    """One line of text. Up and down are left to the step, which goes to the field above or below."""

    def __init__(self, **options: Any) -> None:
        super().__init__(compact=True, select_on_focus=False, **options)
        self.cursor_blink = False

    def on_focus(self) -> None:
        self.call_after_refresh(self.place_cursor)

    # Textual runs a binding only once its key has bubbled up to the app, so that letters which follow in the same burst
    # (a multiplexer's send-keys, a slow line) would overtake it. What edits the line is done here, in the keys' order.

    def key_backspace(self, event: events.Key) -> None:
        self._edit(event, self.action_delete_left)

    def key_delete(self, event: events.Key) -> None:
        self._edit(event, self.action_delete_right)

    def key_home(self, event: events.Key) -> None:
        self._edit(event, self.action_home)

    def key_end(self, event: events.Key) -> None:
        self._edit(event, self.action_end)

    def key_ctrl_u(self, event: events.Key) -> None:
        self._edit(event, self.action_delete_left_all)

    def key_ctrl_w(self, event: events.Key) -> None:
        self._edit(event, self.action_delete_left_word)

    def _edit(self, event: events.Key, action: Callable[[], None]) -> None:
        event.stop()
        action()

    @property
    def cursor_screen_offset(self) -> Offset:
        """The cell one types into; Textual's own counts one more at the end of the text."""
        return super().cursor_screen_offset - Offset(int(self.cursor_at_end), 0)

    def place_cursor(self) -> None:
        """Put the terminal's own cursor where one types: known only once the screen is laid out."""
        if self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    def set_quietly(self, text: str) -> None:
        """Show a text without telling anybody that it changed."""
        with self.prevent(Input.Changed):
            self.value = text
            self.cursor_position = len(text)


class TextControl(Control):
    """A line of text. The answer is the text."""

    line_class: ClassVar[type[Line]] = Line

    def __init__(self, *, placeholder: str = "", password: bool = False, suggester: Suggester | None = None) -> None:
        super().__init__()
        self.line = self.line_class(placeholder=placeholder, password=password, suggester=suggester)

    def compose(self) -> ComposeResult:
        yield self.line

    @property
    def entrance(self) -> Widget:
        return self.line

    @property
    def answer(self) -> Any:
        return self.parse(self.line.value)

    @answer.setter
    def answer(self, value: Any) -> None:
        if not self.line.has_focus or self.parse(self.line.value) != value:
            self.line.set_quietly(self.show(value))

    def parse(self, text: str) -> Any:
        """The answer that a text means."""
        return text.strip()

    def show(self, value: Any) -> str:
        """The text that shows an answer."""
        return "" if value is None else str(value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.told()


class _Digits(Line):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "step(-1)", "Less", tooltip="One less", show=False, id="number.less"),
        Binding("right,plus", "step(1)", "More", tooltip="One more", show=False, id="number.more"),
    ]

    def action_step(self, by: int) -> None:
        if isinstance(self.parent, NumberControl):
            self.parent.step(by)


class NumberControl(TextControl):
    """A whole number between two limits: typed, or stepped with ← and →. The answer is an int, or the text as it is."""

    short = True
    line_class = _Digits

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.low, self.high = low, high
        self.line.restrict = r"[0-9]*"
        self.line.max_length = len(str(high))
        self.line.styles.width = max(3, len(str(high)) + 1)

    def compose(self) -> ComposeResult:
        yield Static("‹ ", classes="less", markup=False)
        yield self.line
        yield Static("›", classes="more", markup=False)

    def parse(self, text: str) -> Any:
        return int(text) if text.strip().isdigit() else text.strip()

    def fault(self) -> str:
        return "" if isinstance(self.answer, int) else f"A number is needed here: {self.low} to {self.high}."

    def step(self, by: int) -> None:
        """Go up or down, never beyond the limits."""
        now = self.answer if isinstance(self.answer, int) else self.low - by
        stepped = min(self.high, max(self.low, now + by))
        if stepped != self.answer:
            self.line.set_quietly(str(stepped))
            self.told()

    def on_click(self, event: events.Click) -> None:
        if event.widget is not None and event.widget.has_class("less"):
            self.step(-1)
        elif event.widget is not None and event.widget.has_class("more"):
            self.step(1)


class ListControl(TextControl):
    """Several texts, separated by commas or blanks. The answer is a tuple of them."""

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(part for part in re.split(r"[,;\s]+", text) if part)

    def show(self, value: Any) -> str:
        return ", ".join(value or ())


class PairsControl(TextControl):
    """name=value pairs, separated by commas. The answer is a dict; a value may hold blanks and `=`, not a comma."""

    def parse(self, text: str) -> dict[str, str]:
        pairs = (part.partition("=") for part in text.split(",") if part.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}

    def show(self, value: Any) -> str:
        pairs: Mapping[str, str] = value or {}
        return ", ".join(f"{name}={text}" for name, text in pairs.items())

    def fault(self) -> str:
        parts = [part.strip() for part in self.line.value.split(",") if part.strip()]
        names = [part.partition("=")[0].strip() for part in parts]
        if lone := next((part for part in parts if "=" not in part), ""):
            return f'"{lone}" has no value: write name=value.'
        twice = next((name for name in names if names.count(name) > 1), "")
        return f'"{twice}" stands there twice.' if twice else ""


class _Paths(Suggester):
    """Completes a path from the file system; reading a folder takes a thread, since it may be on a network."""

    def __init__(self, suffix: str) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.suffix = suffix

    async def get_suggestion(self, value: str) -> str | None:
        import asyncio

        return await asyncio.to_thread(self._first, value)

    def _first(self, value: str) -> str | None:
        folder, slash, begun = value.rpartition("/")
        try:
            base = Path(f"{folder}{slash}" or ".").expanduser()
            names = sorted(
                f"{inner.name}/" if inner.is_dir() else inner.name
                for inner in base.iterdir()
                if inner.name.startswith(begun) and (begun or not inner.name.startswith("."))
                if inner.is_dir() or inner.name.endswith(self.suffix)
            )
        except (OSError, RuntimeError, ValueError):
            return None
        return f"{folder}{slash}{names[0]}" if names else None


class PathControl(TextControl):
    """A file's path; → takes the completion that stands there dimmed. The answer is the text."""

    def __init__(self, suffix: str = "", placeholder: str = "") -> None:
        super().__init__(placeholder=placeholder, suggester=_Paths(suffix))


class FileControl(PathControl):
    """As PathControl; the answer is the absolute path: whoever reads it has another working folder."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "choose", "Choose", key_display="F4", tooltip="Choose the file from a list", id="file.choose")
    ]

    @work(exclusive=True, group="choose")
    async def action_choose(self) -> None:
        """Lead through the folders to a file."""
        from screens.files import choose

        if path := await choose(self.app, self.line.value):
            self.line.set_quietly(path)
            self.told()

    def parse(self, text: str) -> str:
        try:
            return str(Path(text.strip()).expanduser().absolute()) if text.strip() else ""
        except RuntimeError:  # a home folder of nobody
            return text.strip()


class SecretControl(TextControl):
    """A text that is not shown unless asked for. The answer is the text."""

    def __init__(self) -> None:
        super().__init__(password=True)

    def parse(self, text: str) -> str:
        return text  # blanks count

    @property
    def shown(self) -> bool:
        """Whether the text can be read on the screen."""
        return not self.line.password

    @shown.setter
    def shown(self, shown: bool) -> None:
        self.line.password = not shown
