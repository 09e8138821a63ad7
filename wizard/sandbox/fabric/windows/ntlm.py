"""NTLMv2 as a Windows server checks it ([MS-NLMP]): challenge, proof of the password, keys, and sealed messages.

A machine keeps what a Windows SAM keeps, the MD4 of the password, and never the password. MD4 and RC4 stand here
because the protocol is made of them and OpenSSL 3 has moved both out of the way; nothing else may use them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntFlag

SIGNATURE = b"NTLMSSP\0"
_EPOCH = 11644473600  # s from 1601 to 1970


class Flags(IntFlag):
    """Of [MS-NLMP] 2.2.2.5, those that matter here."""

    UNICODE = 0x00000001
    REQUEST_TARGET = 0x00000004
    SIGN = 0x00000010
    SEAL = 0x00000020
    NTLM = 0x00000200
    ALWAYS_SIGN = 0x00008000
    TARGET_TYPE_SERVER = 0x00020000
    EXTENDED_SESSION_SECURITY = 0x00080000
    TARGET_INFO = 0x00800000
    VERSION = 0x02000000
    KEY_128 = 0x20000000
    KEY_EXCHANGE = 0x40000000
    KEY_56 = 0x80000000


_ASKED = Flags.UNICODE | Flags.EXTENDED_SESSION_SECURITY | Flags.KEY_128 | Flags.SIGN | Flags.SEAL
"""Without these there is no session that CredSSP could use; every client since Windows Vista asks for them."""
_MIC_PRESENT = 0x2  # of the target information's flags


class NtlmError(Exception):
    """A message is none, or asks for what this server does not do."""


def md4(data: bytes) -> bytes:
    """RFC 1320."""
    message = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    a, b, c, d = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476
    rounds: tuple[tuple[Callable[[int, int, int], int], int, Sequence[int], Sequence[int]], ...] = (
        (lambda x, y, z: (x & y) | (~x & z), 0, range(16), (3, 7, 11, 19)),
        (
            lambda x, y, z: (x & y) | (x & z) | (y & z),
            0x5A827999,
            (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
            (3, 5, 9, 13),
        ),
        (
            lambda x, y, z: x ^ y ^ z,
            0x6ED9EBA1,
            (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
            (3, 9, 11, 15),
        ),
    )
    for start in range(0, len(message), 64):
        words = struct.unpack_from("<16I", message, start)
        before = (a, b, c, d)
        for mix, constant, order, shifts in rounds:
            for step, index in enumerate(order):
                value = (a + mix(b, c, d) + words[index] + constant) & 0xFFFFFFFF
                shift = shifts[step % 4]
                a, b, c, d = d, (value << shift | value >> (32 - shift)) & 0xFFFFFFFF, b, c
        a, b, c, d = ((one + two) & 0xFFFFFFFF for one, two in zip((a, b, c, d), before, strict=True))
    return struct.pack("<4I", a, b, c, d)


def nt_hash(password: str) -> bytes:
    """What a SAM keeps of a password."""
    return md4(password.encode("utf-16-le"))


class Rc4:
    """A keyed stream; each byte of it is used once."""

    def __init__(self, key: bytes) -> None:
        self._state = list(range(256))
        self._i = self._j = 0
        j = 0
        for i in range(256):
            j = (j + self._state[i] + key[i % len(key)]) & 0xFF
            self._state[i], self._state[j] = self._state[j], self._state[i]

    def apply(self, data: bytes) -> bytes:
        state, out = self._state, bytearray()
        for byte in data:
            self._i = (self._i + 1) & 0xFF
            self._j = (self._j + state[self._i]) & 0xFF
            state[self._i], state[self._j] = state[self._j], state[self._i]
            out.append(byte ^ state[(state[self._i] + state[self._j]) & 0xFF])
        return bytes(out)


def _hmac(key: bytes, *parts: bytes) -> bytes:
    return hmac.new(key, b"".join(parts), hashlib.md5).digest()


def _md5(*parts: bytes) -> bytes:
    return hashlib.md5(b"".join(parts), usedforsecurity=False).digest()


def negotiate_flags(message: bytes) -> Flags:
    """What a NEGOTIATE_MESSAGE asks for. Raises NtlmError when a session cannot be made of it."""
    if len(message) < 16 or message[:8] != SIGNATURE or struct.unpack_from("<I", message, 8)[0] != 1:
        raise NtlmError("no NEGOTIATE_MESSAGE")
    flags = Flags(struct.unpack_from("<I", message, 12)[0])
    if flags & _ASKED != _ASKED:
        raise NtlmError("the client offers no sealed session")
    return flags


@dataclass(frozen=True)
class Challenge:
    """A CHALLENGE_MESSAGE and what is needed to judge the answer to it."""

    message: bytes
    server_challenge: bytes

    @classmethod
    def make(cls, asked: Flags, computer: str, build: int) -> Challenge:
        """A fresh one. A machine in no domain is its own domain."""
        name = computer.upper().encode("utf-16-le")
        dns = computer.encode("utf-16-le")
        now = struct.pack("<Q", int((time.time() + _EPOCH) * 10_000_000))
        pairs = ((2, name), (1, name), (4, dns), (3, dns), (7, now), (0, b""))
        info = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
        always = Flags.REQUEST_TARGET | Flags.NTLM | Flags.TARGET_TYPE_SERVER | Flags.TARGET_INFO | Flags.VERSION
        taken = asked & (_ASKED | Flags.ALWAYS_SIGN | Flags.KEY_EXCHANGE | Flags.KEY_56)
        challenge, offset = os.urandom(8), 56
        message = (
            SIGNATURE
            + struct.pack("<IHHI", 2, len(name), len(name), offset)
            + struct.pack("<I", always | taken)
            + challenge
            + b"\0" * 8
            + struct.pack("<HHI", len(info), len(info), offset + len(name))
            + struct.pack("<BBH3xB", 10, 0, build, 15)
            + name
            + info
        )
        return cls(message, challenge)


@dataclass(frozen=True)
class Authenticate:
    """An AUTHENTICATE_MESSAGE."""

    raw: bytes
    user: str
    domain: str
    response: bytes
    session_key: bytes
    flags: Flags

    @classmethod
    def read(cls, message: bytes) -> Authenticate:
        if len(message) < 64 or message[:8] != SIGNATURE or struct.unpack_from("<I", message, 8)[0] != 3:
            raise NtlmError("no AUTHENTICATE_MESSAGE")

        def field(at: int) -> bytes:
            length, _, offset = struct.unpack_from("<HHI", message, at)
            if offset + length > len(message):
                raise NtlmError("a field reaches beyond the message")
            return message[offset : offset + length]

        try:
            domain, user = field(28).decode("utf-16-le"), field(36).decode("utf-16-le")
        except UnicodeDecodeError:
            raise NtlmError("a name is no UTF-16") from None
        flags = Flags(struct.unpack_from("<I", message, 60)[0])
        return cls(message, user, domain, field(20), field(52), flags)

    def opened_by(self, kept: bytes, negotiate: bytes, challenge: Challenge) -> bytes | None:
        """The exported session key when the client knows the password whose NT hash is `kept`; None when not.

        [MS-NLMP] 3.3.2. Older answers (LM, NTLMv1: 24 bytes) are refused, as Windows does by default.
        """
        if len(self.response) < 16 + 28:
            return None
        identity = (self.user.upper() + self.domain).encode("utf-16-le")
        key = _hmac(kept, identity)
        proof, blob = self.response[:16], self.response[16:]
        if not hmac.compare_digest(_hmac(key, challenge.server_challenge, blob), proof):
            return None
        exported = _hmac(key, proof)
        if self.flags & Flags.KEY_EXCHANGE:
            if len(self.session_key) != 16:
                return None
            exported = Rc4(exported).apply(self.session_key)
        return exported if self._whole(exported, blob, negotiate, challenge) else None

    def _whole(self, exported: bytes, blob: bytes, negotiate: bytes, challenge: Challenge) -> bool:
        """Whether the three messages are those that the client sent and saw."""
        if not _information(blob).get(6, b"\0\0\0\0")[0] & _MIC_PRESENT:
            return True
        unsigned = self.raw[:72] + b"\0" * 16 + self.raw[88:]
        return hmac.compare_digest(_hmac(exported, negotiate, challenge.message, unsigned), self.raw[72:88])


def _information(blob: bytes) -> dict[int, bytes]:
    """The target information that the client sent back."""
    found: dict[int, bytes] = {}
    at = 28
    while at + 4 <= len(blob):
        kind, length = struct.unpack_from("<HH", blob, at)
        if kind == 0:
            break
        found[kind] = blob[at + 4 : at + 4 + length]
        at += 4 + length
    return found


class Session:
    """The server's side of a sealed session ([MS-NLMP] 3.4)."""

    def __init__(self, exported: bytes, flags: Flags) -> None:
        self._exported = exported
        self._exchanged = bool(flags & Flags.KEY_EXCHANGE)
        self._sign_in = _md5(exported, b"session key to client-to-server signing key magic constant\0")
        self._sign_out = _md5(exported, b"session key to server-to-client signing key magic constant\0")
        self._number_in = self._number_out = 0
        self.begin_streams()

    def begin_streams(self) -> None:
        """Both key streams from their beginning, as SPNEGO wants after it has signed its list of mechanisms."""
        seal_in = _md5(self._exported, b"session key to client-to-server sealing key magic constant\0")
        seal_out = _md5(self._exported, b"session key to server-to-client sealing key magic constant\0")
        self._in, self._out = Rc4(seal_in), Rc4(seal_out)

    def seal(self, data: bytes) -> bytes:
        sealed = self._out.apply(data)
        return self.sign(data) + sealed

    def unseal(self, message: bytes) -> bytes:
        """Raises NtlmError when the message was not sealed by the client of this session."""
        signature, data = message[:16], self._in.apply(message[16:])
        self.verify(data, signature)
        return data

    def sign(self, data: bytes) -> bytes:
        signature = self._signature(self._sign_out, self._out, self._number_out, data)
        self._number_out += 1
        return signature

    def verify(self, data: bytes, signature: bytes) -> None:
        expected = self._signature(self._sign_in, self._in, self._number_in, data)
        self._number_in += 1
        if not hmac.compare_digest(expected, signature):
            raise NtlmError("a signature does not hold")

    def _signature(self, key: bytes, stream: Rc4, number: int, data: bytes) -> bytes:
        sequence = struct.pack("<I", number)
        checksum = _hmac(key, sequence, data)[:8]
        if self._exchanged:
            checksum = stream.apply(checksum)
        return struct.pack("<I", 1) + checksum + sequence
