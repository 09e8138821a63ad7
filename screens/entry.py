"""One entry of a table, edited over the step: its fields, what is wrong with it while typing, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from screens.widgets.control import Answered
from screens.widgets.entries import Entry, Kind
from screens.widgets.field import Field
from screens.widgets.push import Push


class EntryScreen(ModalScreen[Entry | None]):
    """Dismissed with the entry, or None when nothing is to change. An entry with an error is not taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,ctrl+n", "take", "Take it", key_display="F3", tooltip="Put it into the table", id="entry.take"),
        Binding("escape", "dismiss(None)", "Cancel", tooltip="Leave all as it was", id="entry.cancel"),
        Binding("f1", "help", "Help", key_display="F1", tooltip="What this field is", id="entry.help"),
        Binding("down,enter", "app.focus_next", "Next field", tooltip="Below", show=False, id="entry.down"),
        Binding("up", "app.focus_previous", "Field before", tooltip="Above", show=False, id="entry.up"),
    ]

    def __init__(self, kind: Kind, entry: Entry, others: Sequence[Entry], *, new: bool) -> None:
        super().__init__()
        self.kind, self.entry, self.others, self.new = kind, dict(entry), list(others), new
        self.problems: list[Any] = []

    def compose(self) -> ComposeResult:
        word = self.kind.noun.partition(" ")[2] or self.kind.noun
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(f"New {word}" if self.new else word.capitalize(), classes="headline", markup=False)
            yield from self.kind.fields()
            yield Static("", id="entry-problems", markup=False)
            with Horizontal(classes="pushes"):
                yield Push("Take it F3", id="take", classes="primary")
                yield Push("Cancel Esc", id="cancel")

    def on_mount(self) -> None:
        for field in self.query(Field):
            field.control.answer = self.entry.get(field.key)
        self.query(Field).first().enter()
        self.judge()

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        field = next(each for each in event.widget.ancestors if isinstance(each, Field))
        answer = field.control.answer
        self.entry[field.key] = list(answer) if isinstance(answer, tuple) else answer
        self.judge()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    def judge(self) -> bool:
        """Show what is wrong with the table as it would be; True when it can be taken."""
        faults = [f"✗ {field.label}: {fault}" for field in self.query(Field) if (fault := field.control.fault())]
        self.problems = [] if faults else list(self.kind.judge(self.kind.ordered([*self.others, self.entry])))
        parts = [Content.styled(fault, "$text-error") for fault in faults]
        for each in self.problems:
            bad = each.severity == "error"
            words = " ".join(filter(None, ("✗" if bad else "!", each.what, each.why, each.remedy)))
            parts.append(Content.styled(words, "$text-error" if bad else "$text-warning"))
        self.query_one("#entry-problems", Static).update(Content("\n").join(parts))
        return not faults and not any(each.severity == "error" for each in self.problems)

    def action_take(self) -> None:
        """Into the table with it, unless something is wrong."""
        if not self.is_current:
            return
        if self.judge():
            self.dismiss(self.entry)
        else:
            self.query_one("#entry-problems").scroll_visible(animate=False)
            self.app.bell()

    def action_help(self) -> None:
        from screens.help import HelpScreen

        within = self.focused.ancestors_with_self if self.focused else ()
        self.app.push_screen(HelpScreen(self, next((each for each in within if isinstance(each, Field)), None)))

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if event.push.id == "take":
            self.action_take()
        elif self.is_current:
            self.dismiss(None)
