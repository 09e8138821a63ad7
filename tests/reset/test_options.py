"""`reset` refuses what it cannot do before it reads a secret or asks a cloud anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from tests.plan.strategies import ED25519
from tests.verify.servers import make_key
from wizard.commands import reset as reset_command
from wizard.deploy import record
from wizard.errors import InputError
from wizard.plan.model import Auth, Machines, OsType, Plan
from wizard.reset import credentials
from wizard.reset.warnings import warnings

PASSWORD = "correct-Horse-42"


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> record.Record:
    """A deployment that is remembered and exists nowhere: asking the cloud about it would fail."""
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path / "home"))
    plan = Plan(name="remembered", prefix="web", machines=Machines(auth=Auth.PASSWORD))
    return record.save(plan, "00000000-0000-0000-0000-000000000000")


def invoke(*arguments: str, input: str = "") -> Result:
    return CliRunner().invoke(reset_command.command, [*arguments, "--json"], input=input)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--password-stdin"], "No VM was named"),
        (["--vm", "web3", "--password-stdin"], "has no VM 'web3'"),
        (["--vm", "web1", "--all", "--password-stdin"], "exclude each other"),
        (["--all"], "There is no new password"),
        (["--all", "--password-stdin", "--generate-password"], "exclude each other"),
        (["--all", "--generate-password"], "belong together"),
        (["--all", "--secret-file", "x"], "belong together"),
        (["--all", "--mode", "ssh-key"], "There is no key to add"),
        (["--all", "--mode", "ssh-key", "--ssh-key", "x.pub", "--password-stdin"], "A key takes no password away"),
        (["--all", "--password-stdin", "--ssh-key", "x.pub"], "belongs to --mode ssh-key"),
        (["--all", "--password-stdin", "--old-password-stdin", "--old-secret-file", "x"], "exclude each other"),
        (["--all", "--password-stdin", "--old-secret-file", "/nonexistent.json"], "cannot be read"),
        (
            ["--all", "--mode", "ssh-key", "--ssh-key", "x.pub", "--old-secret-file", "x"],
            "A key takes no password away",
        ),
        (["--all", "--password-stdin", "--replace-keys"], "belongs to --mode ssh-key"),
        (["--all", "--password-stdin", "--force"], "belongs to --mode remove-user"),
        (["--all", "--mode", "configuration", "--password-stdin"], "has no password"),
        (["--all", "--mode", "configuration", "--identity", "x", "--old-password-stdin"], "exclude each other"),
        (["--all", "--mode", "remove-user"], "Nobody was named"),
        (["--all", "--mode", "remove-user", "--user", "root"], "cannot be removed"),
        (["--all", "--mode", "remove-user", "--user", "a;reboot"], "cannot be removed"),
        (
            ["--all", "--mode", "remove-user", "--user", "x", "--generate-password", "--secret-file", "x"],
            "new password",
        ),
        (["--all", "--password-stdin", "--user", "root"], "refused"),
        (["other", "--all", "--password-stdin"], "No deployment named other"),
        (["--all", "--mode", "ssh-key", "--ssh-key", "/nonexistent.pub"], "cannot be read"),
    ],
)
def test_wrong_options_are_exit_status_2(known: record.Record, arguments: list[str], said: str) -> None:
    told = invoke(*arguments, input=f"{PASSWORD}\n")
    assert told.exit_code == 2, told.output
    error = json.loads(told.stdout)
    assert error["event"] == "error"
    assert said in error["what"]
    assert PASSWORD not in told.output


@pytest.mark.parametrize(
    ("input", "said"),
    [
        ("", "holds no new password"),
        ("\n", "holds no new password"),
        ("short\n", "too short"),
        ("Password22\n", "refused"),
        ("onlylowercase\n", "too simple"),
    ],
)
def test_a_bad_new_password_is_exit_status_2(known: record.Record, input: str, said: str) -> None:
    told = invoke("--all", "--password-stdin", input=input)
    assert told.exit_code == 2, told.output
    assert said in json.loads(told.stdout)["what"]


def test_the_old_password_again_is_refused(known: record.Record) -> None:
    told = invoke("--all", "--old-password-stdin", "--password-stdin", input=f"{PASSWORD}\n{PASSWORD}\n")
    assert told.exit_code == 2, told.output
    assert "is the old one" in json.loads(told.stdout)["what"]


def test_a_secret_file_that_exists_is_never_overwritten(known: record.Record, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("precious")
    told = invoke("--all", "--generate-password", "--secret-file", str(kept))
    assert told.exit_code == 2, told.output
    assert kept.read_text() == "precious"


def test_a_private_key_is_not_sent_to_azure(known: record.Record, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    told = invoke("--all", "--mode", "ssh-key", "--ssh-key", str(tmp_path / "key"))
    assert told.exit_code == 2, told.output
    assert "private key" in json.loads(told.stdout)["what"]


def test_windows_knows_passwords_and_the_configuration(tmp_path: Path) -> None:
    windows = record.Record(Plan(machines=Machines(os=OsType.WINDOWS)), "s", tmp_path)
    vms, new = ["ra-multi-vm1"], {"ra-multi-vm1": SecretStr(PASSWORD)}
    credentials.check(windows, vms, user=None, new=new)
    credentials.check(windows, vms, mode="configuration", user=None)
    with pytest.raises(InputError, match="no SSH key"):
        credentials.check(windows, vms, user=None, new=ED25519)
    with pytest.raises(InputError, match="removes no user"):
        credentials.check(windows, vms, mode="remove-user", user="somebody")
    with pytest.raises(InputError, match="the user's name"):
        credentials.check(windows, vms, user="horse", new={"ra-multi-vm1": SecretStr("One-horse-12")})


def test_the_warnings_for_windows_speak_of_windows(tmp_path: Path) -> None:
    windows = record.Record(Plan(machines=Machines(os=OsType.WINDOWS, auth=Auth.PASSWORD)), "s", tmp_path)
    (told,) = warnings(windows, ["ra-multi-vm1"], "password", "second")
    assert "sudo" not in told
    assert "remove-user" not in told
    (told,) = warnings(windows, ["ra-multi-vm1"], "configuration", None)
    assert "Remote Desktop" in told
