"""Host keys: what the VM told, kept as long as it is the same VM, and compared before anything is sent."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from tests.verify.fakes import VM_ID, OneMachine
from tests.verify.servers import SSHD, make_key, openssh_server, recording_server
from wizard.azure.clients import Azure
from wizard.errors import WizardError
from wizard.verify import hostkeys, logins
from wizard.verify.machines import Machine

A = "SHA256:" + "A" * 43
B = "SHA256:" + "B" * 43
OTHER = f"256 {A} root@vm1 (ED25519)"
MACHINE = Machine("vm1", VM_ID, "vm1", ())
PASSWORD = SecretStr("correct-Horse-42")


def keys(machine: OneMachine, folder: Path) -> hostkeys.HostKeys:
    return hostkeys.HostKeys(cast(Azure, machine), folder)


def by_password(user: str = "azureuser") -> logins.Credentials:
    return logins.Credentials({"vm1": (user,)}, passwords={"vm1": PASSWORD})


def test_fingerprints_are_read_from_run_commands_message() -> None:
    message = (
        f"Enable succeeded: \n[stdout]\n1024 {A} root@vm1 (DSA)\n256 {B} no comment (ED25519)\n"
        f"3072 MD5:aa:bb root@vm1 (RSA)\nnoise\n\n[stderr]\n256 SHA256:{'C' * 43} forged (RSA)\n"
    )
    assert hostkeys.fingerprints(message) == [A, B]
    assert hostkeys.fingerprints("[stdout]\n\n[stderr]\nno such file") == []


async def test_pins_are_kept_and_hold_as_long_as_it_is_the_same_vm(tmp_path: Path) -> None:
    machine = OneMachine(OTHER)
    first = await keys(machine, tmp_path).pins(VM_ID)
    again = await keys(machine, tmp_path).pins(VM_ID.upper())
    assert first == again
    assert machine.asked == 1
    machine.unique_id = "made anew"
    machine.tells = [OTHER.replace("A" * 43, "B" * 43)]
    anew = await keys(machine, tmp_path).pins(VM_ID)
    assert machine.asked == 2
    assert anew.told == {B}
    path = tmp_path / hostkeys.FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry["keys"] for entry in json.loads(path.read_text()).values()] == [[B]]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": {"id": 1}}'])
async def test_a_broken_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / hostkeys.FILE).write_text(content)
    assert (await keys(OneMachine(OTHER), tmp_path).pins(VM_ID)).told == {A}


async def test_a_vm_that_tells_no_key_and_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WizardError, match="told no SSH host key"):
        await keys(OneMachine(""), tmp_path).pins(VM_ID)
    with pytest.raises(WizardError, match="There is no VM vm1"):
        await keys(OneMachine(OTHER, unique_id=""), tmp_path).pins(VM_ID)


async def test_an_impostor_behind_the_nat_port_gets_nothing(tmp_path: Path) -> None:
    machine = OneMachine(OTHER)
    with recording_server(users={"azureuser": PASSWORD.get_secret_value()}) as impostor:
        door = ("127.0.0.1", impostor.port)
        checks = await logins.check(MACHINE, door, keys(machine, tmp_path), by_password())
        asked = impostor.stop()
    assert [(check.name, check.state) for check in checks] == [
        ("ssh.hostkey", "failed"),
        ("ssh.login", "skipped"),
        ("ssh.hostname", "skipped"),
    ]
    assert "somebody else answers here" in checks[0].detail
    assert machine.asked == 2, "a mismatch asks the VM once more"
    assert [fact for fact in asked if "asked" in fact] == []


async def test_a_vm_whose_key_cannot_be_learnt_gets_nothing(tmp_path: Path) -> None:
    with recording_server(users={"azureuser": PASSWORD.get_secret_value()}) as server:
        door = ("127.0.0.1", server.port)
        checks = await logins.check(MACHINE, door, keys(OneMachine(""), tmp_path), by_password())
        asked = server.stop()
    assert [check.state for check in checks] == ["warned", "skipped", "skipped"]
    assert [fact for fact in asked if "asked" in fact] == []


async def test_a_changed_key_is_taken_when_the_vm_itself_says_so(tmp_path: Path) -> None:
    with recording_server(users={"azureuser": PASSWORD.get_secret_value()}) as server:
        machine = OneMachine(OTHER)
        await keys(machine, tmp_path).pins(VM_ID)
        machine.tells = [f"256 {server.host_key.fingerprint} root@vm1 (ED25519)"]
        door = ("127.0.0.1", server.port)
        checks = await logins.check(MACHINE, door, keys(machine, tmp_path), by_password())
    assert [check.state for check in checks] == ["passed", "passed", "passed"]
    assert "had changed" in checks[0].detail


@pytest.mark.parametrize(
    ("server", "credentials", "states", "said"),
    [
        ({}, by_password(), ["passed", "failed", "skipped"], "azureuser: the password was refused"),
        (
            {"users": {"azureuser": "correct-Horse-42"}, "hostname": "vm2"},
            by_password(),
            ["passed", "passed", "failed"],
            "hostname prints 'vm2', planned is 'vm1'",
        ),
        ({}, logins.Credentials({"vm1": ("x",)}, why_none="not kept"), ["passed", "skipped", "skipped"], "not kept"),
    ],
)
async def test_what_a_login_shows(
    tmp_path: Path, server: dict[str, Any], credentials: logins.Credentials, states: list[str], said: str
) -> None:
    with recording_server(**server) as running:
        machine = OneMachine(f"256 {running.host_key.fingerprint} root@vm1 (ED25519)")
        door = ("127.0.0.1", running.port)
        checks = await logins.check(MACHINE, door, keys(machine, tmp_path), credentials)
    assert [check.state for check in checks] == states
    assert said in " ".join(check.detail for check in checks)
    assert PASSWORD.get_secret_value() not in repr(checks)


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
async def test_ssh_keygen_s_own_words_are_understood(tmp_path: Path) -> None:
    import asyncio

    paths = [tmp_path / f"ssh_host_{kind}_key" for kind in ("ed25519", "ecdsa", "rsa")]
    for path in paths:
        make_key(path, path.name.split("_")[2])
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        "\n".join(hostkeys.SCRIPT).replace("/etc/ssh", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    machine = OneMachine(output.decode())
    with openssh_server(tmp_path, paths) as port:
        found = await hostkeys.identify(keys(machine, tmp_path), VM_ID, "127.0.0.1", port)
    assert len(found.pins.told) == 3
    assert found.state == "ok", found.detail


def test_the_serial_logs_last_blocks_tell_fingerprints_and_keys() -> None:
    public = "AAAAC3NzaC1lZDI1NTE5AAAAIMCu78fPYZqlbx0C0aOOe+IsjAV31Z/K17/Y+NmflXL9"
    log = (
        f"-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 {A} root@old (ED25519)\n"
        "-----END SSH HOST KEY FINGERPRINTS-----\nrebooted with a new disk\n"
        f"<14>Nov 23 06:10:49 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----\n"
        f"<14>Nov 23 06:10:49 cloud-init: 256 {B} root@vm1 (ED25519)\n"
        f"-----END SSH HOST KEY FINGERPRINTS-----\n-----BEGIN SSH HOST KEY KEYS-----\n"
        f"ssh-ed25519 {public} root@vm1\nssh-ed25519 {public[:-3]}\n-----END SSH HOST KEY KEYS-----\n"
        f"-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 SHA256:{'C' * 43} cut off (RSA)\n"
    )
    of_public = "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(public)).digest()).decode().rstrip("=")
    assert hostkeys.printed(log) == [B, of_public]
    assert hostkeys.printed("nothing of the kind") == []
