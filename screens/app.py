"""The application: its styles, its keys, and the first screen."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from screens.start import StartScreen


class WizardApp(App[None]):
    """The wizard. `plan_file` opens it prefilled."""

    TITLE = "multivm-wizard"
    CSS = files("assets").joinpath("styles/wizard.tcss").read_text(encoding="utf-8")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", tooltip="Leave the wizard", id="app.quit", priority=True),
    ]

    def __init__(self, plan_file: Path | None = None) -> None:
        super().__init__()
        self.plan_file = plan_file

    def on_mount(self) -> None:
        self.push_screen(StartScreen(self.plan_file))


def run(plan_file: Path | None = None) -> None:
    """Open the wizard on this terminal and return when it is left."""
    WizardApp(plan_file).run()
