"""The server's side of network-level authentication: CredSSP ([MS-CSSP]) with NTLM, plain or inside SPNEGO.

Messages in, messages out; the TLS around them is not seen here but for the certificate's key, which the exchange binds
itself to. Versions 5 and 6 only: what is older was cut off by CVE-2018-0886.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from wizard.sandbox.fabric.windows import der, ntlm
from wizard.sandbox.fabric.windows.der import DerError

VERSION = 6
LOGON_FAILURE = 0xC000006D
INVALID_TOKEN = 0x80090308
_TO_SERVER = b"CredSSP Client-To-Server Binding Hash\0"
_TO_CLIENT = b"CredSSP Server-To-Client Binding Hash\0"
_SPNEGO = bytes.fromhex("2b0601050502")
_NTLM = bytes.fromhex("2b06010401823702020a")
_ACCEPTED, _GOING_ON, _WITH_MIC = 0, 1, 3


class Refusal(Exception):  # noqa: N818 - what the server says
    """The exchange ends; `status` is the NTSTATUS or security status that the client is told."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:#010x}")
        self.status = status


@dataclass(frozen=True)
class Request:
    """A TSRequest."""

    version: int
    token: bytes | None = None
    credentials: bytes | None = None
    key_proof: bytes | None = None
    nonce: bytes | None = None

    @classmethod
    def read(cls, data: bytes) -> Request:
        parts = der.fields(der.only(data, der.SEQUENCE))
        token = None
        if 1 in parts:
            first = next(der.elements(der.only(parts[1], der.SEQUENCE)), None)
            if first is None:
                raise DerError("no token")
            token = der.only(der.fields(first[1])[0], der.OCTETS)

        def octets(number: int) -> bytes | None:
            return der.only(parts[number], der.OCTETS) if number in parts else None

        version = int.from_bytes(der.only(parts.get(0, b""), der.INTEGER), "big")
        return cls(version, token, octets(2), octets(3), octets(5))


def answer(*, token: bytes | None = None, key_proof: bytes | None = None, error: int | None = None) -> bytes:
    """A TSRequest of the server's."""
    parts = [der.context(0, der.integer(VERSION))]
    if token is not None:
        inner = der.element(der.SEQUENCE, der.context(0, der.element(der.OCTETS, token)))
        parts.append(der.context(1, der.element(der.SEQUENCE, inner)))
    if key_proof is not None:
        parts.append(der.context(3, der.element(der.OCTETS, key_proof)))
    if error is not None:
        parts.append(der.context(4, der.element(der.INTEGER, error.to_bytes(4, "big"))))
    return der.element(der.SEQUENCE, *parts)


@dataclass
class _Wrapping:
    """What SPNEGO adds around the mechanism's own tokens; nothing when the client speaks NTLM plainly."""

    used: bool = False
    mechanisms: bytes = b""
    mic: bytes | None = None

    def unwrap(self, token: bytes) -> bytes | None:
        """The NTLM message inside; None when the client's first guess was another mechanism."""
        if token.startswith(ntlm.SIGNATURE):
            return token
        self.used = True
        tag, content = next(der.elements(token))
        if tag == 0x60:
            found = list(der.elements(content))
            if len(found) != 2 or found[0] != (der.OID, _SPNEGO):
                raise DerError("no SPNEGO")
            parts = der.fields(der.only(found[1][1], der.SEQUENCE))
            self.mechanisms = parts[0]
            names = [name for _, name in der.elements(der.only(parts[0], der.SEQUENCE))]
            if _NTLM not in names:
                raise Refusal(INVALID_TOKEN)
            inner = der.only(parts[2], der.OCTETS) if 2 in parts else None
            return inner if names[0] == _NTLM else None
        parts = der.fields(der.only(content, der.SEQUENCE))
        self.mic = der.only(parts[3], der.OCTETS) if 3 in parts else None
        return der.only(parts[2], der.OCTETS) if 2 in parts else None

    def wrap(self, state: int, token: bytes | None, mic: bytes | None = None) -> bytes | None:
        if not self.used:
            return token
        parts = [der.context(0, der.element(der.ENUMERATED, bytes((state,))))]
        if state != _ACCEPTED:
            parts.append(der.context(1, der.element(der.OID, _NTLM)))
        if token is not None:
            parts.append(der.context(2, der.element(der.OCTETS, token)))
        if mic is not None:
            parts.append(der.context(3, der.element(der.OCTETS, mic)))
        return der.context(1, der.element(der.SEQUENCE, *parts))


@dataclass
class Server:
    """One exchange. `judge` tells the user's NT hash, or raises Refusal; it is told afterwards whether it was right."""

    computer: str
    build: int
    public_key: bytes
    find: Callable[[str, str], bytes | None]
    judged: Callable[[str, bool], int]
    user: str = ""
    complete: bool = False
    _wrapping: _Wrapping = field(default_factory=_Wrapping)
    _negotiate: bytes = b""
    _challenge: ntlm.Challenge | None = None
    _session: ntlm.Session | None = None
    _nonce: bytes | None = None
    _proved: bool = False

    def take(self, data: bytes) -> bytes | None:
        """The answer to one TSRequest; None when nothing is to be said. Raises Refusal when the exchange ends."""
        try:
            return self._take(Request.read(data))
        except (DerError, ntlm.NtlmError, KeyError, StopIteration):
            raise Refusal(INVALID_TOKEN) from None

    def _take(self, request: Request) -> bytes | None:
        if request.version < 5:
            raise Refusal(INVALID_TOKEN)
        self._nonce = request.nonce or self._nonce
        reply: bytes | None = None
        if request.token is not None and self._session is None:
            reply = self._negotiation(request.token)
        if self._session is None:
            return answer(token=reply)
        if request.key_proof is not None:
            return answer(token=reply, key_proof=self._prove(request.key_proof))
        if request.credentials is not None and self._proved:
            self._session.unseal(request.credentials)  # the password itself: not needed here, and not kept
            self.complete = True
            return None
        if reply is not None:
            return answer(token=reply)
        raise Refusal(INVALID_TOKEN)

    def _negotiation(self, token: bytes) -> bytes | None:
        message = self._wrapping.unwrap(token)
        if message is None:
            return self._wrapping.wrap(_WITH_MIC, None)
        if self._challenge is None:
            self._negotiate = message
            self._challenge = ntlm.Challenge.make(ntlm.negotiate_flags(message), self.computer, self.build)
            return self._wrapping.wrap(_GOING_ON, self._challenge.message)
        self._session = self._logon(ntlm.Authenticate.read(message), self._challenge)
        if not self._wrapping.used:
            return None
        mic = None
        if self._wrapping.mic is not None:
            self._session.verify(self._wrapping.mechanisms, self._wrapping.mic)
            mic = self._session.sign(self._wrapping.mechanisms)
            self._session.begin_streams()
        return self._wrapping.wrap(_ACCEPTED, None, mic)

    def _logon(self, given: ntlm.Authenticate, challenge: ntlm.Challenge) -> ntlm.Session:
        kept = self.find(given.user, given.domain)
        exported = given.opened_by(kept, self._negotiate, challenge) if kept is not None else None
        if status := self.judged(given.user, exported is not None):
            raise Refusal(status)
        assert exported is not None, "who is not let in has a status"
        self.user = given.user
        return ntlm.Session(exported, given.flags)

    def _prove(self, sealed: bytes) -> bytes:
        """Both sides know the same certificate's key, so nobody stands between them."""
        assert self._session is not None
        if self._nonce is None:
            raise Refusal(INVALID_TOKEN)
        expected = hashlib.sha256(_TO_SERVER + self._nonce + self.public_key).digest()
        if not hmac.compare_digest(self._session.unseal(sealed), expected):
            raise Refusal(LOGON_FAILURE)
        self._proved = True
        return self._session.seal(hashlib.sha256(_TO_CLIENT + self._nonce + self.public_key).digest())
