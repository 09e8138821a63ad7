"""Controls to choose with: a row of a few, on or off, and a searchable list of many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset, Size

from screens.widgets.control import Control


@dataclass(frozen=True)
class Choice:
    """One thing to choose: the answer, its words, a detail beside them, and why it cannot be had (then it cannot)."""

    value: Any
    label: str = ""
    detail: str = ""
    why_not: str = ""

    @property
    def words(self) -> str:
        return self.label or str(self.value)


class _Focusable(Control, can_focus=True):
    """A control that draws itself; the terminal's own cursor stands at its mark."""

    cursor_at = Offset(1, 0)

    def on_focus(self) -> None:
        self.call_after_refresh(self.place_cursor)

    def place_cursor(self) -> None:
        """Put the terminal's cursor where the choice is, for those who follow it."""
        if self.has_focus:
            self.app.cursor_position = self.content_region.offset + self.cursor_at


class RadioRow(_Focusable):
    """`(•) this  ( ) that`: ← and → choose. Wraps where the row is too narrow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Before", tooltip="Choose the one before", show=False, id="radio.before"),
        Binding("right,space", "move(1)", "After", tooltip="Choose the one after", show=False, id="radio.after"),
    ]
    GAP = 2

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self._answer: Any = self._choices[0].value if self._choices else None

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self._choices

    @choices.setter
    def choices(self, choices: Sequence[Choice]) -> None:
        self._choices = tuple(choices)
        self.refresh(layout=True)

    @property
    def answer(self) -> Any:
        return self._answer

    @answer.setter
    def answer(self, value: Any) -> None:
        self._answer = value
        self.refresh()

    def _places(self, width: int) -> list[Offset]:
        """Where each choice begins."""
        places: list[Offset] = []
        x = y = 0
        for choice in self._choices:
            wide = 4 + len(choice.words)
            if x and x + wide > width:
                x, y = 0, y + 1
            places.append(Offset(x, y))
            x += wide + self.GAP
        return places

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        places = self._places(width)
        return places[-1].y + 1 if places else 1

    def render(self) -> Content:
        lines: list[Content] = []
        places = self._places(self.size.width or 1000)
        for choice, place in zip(self._choices, places, strict=True):
            chosen = choice.value == self._answer
            if chosen:
                self.cursor_at = place + Offset(1, 0)
            text = Content.styled(f"({'•' if chosen else ' '}) {choice.words}", "$primary bold" if chosen else "")
            if place.x == 0:
                lines.append(text)
            else:
                lines[-1] = Content("  ").join([lines[-1], text])
        return Content("\n").join(lines)

    def action_move(self, by: int) -> None:
        values = [choice.value for choice in self._choices]
        if not values:
            return
        at = values.index(self._answer) if self._answer in values else -by
        self._choose(values[(at + by) % len(values)])

    def _choose(self, value: Any) -> None:
        if value != self._answer:
            self.answer = value
            self.call_after_refresh(self.place_cursor)
            self.told()

    def on_click(self, event: events.Click) -> None:
        for choice, place in zip(self._choices, self._places(self.size.width), strict=True):
            if event.y == place.y and place.x <= event.x < place.x + 4 + len(choice.words):
                self._choose(choice.value)


class CheckRow(_Focusable):
    """`[x] 1  [ ] 2`: any of a few. ← and → go to one, space turns it. The answer is a tuple, in the row's order.

    What cannot be had is drawn with its sign and cannot be turned on, only off.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Before", tooltip="Go to the one before", show=False, id="checks.before"),
        Binding("right", "move(1)", "After", tooltip="Go to the one after", show=False, id="checks.after"),
        Binding("space", "turn", "On or off", tooltip="Turn this one on or off", id="checks.turn"),
    ]
    GAP = 3
    short = True

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self._on: frozenset[Any] = frozenset()
        self._at = 0

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self._choices

    @choices.setter
    def choices(self, choices: Sequence[Choice]) -> None:
        self._choices = tuple(choices)
        self._at = min(self._at, max(0, len(self._choices) - 1))
        self.refresh(layout=True)

    @property
    def answer(self) -> tuple[Any, ...]:
        listed = [choice.value for choice in self._choices]
        return tuple(sorted(self._on, key=lambda value: listed.index(value) if value in listed else len(listed)))

    @answer.setter
    def answer(self, value: Any) -> None:
        self._on = frozenset(value or ())
        self.refresh()

    def _words(self, choice: Choice) -> str:
        sign = "x" if choice.value in self._on else "✗" if choice.why_not else " "
        return f"[{sign}] {choice.words}"

    def render(self) -> Content:
        parts: list[Content] = []
        for number, choice in enumerate(self._choices):
            style = "$primary bold" if choice.value in self._on else "$text-muted" if choice.why_not else ""
            here = "underline" if number == self._at and self.has_focus else ""
            parts.append(Content.styled(self._words(choice), f"{style} {here}".strip()))
        self.cursor_at = Offset(self._start(self._at) + 1, 0)
        return Content(" " * self.GAP).join(parts)

    def _start(self, at: int) -> int:
        return sum(len(self._words(choice)) + self.GAP for choice in self._choices[:at])

    def action_move(self, by: int) -> None:
        if self._choices:
            self._at = (self._at + by) % len(self._choices)
            self.refresh()
            self.call_after_refresh(self.place_cursor)

    def action_turn(self) -> None:
        if not self._choices:
            return
        choice = self._choices[self._at]
        if choice.value not in self._on and choice.why_not:
            self.app.bell()
            return
        self._on = self._on ^ {choice.value}
        self.refresh()
        self.told()

    def on_focus(self) -> None:  # beside the base's: Textual calls both
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        for number, choice in enumerate(self._choices):
            start = self._start(number)
            if start <= event.x < start + len(self._words(choice)):
                self._at = number
                self.action_turn()


class SwitchControl(_Focusable):
    """`[x] on`: space, ← or → changes it. The answer is a bool."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,left,right", "turn", "Change", tooltip="On or off", show=False, id="switch.turn")
    ]
    short = True

    def __init__(self, on: str = "on", off: str = "off") -> None:
        super().__init__()
        self._on, self._off = on, off
        self._answer = False

    @property
    def answer(self) -> bool:
        return self._answer

    @answer.setter
    def answer(self, value: Any) -> None:
        self._answer = bool(value)
        self.refresh(layout=True)

    def render(self) -> Content:
        text = f"[x] {self._on}" if self._answer else f"[ ] {self._off}"
        return Content.styled(text, "$primary bold" if self._answer else "")

    def action_turn(self) -> None:
        self.answer = not self._answer
        self.told()

    def on_click(self) -> None:
        self.action_turn()


Load = Callable[[], Awaitable[Sequence[Choice]]]


class SelectControl(_Focusable):
    """One of many: shows the answer; Enter, space or a letter opens the searchable list.

    `load` asks for the choices (raises WizardError); the step calls `ask()` when it is shown. `free` allows an answer
    that is not in the list, which is how one goes on when the list cannot be had.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "List", tooltip="Open the list, with a search", id="select.open")
    ]

    def __init__(
        self,
        choices: Sequence[Choice] = (),
        *,
        title: str = "",
        load: Load | None = None,
        free: bool = False,
        empty: str = "none",
    ) -> None:
        super().__init__()
        self.choices: Sequence[Choice] = choices
        self.list_title = title
        self.state = ""
        """What stands beside the answer instead of its detail: `… asking the cloud`, or why there is no list."""
        self.free = free
        self._load = load
        self._empty = empty
        self._answer: Any = ""

    @property
    def answer(self) -> Any:
        return self._answer

    @answer.setter
    def answer(self, value: Any) -> None:
        self._answer = value
        self.refresh()

    @property
    def chosen(self) -> Choice | None:
        """The choice that is the answer, when the list is known and holds it."""
        return next((choice for choice in self.choices if choice.value == self._answer), None)

    def render(self) -> Content:
        chosen = self.chosen
        words = chosen.words if chosen else str(self._answer or self._empty)
        beside = self.state or (" ".join(chosen.detail.split()) if chosen else "")
        return Content.assemble((words, ""), (" ▾", "$primary"), (f"   {beside}" if beside else "", "$text-muted"))

    def fault(self) -> str:
        chosen = self.chosen
        if chosen and chosen.why_not:
            return f"{chosen.words} cannot be had: {chosen.why_not}"
        return ""

    def ask(self, load: Load | None = None) -> None:
        """Get the choices in the background; a later call ends an earlier one."""
        self._load = load or self._load
        if self._load is not None:
            self.state = "… asking the cloud"
            self.refresh()
            self.run_worker(self._fill(self._load), exclusive=True, group="choices")

    async def _fill(self, load: Load) -> None:
        from wizard.errors import WizardError

        try:
            self.choices = await load()
            self.state = ""
        except WizardError as error:
            self.choices = ()
            self.state = f"no list: {error.what}"
        self.refresh()

    def action_open(self, query: str = "") -> None:
        from screens.widgets.pick import PickScreen

        self.app.push_screen(PickScreen(self, query), self._picked)

    def _picked(self, value: Any) -> None:
        if value is not None and value != self._answer:
            self.answer = value
            self.told()

    def on_key(self, event: events.Key) -> None:
        if event.character and event.character.isalpha():
            event.stop()
            self.action_open(event.character)

    def on_click(self) -> None:
        self.action_open()
