"""VMAccess: what each setting changes, proved by logins, and what it refuses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.fabric.azure_documents import PASSWORD, Deployment, vm_id
from tests.sandbox.fabric.conftest import run, running, ssh, until
from wizard.sandbox.fabric.fabric import ExtensionResult

NEW = "Another-staple-8"


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Deployment]:
    """One machine with a key and without password login; the private key is `key`."""
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "first", "-f", str(tmp_path / "key"))
    public = (tmp_path / "key.pub").read_text()
    async with running(
        tmp_path / "s", count=1, password=None, ssh_keys=(public,), custom_data=b"", speed=2000
    ) as deployment:
        await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
        yield deployment


async def access(deployment: Deployment, **protected: Any) -> ExtensionResult:
    return await deployment.fabric.run_vmaccess(vm_id("web1"), {}, protected)


async def test_a_password_for_the_same_user_turns_password_login_on(one: Deployment, tmp_path: Path) -> None:
    assert (await ssh(one, "id -un", password=NEW)).code == 255
    assert (await access(one, username="azureuser", password=NEW)).code == 0
    assert (await ssh(one, "id -un", password=NEW)).out == "azureuser\n"
    assert (await ssh(one, "id -un", password=PASSWORD)).code == 255
    assert (await ssh(one, "id -un", key=tmp_path / "key")).out == "azureuser\n"
    assert (await access(one, username="azureuser", password=PASSWORD)).code == 0
    assert (await ssh(one, "id -un", password=NEW)).code == 255
    assert (await ssh(one, "id -un", password=PASSWORD)).out == "azureuser\n"
    assert NEW not in str(one.store.items("guest"))


async def test_a_new_user_gets_sudo_and_the_former_stays_until_removed(one: Deployment, tmp_path: Path) -> None:
    await access(one, username="second", password=NEW)
    assert (await ssh(one, "id -un; sudo -n id -un", user="second", password=NEW)).out == "second\nroot\n"
    assert (await ssh(one, "id -un", key=tmp_path / "key")).out == "azureuser\n"
    assert (await access(one, remove_user="azureuser")).code == 0
    assert (await ssh(one, "id -un", key=tmp_path / "key")).code == 255


async def test_a_key_is_added_or_put_in_place_of_all_others(one: Deployment, tmp_path: Path) -> None:
    await run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "second", "-f", str(tmp_path / "new"))
    public = (tmp_path / "new.pub").read_text()
    assert (await access(one, username="azureuser", ssh_key=public)).code == 0
    for key in ("key", "new"):
        assert (await ssh(one, "id -un", key=tmp_path / key)).out == "azureuser\n", key
    await access(one, username="azureuser", ssh_key=public, remove_prior_keys=True)
    assert (await ssh(one, "id -un", key=tmp_path / "new")).out == "azureuser\n"
    assert (await ssh(one, "id -un", key=tmp_path / "key")).code == 255
    exported = await run("ssh-keygen", "-e", "-m", "RFC4716", "-f", str(tmp_path / "key.pub"))
    assert (await access(one, username="azureuser", ssh_key=exported.out)).code == 0
    assert (await ssh(one, "id -un", key=tmp_path / "key")).out == "azureuser\n"


async def test_reset_ssh_restores_the_configuration(one: Deployment, tmp_path: Path) -> None:
    await one.fabric.run_script(vm_id("web1"), "echo 'PubkeyAuthentication no' > /etc/ssh/sshd_config")
    assert (await ssh(one, "id -un", key=tmp_path / "key")).code == 255
    assert (await access(one, reset_ssh=True)).code == 0
    assert (await ssh(one, "id -un", key=tmp_path / "key")).out == "azureuser\n"


async def test_an_expired_account_is_closed(one: Deployment) -> None:
    await access(one, username="temp", password=NEW, expiration="2020-01-01")
    assert (await ssh(one, "id -un", user="temp", password=NEW)).code == 255
    await access(one, username="temp", password=NEW, expiration="2999-01-01")
    assert (await ssh(one, "id -un", user="temp", password=NEW)).out == "temp\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"username": "azureuser"}, "No password or ssh_key is specified."),
        ({}, "No password or ssh_key is specified."),
        ({"username": "root", "password": NEW}, "root is a system user"),
        ({"username": "www-data", "ssh_key": "ssh-ed25519 AAAA"}, "www-data is a system user"),
        ({"remove_user": "daemon"}, "daemon is a system user"),
        ({"remove_user": "azureuser", "password": NEW}, "cannot be used together"),
        ({"remove_user": "azureuser", "reset_ssh": True}, "cannot be used together"),
        ({"username": "x", "ssh_key": "not a key"}, "not a valid public key"),
        ({"username": "x; rm", "password": NEW}, "not a valid user name"),
        ({"username": "x", "password": NEW, "expiration": "soon"}, "not a date"),
    ],
)
async def test_what_it_refuses_changes_nothing(one: Deployment, settings: dict[str, Any], message: str) -> None:
    before = base64.b64encode(str(one.store.items("guest")[0][1]["users"]).encode())
    result = await access(one, **settings)
    assert result.code != 0
    assert message in result.message
    assert NEW not in result.message
    assert base64.b64encode(str(one.store.items("guest")[0][1]["users"]).encode()) == before


async def test_a_machine_that_is_off_has_no_agent(one: Deployment) -> None:
    await one.fabric.power_off(vm_id("web1"))
    assert (await access(one, username="azureuser", password=NEW)).code != 0
