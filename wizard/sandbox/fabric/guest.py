"""What a Linux machine's disk holds: users, keys, files, packages, services, serial log.

Private host keys and password hashes never leave it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric import hostkeys, image
from wizard.sandbox.fabric.accounts import Accounts, system_users
from wizard.sandbox.fabric.disk import Disk
from wizard.sandbox.fabric.record import GuestRecord

if TYPE_CHECKING:
    from wizard.sandbox.fabric.fabric import GuestSpec
    from wizard.sandbox.store import Store


class Guest(GuestRecord):
    """A Linux machine's record and what is read from it."""

    def __init__(self, store: Store, key: str, record: dict[str, Any]) -> None:
        super().__init__(store, key, record)
        self.image = image.find(record["image"])
        self.accounts = Accounts(self)
        self._public = {kind: hostkeys.public(text) for kind, text in record["host_keys"].items()}
        self.disk = Disk(
            image.base_files(self.image),
            record["files"],
            {
                "/etc/hostname": lambda: f"{self.hostname}\n",
                "/etc/hosts": lambda: f"127.0.0.1 localhost\n127.0.1.1 {self.hostname}\n::1 localhost\n",
                "/etc/passwd": self.accounts.passwd,
                "/etc/group": self.accounts.group_file,
                "/etc/shadow": self.accounts.shadow,
                "/proc/uptime": lambda: f"{self.uptime():.2f} {self.uptime() * 1.9:.2f}\n",
                "/proc/loadavg": lambda: "0.00 0.01 0.00 1/128 2048\n",
                **{f"/etc/ssh/ssh_host_{kind}_key.pub": self._key_file(kind) for kind in hostkeys.KINDS},
            },
            self.save_soon,
        )

    @classmethod
    def create(cls, store: Store, key: str, spec: GuestSpec) -> Guest:
        """A new disk: users, hashed password, keys, fresh host keys. It is not running."""
        record: dict[str, Any] = {
            "os": spec.os,
            "computer_name": spec.computer_name,
            "image": spec.image,
            "users": system_users(),
            "host_keys": hostkeys.make(),
            "files": {},
            "packages": [],
            "services": {},
            "custom_data": base64.b64encode(spec.custom_data).decode(),
            "cloud_init": {"status": "not run", "errors": [], "done": False},
            "serial": "",
            "boots": 0,
            "power": "stopped",
            **(spec.content or {}),
        }
        guest = cls(store, key, record)
        login = "yes" if spec.password_login else "no"
        guest.disk.write("/etc/ssh/sshd_config.d/50-cloud-init.conf", f"PasswordAuthentication {login}\n", mode=0o600)
        guest.accounts.create(spec.admin_user, sudo=True)
        if spec.admin_password is not None:
            guest.accounts.set_password(spec.admin_user, spec.admin_password)
        elif spec.password_hash is not None:
            guest.accounts.users[spec.admin_user]["password"] = spec.password_hash
        if keys := [line.strip() for line in spec.ssh_keys if line.strip()]:
            guest.accounts.add_keys(spec.admin_user, keys)
        guest.record["admin_user"] = spec.admin_user
        guest.save()
        return guest

    def _key_file(self, kind: str) -> Any:
        return lambda: f"{self._public[kind]} root@{self.hostname}\n"

    @property
    def host_keys(self) -> dict[str, str]:
        found: dict[str, str] = self.record["host_keys"]
        return found

    @property
    def custom_data(self) -> bytes:
        return base64.b64decode(self.record["custom_data"])

    def fingerprints(self) -> list[str]:
        return [hostkeys.fingerprint(f"{self._public[kind]} root@{self.hostname}") for kind in hostkeys.KINDS]

    def public_keys(self) -> list[str]:
        return [f"{self._public[kind]} root@{self.hostname}" for kind in hostkeys.KINDS]
