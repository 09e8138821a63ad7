"""Which logins a VM has had: how it was made, and every reset since. No secrets.

HOME/deployments/NAME/resets.json keeps one entry per reset that Azure carried out. A VM that was made anew under its
old name has another `vmId`, and the entries of the former one say nothing about it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import InputError
from wizard.home import write_atomically

if TYPE_CHECKING:
    from wizard.deploy.record import Record
    from wizard.reset.events import Mode

FILE = "resets.json"


@dataclass(frozen=True)
class Entry:
    """One reset: `unique_id` is the VM's `vmId`, `at` UTC in ISO 8601."""

    unique_id: str
    vm: str
    user: str
    mode: Mode
    at: str


@dataclass(frozen=True)
class Logins:
    """What one VM's users may sign in with, as far as this computer knows."""

    first_user: str
    made_with: str  # "password" or "ssh-key"
    resets: tuple[Entry, ...] = ()

    def had_password(self, user: str) -> bool:
        """Whether this user has ever been given a password."""
        made = self.made_with == "password" and user == self.first_user
        return made or any(entry.user == user and entry.mode == "password" for entry in self.resets)

    def other_users(self, user: str) -> tuple[str, ...]:
        """Everybody else who has been given a login."""
        known = dict.fromkeys((self.first_user, *(entry.user for entry in self.resets)))
        return tuple(other for other in known if other != user)


def logins(record: Record, vm: str, unique_id: str) -> Logins:
    """What is known of a VM's logins. InputError when the file cannot be read."""
    known = record.credentials.get(vm)
    made_with = known.created_with if known is not None else str(record.plan.machines.auth)
    entries = tuple(entry for entry in _read(record.folder / FILE) if entry.unique_id == unique_id)
    return Logins(record.plan.machines.admin_user, made_with, entries)


def note(record: Record, vm: str, unique_id: str, user: str, mode: Mode) -> None:
    """Remember that a VM was given a login now."""
    path = record.folder / FILE
    entries = [*_read(path), Entry(unique_id, vm, user, mode, datetime.now(UTC).isoformat(timespec="seconds"))]
    write_atomically(path, json.dumps([asdict(entry) for entry in entries], indent=2) + "\n")


def _read(path: Path) -> Sequence[Entry]:
    try:
        content: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [Entry(**entry) for entry in content]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read.",
            f"It is not what was written: {error}.",
            "It says which VMs were given a password before. Remove it only if you know that they were not.",
        ) from None
