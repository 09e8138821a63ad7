"""Resets on VMs that stand in the sandbox, judged by a client that is not ours (asyncssh)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from tests.verify.servers import make_key
from tests.verify.stand import Stand, standing
from wizard import blueprint, keys
from wizard.azure.clients import Azure
from wizard.commands import reset as reset_command
from wizard.commands import verify as verify_command
from wizard.deploy import endpoints
from wizard.plan.model import Auth
from wizard.reset import ResetDone, reset
from wizard.reset import history as resets


@pytest.fixture(scope="module")
def by_password(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.PASSWORD, 2, page=False) as made:
        yield made


@pytest.fixture(scope="module")
def by_key(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 1, page=False) as made:
        yield made


async def gets_in(stand: Stand, azure: Azure, vm: str, user: str, **credential: Any) -> bool:
    """Ask with asyncssh. The host key is not its concern here."""
    planned = blueprint.build(stand.plan, azure.subscription_id)
    host, _, port = (await endpoints.read(azure, planned)).ssh[vm].rpartition(":")
    options: dict[str, Any] = {"password": None, "client_keys": None, **credential}
    try:
        async with asyncssh.connect(
            host, int(port), username=user, known_hosts=None, agent_path=None, config=None, **options
        ):
            return True
    except asyncssh.PermissionDenied:
        return False


async def do(stand: Stand, azure: Azure, vms: list[str], **options: Any) -> list[ResetDone]:
    return await reset(stand.record, azure, vms, emit=lambda event: None, **options)


async def test_all_passwords_with_the_old_ones_given_is_proved(by_password: Stand, azure: Azure) -> None:
    new = {"web1": SecretStr("second-Horse-1"), "web2": SecretStr("second-Horse-2")}
    done = await do(by_password, azure, ["web1", "web2"], mode="password", new=new, old=by_password.passwords)
    assert [(one.vm, one.state, one.new_login, one.old_login_refused) for one in done] == [
        ("web1", "proved", True, True),
        ("web2", "proved", True, True),
    ]
    assert all(one.other_logins == () for one in done)
    for vm, password in new.items():
        assert await gets_in(by_password, azure, vm, "azureuser", password=password.get_secret_value())
        old = by_password.passwords[vm].get_secret_value()
        assert not await gets_in(by_password, azure, vm, "azureuser", password=old)
    assert by_password.record.credentials["web1"].changed_at is not None


async def test_an_old_password_that_was_not_given_or_is_wrong_leaves_it_unproved(
    by_password: Stand, azure: Azure
) -> None:
    new = {"web1": SecretStr("third-Horse-11")}
    [silent] = await do(by_password, azure, ["web1"], new=new)
    [wrong] = await do(
        by_password, azure, ["web1"], new={"web1": SecretStr("third-Horse-12")}, old=SecretStr("never-Horse-1")
    )
    assert (silent.state, silent.new_login, silent.old_login_refused) == ("unproved", True, False)
    assert "not given" in silent.detail
    assert (wrong.state, wrong.new_login, wrong.old_login_refused) == ("unproved", True, False)
    assert "did not work before" in wrong.detail


async def test_a_new_user_leaves_the_former_one_and_says_so(by_password: Stand, azure: Azure) -> None:
    new = {"web2": SecretStr("fourth-Horse-1")}
    [done] = await do(by_password, azure, ["web2"], new=new, user="second", old=SecretStr("second-Horse-2"))
    assert (done.state, done.user, done.old_login_refused) == ("unproved", "second", False)
    assert done.other_logins == ("azureuser (password)",)
    assert await gets_in(by_password, azure, "web2", "second", password="fourth-Horse-1")
    assert await gets_in(by_password, azure, "web2", "azureuser", password="second-Horse-2")


async def test_what_vmaccess_refuses_has_failed_and_changed_nothing(by_password: Stand, azure: Azure) -> None:
    [done] = await do(by_password, azure, ["web1"], new={"web1": SecretStr("fifth-Horse-11")}, user="daemon")
    assert (done.state, done.new_login) == ("failed", False)
    assert "daemon" in done.detail
    assert "fifth-Horse-11" not in repr(done)
    assert not await gets_in(by_password, azure, "web1", "daemon", password="fifth-Horse-11")


async def test_a_stopped_vm_is_left_alone(by_password: Stand, azure: Azure) -> None:
    stop = await azure.ask(azure.compute.virtual_machines.begin_power_off(by_password.name, "web2"))
    await azure.ask(stop.result())
    try:
        done = await do(by_password, azure, ["web2"], new={"web2": SecretStr("sixth-Horse-11")})
    finally:
        start = await azure.ask(azure.compute.virtual_machines.begin_start(by_password.name, "web2"))
        await azure.ask(start.result())
    assert done[0].state == "failed"
    assert "nothing was changed" in done[0].detail
    assert "stopped" in done[0].detail
    assert "Start web2" in done[0].remedy


async def test_a_password_for_a_vm_that_never_had_one_is_proved_and_its_key_is_told(
    by_key: Stand, azure: Azure, tmp_path: Path
) -> None:
    [done] = await do(by_key, azure, ["web1"], new={"web1": SecretStr("first-Horse-11")})
    assert (done.state, done.new_login, done.old_login_refused) == ("proved", True, None)
    assert done.other_logins == ("azureuser (SSH key)",)
    assert await gets_in(by_key, azure, "web1", "azureuser", password="first-Horse-11")
    [again] = await do(by_key, azure, ["web1"], new={"web1": SecretStr("other-Horse-11")})
    assert again.state == "unproved", "now it has had one"


async def test_one_more_key_is_proved_by_its_private_half(by_key: Stand, azure: Azure, tmp_path: Path) -> None:
    make_key(tmp_path / "new")
    public = (tmp_path / "new.pub").read_text().strip()
    [blind] = await do(by_key, azure, ["web1"], mode="ssh-key", new=public)
    assert (blind.state, blind.new_login) == ("unproved", False)
    [done] = await do(by_key, azure, ["web1"], mode="ssh-key", new=public, identity=tmp_path / "new")
    assert (done.state, done.new_login, done.old_login_refused) == ("proved", True, None)
    assert "azureuser (SSH key)" in done.other_logins
    assert await gets_in(by_key, azure, "web1", "azureuser", client_keys=[str(tmp_path / "new")])
    assert await gets_in(by_key, azure, "web1", "azureuser", client_keys=[str(keys.ensure().private)])


async def test_two_resets_use_one_extension(by_key: Stand, azure: Azure) -> None:
    told: Any = await azure.ask(azure.compute.virtual_machine_extensions.list(by_key.name, "web1"))
    names = [extension["name"] for extension in told.as_dict()["value"]]
    assert names == ["enablevmaccess"]


def invoke(*arguments: str, input: str = "") -> Result:
    return CliRunner().invoke(reset_command.command, list(arguments), input=input)


def test_the_command_generates_passwords_keeps_them_and_verify_logs_in_with_one(
    by_password: Stand, tmp_path: Path
) -> None:
    kept = tmp_path / "passwords.json"
    told = invoke(by_password.name, "--vm", "web1", "--generate-password", "--secret-file", str(kept), "--json")
    assert told.exit_code == 0, told.output
    [event] = [json.loads(line) for line in told.stdout.splitlines()]
    assert (event["event"], event["vm"], event["state"]) == ("reset", "web1", "unproved")
    assert kept.stat().st_mode & 0o777 == 0o600
    secret = json.loads(kept.read_text())["web1"]
    assert secret["user"] == "azureuser"
    assert secret["password"] not in told.output
    assert "Unproved" in told.stderr
    checked = CliRunner().invoke(
        verify_command.command,
        [by_password.name, "--password-stdin", "--wait", "60", "--json"],
        input=secret["password"],
    )
    logins = [json.loads(line) for line in checked.stdout.splitlines() if '"ssh.login"' in line]
    assert {event["target"]: event["state"] for event in logins} == {"web1": "passed", "web2": "failed"}
    assert checked.exit_code == 1


def test_a_kept_password_is_read_again_to_prove_that_it_is_refused(by_password: Stand, tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    making = ["--vm", "web1", "--generate-password", "--secret-file"]
    assert invoke(by_password.name, *making, str(one)).exit_code == 0
    told = invoke(by_password.name, *making, str(two), "--old-secret-file", str(one), "--json")
    event = json.loads(told.stdout)
    assert (event["state"], event["new_login"], event["old_login_refused"]) == ("proved", True, True)
    for kept, state in ((one, "failed"), (two, "passed")):
        checked = CliRunner().invoke(
            verify_command.command, [by_password.name, "--secret-file", str(kept), "--wait", "60", "--json"]
        )
        logins = [json.loads(line) for line in checked.stdout.splitlines() if '"ssh.login"' in line]
        assert {event["target"]: event["state"] for event in logins} == {"web1": state, "web2": "skipped"}


def test_both_passwords_by_standard_input_the_old_one_first(by_password: Stand, tmp_path: Path) -> None:
    first = invoke(by_password.name, "--vm", "web1", "--password-stdin", input="seventh-Horse-1\n")
    assert first.exit_code == 0, first.output
    both = invoke(
        by_password.name,
        *("--vm", "web1", "--old-password-stdin", "--password-stdin", "--json"),
        input="seventh-Horse-1\neighth-Horse-1\n",
    )
    assert both.exit_code == 0, both.output
    event = json.loads(both.stdout)
    assert (event["state"], event["old_login_refused"]) == ("proved", True)
    assert "Horse" not in both.output
    for path in by_password.record.folder.rglob("*"):
        if path.is_file():
            assert b"Horse" not in path.read_bytes()


def test_a_failed_reset_is_exit_status_1(by_password: Stand) -> None:
    told = invoke(by_password.name, "--vm", "web1", "--user", "daemon", "--password-stdin", input="ninth-Horse-1\n")
    assert told.exit_code == 1
    assert "✗ web1: failed" in told.stdout


def test_resets_are_remembered_by_the_machine(by_password: Stand) -> None:
    entries = json.loads((by_password.record.folder / resets.FILE).read_text())
    assert {entry["vm"] for entry in entries} == {"web1", "web2"}
