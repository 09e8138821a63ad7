"""A Windows machine's local accounts: who exists, whose password opens, and when an account locks.

The first administrator is the image's built-in one, renamed to what was asked for, as Azure's provisioning leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wizard.sandbox.fabric.windows import ntlm

LOGON_FAILURE, DISABLED, LOCKED = 0xC000006D, 0xC0000072, 0xC0000234
TRIES, WINDOW_SECONDS = 10, 600.0
"""Account lockout of images since October 2022, built-in administrator included (Microsoft, KB5020282)."""
_LONGEST = 20  # characters of a local account's name
_BANNED = frozenset('"/\\[]:;|=,+*?<>@')

User = dict[str, Any]


class AccountError(Exception):
    """What Windows says when an account cannot be made or changed."""


def first(admin: str) -> dict[str, User]:
    """The accounts that an image has after provisioning."""
    made = {name.lower(): _account(name, enabled=False) for name in ("DefaultAccount", "Guest", "WDAGUtilityAccount")}
    return {admin.lower(): _account(admin, administrator=True), **made}


def _account(name: str, *, enabled: bool = True, administrator: bool = False) -> User:
    return {"name": name, "nt": None, "enabled": enabled, "administrator": administrator, "failures": []}


class Accounts:
    """Every change is kept at once. `clock` is the machine's own, in seconds."""

    def __init__(self, users: dict[str, User], save: Callable[[], None], computer: str) -> None:
        self.users = users
        self._save = save
        self._computer = computer

    def get(self, name: str) -> User | None:
        return self.users.get(name.lower())

    def find(self, user: str, domain: str) -> bytes | None:
        """The NT hash of a local account; None when there is none, or when another domain is meant."""
        if domain.lower() not in ("", ".", self._computer.lower()):
            return None
        kept = (self.get(user) or {}).get("nt")
        return bytes.fromhex(kept) if kept else None

    def judge(self, name: str, right: bool, speed: float) -> int:
        """The NTSTATUS of a sign-in, 0 for yes. Wrong passwords count; a locked account says so to everybody."""
        user = self.get(name)
        if user is None:
            return LOGON_FAILURE
        now, window = time.time(), WINDOW_SECONDS / speed
        failures = [at for at in user["failures"] if now - at < window]
        if len(failures) >= TRIES:
            return LOCKED
        if right and user["enabled"]:
            user["failures"] = []
            return 0
        if right:
            return DISABLED
        user["failures"] = [*failures, now]
        self._save()
        return LOCKED if len(user["failures"]) >= TRIES else LOGON_FAILURE

    def set_password(self, name: str, password: str) -> None:
        """Raises AccountError when the password is not one that the machine's policy takes."""
        _complex(password, name)
        user = self.users[name.lower()]
        user.update(nt=ntlm.nt_hash(password).hex(), enabled=True, failures=[])
        self._save()

    def create(self, name: str, password: str) -> None:
        """A new local administrator."""
        if not 1 <= len(name) <= _LONGEST or name.endswith(".") or any(sign in _BANNED for sign in name):
            raise AccountError(f"The user name '{name}' is not valid: 1 to {_LONGEST} characters, no special ones.")
        _complex(password, name)
        self.users[name.lower()] = _account(name, administrator=True)
        self.set_password(name, password)


def _complex(password: str, name: str) -> None:
    """Windows' password policy as images have it: complexity on, no history, no least age."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    held = sum(any(kind(one) for one in password) for kind in kinds)
    if held < 3 or (len(name) > 2 and name.lower() in password.lower()):
        raise AccountError(
            "The password does not meet the password policy requirements. Check the minimum password length, password "
            "complexity and password history requirements."
        )
