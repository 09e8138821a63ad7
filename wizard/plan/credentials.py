"""Rules about the administrator: user name, password, SSH key. Shared by plans, the deploying and the reset.

Source: Microsoft, "Azure virtual machine operating system profile" (disallowed user names and passwords) and "FAQ about
Linux virtual machines"; the password lengths are those of the portal and the Azure CLI. No rule ever puts a secret, or
a part of one, into its Problem.
"""

from __future__ import annotations

import re

from wizard.errors import Problem
from wizard.plan import limits
from wizard.plan.model import Auth, OsType

_USERS_REFUSED = frozenset(
    """
    1 123 a actuser adm admin admin1 admin2 administrator aspnet backup console david guest john owner root server
    sql support support_388945a0 sys test test1 test2 test3 user user1 user2 user3 user4 user5 video
    """.split()  # noqa: SIM905
)
_PASSWORDS_REFUSED = frozenset(
    password.casefold()
    for password in (
        "abc@123",
        "P@$$w0rd",
        "P@ssw0rd",
        "P@ssword123",
        "Pa$$word",
        "pass@word1",
        "Password!",
        "Password1",
        "Password22",
        "iloveyou!",
    )
)
_WINDOWS_USER_BANNED = frozenset('\\/"[]:|<>+=;,?*@')
_KEY_TYPES = ("ssh-ed25519", "ssh-rsa")
_KEY_REMEDY = "Paste the one line of a .pub file, for example of: ssh-keygen -t ed25519"


def admin_user(text: str, os: OsType, field: str = "machines.admin_user") -> Problem | None:
    """Linux 1 to 32 characters as useradd takes them, Windows 1 to 20; none of the names everybody tries first."""
    most = limits.ADMIN_USER_WINDOWS if os == OsType.WINDOWS else limits.ADMIN_USER_LINUX
    if not text or len(text) > most:
        return Problem(
            field,
            f"The user name has {len(text)} characters.",
            f"An administrator's name has 1 to {most} on {'Windows' if os == OsType.WINDOWS else 'Linux'}.",
            "Choose a name such as azureuser.",
        )
    if text.lower() in _USERS_REFUSED:
        return Problem(
            field,
            f'The user name "{text}" is refused.',
            "Azure refuses the names that attackers try first.",
            "Choose another, such as azureuser.",
        )
    if os == OsType.WINDOWS:
        if text.endswith(".") or any(c in _WINDOWS_USER_BANNED or not c.isprintable() for c in text):
            return Problem(
                field,
                f'"{text}" cannot be a Windows user name.',
                'It must not end with a period nor hold any of \\ / " [ ] : | < > + = ; , ? * @.',
                "Choose a name such as azureuser.",
            )
        return None
    if not re.fullmatch(r"[a-z_][a-z0-9_-]*", text):
        return Problem(
            field,
            f'"{text}" cannot be a Linux user name.',
            "It begins with a lower-case letter or underscore and goes on with these, digits and hyphens.",
            "Choose a name such as azureuser.",
        )
    return None


def auth(choice: Auth, os: OsType, field: str = "machines.auth") -> Problem | None:
    """Windows knows no SSH key at its creation: Azure asks for a password there."""
    if os is not OsType.WINDOWS or choice is not Auth.SSH_KEY:
        return None
    return Problem(
        field,
        "A Windows machine is not made with an SSH key.",
        "Its administrator signs in by Remote Desktop, with a password from the first day on.",
        'Use auth = "password"; deploy reads one with --password-stdin, or makes them with --generate-password.',
    )


def password(text: str, os: OsType, field: str = "password") -> Problem | None:
    """12 to 72 characters (Windows 123), three of lower, upper, digit, other; nothing that everybody tries first."""
    allowed = limits.PASSWORD_WINDOWS if os == OsType.WINDOWS else limits.PASSWORD_LINUX
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
    why = f"Azure takes {allowed} characters with three of: lower case, upper case, digit, other."
    remedy = "Choose another, or let one be made with --generate-password."
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return Problem(field, "The password holds a control character.", "Azure refuses that.", remedy)
    if text.casefold() in _PASSWORDS_REFUSED:
        return Problem(field, "The password is on Azure's list of refused ones.", why, remedy)
    if len(text) not in allowed:
        length = "short" if len(text) < allowed.low else "long"
        return Problem(field, f"The password is too {length}.", why, remedy)
    if kinds < 3:
        return Problem(field, "The password is too simple.", why, remedy)
    return None


def ssh_key(text: str, field: str = "machines.ssh_key") -> Problem | None:
    """One line of OpenSSH's public form: Ed25519, or RSA of 2048 bits or more. A private key is never quoted."""
    if "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text:
        return Problem(
            field,
            "This is a private key.",
            "It must not leave your computer; Azure is told the public half only.",
            f"{_KEY_REMEDY}. If this file was shared with anybody, make a new pair.",
        )
    line = text.strip()
    if not line or len(line.splitlines()) != 1:
        what = "There is no SSH key." if not line else "This is more than one line."
        return Problem(field, what, "One public key is needed.", _KEY_REMEDY)
    kind = line.split()[0]
    if kind not in _KEY_TYPES:
        known = kind.startswith(("ssh-", "ecdsa-", "sk-"))
        return Problem(
            field,
            f'Keys of type "{kind}" are refused.' if known else "This is not a public key in OpenSSH's form.",
            "Azure takes Ed25519 and RSA keys.",
            _KEY_REMEDY,
        )
    return _parsed(line, field)


def _parsed(line: str, field: str) -> Problem | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = serialization.load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        return Problem(
            field, "The SSH key is damaged.", "Its text does not hold a key of the type it names.", _KEY_REMEDY
        )
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < limits.RSA_BITS:
        return Problem(
            field, f"The RSA key has {key.key_size} bits.", f"Azure takes {limits.RSA_BITS} or more.", _KEY_REMEDY
        )
    return None
