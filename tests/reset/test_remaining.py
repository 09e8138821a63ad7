"""What else gets in: tried with what we hold, named where we only know of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from wizard.errors import AzureError
from wizard.reset import vmaccess
from wizard.reset.history import Entry, Logins
from wizard.reset.remaining import remaining
from wizard.verify.ssh import Credential, LoginResult

KEY = Path("/keys/ours")
OLD = SecretStr("old-Horse-42")
ADDED = Entry("id", "vm1", "azureuser", "ssh-key", "2026-01-02T03:04:05+00:00")
SECOND = Entry("id", "vm1", "second", "password", "2026-01-02T03:04:05+00:00")


@pytest.mark.parametrize(
    ("logins", "options", "let_in", "told"),
    [
        (Logins("azureuser", "password"), {"mode": "password"}, (), ()),
        (
            Logins("azureuser", "ssh-key"),
            {"mode": "password", "our_key": KEY},
            ("azureuser",),
            ("azureuser (SSH key)",),
        ),
        (Logins("azureuser", "ssh-key"), {"mode": "password", "our_key": KEY}, (), ()),
        (Logins("azureuser", "ssh-key"), {"mode": "password"}, (), ("azureuser (SSH key, not tried)",)),
        (Logins("azureuser", "password"), {"mode": "ssh-key"}, (), ("azureuser (password, not tried)",)),
        (
            Logins("azureuser", "password", (ADDED,)),
            {"mode": "password"},
            (),
            ("azureuser (SSH key added 2026-01-02, not tried)",),
        ),
        (
            Logins("azureuser", "password"),
            {"mode": "password", "user": "second", "old": OLD},
            ("azureuser",),
            ("azureuser (password)",),
        ),
        (Logins("azureuser", "password", (SECOND,)), {"mode": "password"}, (), ("second (password, not tried)",)),
    ],
)
async def test_remaining(
    logins: Logins, options: dict[str, Any], let_in: tuple[str, ...], told: tuple[str, ...]
) -> None:
    async def login(user: str, credential: Credential) -> LoginResult:
        return LoginResult("ok" if user in let_in else "refused", "")

    asked = {"user": "azureuser", "our_key": None, "old": None, **options}
    found = await remaining(logins, asked.pop("user"), asked.pop("mode"), login=login, **asked)
    assert found == told


def test_an_extension_that_repeats_the_password_is_not_repeated() -> None:
    error = AzureError("VMAccess failed.", "chpasswd: azureuser:new-Horse-42 is bad", "", code="VMExtension")
    told = vmaccess._without(error, {"username": "azureuser", "password": "new-Horse-42"})
    assert "new-Horse-42" not in f"{told} {told.args} {told!r}"
    assert told.code == "VMExtension"
    assert vmaccess._without(error, {"username": "azureuser", "ssh_key": "ssh-ed25519 AAAA"}) is error
