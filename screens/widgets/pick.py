"""The searchable list behind a select field: type to narrow, Enter to choose, Esc to leave everything as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from screens.widgets.text import Line

if TYPE_CHECKING:
    from screens.widgets.choice import Choice, SelectControl


class PickScreen(ModalScreen[Any]):
    """Dismissed with the value that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", tooltip="Leave the answer as it was", id="pick.cancel"),
        Binding("down", "move('down')", "Down", tooltip="Next in the list", show=False, id="pick.down"),
        Binding("up", "move('up')", "Up", tooltip="Previous in the list", show=False, id="pick.up"),
        Binding("pagedown", "move('page_down')", "Page down", tooltip="A page on", show=False, id="pick.page_down"),
        Binding("pageup", "move('page_up')", "Page up", tooltip="A page back", show=False, id="pick.page_up"),
    ]

    def __init__(self, select: SelectControl, query: str = "") -> None:
        super().__init__()
        self.select = select
        self.text = query
        self.found: list[Choice] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="pick"):
            yield Static(self.select.list_title, classes="headline", markup=False)
            yield Line(placeholder="type to search", value=self.text, id="pick-search")
            yield OptionList(id="pick-list", compact=True, markup=False)
            yield Static("", id="pick-note", markup=False)
            yield Static("Enter choose · ↑↓ move · Esc cancel", classes="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#pick-list").can_focus = False
        self.query_one(Line).focus()
        self.narrow(self.text)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.narrow(event.value)

    def narrow(self, text: str) -> None:
        """Show the choices that hold every word of the text."""
        words = text.lower().split()
        self.found = [
            choice
            for choice in self.select.choices
            if all(word in f"{choice.words} {choice.value} {choice.detail}".lower() for word in words)
        ]
        wide = max((len(choice.words) for choice in self.found), default=0)
        shown = self.query_one("#pick-list", OptionList)
        shown.clear_options()
        shown.add_options([Option(_line(choice, wide, choice.value == self.select.answer)) for choice in self.found])
        at = next((n for n, choice in enumerate(self.found) if choice.value == self.select.answer), 0)
        shown.highlighted = at if self.found else None
        if not self.found:
            self._note(self._nothing(text))

    def _nothing(self, text: str) -> str:
        if self.select.free and text.strip():
            return f'Enter takes "{text.strip()}" as it is; the cloud has the last word.'
        return self.select.state or ("Nothing in the list holds that." if text else "The list is empty.")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        choice = self.found[event.option_index] if event.option_index < len(self.found) else None
        self._note(f"✗ not available: {choice.why_not}" if choice and choice.why_not else "")

    def _note(self, text: str) -> None:
        self.query_one("#pick-note", Static).update(text)

    def action_move(self, way: str) -> None:
        getattr(self.query_one("#pick-list", OptionList), f"action_{way if 'page' in way else f'cursor_{way}'}")()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._take(self.query_one("#pick-list", OptionList).highlighted, event.value.strip())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_index, "")

    def _take(self, at: int | None, typed: str) -> None:
        if not self.is_current:
            return  # a second Enter was on its way: it would close the step below
        if at is None or at >= len(self.found):
            if self.select.free and typed:
                self.dismiss(typed)
            return
        if not self.found[at].why_not:
            self.dismiss(self.found[at].value)
        else:
            self.app.bell()


def _line(choice: Choice, wide: int, current: bool) -> Content:
    sign = "✗" if choice.why_not else ("●" if current else " ")
    style = "dim" if choice.why_not else ""
    beside = choice.detail + (f"  not available: {choice.why_not}" if choice.why_not else "")
    return Content.assemble((f"{sign} {choice.words:<{wide}}", style), (f"  {beside}", "dim"))
