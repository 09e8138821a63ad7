"""Tags: a table of names and values that grows as it is filled. The answer is a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from screens.widgets.control import Control
from screens.widgets.text import Line


class TagRow(Horizontal):
    """One name and its value; no more widgets than these two, since there may be 49 rows."""

    def __init__(self, name: str = "", value: str = "") -> None:
        super().__init__()
        self.tag = Line(value=name, placeholder="name", classes="tag-name")
        self.value = Line(value=value, placeholder="value", classes="tag-value")
        self._sign: Static | None = None

    def compose(self) -> ComposeResult:
        yield self.tag
        yield self.value

    def mark(self, wrong: bool) -> None:
        """Put a sign behind it, or take it away."""
        if wrong and self._sign is None:
            self._sign = Static("✗", classes="tag-sign", markup=False)
            self.mount(self._sign)
        if self._sign is not None:
            self._sign.display = wrong
        self.set_class(wrong, "-wrong")

    @property
    def pair(self) -> tuple[str, str]:
        """The name and the value, without the blanks around them."""
        return self.tag.value.strip(), self.value.value.strip()


class TagsControl(Control):
    """An empty line stands at the end as long as there is room for another tag; an emptied line does not count."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "remove_tag", "Remove tag", key_display="F8", tooltip="Take this tag out", id="tags.remove"),
    ]

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self._first = TagRow()

    def compose(self) -> ComposeResult:
        yield self._first

    @property
    def rows(self) -> list[TagRow]:
        """The lines, in order."""
        return [row for row in self.children if isinstance(row, TagRow) and not row.has_class("-going")]

    @property
    def entrance(self) -> Widget:
        rows = self.rows
        return rows[0].tag if rows else self

    @property
    def answer(self) -> Any:
        return dict(pair for row in self.rows if any(pair := row.pair))

    @answer.setter
    def answer(self, value: Any) -> None:
        pairs: Mapping[str, str] = value or {}
        if list(self.answer.items()) == list(pairs.items()):
            return
        wanted = [*pairs.items()][: self.most]
        if len(wanted) < self.most:
            wanted.append(("", ""))
        rows = self.rows
        for row, (name, text) in zip(rows, wanted, strict=False):
            row.tag.set_quietly(str(name))
            row.value.set_quietly(str(text))
        for row in rows[len(wanted) :]:
            self._drop(row)
        if len(wanted) > len(rows):
            self.mount(*(TagRow(str(name), str(text)) for name, text in wanted[len(rows) :]))

    def _drop(self, row: TagRow) -> None:
        row.add_class("-going")
        row.remove()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        rows = self.rows
        if rows and any(rows[-1].pair) and len(rows) < self.most:
            self.mount(TagRow())
        self.told()

    def action_remove_tag(self) -> None:
        """Take out the line that has the focus."""
        rows = self.rows
        here = next((row for row in rows if row.has_focus_within), None)
        if here is None or not any(here.pair):
            return
        after = rows[rows.index(here) + 1 :]
        if after:
            after[0].tag.focus()
            self._drop(here)
        else:
            here.tag.set_quietly("")
            here.value.set_quietly("")
            here.tag.focus()
        self.told()

    def fault(self) -> str:
        names = [row.pair[0].lower() for row in self.rows if any(row.pair)]
        twice = next((name for name in names if name and names.count(name) > 1), "")
        return f'The tag "{twice}" stands there twice; large and small letters are the same here.' if twice else ""

    def mark(self, wrong: set[str]) -> None:
        """Put a sign at the lines of these names."""
        for row in self.rows:
            name = row.pair[0]
            row.mark(any(row.pair) and (name in wrong or not name))
