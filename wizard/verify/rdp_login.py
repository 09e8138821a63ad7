"""One password at an RDP server as evidence, by network-level authentication: CredSSP with NTLMv2 inside TLS.

The password is never sent. NTLM answers the server's challenge with a keyed hash, and the server's sealed proof can
only come from who knows the same hash, so both a yes and a no are certain, and the exchange ends before the message
that would carry the password. Before that, the certificate must be the one that the VM itself told of: a stranger
could take the hash away and guess at it.

What it proves is the password. Whether the user may open a session (the right to log on through Remote Desktop
Services, licences, an administrator's policy) is decided after it; nobody signs in here, and nobody is signed out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import struct
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wizard.verify import rdp, rdp_credssp
from wizard.verify.rdp import NotRdpError, Protocol
from wizard.verify.rdp_credssp import NotCredSspError
from wizard.verify.ssh import HostKey, LoginResult, Outcome

if TYPE_CHECKING:
    from pydantic import SecretStr

TIMEOUT_S = 20.0
"""For a whole sign-in; a Windows server takes up to a few seconds to say no."""

KEY_TYPE = "rdp-certificate"
"""What stands for a certificate where an SSH key's type would."""

_REFUSED = {
    0xC0000064: "STATUS_NO_SUCH_USER",
    0xC000006A: "STATUS_WRONG_PASSWORD",
    0xC000006D: "STATUS_LOGON_FAILURE: wrong user or password",
    0x8009030C: "SEC_E_LOGON_DENIED: wrong user or password",
}
_UNCLEAR = {
    0xC000006E: "STATUS_ACCOUNT_RESTRICTION: a policy of the machine forbids this sign-in",
    0xC000006F: "STATUS_INVALID_LOGON_HOURS",
    0xC0000071: "STATUS_PASSWORD_EXPIRED",
    0xC0000072: "STATUS_ACCOUNT_DISABLED",
    0xC0000193: "STATUS_ACCOUNT_EXPIRED",
    0xC0000224: "STATUS_PASSWORD_MUST_CHANGE",
    0xC0000234: "STATUS_ACCOUNT_LOCKED_OUT: too many wrong passwords; the account opens again after minutes",
    0x80090308: "SEC_E_INVALID_TOKEN",
    0x80090302: "SEC_E_NOT_SUPPORTED: the machine refuses NTLM",
}
"""[MS-ERREF] 2.3.1. What the second list says is no verdict on the password."""

# pyspnego logs its tokens at DEBUG: a hash that one could guess the password from.
logging.getLogger("spnego").setLevel(logging.WARNING)


async def meet(host: str, port: int, timeout: float = TIMEOUT_S) -> LoginResult:
    """The certificate that a server proves to hold, without signing in: outcome `ok` and `host_key`, or why not."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(timeout), _Connection(host, port) as connection:
            result = LoginResult("ok", "answered", connection.host_key)
    except (OSError, NotRdpError, asyncio.IncompleteReadError) as error:
        result = LoginResult("unreachable", _words(error, timeout))
    return replace(result, seconds=time.perf_counter() - began)


async def login(
    host: str,
    port: int,
    user: str,
    password: SecretStr,
    *,
    pinned: Collection[HostKey],
    computer: str,
    timeout: float = TIMEOUT_S,
) -> LoginResult:
    """Ask whether a server whose certificate is among `pinned` lets a password in. Whatever it does is in the result.

    `computer` is the VM's computer name, which a local account belongs to. `refused` is the server's own word for it
    and nothing else; a locked account or an expired password is `unclear`. Windows locks an account after a number of
    wrong passwords (10 in 10 minutes on images since October 2022): ask no more often than there is a reason to.
    """
    began = time.perf_counter()
    shown: HostKey | None = None
    try:
        async with asyncio.timeout(timeout), _Connection(host, port) as connection:
            shown = connection.host_key
            if shown not in pinned:
                told = ", ".join(key.fingerprint for key in pinned) or "nothing"
                result = LoginResult("wrong-host-key", f"the server shows {shown.fingerprint}, but pinned is {told}")
            else:
                result = await _ask(connection, f"{computer}\\{user}", password)
    except NotCredSspError as error:
        result = LoginResult("unclear", str(error))
    except (OSError, NotRdpError, asyncio.IncompleteReadError) as error:
        outcome: Outcome = "unclear" if shown is not None else "unreachable"
        result = LoginResult(outcome, _words(error, timeout))
    return replace(result, host_key=shown, seconds=time.perf_counter() - began)


async def _ask(connection: _Connection, user: str, password: SecretStr) -> LoginResult:
    """NTLM's three messages and the proof of the key, in two turns."""
    import spnego

    try:
        context: Any = spnego.client(
            user,
            password.get_secret_value(),
            hostname=connection.host,
            service="TERMSRV",
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
        )
        answer = await connection.turn(rdp_credssp.request(token=context.step()))
        if (verdict := _verdict(answer)) is not None:
            return verdict
        if answer.token is None:
            return LoginResult("unclear", "the server sent no NTLM challenge")
        token = context.step(answer.token)
        nonce = os.urandom(rdp_credssp.NONCE_BYTES)
        sealed = context.wrap(rdp_credssp.key_proof(nonce, connection.public_key)).data
        answer = await connection.turn(rdp_credssp.request(token=token, key_proof=sealed, nonce=nonce))
        if (verdict := _verdict(answer)) is not None:
            return verdict
        if answer.key_proof is None:
            return LoginResult("unclear", "the server sent no proof of its key")
        proof = context.unwrap(answer.key_proof).data
    except (spnego.exceptions.SpnegoError, ValueError, IndexError, struct.error) as error:
        # The last three: pyspnego reads a stranger's message without judging its form first.
        return LoginResult("unclear", f"the NTLM exchange failed: {error}")
    if proof != rdp_credssp.server_proof(nonce, connection.public_key):
        return LoginResult("unclear", "the server's proof does not hold for the certificate it showed")
    return LoginResult("ok", "network-level authentication took the password")


def _verdict(answer: rdp_credssp.Answer) -> LoginResult | None:
    if answer.error is not None:
        if answer.error in _REFUSED:
            return LoginResult("refused", _REFUSED[answer.error])
        return LoginResult("unclear", _UNCLEAR.get(answer.error, f"the server gave status {answer.error:#010x}"))
    if answer.version < rdp_credssp.OLDEST:
        return LoginResult("unclear", f"the server speaks CredSSP {answer.version}, which binds to no certificate")
    return None


@dataclass
class _Connection:
    """TLS inside RDP's negotiation, as far as CredSSP needs it."""

    host: str
    port: int

    async def __aenter__(self) -> _Connection:
        self._reader, self._writer = await asyncio.open_connection(self.host, self.port)
        try:
            await self._secure()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _secure(self) -> None:
        self._writer.write(rdp.request(Protocol.SSL | Protocol.HYBRID))
        head = await self._reader.readexactly(4)
        chosen = rdp.read_confirm(await self._reader.readexactly(rdp.confirm_length(head)))
        if chosen.protocol is None or not chosen.protocol & (Protocol.HYBRID | Protocol.HYBRID_EX):
            raise NotRdpError(f"the server takes no network-level authentication {chosen.failure_name}".rstrip())
        await self._writer.start_tls(rdp.any_certificate())
        shown = self._writer.get_extra_info("ssl_object")
        der = shown.getpeercert(binary_form=True)
        if not der:
            raise NotRdpError("the server shows no certificate")
        self.host_key = HostKey(KEY_TYPE, f"SHA256:{rdp.read_certificate(der).sha256}")
        self.public_key = rdp_credssp.public_key(der)

    async def turn(self, message: bytes) -> rdp_credssp.Answer:
        """Send one message and read the answer."""
        self._writer.write(message)
        await self._writer.drain()
        data = b""
        while (whole := rdp_credssp.length(data)) is None or len(data) < whole:
            more = await self._reader.read(4096)
            if not more:
                raise ConnectionError("the server hangs up without a verdict")
            data += more
        return rdp_credssp.read(data[:whole])


def _words(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, asyncio.IncompleteReadError):
        return "it accepts the connection and hangs up without an answer"
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or error or type(error).__name__)
