"""The proof of a password over RDP, against the sandbox's server and against servers that misbehave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from tests.verify.servers import free_port
from wizard.sandbox.fabric.windows import accounts, certificate, credssp, ntlm, rdp
from wizard.verify import rdp_credssp, rdp_login, rdp_pins
from wizard.verify.ssh import HostKey, LoginResult

PASSWORD = "Grüne-7-Reiher"
KEPT = certificate.make("web1")
TLS = certificate.context(KEPT)


class Machine:
    """One account; `change` may spoil what the server answers."""

    def __init__(self, change: Callable[[int, bytes | None], bytes | None] | None = None) -> None:
        self.users = accounts.first("azureuser")
        self.users["azureuser"]["nt"] = ntlm.nt_hash(PASSWORD).hex()
        self.accounts = accounts.Accounts(self.users, lambda: None, "web1")
        self.taken: list[bytes] = []
        self._change = change

    def server(self) -> Any:
        machine = self
        inner = credssp.Server(
            "web1",
            20348,
            certificate.public_key(KEPT),
            self.accounts.find,
            lambda user, right: self.accounts.judge(user, right, 1.0),
        )

        class Watched:
            complete = False

            def take(self, message: bytes) -> bytes | None:
                machine.taken.append(message)
                reply = inner.take(message)
                return machine._change(len(machine.taken), reply) if machine._change else reply

        return Watched()


@asynccontextmanager
async def serving(machine: Machine) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: rdp.RdpConnection(TLS, machine.server), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(
    machine: Machine, password: str = PASSWORD, *, pinned: list[HostKey] | None = None, timeout: float = 5.0
) -> LoginResult:
    async with serving(machine) as port:
        met = await rdp_login.meet("127.0.0.1", port)
        assert met.host_key is not None
        return await rdp_login.login(
            "127.0.0.1",
            port,
            "azureuser",
            SecretStr(password),
            pinned=[met.host_key] if pinned is None else pinned,
            computer="web1",
            timeout=timeout,
        )


async def test_yes_and_no_are_the_servers_own_words() -> None:
    assert (await ask(Machine())).outcome == "ok"
    refused = await ask(Machine(), "Blaue-8-Reiher")
    assert refused.outcome == "refused"
    assert "STATUS_LOGON_FAILURE" in refused.detail


async def test_the_password_is_never_sent() -> None:
    machine = Machine()
    assert (await ask(machine)).outcome == "ok"
    assert len(machine.taken) == 2, "negotiate, then authenticate with the proof of the key: no credentials"
    assert all(credssp.Request.read(message).credentials is None for message in machine.taken)


async def test_nothing_is_sent_to_a_server_that_is_not_pinned() -> None:
    machine = Machine()
    for pinned in ([], [HostKey(rdp_login.KEY_TYPE, "SHA256:00")]):
        result = await ask(machine, pinned=pinned)
        assert result.outcome == "wrong-host-key"
    assert machine.taken == []


async def test_a_locked_or_disabled_account_is_no_verdict_on_the_password() -> None:
    machine = Machine()
    for _ in range(accounts.TRIES):
        machine.accounts.judge("azureuser", False, 1.0)
    locked = await ask(machine)
    assert (locked.outcome, "LOCKED_OUT" in locked.detail) == ("unclear", True)
    machine = Machine()
    machine.users["azureuser"]["enabled"] = False
    disabled = await ask(machine)
    assert (disabled.outcome, "DISABLED" in disabled.detail) == ("unclear", True)


def _forged(turn: int, reply: bytes | None) -> bytes | None:
    if turn == 2 and reply is not None:
        proof = credssp.Request.read(reply).key_proof
        assert proof is not None
        return credssp.answer(key_proof=proof[:-1] + bytes((proof[-1] ^ 1,)))
    return reply


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_forged, "failed"),
        (lambda turn, reply: credssp.answer(), "no NTLM challenge"),
        (lambda turn, reply: reply if turn == 1 else credssp.answer(), "no proof of its key"),
        (lambda turn, reply: b"HTTP/1.1 400 Bad Request\r\n\r\n", "no CredSSP"),
        (lambda turn, reply: b"\x30\x05\xa0\x03\x02\x01\x04", "CredSSP 4"),
        (lambda turn, reply: credssp.answer(token=b"NTLMSSP\0" + bytes(40)), "NTLM exchange failed"),
        (lambda turn, reply: credssp.answer(error=0x80090302), "refuses NTLM"),
        (lambda turn, reply: credssp.answer(error=0xC0FFEE00), "0xc0ffee00"),
        (lambda turn, reply: b"\x30\x83\xff\xff\xff", "would have"),
        (lambda turn, reply: None, "no answer within"),
    ],
)
async def test_a_server_that_misbehaves_is_unclear(change: Any, words: str) -> None:
    result = await ask(Machine(change), timeout=0.5)
    assert result.outcome == "unclear"
    assert words in result.detail


async def test_who_is_not_there_is_unreachable() -> None:
    port = free_port()
    assert (await rdp_login.meet("127.0.0.1", port)).outcome == "unreachable"
    login = rdp_login.login("127.0.0.1", port, "azureuser", SecretStr(PASSWORD), pinned=[], computer="web1")
    assert (await login).outcome == "unreachable"


async def test_no_hash_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert (await ask(Machine())).outcome == "ok"
    assert not [record for record in caplog.records if record.name.startswith("spnego")]


def test_certificates_are_read_from_what_run_command_prints() -> None:
    import base64

    der = certificate.der(KEPT)
    line = f"certificate {base64.b64encode(der).decode()}"
    message = f"Enable succeeded: \n[stdout]\n{line}\r\n\n[stderr]\ncertificate AAAA"
    (found,) = rdp_pins.fingerprints(message)
    assert found.startswith("SHA256:")
    assert rdp_pins.fingerprints(line[:-40]) == []
    assert rdp_pins.fingerprints("") == []
    assert rdp_credssp.public_key(der) == certificate.public_key(KEPT)
