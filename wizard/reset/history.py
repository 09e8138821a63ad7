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
    """One reset: `unique_id` is the VM's `vmId`, `at` UTC in ISO 8601.

    `replaced` says that a key took the place of all others. A mode "remove-user" took the user away.
    """

    unique_id: str
    vm: str
    user: str
    mode: Mode
    at: str
    replaced: bool = False


@dataclass(frozen=True)
class Logins:
    """What one VM's users may sign in with, as far as this computer knows."""

    first_user: str
    made_with: str  # "password" or "ssh-key"
    resets: tuple[Entry, ...] = ()

    def had_password(self, user: str) -> bool:
        """Whether this user has ever been given a password, and not been removed since."""
        made = self.made_with == "password" and user == self.first_user and not self._removals(user)
        return made or any(entry.mode == "password" for entry in self._since_removed(user))

    def other_users(self, user: str) -> tuple[str, ...]:
        """Everybody else who has been given a login and has not been removed."""
        known = dict.fromkeys((self.first_user, *(entry.user for entry in self.resets)))
        return tuple(other for other in known if other != user and not self.removed(other))

    def removed(self, user: str) -> bool:
        """Whether the last that was done with this user was to remove it."""
        entries = [entry for entry in self.resets if entry.user == user]
        return bool(entries) and entries[-1].mode == "remove-user"

    def keys_added(self, user: str) -> tuple[Entry, ...]:
        """The keys this user was given that may still be in its authorized keys; a removed user's home stays."""
        keys: list[Entry] = []
        for entry in self.resets:
            if entry.user == user and entry.mode == "ssh-key":
                keys = [entry] if entry.replaced else [*keys, entry]
        return tuple(keys)

    def has_first_key(self, user: str) -> bool:
        """Whether the key that the VM was made with may still be in this user's authorized keys."""
        made = self.made_with == "ssh-key" and user == self.first_user
        return made and not any(entry.user == user and entry.replaced for entry in self.resets)

    def _removals(self, user: str) -> list[int]:
        return [at for at, entry in enumerate(self.resets) if entry.user == user and entry.mode == "remove-user"]

    def _since_removed(self, user: str) -> list[Entry]:
        removals = self._removals(user)
        return [entry for entry in self.resets[removals[-1] + 1 if removals else 0 :] if entry.user == user]


def logins(record: Record, vm: str, unique_id: str) -> Logins:
    """What is known of a VM's logins. InputError when the file cannot be read."""
    known = record.credentials.get(vm)
    made_with = known.created_with if known is not None else str(record.plan.machines.auth)
    entries = tuple(entry for entry in _read(record.folder / FILE) if entry.unique_id == unique_id)
    return Logins(record.plan.machines.admin_user, made_with, entries)


def users(record: Record, vm: str) -> tuple[str, ...]:
    """Everybody who was given a login on a VM and not removed since, the first user first. Azure is not asked: what a
    former VM of that name had counts too, so that this is for offering names and proves nothing.
    """
    entries = tuple(entry for entry in _read(record.folder / FILE) if entry.vm == vm)
    first = record.plan.machines.admin_user
    known = Logins(first, str(record.plan.machines.auth), entries)
    return tuple(user for user in (first, *known.other_users(first)) if not known.removed(user))


def note(record: Record, vm: str, unique_id: str, user: str, mode: Mode, *, replaced: bool = False) -> None:
    """Remember that a VM was given a login now, or that one was taken away."""
    path = record.folder / FILE
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entries = [*_read(path), Entry(unique_id, vm, user, mode, now, replaced)]
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
