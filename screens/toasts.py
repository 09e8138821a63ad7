"""The messages that came and went, for those who looked away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNS = {"information": ("·", "$text-muted"), "warning": ("!", "$text-warning"), "error": ("✗", "$text-error")}
KEPT = 200
"""Messages; older ones go."""


@dataclass(frozen=True)
class Toast:
    """One message: when (local time, HH:MM:SS), how grave, its title and its words."""

    at: str
    severity: str
    title: str
    message: str


class ToastsScreen(ModalScreen[None]):
    """All messages, the newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "Close", tooltip="Close the messages", id="toasts.close")
    ]

    def __init__(self, toasts: Sequence[Toast]) -> None:
        super().__init__()
        self.toasts = tuple(reversed(toasts))

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="toasts"):
            yield Static("Messages", classes="headline", markup=False)
            if not self.toasts:
                yield Static("There were none so far.", markup=False)
            for toast in self.toasts:
                yield Static(_line(toast), markup=False)
            yield Static("Esc closes this.", classes="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#toasts").focus()


def _line(toast: Toast) -> Content:
    sign, style = SIGNS.get(toast.severity, SIGNS["information"])
    title = f"{toast.title}: " if toast.title else ""
    return Content.assemble((f"{toast.at} ", "$text-muted"), (f"{sign} ", style), (title, "bold"), toast.message)
