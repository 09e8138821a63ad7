"""SSH as evidence: a yes, a no, silence and an impostor are four different things."""

from __future__ import annotations

import asyncio
import getpass
import logging
import socket
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from tests.verify.servers import SSHD, free_port, make_key, openssh_server, recording_server
from wizard.errors import InputError
from wizard.verify import ssh

needs_sshd = pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
PASSWORD = SecretStr("correct-Horse-42")


async def test_a_right_password_is_accepted_and_the_command_runs() -> None:
    with recording_server(users={"azureuser": "correct-Horse-42"}, hostname="vm7") as server:
        result = await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key])
    assert (result.outcome, result.output, result.exit_status) == ("ok", "vm7", 0)
    assert result.host_key == server.host_key


async def test_a_wrong_password_is_refused() -> None:
    with recording_server(users={"azureuser": "another-Horse-42"}) as server:
        result = await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key])
    assert (result.outcome, result.detail) == ("refused", "the password was refused")


async def test_an_impostor_gets_neither_the_user_nor_a_byte_of_the_password() -> None:
    with recording_server(users={"azureuser": "correct-Horse-42"}) as impostor:
        pinned = [ssh.HostKey("ssh-ed25519", "SHA256:the-key-that-the-vm-told-of")]
        result = await ssh.login("127.0.0.1", impostor.port, "azureuser", PASSWORD, pinned=pinned)
        asked = impostor.stop()
    assert result.outcome == "wrong-host-key"
    assert impostor.host_key.fingerprint in result.detail
    assert asked == [{"met": True}], "the impostor was asked to authenticate somebody"


async def test_without_any_pin_nothing_is_sent() -> None:
    with recording_server(users={"azureuser": "correct-Horse-42"}) as server:
        result = await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[])
        asked = server.stop()
    assert result.outcome == "wrong-host-key"
    assert asked == [{"met": True}]


async def test_a_server_that_hangs_up_has_not_refused() -> None:
    with recording_server(users={}, hang_up=True) as server:
        result = await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key])
    assert result.outcome == "unclear", result


async def test_a_server_without_password_login_refuses_it_and_says_what_it_takes() -> None:
    with recording_server(users={"azureuser": "correct-Horse-42"}, password_login=False) as server:
        result = await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key])
        asked = server.stop()
    assert result.outcome == "refused"
    assert "takes only" in result.detail
    assert not [fact for fact in asked if fact.get("asked") == "password"]


@pytest.mark.parametrize(("right", "outcome"), [("correct-Horse-42", "ok"), ("another-Horse-42", "refused")])
async def test_keyboard_interactive_takes_a_password_too(right: str, outcome: str) -> None:
    """Not offering `password` proves nothing while the same password opens the door by another name."""
    with recording_server(users={"azureuser": right}, password_login=False, keyboard_interactive=True) as server:
        result = await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key])
    assert result.outcome == outcome


async def test_nothing_listening_is_unreachable() -> None:
    result = await ssh.login("127.0.0.1", free_port(), "azureuser", PASSWORD, pinned=[])
    assert result.outcome == "unreachable"
    assert "refused" in result.detail.lower()


async def test_a_silent_listener_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "BANNER_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.perf_counter()
        result = await ssh.meet("127.0.0.1", silent.getsockname()[1])
    assert result.outcome == "unreachable"
    assert time.perf_counter() - began < 5


async def test_cancelling_a_login_lets_its_thread_go() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        task = asyncio.create_task(ssh.meet("127.0.0.1", silent.getsockname()[1]))
        loop = asyncio.get_running_loop()
        connection, _ = await asyncio.wait_for(loop.run_in_executor(None, silent.accept), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        connection.settimeout(5)
        with connection:
            while connection.recv(1000):
                pass  # the client's banner, and then its end: within 5 s, not after the banner's time-out of 10


async def test_paramiko_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with recording_server(users={"azureuser": "x"}) as server:
        await ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key])
    assert [record for record in caplog.records if record.name.startswith("paramiko")] == []


async def test_twenty_logins_side_by_side() -> None:
    with recording_server(users={"azureuser": "correct-Horse-42"}) as server:
        logins = [
            ssh.login("127.0.0.1", server.port, "azureuser", PASSWORD, pinned=[server.host_key]) for _ in range(20)
        ]
        results = await asyncio.gather(*logins)
    assert {result.outcome for result in results} == {"ok"}


@needs_sshd
async def test_openssh_lets_the_right_key_in_and_no_other(tmp_path: Path) -> None:
    host_key = make_key(tmp_path / "host_ed25519")
    make_key(tmp_path / "right")
    make_key(tmp_path / "wrong", "ecdsa")
    with openssh_server(tmp_path, [tmp_path / "host_ed25519"], tmp_path / "right.pub") as port:
        user = getpass.getuser()
        right = await ssh.login("127.0.0.1", port, user, tmp_path / "right", pinned=[host_key])
        wrong = await ssh.login("127.0.0.1", port, user, tmp_path / "wrong", pinned=[host_key])
        password = await ssh.login("127.0.0.1", port, user, PASSWORD, pinned=[host_key])
    assert right.outcome == "ok", right
    assert right.output == socket.gethostname()
    assert (wrong.outcome, wrong.detail) == ("refused", "the key was refused")
    assert (password.outcome, password.detail) == ("refused", "the password was refused")


@needs_sshd
async def test_openssh_with_a_changed_host_key_is_an_impostor(tmp_path: Path) -> None:
    pinned = make_key(tmp_path / "first")
    shown = make_key(tmp_path / "second")
    make_key(tmp_path / "right")
    with openssh_server(tmp_path, [tmp_path / "second"], tmp_path / "right.pub") as port:
        login = await ssh.login("127.0.0.1", port, getpass.getuser(), tmp_path / "right", pinned=[pinned])
    log = (tmp_path / "sshd.log").read_text()
    assert login.outcome == "wrong-host-key"
    assert login.host_key == shown
    assert "Accepted" not in log
    assert "Failed" not in log


@needs_sshd
@pytest.mark.parametrize("type", ["ed25519", "ecdsa", "rsa"])
async def test_the_fingerprint_is_what_ssh_keygen_tells(tmp_path: Path, type: str) -> None:
    told = make_key(tmp_path / "host", type)
    with openssh_server(tmp_path, [tmp_path / "host"]) as port:
        met = await ssh.meet("127.0.0.1", port)
    assert met.host_key == told


@needs_sshd
@pytest.mark.parametrize(("weak", "outcome"), [((), "ok"), (("Ciphers aes128-cbc,3des-cbc",), "unreachable")])
async def test_only_weak_algorithms_in_common_is_no_connection(
    tmp_path: Path, weak: tuple[str, ...], outcome: str
) -> None:
    make_key(tmp_path / "host")
    with openssh_server(tmp_path, [tmp_path / "host"], more=weak) as port:
        met = await ssh.meet("127.0.0.1", port)
    assert met.outcome == outcome, met


@pytest.mark.parametrize(
    "content", ["", "not a key\n", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key_is_an_input_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(InputError, match="not a private key"):
        ssh.load_key(tmp_path / "key")


def test_a_missing_or_protected_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no private key file"):
        ssh.load_key(tmp_path / "nothing")
    protected = serialization.BestAvailableEncryption(b"passphrase")
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protected)
    )
    with pytest.raises(InputError, match="passphrase"):
        ssh.load_key(tmp_path / "key")
