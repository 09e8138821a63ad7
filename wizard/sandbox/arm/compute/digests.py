"""Whether a secret or a configuration was sent before, without keeping it: salted hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

_COST = 2**11
"""scrypt's N: 6 ms each on one core, so that 200 machines cost little more than a second in all."""


def of(value: Any) -> str:
    """A salted hash of any JSON value."""
    return _digest(value, secrets.token_bytes(16))


def plain(value: str) -> str:
    """A hash of what is no secret."""
    return hashlib.sha256(value.encode()).hexdigest()


def same(digest: str | None, value: Any) -> bool:
    """Whether `digest` was made of `value`."""
    if not digest:
        return False
    salt = base64.b64decode(digest.partition("$")[0])
    return hmac.compare_digest(digest, _digest(value, salt))


def _digest(value: Any, salt: bytes) -> str:
    content = json.dumps(value, sort_keys=True).encode()
    derived = hashlib.scrypt(content, salt=salt, n=_COST, r=8, p=1, dklen=32)
    return f"{base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}"
