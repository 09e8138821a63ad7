"""A machine's SSH host keys: Ed25519 and ECDSA P-256.

An RSA key costs 45 ms to make, and 200 machines may be born at once.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

KINDS = ("ecdsa", "ed25519")


def make() -> dict[str, str]:
    """Fresh private keys by kind, as OpenSSH text."""
    keys: dict[str, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey] = {
        "ecdsa": ec.generate_private_key(ec.SECP256R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    return {
        kind: key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        for kind, key in keys.items()
    }


def public(private: str) -> str:
    """`ssh-ed25519 AAAA...` of a private key's text."""
    key = serialization.load_ssh_private_key(private.encode(), None)
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


_NAMES = {"ssh-ed25519": "ED25519", "ecdsa-sha2-nistp256": "ECDSA", "ecdsa-sha2-nistp384": "ECDSA", "ssh-rsa": "RSA"}
_BITS = {"ssh-ed25519": 256, "ecdsa-sha2-nistp256": 256, "ecdsa-sha2-nistp384": 384}


def fingerprint(line: str, algorithm: str = "sha256") -> str:
    """`256 SHA256:... comment (ED25519)`, as `ssh-keygen -lf` prints it; ValueError when it is no public key."""
    parts = line.split(None, 2)
    if len(parts) < 2 or parts[0] not in _NAMES:
        raise ValueError("is not a public key file.")
    blob = base64.b64decode(parts[1], validate=True)
    if algorithm == "md5":
        digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
        told = "MD5:" + ":".join(digest[index : index + 2] for index in range(0, 32, 2))
    else:
        told = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    bits = _BITS.get(parts[0]) or _rsa_bits(blob)
    comment = parts[2].strip() if len(parts) > 2 else "no comment"
    return f"{bits} {told} {comment} ({_NAMES[parts[0]]})"


def _rsa_bits(blob: bytes) -> int:
    offset, value = 0, b""
    while offset + 4 <= len(blob):  # type, exponent, modulus: the last one counts
        length = int.from_bytes(blob[offset : offset + 4], "big")
        value = blob[offset + 4 : offset + 4 + length]
        offset += 4 + length
    return int.from_bytes(value, "big").bit_length()
