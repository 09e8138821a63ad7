"""What Azure demands of a new machine's `osProfile`: computer name, administrator, password, SSH keys, custom data."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from wizard.sandbox.arm.compute.reading import flag, invalid, items, mapping, missing, text
from wizard.sandbox.store import Json

Os = Literal["Linux", "Windows"]

NAME_CHARACTERS = "`~!@#$%^&*()=+_[]{}\\|;:.'\",<>/? "
"""What neither a computer name nor a VM's name may hold; a Linux name may have periods."""
USER_CHARACTERS = '\\/"[]:|<>+=;,?*@&() '
_USERS = (
    "1 123 a actuser adm admin admin1 admin2 administrator aspnet backup console david guest john owner root server "
    "sql support support_388945a0 sys test test1 test2 test3 user user1 user2 user3 user4 user5 video"
)
REFUSED_USERS = frozenset(_USERS.split())
_PASSWORDS = "abc@123 P@$$w0rd P@ssw0rd P@ssword123 Pa$$word pass@word1 Password! Password1 Password22 iloveyou!"
REFUSED_PASSWORDS = frozenset(_PASSWORDS.split())
PASSWORD_LENGTH: dict[Os, tuple[int, int]] = {"Linux": (6, 72), "Windows": (8, 123)}
"""The API's own bounds; the portal and the CLI ask for 12."""
CUSTOM_DATA_BYTES = 65535
RSA_BITS = 2048
CONFIGURATION: dict[Os, str] = {"Linux": "linuxConfiguration", "Windows": "windowsConfiguration"}


def check(profile: Json, os: Os, *, password_kept: bool = False) -> None:
    """Raise what Azure answers for the first fault; `profile` still has its secrets.

    `password_kept`: its scale set keeps the password, which was checked when it came.
    """
    _computer_name(profile, os)
    _admin_user(profile, os)
    foreign = CONFIGURATION["Windows" if os == "Linux" else "Linux"]
    if mapping(profile, foreign):
        raise invalid(f"Parameter '{foreign}' is not allowed.", foreign)  # the wording is from memory
    if os == "Linux":
        _linux_login(profile, password_kept)
    elif text(profile, "adminPassword") is None and not password_kept:
        raise missing("adminPassword")
    else:
        _windows_patching(profile)
    if (password := text(profile, "adminPassword")) is not None:
        _password(password, os)
    custom_data(profile)


def _computer_name(profile: Json, os: Os) -> None:
    name = text(profile, "computerName")
    if not name:
        raise missing("osProfile.computerName")
    if os == "Linux":
        refused = NAME_CHARACTERS.replace(".", "")
        if len(name) > 64 or any(one in refused for one in name) or name[-1] in ".-":
            raise invalid(
                "Linux host name cannot exceed 64 characters in length or contain the following characters: "
                f"{' '.join(refused)}.",
                "computerName",
            )
    elif len(name) > 15 or name.isdigit() or any(one in NAME_CHARACTERS for one in name) or name[-1] == "-":
        raise invalid(
            "Windows computer name cannot be more than 15 characters long, be entirely numeric, or contain the "
            f"following characters: {' '.join(NAME_CHARACTERS)}.",
            "computerName",
        )


def _admin_user(profile: Json, os: Os) -> None:
    user = text(profile, "adminUsername")
    if not user:
        raise missing("adminUsername")
    if user.lower() in REFUSED_USERS:
        raise invalid("The Admin Username specified is not allowed.", "adminUsername")
    longest = 32 if os == "Linux" else 20
    if len(user) > longest or any(one in USER_CHARACTERS for one in user) or user.endswith("."):
        raise invalid(
            f"{os} admin user name cannot be more than {longest} characters long, end with a period(.), or contain "
            f"the following characters: {' '.join(USER_CHARACTERS)}.",
            "adminUsername",
        )


def _password(password: str, os: Os) -> None:
    if password in REFUSED_PASSWORDS:
        raise invalid("The Admin password specified is not allowed.", "adminPassword")
    shortest, longest = PASSWORD_LENGTH[os]
    kinds = (
        any(one.islower() for one in password),
        any(one.isupper() for one in password),
        any(one.isdigit() for one in password),
        any(not one.isalnum() for one in password),
    )
    control = any(ord(one) < 32 or ord(one) == 127 for one in password)
    if not shortest <= len(password) <= longest or sum(kinds) < 3 or control:
        raise invalid(
            f"The supplied password must be between {shortest}-{longest} characters long and must satisfy at least 3 "
            "of password complexity requirements from the following:\r\n1) Contains an uppercase character\r\n2) "
            "Contains a lowercase character\r\n3) Contains a numeric digit\r\n4) Contains a special character\r\n"
            "5) Control characters are not allowed",
            "adminPassword",
        )


def _linux_login(profile: Json, password_kept: bool) -> None:
    keys = ssh_keys(profile)
    key_only = flag(profile, "linuxConfiguration.disablePasswordAuthentication") or False
    if key_only and not keys:
        raise invalid(
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
            "linuxConfiguration",
        )
    if not key_only and text(profile, "adminPassword") is None and not password_kept:
        raise missing("adminPassword")
    expected = f"/home/{profile['adminUsername']}/.ssh/authorized_keys"
    for key in items(profile, "linuxConfiguration.ssh.publicKeys"):
        if text(key, "path") != expected:
            raise invalid(
                "Destination path for SSH public keys is currently limited to its default value "
                f"{expected} due to a known issue in Linux provisioning agent.",
                "linuxConfiguration.ssh.publicKeys.path",
            )
        if not _usable(text(key, "keyData") or ""):
            target = "linuxConfiguration.ssh.publicKeys.keyData"
            raise invalid(f"The value of parameter {target} is invalid.", target)


def _windows_patching(profile: Json) -> None:
    """Patch modes and automatic updates must agree (REST reference, WindowsVMGuestPatchMode); wordings from memory."""
    windows = mapping(profile, "windowsConfiguration")
    mode = text(windows, "patchSettings.patchMode")
    if mode not in (None, "Manual", "AutomaticByOS", "AutomaticByPlatform"):
        raise invalid(f"The value '{mode}' of parameter patchMode is invalid.", "patchSettings.patchMode")
    updates = flag(windows, "enableAutomaticUpdates") is not False
    agent = flag(windows, "provisionVMAgent") is not False
    if (mode == "Manual" and updates) or (mode in ("AutomaticByOS", "AutomaticByPlatform") and not updates):
        raise invalid(
            f"Patch mode '{mode}' and enableAutomaticUpdates '{str(updates).lower()}' do not agree.",
            "windowsConfiguration.enableAutomaticUpdates",
        )
    if mode == "AutomaticByPlatform" and not agent:
        target = "windowsConfiguration.provisionVMAgent"
        raise invalid(f"Patch mode '{mode}' needs provisionVMAgent.", target)


def ssh_keys(profile: Json) -> list[str]:
    """The public keys' texts, as they will stand in `authorized_keys`."""
    keys = items(profile, "linuxConfiguration.ssh.publicKeys")
    return [(text(key, "keyData") or "").strip() for key in keys]


def _usable(key: str) -> bool:
    """RSA of 2048 bits or more, or Ed25519: all that Azure takes."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        found = load_ssh_public_key(key.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(found, Ed25519PublicKey) or (isinstance(found, RSAPublicKey) and found.key_size >= RSA_BITS)


def custom_data(profile: Json) -> bytes:
    """`customData` decoded; raises when it is no base64 or too long."""
    encoded = text(profile, "customData") or ""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        decoded = None
    if decoded is None or len(decoded) > CUSTOM_DATA_BYTES:
        raise invalid(
            "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.",
            "customData",
        )
    return decoded
