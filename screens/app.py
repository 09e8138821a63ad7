"""The application: themes, keys, the way from step to step, and what all screens share (answers, desk, toasts)."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens import flow
from screens.answers import Answers, defaults
from screens.start import StartStep
from screens.themes import DARK, LIGHT


class Asks(Protocol):
    """What screens need of the desk: the process that asks the engine and the cloud."""

    async def ask(self, question: str, /, **values: Any) -> Any:
        """The answer; raises WizardError."""

    async def close(self) -> None:
        """End the process."""


class _NoDesk:
    """Stands where the question process is missing: it knows nothing but our own key pair."""

    async def ask(self, question: str, /, **_values: Any) -> Any:
        from wizard import keys
        from wizard.errors import UnreachableError

        if question == "generate_key":
            pair = await asyncio.to_thread(keys.ensure)
            return {"public": pair.public}
        raise UnreachableError("The question process is not here yet.", "", "")

    async def close(self) -> None:
        """Nothing to end."""


class WizardApp(App[None]):
    """The wizard. `plan_file` opens it prefilled; tests give a desk of their own."""

    TITLE = "multivm-wizard"
    CSS = files("assets").joinpath("styles/wizard.tcss").read_text(encoding="utf-8")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", tooltip="Leave the wizard", id="app.quit", priority=True),
    ]

    def __init__(self, plan_file: Path | None = None, desk: Asks | None = None) -> None:
        super().__init__()
        self.plan_file = plan_file
        self.answers = Answers()
        self.progress = flow.Progress()
        self._desk = desk
        self._completion: asyncio.Task[None] | None = None
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    @property
    def desk(self) -> Asks:
        """The desk; its process starts with the first question."""
        if self._desk is None:
            import importlib

            try:
                desk: Asks = importlib.import_module("screens.desk").Desk()
            except ModuleNotFoundError:
                desk = _NoDesk()
            self._desk = desk
        return self._desk

    @property
    def where(self) -> str:
        """`sandbox · ra-multi-vm-rg`, for the header."""
        return " · ".join(str(part) for part in (self.answers.get("cloud"), self.answers.get("name")) if part)

    def on_mount(self) -> None:
        self.push_screen(StartStep())

    async def completed(self) -> None:
        """Wait until every answer has at least its default: the plan's model loads after the first frame."""
        if self._completion is None:
            self._completion = asyncio.create_task(self._complete())
        await asyncio.shield(self._completion)

    async def _complete(self) -> None:
        self.answers.complement(await asyncio.to_thread(defaults))

    def go(self, step_id: str, **arguments: object) -> None:
        """To a step: its screen takes the place of the present one. Answers stay."""
        screen = flow.make(step_id, **arguments)
        if screen is None:
            self.notify(f"{flow.entry(step_id).title} is not here yet.", severity="warning")
            return
        while isinstance(self.screen, ModalScreen):
            self.pop_screen()
        self.switch_screen(screen)

    async def review(self) -> None:
        """To Review, once what has no default that is ours to choose is filled: a key, who may sign in."""
        from wizard.errors import WizardError

        try:
            await self._fill()
        except WizardError as error:
            self.notify(str(error), title="Not everything could be filled", severity="warning", markup=False)
        if flow.present("review"):
            self.go("review")
        else:
            await self._deploy_at_once()

    async def _fill(self) -> None:
        answers = self.answers
        if answers.get("machines.auth") == "ssh-key" and not answers.get("machines.ssh_key"):
            made = await self.desk.ask("generate_key")
            answers.set("machines.ssh_key", made["public"], commit=True)

    async def _deploy_at_once(self) -> None:
        """Without a Review step: write the plan and deploy it."""
        from screens.deploying import DeployingScreen
        from wizard.home import home
        from wizard.plan import files as plan_files

        file = home() / "wizard-plan.toml"
        plan = self.answers.plan()
        await asyncio.to_thread(plan_files.write, plan, file)
        self.push_screen(DeployingScreen(file))


def run(plan_file: Path | None = None) -> None:
    """Open the wizard on this terminal and return when it is left."""
    WizardApp(plan_file).run()
