"""Who signs in to the machines at first: the user, and a key or a password. A part of the step Machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from screens import machines_help as helps
from screens.answers import PASSWORD, PASSWORD_AGAIN
from screens.step import Step
from screens.widgets.choice import Choice, RadioRow, SelectControl
from screens.widgets.field import Field
from screens.widgets.password import rules_note
from screens.widgets.push import Push
from screens.widgets.text import SecretControl, TextControl

if TYPE_CHECKING:
    from typing import ClassVar

    from wizard.errors import Problem

PASTE, MAKE = "paste", "make"
"""Choices of the key list that are no key."""

KEY = "machines.ssh_key"
PASTED = "wizard.pasted_key"
CHOSEN = "wizard.key"


class Administrator(Step):
    """The fields of the administrator, and what belongs to them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "make_password", "Make one", tooltip="Make a password", show=False, id="machines.make"),
        Binding("ctrl+l", "show_password", "Show", tooltip="Show or hide it", show=False, id="machines.show"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._refused_key = ""

    def administrator(self) -> Iterable[Widget]:
        """The fields."""
        windows = self.wizard.answers.get("machines.os") == "windows"
        yield Field("machines.admin_user", "Admin user", TextControl(placeholder="azureuser"), help=helps.ADMIN)
        ways = [Choice("password", "password")] if windows else [Choice("ssh-key", "SSH key"), Choice("password")]
        yield Field("machines.auth", "Sign in with", RadioRow(ways), help=helps.AUTH)
        keys = SelectControl(title="Public key", load=self._load_keys, empty="choose one")
        yield Field(CHOSEN, "Public key", keys, help=helps.KEY)
        yield Field(PASTED, "Paste it", TextControl(placeholder="ssh-ed25519 AAAA..."), help=helps.KEY)
        yield Field(PASSWORD, "Password", SecretControl(), help=helps.PASSWORD)
        yield Field(PASSWORD_AGAIN, "Once more", SecretControl(), help=helps.PASSWORD)
        with Horizontal(id="password-pushes", classes="pushes"):
            yield Push("Make one ^G", id="make-password")
            yield Push("Show ^L", id="show-password")

    def administrator_answered(self, key: str) -> None:
        """An answer changed."""
        if key == CHOSEN:
            self._key_chosen(str(self.wizard.answers.get(CHOSEN)))
        elif key == PASTED:
            self._key_pasted(str(self.wizard.answers.get(PASTED) or ""))
        elif key in (PASSWORD, "machines.auth", "machines.os"):
            self._show_rules()
        if key == "machines.auth":
            self._fit_key()
        if key in (CHOSEN, "machines.auth") and self.is_mounted:
            self.arrange_sign_in()

    async def _load_keys(self) -> Sequence[Choice]:
        found = await self.wizard.desk.ask("keys")
        keys = [
            Choice(each["public"], _short(each["path"]), _key_detail(each), each.get("problem") or "") for each in found
        ]
        self.call_later(self._suggest_key, [each["public"] for each in found if not each.get("problem")])
        return [
            *keys,
            Choice(MAKE, "Make a new pair", "Ed25519, kept in the wizard's own folder"),
            Choice(PASTE, "Paste a public key", "one line of a .pub file"),
        ]

    def _key_chosen(self, chosen: str) -> None:
        if chosen == MAKE:
            self._make_key()
        else:
            self._fit_key()

    def _fit_key(self) -> None:
        """The plan holds a key only where one signs in with it; which was chosen is kept."""
        answers = self.wizard.answers
        chosen = answers.get(CHOSEN)
        if not chosen or chosen == MAKE:
            return
        key = answers.get(PASTED) if chosen == PASTE else chosen
        answers.set(KEY, str(key or "") if answers.get("machines.auth") == "ssh-key" else "", commit=True)

    def _key_pasted(self, text: str) -> None:
        # A private key must not stay in the draft: the draft is remembered in a file.
        if "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text:
            self._refused_key = "This is a private key. It must not leave your computer; paste the .pub file's line."
            self.wizard.answers.set(PASTED, "", commit=True)
            self.field(PASTED).control.answer = ""
            return
        if text:
            self._refused_key = ""
        if self.wizard.answers.get(CHOSEN) == PASTE:
            self.wizard.answers.set(KEY, text, commit=True)

    @work(exclusive=True, group="key")
    async def _make_key(self) -> None:
        from wizard.errors import WizardError

        try:
            made = await self.wizard.desk.ask("generate_key")
        except WizardError as error:
            self.wizard.notify(str(error), title="No key was made", severity="error")
            return
        self.wizard.answers.set(CHOSEN, made["public"], commit=True)
        self.select(CHOSEN).ask()
        self.wizard.notify(f"The private half: {made['private']}", title="Your key pair")

    def _suggest_key(self, usable: Sequence[str]) -> None:
        """Where no key was chosen, the first that Azure would take is: one can see it, and change it."""
        if self.wizard.answers.get("machines.auth") != "ssh-key":
            return
        if usable and not self.gone and not self.wizard.answers.get(CHOSEN) and not self.wizard.answers.get(KEY):
            self.wizard.answers.set(CHOSEN, usable[0], commit=True)

    def show_key(self) -> None:
        """The list shows the plan's key, wherever that came from."""
        answers = self.wizard.answers
        if answers.get(KEY) and not answers.get(CHOSEN):
            answers.set(CHOSEN, answers.get(KEY), commit=True)

    def key_problems(self) -> list[Problem]:
        """What is wrong with the key, at the field that shows it."""
        from wizard.errors import Problem

        if not self.wizard.answers.complete or self.wizard.answers.get("machines.auth") != "ssh-key":
            return []
        shown = PASTED if self.wizard.answers.get(CHOSEN) == PASTE else CHOSEN
        if self._refused_key:
            return [Problem(shown, self._refused_key)]
        found = [each for each in self.wizard.answers.problems() if each.field == KEY]
        remedy = "" if shown == PASTED else "Choose one of the list, or let one be made."
        return [Problem(shown, each.what, each.why, remedy or each.remedy, each.severity) for each in found[:1]]

    def problems_shown_elsewhere(self) -> Iterable[str]:
        return (KEY,)

    def _show_rules(self) -> None:
        secret = self.wizard.answers.secret(PASSWORD)
        self.field(PASSWORD).note = rules_note(
            secret.get_secret_value() if secret else "", self.wizard.answers.get("machines.os") == "windows"
        )

    def arrange_sign_in(self) -> None:
        password = self.wizard.answers.get("machines.auth") == "password"
        self.field(CHOSEN).display = not password
        self.field(PASTED).display = not password and self.wizard.answers.get(CHOSEN) == PASTE
        self.field(PASSWORD).display = self.field(PASSWORD_AGAIN).display = password
        self.query_one("#password-pushes").display = password
        if password:
            self._show_rules()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("make_password", "show_password"):
            return bool(self.wizard.answers.get("machines.auth") == "password")
        return super().check_action(action, parameters)

    # The password

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if event.push.id == "make-password":
            self.action_make_password()
        elif event.push.id == "show-password":
            self.action_show_password()

    @work(exclusive=True, group="password")
    async def action_make_password(self) -> None:
        from wizard.errors import WizardError

        try:
            made = await self.wizard.desk.ask("generate_password", os=self.wizard.answers.get("machines.os"))
        except WizardError as error:
            self.wizard.notify(str(error), title="No password was made", severity="error")
            return
        for key in (PASSWORD, PASSWORD_AGAIN):
            self.field(key).control.answer = made["password"]
            self.wizard.answers.set_secret(key, made["password"])
        self._shown(True)
        self.wizard.notify("Write it down now: it is kept nowhere.", title="Password made")

    def action_show_password(self) -> None:
        control = self.field(PASSWORD).control
        assert isinstance(control, SecretControl)
        self._shown(not control.shown)

    def _shown(self, shown: bool) -> None:
        for key in (PASSWORD, PASSWORD_AGAIN):
            control = self.field(key).control
            assert isinstance(control, SecretControl)
            control.shown = shown
        self.query_one("#show-password", Push).update("Hide ^L" if shown else "Show ^L")

    def select(self, key: str) -> SelectControl:
        control = self.field(key).control
        assert isinstance(control, SelectControl)
        return control


def _key_detail(key: Mapping[str, Any]) -> str:
    kind = str(key["type"]).removeprefix("ssh-")
    return " ".join(part for part in (kind, f"…{str(key['fingerprint'])[-6:]}", key.get("comment")) if part)


def _short(path: str) -> str:
    """A path as people write it."""
    home = f"{Path.home()}/"
    return f"~/{path.removeprefix(home)}" if path.startswith(home) else path
