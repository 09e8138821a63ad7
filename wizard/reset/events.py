"""What a reset tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from wizard.deploy.events import Event

Mode = Literal["password", "ssh-key", "configuration", "remove-user"]
State = Literal["proved", "unproved", "failed"]
Step = Literal["asking", "before", "resetting", "proving"]


@dataclass(frozen=True)
class ResetStep(Event):
    """What is going on with one VM."""

    event: ClassVar[str] = "step"
    vm: str
    step: Step
    detail: str


@dataclass(frozen=True)
class ResetDone(Event):
    """How one VM's reset ended.

    state              proved    the new login works and every old credential known or given is refused
                       unproved  the new login works, but an old credential exists that was not given or still works
                       failed    otherwise
    new_login          the login that is to work does: the new one; with "configuration" the one there is, with
                       "remove-user" that of the administrator who stays
    old_login_refused  True: every old credential that this reset replaces was refused. False: one was let in, was not
                       given or could not be asked. None: there was none (a VM that never had a password; an added key)
    user               who was reset, or removed
    other_logins       what else still gets in, as far as it could be tried
    detail             the reasons, in words
    """

    event: ClassVar[str] = "reset"
    vm: str
    user: str
    mode: Mode
    state: State
    new_login: bool
    old_login_refused: bool | None
    other_logins: tuple[str, ...] = ()
    detail: str = ""
    remedy: str = ""
