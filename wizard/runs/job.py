"""What a run was asked for: its request, its secrets apart, and where it tells its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure
    from wizard.deploy.events import Event
    from wizard.deploy.record import Record

Tell = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """`hide` names texts that must never be written; `tell` writes an event."""

    kind: str
    name: str
    request: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    tell: Tell = field(repr=False)
    hide: Callable[..., None] = field(repr=False)

    def emit(self, event: Event) -> None:
        """What is handed to the engine."""
        self.tell(event.as_event())

    def path(self, name: str) -> Path | None:
        """A path of the request, or None."""
        found = self.request.get(name)
        return Path(str(found)).expanduser() if found else None

    def secret(self, name: str) -> SecretStr | None:
        from pydantic import SecretStr

        found = self.secrets.get(name)
        return SecretStr(str(found)) if found else None

    def passwords(self, vms: Iterable[str], one: str = "password", many: str = "passwords") -> dict[str, SecretStr]:
        """Passwords by VM name: each VM's own, or the one for all; VMs without one are missing."""
        from pydantic import SecretStr

        own = self.secrets.get(many) or {}
        common = self.secret(one)
        found = {vm: SecretStr(str(own[vm])) if vm in own else common for vm in vms}
        return {vm: value for vm, value in found.items() if value is not None}

    def generated(self, vms: Iterable[str], os: Any) -> dict[str, SecretStr]:
        """A fresh password for each VM."""
        from wizard.reset import passwords

        made = {vm: passwords.generate(os) for vm in vms}
        self.hide(*(value.get_secret_value() for value in made.values()))
        return made

    def secret_file(self) -> Path | None:
        """Where generated passwords go; None when none are to be generated. InputError when that does not fit."""
        from wizard.deploy import secrets

        path = self.path("secret_file")
        if bool(self.request.get("generate")) != (path is not None):
            raise InputError(
                "Generated passwords and a file for them belong together.",
                "A password that is written nowhere is lost.",
                "Choose both, or neither.",
            )
        if path is not None:
            if self.secrets.get("password") or self.secrets.get("passwords"):
                raise InputError("A password was given, and one was to be generated.", "", "Choose one of them.")
            secrets.refuse_existing(path)
        return path

    def record(self) -> Record:
        """The deployment this run works on, which becomes the one last worked on."""
        from wizard.deploy import record

        known = record.load(self.name)
        record.remember_last(known.name)
        return known

    @asynccontextmanager
    async def cloud(self, name: str, subscription: str | None) -> AsyncIterator[Azure]:
        """A connection, signed in as whoever started the run was."""
        from wizard.azure import methods
        from wizard.deploy import journey

        if handed := self.secrets.get("sign_in"):
            methods.choose(name, methods.Choice.handed(handed))
        async with journey.open_cloud(name, subscription) as azure:
            yield azure
