"""NTLM and CredSSP of the sandbox's Windows machines, against published vectors and a client nobody here wrote."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest
import spnego

from wizard.sandbox.fabric.windows import credssp, der, ntlm
from wizard.sandbox.fabric.windows.accounts import LOCKED, LOGON_FAILURE, TRIES, AccountError, Accounts, first

KEY = os.urandom(270)
PASSWORD = "Grüne-7-Reiher über dem See"


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_by_rfc_1320(text: bytes, digest: str) -> None:
    assert ntlm.md4(text).hex() == digest


def test_rc4_by_rfc_6229() -> None:
    stream = ntlm.Rc4(bytes.fromhex("0102030405060708090a0b0c0d0e0f10"))
    assert stream.apply(bytes(16)).hex() == "9ac7cc9a609d1ef7b2932899cde41b97"


def test_the_nt_hash_of_the_specification() -> None:
    assert ntlm.nt_hash("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"  # [MS-NLMP] 4.2.2.1.2


class Machine:
    """An account with its password, and a server for each exchange with it."""

    def __init__(self, admin: str = "azureuser", password: str = PASSWORD) -> None:
        self.users = first(admin)
        self.accounts = Accounts(self.users, lambda: None, "web1")
        self.users[admin.lower()]["nt"] = ntlm.nt_hash(password).hex()

    def server(self, key: bytes = KEY) -> credssp.Server:
        judge = self.accounts.judge
        return credssp.Server("web1", 20348, key, self.accounts.find, lambda user, right: judge(user, right, 1.0))


def exchange(machine: Machine, user: str, password: str, *, protocol: str = "ntlm", key: bytes = KEY) -> credssp.Server:
    """A whole sign-in by pyspnego as far as the server lets it; raises the server's Refusal."""
    server = machine.server()
    options = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
    client: Any = spnego.client(user, password, hostname="web1", service="TERMSRV", protocol=protocol, options=options)
    token, nonce = client.step(), os.urandom(32)
    while True:
        answer = credssp.Request.read(server.take(request(token=token)) or b"")
        token = client.step(answer.token) if answer.token else None
        if client.complete:
            break
    proof = hashlib.sha256(b"CredSSP Client-To-Server Binding Hash\0" + nonce + key).digest()
    raw = server.take(request(token=token, key_proof=client.wrap(proof).data, nonce=nonce))
    answered = credssp.Request.read(raw or b"").key_proof
    assert answered is not None
    expected = hashlib.sha256(b"CredSSP Server-To-Client Binding Hash\0" + nonce + key).digest()
    assert client.unwrap(answered).data == expected
    assert server.take(request(credentials=client.wrap(b"whatever the client delegates").data)) is None
    return server


def request(
    *,
    token: bytes | None = None,
    credentials: bytes | None = None,
    key_proof: bytes | None = None,
    nonce: bytes | None = None,
) -> bytes:
    parts = [der.context(0, der.integer(6))]
    if token is not None:
        inner = der.element(der.SEQUENCE, der.context(0, der.element(der.OCTETS, token)))
        parts.append(der.context(1, der.element(der.SEQUENCE, inner)))
    for number, value in ((2, credentials), (3, key_proof), (5, nonce)):
        if value is not None:
            parts.append(der.context(number, der.element(der.OCTETS, value)))
    return der.element(der.SEQUENCE, *parts)


@pytest.mark.parametrize("user", ["azureuser", "AzureUser", "web1\\azureuser", "WEB1\\azureuser", ".\\azureuser"])
@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
def test_the_right_password_is_let_in(user: str, protocol: str) -> None:
    server = exchange(Machine(), user, PASSWORD, protocol=protocol)
    assert server.complete
    assert server.user.lower() == "azureuser"


@pytest.mark.parametrize(
    ("user", "password"),
    [("azureuser", PASSWORD.lower()), ("azureuser", ""), ("nobody", PASSWORD), ("elsewhere\\azureuser", PASSWORD),
     ("Guest", PASSWORD), ("Guest", "")],
)  # fmt: skip
@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
def test_anything_else_is_refused(user: str, password: str, protocol: str) -> None:
    with pytest.raises(credssp.Refusal) as raised:
        exchange(Machine(), user, password, protocol=protocol)
    assert raised.value.status == LOGON_FAILURE


def test_a_client_that_saw_another_certificate_is_refused() -> None:
    with pytest.raises(credssp.Refusal) as raised:
        exchange(Machine(), "azureuser", PASSWORD, key=os.urandom(270))
    assert raised.value.status == LOGON_FAILURE


def test_a_disabled_account_says_so_to_its_own_password_only() -> None:
    machine = Machine()
    machine.users["azureuser"]["enabled"] = False
    for password, status in ((PASSWORD, 0xC0000072), ("wrong", LOGON_FAILURE)):
        with pytest.raises(credssp.Refusal) as raised:
            exchange(machine, "azureuser", password)
        assert raised.value.status == status


def test_an_account_locks_after_ten_wrong_passwords_and_a_new_password_opens_it() -> None:
    machine = Machine()
    for number in range(TRIES):
        with pytest.raises(credssp.Refusal) as raised:
            exchange(machine, "azureuser", "wrong")
        assert raised.value.status == (LOCKED if number == TRIES - 1 else LOGON_FAILURE)
    with pytest.raises(credssp.Refusal) as raised:
        exchange(machine, "azureuser", PASSWORD)
    assert raised.value.status == LOCKED
    machine.accounts.set_password("azureuser", "Another-staple-8")
    assert exchange(machine, "azureuser", "Another-staple-8").complete


def test_a_right_password_forgives_the_wrong_ones_before_it() -> None:
    machine = Machine()
    for _ in range(2):
        for _ in range(TRIES - 1):
            with pytest.raises(credssp.Refusal):
                exchange(machine, "azureuser", "wrong")
        assert exchange(machine, "azureuser", PASSWORD).complete


@pytest.mark.parametrize("password", ["short", "alllowercaseletters", "Azureuser-1-is-me"])
def test_the_machines_own_password_policy(password: str) -> None:
    machine = Machine()
    with pytest.raises(AccountError, match="policy"):
        machine.accounts.set_password("azureuser", password)
    assert exchange(machine, "azureuser", PASSWORD).complete, "nothing was changed"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        b"\x30\x82",
        b"\x30\x03\xa0\x01\x02",
        request(token=b""),
        request(token=b"NTLMSSP\0"),
        request(token=b"NTLMSSP\0\x03\0\0\0" + bytes(80)),
        request(token=b"\x60\x02\x06\x00"),
        request(token=bytes(range(99))),
    ],
    ids=range(9),
)
def test_what_is_no_sign_in_ends_the_exchange(data: bytes) -> None:
    with pytest.raises(credssp.Refusal):
        Machine().server().take(data)


@pytest.mark.parametrize(
    "data", [request(key_proof=b"x" * 48, nonce=bytes(32)), request(credentials=b"x" * 48)], ids="ab"
)
def test_nothing_counts_before_the_password(data: bytes) -> None:
    server = Machine().server()
    reply = credssp.Request.read(server.take(data) or b"")
    assert (reply.token, reply.key_proof, server.complete) == (None, None, False)


def test_old_versions_are_cut_off() -> None:
    with pytest.raises(credssp.Refusal):
        Machine().server().take(der.element(der.SEQUENCE, der.context(0, der.integer(4))))
