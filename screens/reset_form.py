"""The reset's form: which questions each mode asks, what is wrong with the answers, and the request they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual import events

from screens.asking import AGAIN, NEW
from screens.reset_help import HELP
from screens.widgets.choice import Choice, RadioRow, SelectControl, SwitchControl
from screens.widgets.field import Field
from screens.widgets.text import PathControl, SecretControl, TextControl
from wizard.errors import Problem

MODE, USER, LEAVER, KEY, REPLACE, IDENTITY, FORCE = (
    "mode", "user", "leaver", "ssh_key", "replace_keys", "identity", "force",
)  # fmt: skip
OLD, PRESENT, STAYS = "secret.reset_old", "secret.reset_present", "secret.reset_stays"
PASSWORD, SSH_KEY, CONFIGURATION, REMOVE = "password", "ssh-key", "configuration", "remove-user"

_ASKED: Mapping[tuple[str, bool], tuple[str, ...]] = {
    (PASSWORD, False): (USER, NEW, AGAIN, OLD),
    (SSH_KEY, False): (USER, KEY, REPLACE, IDENTITY),
    (CONFIGURATION, False): (USER, PRESENT, IDENTITY),
    (REMOVE, False): (LEAVER, OLD, STAYS, IDENTITY, FORCE),
    (PASSWORD, True): (USER, NEW, AGAIN, OLD),
    (CONFIGURATION, True): (USER, PRESENT),
}
"""The fields of each mode, on Linux and on Windows, which knows no keys and removes nobody."""


class KeyControl(SelectControl):
    """A public key from the list, or pasted."""

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.answer = event.text.strip()
        self.told()


def modes(windows: bool) -> list[Choice]:
    """The portal's modes, as far as the system has them."""
    if windows:
        return [Choice(PASSWORD, "password"), Choice(CONFIGURATION, "RDP configuration")]
    return [
        Choice(PASSWORD, "password"),
        Choice(SSH_KEY, "SSH key"),
        Choice(CONFIGURATION, "SSH configuration"),
        Choice(REMOVE, "remove a user"),
    ]


def fields(load_keys: Any) -> Iterable[Field]:
    """All of them; which are shown is `asked`'s to say."""
    yield Field(MODE, "Reset", RadioRow(modes(windows=False)), help=HELP[MODE])
    yield Field(USER, "User name", TextControl(placeholder="azureuser"), help=HELP[USER])
    yield Field(LEAVER, "Who goes", SelectControl(title="Who goes", free=True), help=HELP[LEAVER])
    yield Field(NEW, "Password", SecretControl(), help=HELP[NEW])
    yield Field(AGAIN, "Once more", SecretControl(), help=HELP[AGAIN])
    yield Field(OLD, "Old password", SecretControl(), help=HELP[OLD])
    yield Field(PRESENT, "Password", SecretControl(), help=HELP[PRESENT])
    yield Field(STAYS, "Who stays", SecretControl(), help=HELP[STAYS], note=" ")
    key = KeyControl(title="Public key", load=load_keys, free=True, empty="choose, or paste it here")
    yield Field(KEY, "Public key", key, help=HELP[KEY])
    switch = SwitchControl("it takes the place of all others", "beside the others")
    yield Field(REPLACE, "Replace", switch, help=HELP[REPLACE])
    yield Field(IDENTITY, "Private key", PathControl("", "ours, or the one beside it"), help=HELP[IDENTITY])
    anyway = SwitchControl("even if nobody else gets in", "only if somebody else gets in")
    yield Field(FORCE, "Remove", anyway, help=HELP[FORCE])


def asked(mode: str, windows: bool) -> tuple[str, ...]:
    """The keys of the fields that this mode asks for, beside the mode."""
    return _ASKED.get((mode, windows), ())


def problems(mode: str, answers: Mapping[str, Any], windows: bool) -> list[Problem]:
    """What stands in the way, by field; of a new password only what goes beyond its own rules."""
    from wizard.plan import rules
    from wizard.plan.model import OsType

    os = OsType.WINDOWS if windows else OsType.LINUX
    found: list[Problem | None] = []
    if USER in asked(mode, windows):
        found.append(rules.admin_user(str(answers[USER]), os, USER))
    if mode == PASSWORD:
        new, user = str(answers[NEW]), str(answers[USER])
        if new and new == answers[OLD]:
            found.append(Problem(OLD, "The new password is the old one.", "", "Choose another."))
        if windows and user and user.lower() in new.lower():
            found.append(Problem(NEW, "It holds the user's name, which Windows refuses.", "", "Choose another."))
    elif mode == SSH_KEY:
        found.append(rules.ssh_key(str(answers[KEY] or ""), KEY))
    elif mode == REMOVE:
        if not answers[LEAVER]:
            found.append(Problem(LEAVER, "Nobody is named.", "", "Choose who is to sign in no more."))
        elif answers[LEAVER] == "root":
            found.append(Problem(LEAVER, "root cannot be removed.", "", "Name one who was given a login."))
    if IDENTITY in asked(mode, windows) and (path := str(answers[IDENTITY] or "")):
        if not Path(path).expanduser().is_file():
            found.append(Problem(IDENTITY, "There is no such file.", "", "Name a private key, or leave it empty."))
        elif path.endswith(".pub"):
            found.append(Problem(IDENTITY, "That is the public half.", "", "Name the private one."))
    return [problem for problem in found if problem is not None]


def request(
    mode: str, vms: Sequence[str], answers: Mapping[str, Any], private: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is handed to the run, and its secrets apart. `private` is the private half that lies beside the key."""
    asks: dict[str, Any] = {"vms": list(vms), "mode": mode, "user": str(answers[LEAVER if mode == REMOVE else USER])}
    secrets: dict[str, Any] = {}
    old = str(answers[PRESENT if mode == CONFIGURATION else OLD] or "")
    identity = str(answers[IDENTITY] or "")
    if mode == PASSWORD:
        secrets["password"] = str(answers[NEW])
        identity = ""
    elif mode == SSH_KEY:
        asks["ssh_key"] = str(answers[KEY])
        asks |= {"replace_keys": True} if answers[REPLACE] else {}
        identity, old = identity or private, ""
    elif mode == REMOVE:
        asks |= {"force": True} if answers[FORCE] else {}
        secrets |= {"admin_password": stays} if (stays := str(answers[STAYS] or "")) else {}
    if identity:
        asks["identity"] = str(Path(identity).expanduser().absolute())
    if old:
        secrets["old_password"] = old
    return asks, secrets
