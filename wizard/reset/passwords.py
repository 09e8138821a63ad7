"""Passwords that a person can read aloud, a shell leaves alone and every rule of Azure's accepts.

Four groups of six letters and digits with dashes between them, 27 characters in all. Azure wants 12 to 72 characters
(Linux; 12 to 123 on Windows) of three classes out of four; the dashes are the fourth class, in the middle where no
command takes them for an option. What is easily confused (0 O o, 1 I l i, 5 S, 2 Z) is left out.
"""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from wizard.plan.model import OsType

LOWER = "abcdefghjkmnpqrstuvwxyz"
UPPER = "ABCDEFGHJKLMNPQRTUVWXY"
DIGITS = "346789"
GROUPS = 4
GROUP_LENGTH = 6


def generate(os: OsType = OsType.LINUX) -> SecretStr:
    """A fresh password, about 135 bits strong, with at least one character of each of the four classes.

    One form serves both systems: it is inside the limits of each.
    """
    length = GROUPS * GROUP_LENGTH
    while True:
        drawn = "".join(secrets.choice(LOWER + UPPER + DIGITS) for _ in range(length))
        if all(any(letter in kind for letter in drawn) for kind in (LOWER, UPPER, DIGITS)):
            groups = (drawn[start : start + GROUP_LENGTH] for start in range(0, length, GROUP_LENGTH))
            return SecretStr("-".join(groups))
