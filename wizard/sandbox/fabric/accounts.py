"""The users of a machine: who exists, who may use sudo, which password or key lets them in.

Names, numbers and password hashes live in the guest record; authorized keys are a file in the user's home, so that a
command, cloud-init and VMAccess all change the one place that sshd reads.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric import passwords

if TYPE_CHECKING:
    from wizard.sandbox.fabric.guest import Guest

UID_MIN = 1000  # of /etc/login.defs: below it are the system's own users

_SYSTEM = (("root", 0, "/root", "/bin/bash"), ("daemon", 1, "/usr/sbin", "/usr/sbin/nologin"),
           ("www-data", 33, "/var/www", "/usr/sbin/nologin"),
           ("nobody", 65534, "/nonexistent", "/usr/sbin/nologin"),
           ("syslog", 102, "/nonexistent", "/usr/sbin/nologin"),
           ("sshd", 105, "/run/sshd", "/usr/sbin/nologin"))  # fmt: skip

User = dict[str, Any]


def system_users() -> dict[str, User]:
    """The users an image is born with: none can log in."""
    return {
        name: {"uid": uid, "home": home, "shell": shell, "password": None, "sudo": uid == 0, "groups": []}
        for name, uid, home, shell in _SYSTEM
    }


class Accounts:
    """Every change is kept at once."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    @property
    def users(self) -> dict[str, User]:
        found: dict[str, User] = self._guest.record["users"]
        return found

    def get(self, name: str) -> User | None:
        return self.users.get(name)

    def is_system(self, name: str) -> bool:
        user = self.users.get(name)
        return user is not None and (int(user["uid"]) < UID_MIN or name == "nobody")

    def groups(self, name: str) -> list[str]:
        user = self.users.get(name)
        if user is None:
            return []
        extra = list(user.get("groups") or ())
        if user.get("sudo") and name != "root" and "sudo" not in extra:
            extra.append("sudo")
        return [name, *extra]

    def create(
        self, name: str, *, sudo: bool = False, shell: str = "/bin/bash", home: str = "", groups: tuple[str, ...] = ()
    ) -> User:
        """Add a user with a home folder; ValueError when the name is taken."""
        if name in self.users:
            raise ValueError(f"user '{name}' already exists")
        uids = {int(user["uid"]) for user in self.users.values()}
        uid = next(number for number in range(UID_MIN, 60001) if number not in uids)
        user: User = {
            "uid": uid,
            "home": home or f"/home/{name}",
            "shell": shell,
            "password": None,
            "sudo": sudo,
            "groups": list(groups),
        }
        self.users[name] = user
        disk = self._guest.disk
        if not disk.exists(user["home"]):
            disk.mkdir(user["home"], mode=0o750, owner=name, parents=True)
        if sudo:
            self.grant_sudo(name)
        self._guest.save()
        return user

    def grant_sudo(self, name: str) -> None:
        """As cloud-init and VMAccess do: a line of its own in sudoers, without asking for a password."""
        self.users[name]["sudo"] = True
        self._guest.disk.write(f"/etc/sudoers.d/90-{name}", f"{name} ALL=(ALL) NOPASSWD:ALL\n", mode=0o440)
        self._guest.save()

    def remove(self, name: str, *, home: bool = False) -> None:
        """Take a user away, and the home folder when asked; KeyError when there is none."""
        user = self.users.pop(name)
        disk = self._guest.disk
        if disk.exists(f"/etc/sudoers.d/90-{name}"):
            disk.remove(f"/etc/sudoers.d/90-{name}")
        if home and disk.exists(user["home"]):
            disk.remove(user["home"], recursive=True)
        self._guest.save()

    def set_password(self, name: str, password: str) -> None:
        self.users[name]["password"] = passwords.make(password)
        self.users[name]["locked"] = False
        self._guest.save()

    def lock(self, name: str, locked: bool = True) -> None:
        self.users[name]["locked"] = locked
        self._guest.save()

    def expire(self, name: str, day: str | None) -> None:
        """Set the day (`2027-01-31`) from which the account is closed; None takes it away."""
        self.users[name]["expires"] = day
        self._guest.save()

    def expired(self, name: str) -> bool:
        day = (self.users.get(name) or {}).get("expires")
        if not day:
            return False
        return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() <= time.time()

    async def password_opens(self, name: str, password: str) -> bool:
        """Whether this password lets this user in now."""
        user = self.users.get(name)
        kept = user["password"] if user and not user.get("locked") and not self.expired(name) else None
        return await passwords.check(password, kept)

    def keys_file(self, name: str) -> str:
        return f"{self.users[name]['home']}/.ssh/authorized_keys"

    def keys(self, name: str) -> str:
        """The authorized keys, as text; "" when there are none."""
        if name not in self.users:
            return ""
        try:
            return self._guest.disk.read(self.keys_file(name))
        except OSError:
            return ""

    def add_keys(self, name: str, lines: list[str], *, replace: bool = False) -> None:
        """Append keys that are not there yet, or put them in place of all others."""
        kept = [] if replace else [line for line in self.keys(name).splitlines() if line.strip()]
        kept += [line for line in lines if line not in kept]
        disk, folder = self._guest.disk, f"{self.users[name]['home']}/.ssh"
        if not disk.exists(folder):
            disk.mkdir(folder, mode=0o700, owner=name, parents=True)
        disk.write(self.keys_file(name), "".join(f"{line}\n" for line in kept), mode=0o600, owner=name)
        self._guest.save()

    def passwd(self) -> str:
        return "".join(
            f"{name}:x:{user['uid']}:{user['uid']}::{user['home']}:{user['shell']}\n"
            for name, user in sorted(self.users.items(), key=lambda item: int(item[1]["uid"]))
        )

    def group_file(self) -> str:
        named = "".join(f"{name}:x:{user['uid']}:\n" for name, user in self.users.items())
        members = ",".join(sorted(name for name, user in self.users.items() if user.get("sudo") and name != "root"))
        return f"{named}sudo:x:27:{members}\n"

    def shadow(self) -> str:
        lines = []
        for name, user in self.users.items():
            kept = user["password"] or "*"
            lines.append(f"{name}:{'!' if user.get('locked') else ''}{kept}:20400:0:99999:7:::\n")
        return "".join(lines)
