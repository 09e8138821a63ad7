"""A short table of things that have keys of their own, such as security rules: add one, edit one, take one out.

The answer is a tuple of dicts, as a plan file's list of tables holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Offset, Region, Size

from screens.widgets.choice import _Focusable

if TYPE_CHECKING:
    from screens.widgets.field import Field
    from wizard.errors import Problem

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """What the entries are.

    `line` is one of them in half a line; `new` makes the next one of those that are there; `fields` are the fields to
    edit it with, by the entry's own keys; `judge` tells the problems of a whole list, `ordered` its order.
    """

    noun: str
    line: Callable[[Entry], str]
    new: Callable[[Sequence[Entry]], Entry]
    fields: Callable[[], Iterable[Field]]
    judge: Callable[[Sequence[Entry]], Sequence[Problem]]
    ordered: Callable[[Sequence[Entry]], Sequence[Entry]] = tuple
    most: int = 1000


class EntriesControl(_Focusable):
    """A line for each entry and one to add another. ↑ and ↓ go between them, and on to the fields around."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "edit", "Add or edit", tooltip="Edit this one, or add one", id="entries.edit"),
        Binding("f8,delete", "remove", "Remove", key_display="F8", tooltip="Take this one out", id="entries.remove"),
        Binding("up", "move(-1)", "Up", tooltip="The one above", show=False, id="entries.up"),
        Binding("down", "move(1)", "Down", tooltip="The one below", show=False, id="entries.down"),
    ]
    cursor_at = Offset(0, 0)

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self._entries: tuple[Entry, ...] = ()
        self.at = 0

    @property
    def answer(self) -> tuple[Entry, ...]:
        return self._entries

    @answer.setter
    def answer(self, value: Any) -> None:
        self._entries = tuple(value or ())
        self.at = min(self.at, self._last)
        self.refresh(layout=True)

    @property
    def _last(self) -> int:
        return len(self._entries) if len(self._entries) < self.kind.most else len(self._entries) - 1

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._last + 1

    def render(self) -> Content:
        lines: list[Content] = []
        for number, entry in enumerate(self._entries):
            here = self.has_focus and number == self.at
            lines.append(Content.styled(_cut(self.kind.line(entry), self.size.width), "$primary bold" if here else ""))
        if len(self._entries) < self.kind.most:
            here = self.has_focus and self.at == len(self._entries)
            lines.append(Content.styled(f"+ add {self.kind.noun}", "$primary bold" if here else "$primary"))
        self.cursor_at = Offset(0, self.at)
        return Content("\n").join(lines)

    def on_focus(self) -> None:  # beside the base's: Textual calls both
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.at < len(self._entries) if action == "remove" else True

    # Keys

    def action_move(self, by: int) -> None:
        if 0 <= self.at + by <= self._last:
            self._go(self.at + by)
        elif by > 0:
            self.screen.run_worker(self.screen.run_action("focus_by(1)"))
        else:
            self.screen.focus_previous()

    def _go(self, at: int) -> None:
        self.at = at
        self.refresh()
        self.refresh_bindings()
        body = next((each for each in self.ancestors if isinstance(each, VerticalScroll)), None)
        if body is not None:
            y = self.region.y - body.content_region.y + body.scroll_offset.y + at
            body.scroll_to_region(Region(0, y, 1, 1), animate=False)
        self.call_after_refresh(self.place_cursor)

    def action_edit(self) -> None:
        """Edit the one under the cursor, or a new one."""
        from screens.entry import EntryScreen

        at = self.at
        if at < len(self._entries):
            others = [*self._entries[:at], *self._entries[at + 1 :]]
            screen = EntryScreen(self.kind, self._entries[at], others, new=False)
        else:
            others = list(self._entries)
            screen = EntryScreen(self.kind, self.kind.new(others), others, new=True)
        self.app.push_screen(screen, lambda entry: self._taken(entry, others))

    def _taken(self, entry: Entry | None, others: Sequence[Entry]) -> None:
        if entry is None:
            return
        self._entries = tuple(self.kind.ordered([*others, entry]))
        self._changed(self._entries.index(entry))

    def action_remove(self) -> None:
        """Take out the one under the cursor."""
        if self.at < len(self._entries):
            self._entries = (*self._entries[: self.at], *self._entries[self.at + 1 :])
            self._changed(self.at)

    def _changed(self, at: int) -> None:
        self.refresh(layout=True)
        self.told()
        self.call_after_refresh(self._go, min(at, self._last))

    def on_click(self, event: events.Click) -> None:
        if 0 <= event.y <= self._last:
            again = event.y == self.at
            self._go(event.y)
            if again or event.y == len(self._entries):
                self.action_edit()


def _cut(text: str, width: int) -> str:
    return text if not width or len(text) <= width else f"{text[: max(0, width - 1)]}…"
