"""Secrets on their way to a request: kept apart from plan, blueprint, events and records until a body is built.

A value enters a body only in `body_with`, on a copy that lives as long as the request.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.blueprint.resource import Resource
from wizard.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

PASSWORD = "password"  # noqa: S105 - the name of a kind of secret


class Secrets:
    """What a run may send, by VM name and kind. VM names are compared as Azure does, without case."""

    def __init__(self, values: Mapping[tuple[str, str], SecretStr] | None = None) -> None:
        self._values = {(vm.lower(), kind): value for (vm, kind), value in (values or {}).items()}

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"

    @classmethod
    def passwords(cls, by_vm: Mapping[str, SecretStr]) -> Secrets:
        """One administrator's password per VM."""
        return cls({(vm, PASSWORD): value for vm, value in by_vm.items()})

    def get(self, vm: str, kind: str) -> SecretStr | None:
        return self._values.get((vm.lower(), kind))

    def require(self, resources: Iterable[Resource]) -> None:
        """InputError when a resource that is to be created needs a secret that is not here."""
        missing = [r.name for r in resources if any(self.get(r.name, kind) is None for _, kind in r.secrets)]
        if missing:
            raise InputError(
                f"A password is needed for {', '.join(missing)}.",
                "The plan signs in by password, and these VMs are still to be created. Nothing was written.",
                "Give one with --password-stdin, or let --generate-password --secret-file OUT make one for each VM.",
            )

    def body_with(self, resource: Resource) -> dict[str, Any]:
        """The request's body: a copy of the planned one with its secrets in place. InputError when one is missing."""
        self.require([resource])
        body: dict[str, Any] = copy.deepcopy(dict(resource.body))
        for path, kind in resource.secrets:
            if value := self.get(resource.name, kind):
                inner = body
                for step in path[:-1]:
                    inner = inner.setdefault(step, {})
                inner[path[-1]] = value.get_secret_value()
        return body


def refuse_existing(path: Path) -> None:
    """InputError when a secret file is there already, or cannot be made: asked before anything is written to Azure."""
    if path.exists() or path.is_symlink():
        raise InputError(
            f"The secret file {path} exists already.",
            "It may hold passwords of VMs that are running; it is never overwritten.",
            "Name another file with --secret-file.",
        )
    if not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder {path.absolute().parent}.", "", "Make it, or name another --secret-file.")


def write_secret_file(path: Path, users: Mapping[str, str], passwords: Mapping[str, SecretStr]) -> None:
    """Write `{"VM": {"user", "password"}}`, mode 0600, durably, before any request uses a password in it.

    `users` names each VM's administrator. InputError when the file exists or cannot be written.
    """
    refuse_existing(path)
    content = {vm: {"user": users[vm], "password": value.get_secret_value()} for vm, value in passwords.items()}
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise InputError(
            f"The secret file {path} cannot be made.", f"{error.strerror}.", "Name another file with --secret-file."
        ) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read_secret_file(path: Path) -> dict[str, SecretStr]:
    """The passwords by VM name of a file that `write_secret_file` wrote. InputError when it is none."""
    from pydantic import SecretStr

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {vm: SecretStr(_text(login["password"])) for vm, login in content.items()}
    except OSError as error:
        why = f"{error.strerror}."
    except (ValueError, AttributeError, KeyError, TypeError):  # their words may quote the file
        why = 'It is not {"VM": {"user": "...", "password": "..."}}.'
    raise InputError(f"The secret file {path} cannot be read.", why, "Name one that --generate-password wrote.")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def remove_secret_file(path: Path) -> None:
    """Take back a file just written, because no password in it was ever sent."""
    path.unlink(missing_ok=True)
