"""Questions over a screen: a choice among few, a name to type for what cannot be undone, and all about one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from screens.widgets.push import Push
from screens.widgets.text import Line


class ChoiceScreen(ModalScreen[str]):
    """One of a few ways on, each a line; Esc takes the first, which changes nothing. Dismissed with the way's id."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "first", "Back", tooltip="Leave all as it is", id="choice.escape"),
        Binding("down", "app.focus_next", "Down", tooltip="The next one", show=False, id="choice.down"),
        Binding("up", "app.focus_previous", "Up", tooltip="The one before", show=False, id="choice.up"),
    ]

    def __init__(self, title: str, text: str, ways: Sequence[tuple[str, str, str]]) -> None:
        """`ways` are id, label, and what happens then; the first one changes nothing."""
        super().__init__()
        self._heading, self._words, self._ways = title, text, ways

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(self._heading, classes="headline", markup=False)
            yield Static(self._words, classes="words", markup=False)
            for way, label, then in self._ways:
                yield Push(label, id=way)
                yield Static(then, classes="then", markup=False)

    def on_mount(self) -> None:
        self.query(Push).first().focus()

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if self.is_current:  # a second Enter that was on its way would close the screen below
            self.dismiss(event.push.id or "")

    def action_first(self) -> None:
        self.dismiss(self._ways[0][0])


class TypedScreen(ModalScreen[bool]):
    """Asks for a name to be typed, so that nobody destroys by a slip of a finger. Dismissed with whether it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Back", tooltip="Leave all as it is", id="typed.escape")
    ]

    def __init__(self, title: str, text: str, name: str, label: str) -> None:
        super().__init__()
        self._heading, self._words, self._wanted, self._label = title, text, name, label

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(self._heading, classes="headline", markup=False)
            yield Static(self._words, classes="words", markup=False)
            yield Static(Content.assemble("Type ", (self._wanted, "bold"), " to go on:"), markup=False)
            yield Line(id="typed")
            yield Push(self._label, id="yes", disabled=True)
            yield Push("Leave all as it is", id="no")

    @on(Input.Changed, "#typed")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#yes", Push).disabled = event.value.strip() != self._wanted

    @on(Input.Submitted, "#typed")
    def _entered(self) -> None:
        if self.is_current and not self.query_one("#yes", Push).disabled:
            self.dismiss(True)

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if self.is_current:
            self.dismiss(event.push.id == "yes")


class PasswordScreen(ModalScreen[str | None]):
    """Asks for a password that is kept nowhere. Dismissed with it, with "" for going on without, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", tooltip="Begin nothing", id="password.escape"),
        Binding("down", "app.focus_next", "Down", tooltip="The next one", show=False, id="password.down"),
        Binding("up", "app.focus_previous", "Up", tooltip="The one before", show=False, id="password.up"),
    ]

    def __init__(self, title: str, text: str, label: str, without: str = "") -> None:
        """`label` goes on with the password; `without`, where it is given, without."""
        super().__init__()
        self._heading, self._words, self._label, self._without = title, text, label, without

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(self._heading, classes="headline", markup=False)
            yield Static(self._words, classes="words", markup=False)
            yield Line(id="password", password=True)
            yield Push(self._label, id="yes", disabled=True)
            if self._without:
                yield Push(self._without, id="without")

    @on(Input.Changed, "#password")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#yes", Push).disabled = not event.value

    @on(Input.Submitted, "#password")
    def _entered(self, event: Input.Submitted) -> None:
        if self.is_current and event.value:
            self.dismiss(event.value)

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if self.is_current:
            self.dismiss(self.query_one("#password", Line).value if event.push.id == "yes" else "")


class LineScreen(ModalScreen[str | None]):
    """Asks for a line of text. Dismissed with it, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", tooltip="Begin nothing", id="line.escape"),
        Binding("down", "app.focus_next", "Down", tooltip="The next one", show=False, id="line.down"),
        Binding("up", "app.focus_previous", "Up", tooltip="The one before", show=False, id="line.up"),
    ]

    def __init__(self, title: str, text: str, label: str, before: str = "") -> None:
        """`label` goes on with what was typed; `before` is there already."""
        super().__init__()
        self._heading, self._words, self._label, self._before = title, text, label, before

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(self._heading, classes="headline", markup=False)
            yield Static(self._words, classes="words", markup=False)
            yield Line(id="line")
            yield Push(self._label, id="yes", disabled=True)

    def on_mount(self) -> None:
        self.query_one("#line", Line).value = self._before

    @on(Input.Changed, "#line")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#yes", Push).disabled = not event.value.strip()

    @on(Input.Submitted, "#line")
    def _entered(self, event: Input.Submitted) -> None:
        if self.is_current and event.value.strip():
            self.dismiss(event.value.strip())

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if self.is_current:
            self.dismiss(self.query_one("#line", Line).value.strip())


class AboutScreen(ModalScreen[None]):
    """All that is known about one thing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(None)", "Close", tooltip="Close this", id="about.close")
    ]

    def __init__(self, title: str, text: Content) -> None:
        super().__init__()
        self._heading, self._words = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="about"):
            yield Static(self._heading, classes="headline", markup=False)
            yield Static(self._words, classes="words", markup=False)
            yield Static("Esc closes this.", classes="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#about").focus()
