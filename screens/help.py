"""F1: what the focused field is, Azure's rule, what we recommend and why, what changes later; then every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from screens.widgets.aside import help_text

if TYPE_CHECKING:
    from screens.widgets.field import Field


class HelpScreen(ModalScreen[None]):
    """Help over the screen it is for; Esc or F1 closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,enter", "dismiss(None)", "Close", tooltip="Close the help", id="help.close")
    ]

    def __init__(self, screen: Screen[Any], field: Field | None) -> None:
        super().__init__()
        self.keys = _keys(screen)
        self.field = field

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help"):
            if self.field is not None:
                yield Static(help_text(self.field.label, self.field.help), id="help-field", markup=False)
                yield Static("", markup=False)
            yield Static(self.keys, id="help-keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help").focus()


def _keys(screen: Screen[Any]) -> Content:
    lines = [Content.styled("Keys", "bold")]
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        name = binding.action.partition("(")[0]
        if name in seen or not binding.id or not active.tooltip:
            continue
        seen.add(name)
        key = screen.app.get_key_display(binding)
        lines.append(
            Content.assemble((f"{key:<8}", "$primary"), f"{binding.description:<14}", (active.tooltip, "$text-muted"))
        )
    lines.append(Content.styled("Esc closes this.", "$text-muted"))
    return Content("\n").join(lines)
