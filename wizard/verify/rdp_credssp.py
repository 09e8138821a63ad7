"""CredSSP messages as an RDP client sends and reads them ([MS-CSSP] 2.2.1), and the proof that binds both sides.

A TSRequest is a handful of DER fields, so it is written here and not by a general ASN.1 library. Version 6 is spoken,
and 5 is taken: older ones do not bind the exchange to the certificate's key (CVE-2018-0886).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

VERSION = 6
OLDEST = 5
NONCE_BYTES = 32

_TO_SERVER = b"CredSSP Client-To-Server Binding Hash\0"
_TO_CLIENT = b"CredSSP Server-To-Client Binding Hash\0"
_SEQUENCE, _INTEGER, _OCTETS, _BITS = 0x30, 0x02, 0x04, 0x03

LONGEST = 64 * 1024
"""Bytes of a message; a challenge has some 300, the longest answer some 400."""


class NotCredSspError(Exception):
    """What came is no TSRequest."""


@dataclass(frozen=True)
class Answer:
    """A server's TSRequest. `error` is an NTSTATUS ([MS-ERREF] 2.3.1) or a security status, None without one."""

    version: int
    token: bytes | None = None
    key_proof: bytes | None = None
    error: int | None = None


def request(*, token: bytes | None = None, key_proof: bytes | None = None, nonce: bytes | None = None) -> bytes:
    """A TSRequest of the client's. Never one with credentials in it: a proof needs none sent."""
    parts = [_context(0, _element(_INTEGER, bytes((VERSION,))))]
    if token is not None:
        parts.append(_context(1, _element(_SEQUENCE, _element(_SEQUENCE, _context(0, _element(_OCTETS, token))))))
    if key_proof is not None:
        parts.append(_context(3, _element(_OCTETS, key_proof)))
    if nonce is not None:
        parts.append(_context(5, _element(_OCTETS, nonce)))
    return _element(_SEQUENCE, b"".join(parts))


def length(head: bytes) -> int | None:
    """How many bytes a message has that begins with `head`; None while that is not known. Raises NotCredSspError."""
    if head[:1] not in (b"", b"\x30"):
        raise NotCredSspError(f"the answer begins with {head[:4].hex(' ')}, which is no CredSSP")
    if len(head) < 2:
        return None
    count = head[1] & 0x7F
    if head[1] < 0x80:
        return 2 + count
    if not 1 <= count <= 3:
        raise NotCredSspError("the answer's length has no known form")
    if len(head) < 2 + count:
        return None
    whole = 2 + count + int.from_bytes(head[2 : 2 + count], "big")
    if whole > LONGEST:
        raise NotCredSspError(f"the answer would have {whole} bytes")
    return whole


def read(message: bytes) -> Answer:
    """Raises NotCredSspError when it is no TSRequest."""
    try:
        parts = {tag & 0x1F: content for tag, content in _elements(_only(message, _SEQUENCE)) if tag & 0xE0 == 0xA0}
        version = int.from_bytes(_only(parts[0], _INTEGER), "big")
        token = None
        if 1 in parts:
            first = _only(_only(parts[1], _SEQUENCE), _SEQUENCE)
            token = _only(_only(first, 0xA0), _OCTETS)
        proof = _only(parts[3], _OCTETS) if 3 in parts else None
        error = int.from_bytes(_only(parts[4], _INTEGER), "big") & 0xFFFFFFFF if 4 in parts else None
    except (KeyError, IndexError):
        raise NotCredSspError("the answer lacks what a TSRequest has") from None
    return Answer(version, token, proof, error)


def key_proof(nonce: bytes, public_key: bytes) -> bytes:
    """What a client seals, to show that it sees this certificate's key ([MS-CSSP] 3.1.5, version 5 and later)."""
    return hashlib.sha256(_TO_SERVER + nonce + public_key).digest()


def server_proof(nonce: bytes, public_key: bytes) -> bytes:
    """What the server seals in answer; only who knows the password's hash can."""
    return hashlib.sha256(_TO_CLIENT + nonce + public_key).digest()


def public_key(certificate: bytes) -> bytes:
    """SubjectPublicKey of a DER certificate: the content of SubjectPublicKeyInfo's bit string."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(certificate).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bits = next(content for tag, content in _elements(_only(info, _SEQUENCE)) if tag == _BITS)
    return bits[1:]  # before it stands the number of unused bits, 0


def _element(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def _context(number: int, content: bytes) -> bytes:
    return _element(0xA0 | number, content)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        head = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
        size = data[1] if head == 2 else int.from_bytes(data[2:head], "big")
        if head + size > len(data):
            raise NotCredSspError("the answer is cut off")
        yield data[0], data[head : head + size]
        data = data[head + size :]


def _only(data: bytes, tag: int) -> bytes:
    found = next(_elements(data), None)
    if found is None or found[0] != tag:
        raise NotCredSspError("the answer is not of a TSRequest's form")
    return found[1]
