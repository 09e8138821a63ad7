"""Passwords inside the machines: only salted scrypt hashes are kept, and checking one never blocks the loop.

A hash takes about 10 ms of CPU; 200 logins side by side must not stop the relay, so hashing has threads of its own
(asyncssh borrows the loop's default executor for other work).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

_COST, _BLOCK, _LANES = 2**12, 8, 1


def make(password: str) -> str:
    """`scrypt$COST$BLOCK$LANES$SALT$HASH`, with a fresh salt."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${salt.hex()}${digest.hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one a hash was made from."""
    try:
        kind, cost, block, lanes, salt, digest = kept.split("$")
        if kind != "scrypt":
            return False
        made = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=int(cost), r=int(block), p=int(lanes))
    except ValueError:
        return False
    return hmac.compare_digest(made, bytes.fromhex(digest))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


@cache
def _stranger() -> str:
    # What an unknown user's password is compared with: time must not tell who exists.
    return make(os.urandom(16).hex())


async def check(password: str, kept: str | None) -> bool:
    """`matches`, off the loop's thread; an absent hash takes as long and matches nothing."""
    loop = asyncio.get_running_loop()
    good = await loop.run_in_executor(_threads(), matches, password, kept or _stranger())
    return good and kept is not None
