"""The application: themes, keys, the way from step to step, and what all screens share (answers, desk, toasts)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen

from screens import flow
from screens.answers import Answers, defaults, dotted
from screens.opening import Opening
from screens.styles import sheet
from screens.themes import DARK, LIGHT
from screens.toasts import KEPT, Toast

Told = Callable[[dict[str, Any]], None]


class Asks(Protocol):
    """What screens need of the desk: the process that asks the engine and the cloud (`screens.desk.Desk`)."""

    async def ask(self, question: str, /, *, told: Told | None = None, **arguments: Any) -> Any:
        """The answer; `told` gets what is told meanwhile (a device code). Raises WizardError."""

    def listen(self, told: Told) -> Callable[[], None]:
        """Call `told` with everything the desk tells; returns what ends that."""

    async def close(self) -> None:
        """End the process."""


class WizardApp(App[None]):
    """The wizard. `plan_file` opens it prefilled; tests give a desk of their own."""

    TITLE = "multivm-wizard"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", key_display="^Q", tooltip="Leave the wizard", id="app.quit", priority=True),
    ]

    def __init__(self, plan_file: Path | None = None, desk: Asks | None = None) -> None:
        super().__init__()
        self.plan_file = plan_file
        self.toasts: list[Toast] = []
        self.copied: tuple[str, str] | None = None
        self.crash: BaseException | None = None
        self.last_words = ""  # said on the terminal after a bug: a path must not be cut to the screen's width
        self.answers = Answers()
        self.progress = flow.Progress()
        self._desk = desk
        self._completion: asyncio.Task[None] | None = None
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        # Set as if it had always been: a change of theme would draw the first frame in Textual's colours, then again.
        self.set_reactive(App.theme, _remembered_theme())
        self.stylesheet.set_variables(self.get_css_variables())

    @property
    def desk(self) -> Asks:
        """The desk; its process starts with the first question."""
        if self._desk is None:
            from screens.desk import Desk

            self._desk = Desk()
            self._desk.listen(self._told)
        return self._desk

    @property
    def where(self) -> str:
        """`sandbox · ra-multi-vm-rg`, for the header."""
        return " · ".join(str(part) for part in (self.answers.get("cloud"), self.answers.get("name")) if part)

    def on_mount(self) -> None:
        self.push_screen(Opening())

    def action_begin(self) -> None:
        """After the first frame: load the styles and the form."""
        from screens.start import StartStep

        if not isinstance(self.screen, Opening):
            return
        for name in ("wizard", "later"):
            self.stylesheet.add_source(sheet(name), read_from=(f"{name}.tcss", ""), is_default_css=False)
        self.stylesheet.reparse()
        self.switch_screen(StartStep())

    async def completed(self) -> None:
        """Wait until every answer has at least its default: the plan's model loads after the first frame."""
        if self._completion is None:
            self._completion = asyncio.create_task(self._complete())
        await asyncio.shield(self._completion)

    async def _complete(self) -> None:
        self.answers.complement(await asyncio.to_thread(defaults))
        if self.plan_file is not None:
            self.call_later(self.load_plan, str(self.plan_file))

    # What every screen can do

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        from screens.palette import commands

        return commands(self, screen)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """A toast that is kept for `Show messages`. Its words are shown as they are: no markup unless asked for."""
        at = datetime.now().astimezone().strftime("%H:%M:%S")
        self.toasts = [*self.toasts[-KEPT:], Toast(at, severity, title, message)]
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def copy(self, text: str, what: str) -> None:
        """Copy a text (no secret) that `what` names to the clipboard; `Save what was copied` writes it to a file."""
        from screens import clipboard

        self.copied = (text, what)
        clipboard.copy(self, text, what)

    def action_save_copied(self) -> None:
        from screens import clipboard

        if self.copied is None:
            return
        try:
            self.notify(f"Saved as {clipboard.save(*self.copied)}")
        except OSError as error:
            self.notify(f"It could not be saved: {error.strerror}.", severity="error")

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Save a picture of the screen, once the palette that asked for it has gone."""
        self.set_timer(0.1, partial(self._take_picture, filename, path))

    def _take_picture(self, filename: str | None, path: str | None) -> None:
        from wizard.home import home

        try:
            folder = Path(path) if path else home() / "pictures"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._secrets_hidden():
                saved = self.save_screenshot(filename, str(folder))
            self.notify(f"Saved as {Path(saved).absolute()}")
        except OSError as error:
            self.notify(f"The picture could not be saved: {error.strerror}.", severity="error")

    @contextlib.contextmanager
    def _secrets_hidden(self) -> Iterator[None]:
        """A file holds no password, be it shown just now, on the screen or through a dialog over it."""
        from screens.widgets.text import SecretControl

        shown = [control for screen in self.screen_stack for control in screen.query(SecretControl) if control.shown]
        for control in shown:
            control.shown = False
        try:
            yield
        finally:
            for control in shown:
                control.shown = True

    def action_toasts(self) -> None:
        from screens.toasts import ToastsScreen

        self.push_screen(ToastsScreen(self.toasts))

    def action_toggle_theme(self) -> None:
        from screens import memory

        self.theme = LIGHT.name if self.current_theme.dark else DARK.name
        memory.remember(theme=self.theme)

    # The end

    async def action_quit(self) -> None:
        self.exit()

    async def on_unmount(self) -> None:
        if self._desk is not None:
            await self._desk.close()

    def _handle_exception(self, error: Exception) -> None:
        # Textual would draw the traceback with all local variables, among them what was typed into password fields.
        from screens import crash

        self._return_code = 1
        if self._exception is None:  # what a test's pilot raises again
            self._exception = error
            self._exception_event.set()
        secrets = [secret.get_secret_value() for secret in self.answers.secrets()]
        if self.crash is None:
            self.crash = error
            path = crash.write(error, type(self.screen).__name__ if self.screen_stack else "", secrets)
            self.last_words = crash.last_words(path, bool(secrets))
            self._close_messages_no_wait()

    # From step to step

    def go(self, step_id: str, **arguments: object) -> None:
        """To a step: its screen takes the place of the present one. Answers stay."""
        screen = flow.make(step_id, **arguments)
        if screen is None:
            self.notify(f"{flow.entry(step_id).title} is not here yet.", severity="warning")
            return
        while isinstance(self.screen, ModalScreen):
            self.pop_screen()
        self.switch_screen(screen)
        if self.answers.complete:
            self._remember()

    @work(thread=True, exclusive=True, group="remember")
    def _remember(self) -> None:
        from screens import memory

        memory.remember(answers=self.answers.committed_plan_values())

    def _told(self, event: dict[str, Any]) -> None:
        if event.get("tell") == "started":
            self.notify(f"The {event['cloud']} was started; that took {event['seconds']:.1f} s.")

    async def load_plan(self, path: str) -> bool:
        """Take over a plan file's values; what is wrong in it is told, and False only when it cannot be read."""
        from wizard.errors import WizardError

        try:
            found = await self.desk.ask("load_plan", path=_absolute(path))
        except WizardError as error:
            self.notify(" ".join(filter(None, (error.why, error.remedy))), title=error.what, severity="error")
            return False
        await self.completed()
        self.answers.replace(dotted(found["plan"]))
        errors = [each for each in found["problems"] if each.get("severity") == "error"]
        for each in errors[:3]:
            words = " ".join(filter(None, (each["what"], each.get("remedy"))))
            self.notify(words, title=each["field"] or "Plan", severity="warning")
        self.notify(f"{path}: {f'{len(errors)} to mend' if errors else 'taken over'}.", title="Plan")
        return True

    def cloud_changed(self, cloud: str) -> None:
        """Let what was only a default follow the cloud: the region, and who may sign in."""
        if not self.answers.complete:
            return
        from wizard.plan.choices import CLOUDS, CUSTOM_CLOUD

        every = (*CLOUDS.values(), CUSTOM_CLOUD)
        now = CLOUDS.get(cloud, CUSTOM_CLOUD)
        if self.answers.get("location") in {each.location for each in every}:
            self.answers.set("location", now.location, commit=True)
        defaults_of_sources = {(each.admin_from,) for each in every if each.admin_from} | {()}
        if self.answers.get("network.allow_admin") in defaults_of_sources:
            self.answers.set("network.allow_admin", (now.admin_from,) if now.admin_from else (), commit=True)

    async def review(self) -> None:
        """To Review, once what has no default that is ours to choose is filled: a key, who may sign in."""
        from wizard.errors import WizardError

        try:
            await self._fill()
        except WizardError as error:
            self.notify(str(error), title="Not everything could be filled", severity="warning", markup=False)
        self.go("review")

    async def _fill(self) -> None:
        answers = self.answers
        if answers.get("machines.auth") == "ssh-key" and not answers.get("machines.ssh_key"):
            made = await self.desk.ask("generate_key")
            answers.set("machines.ssh_key", made["public"], commit=True)
        if not answers.get("network.allow_admin"):
            found = await self.desk.ask("my_address", cloud=answers.get("cloud"))
            if found["range"]:
                answers.set("network.allow_admin", (found["range"],), commit=True)


def _remembered_theme() -> str:
    from screens import memory

    found = memory.recall().get("theme")
    return LIGHT.name if found == LIGHT.name else DARK.name


def _absolute(path: str) -> str:
    """The desk has a working folder of its own."""
    return str(Path(path).expanduser().absolute())


def run(plan_file: Path | None = None) -> None:
    """Open the wizard on this terminal and return when it is left; exit status 1 after a bug."""
    app = WizardApp(plan_file)
    app.run()
    if app.last_words:
        sys.stderr.write(f"{app.last_words}\n")
        sys.exit(1)
