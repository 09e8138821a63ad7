"""A password in the form in which a machine would keep it: what a scale set's model keeps for the machines to come."""

from __future__ import annotations

from typing import Literal

from wizard.sandbox.fabric import passwords
from wizard.sandbox.fabric.windows import ntlm


def hashed(os: Literal["Linux", "Windows"], password: str) -> str:
    """A line of /etc/shadow's second column; on Windows, what a SAM keeps, in hex."""
    return passwords.make(password) if os == "Linux" else ntlm.nt_hash(password).hex()
