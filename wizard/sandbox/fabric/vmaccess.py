"""What Azure's VMAccessForLinux does inside a machine: passwords, keys, sshd's configuration, users.

Settings are those of its protected part: username, password, ssh_key, reset_ssh, remove_user, expiration,
remove_prior_keys. Its effects hold for the next SSH connection.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric import sshdconfig
from wizard.sandbox.fabric.image import SSHD_CONFIG

if TYPE_CHECKING:
    from wizard.sandbox.fabric.machine import Machine

_SECONDS = 3.0  # from memory: the handler's own work; starting it takes the agent longer
_FAILED = 1
_USER = re.compile(r"^[a-z_][a-z0-9_.-]{0,31}$", re.IGNORECASE)
_KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-", "sk-ssh-ed25519", "sk-ecdsa-sha2-")
_RFC4716 = "---- BEGIN SSH2 PUBLIC KEY ----"


class AccessError(Exception):
    """The handler refuses or fails; the message is what it reports."""


async def run(machine: Machine, settings: Mapping[str, Any]) -> str:
    """Do what the settings ask for and tell it in a line; AccessError when that fails. Nothing is done by halves."""
    await machine.pause(_SECONDS)
    text = {key: str(settings.get(key) or "") for key in ("username", "password", "ssh_key", "remove_user")}
    reset = _true(settings.get("reset_ssh"))
    if text["remove_user"] and (text["password"] or text["ssh_key"] or reset):
        raise AccessError("remove_user cannot be used together with password, ssh_key or reset_ssh.")
    done: list[str] = []
    if text["remove_user"]:
        done.append(_remove(machine, text["remove_user"]))
    if reset:
        _reset_sshd(machine)
        done.append("Reset the SSH configuration.")
    if text["username"]:
        done.append(_set_user(machine, text, settings))
    if not done:
        raise AccessError("No password or ssh_key is specified.")
    return " ".join(done)


def _true(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def _remove(machine: Machine, name: str) -> str:
    accounts = machine.guest.accounts
    if accounts.get(name) is None:
        return f"User {name} does not exist."
    if accounts.is_system(name):
        raise AccessError(f"{name} is a system user. Will not remove it.")
    accounts.remove(name)
    return f"Removed user {name}."


def _reset_sshd(machine: Machine) -> None:
    disk = machine.guest.disk
    disk.write(sshdconfig.MAIN, SSHD_CONFIG, mode=0o644)
    for path in disk.glob("/etc/ssh/sshd_config.d/*.conf"):
        disk.remove(path)
    machine.start_service(machine.guest.image.ssh_service)
    machine.guest.save()


def _set_user(machine: Machine, text: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    name, accounts = text["username"], machine.guest.accounts
    expiration = str(settings.get("expiration") or "")
    if not text["password"] and not text["ssh_key"] and not expiration:
        raise AccessError("No password or ssh_key is specified.")
    if not _USER.match(name):
        raise AccessError(f"{name} is not a valid user name.")
    if accounts.is_system(name):
        raise AccessError(f"{name} is a system user. Will not set password or key for it.")
    keys = [_openssh_key(text["ssh_key"])] if text["ssh_key"] else []  # before anything is changed
    day = _day(expiration) if expiration else None
    created = accounts.get(name) is None
    if created:
        accounts.create(name)
    accounts.grant_sudo(name)
    if text["password"]:
        accounts.set_password(name, text["password"])
        _allow_passwords(machine)
    if keys:
        accounts.add_keys(name, keys, replace=_true(settings.get("remove_prior_keys")))
    if day:
        accounts.expire(name, day)
    elif text["password"]:
        accounts.expire(name, None)
    what = " and ".join(part for part, given in (("password", text["password"]), ("SSH key", keys)) if given)
    return f"{'Created' if created else 'Updated'} user {name}" + (f": set {what}." if what else ".")


def _allow_passwords(machine: Machine) -> None:
    """PasswordAuthentication yes wherever it was said otherwise: the first word counts, so none may stay."""
    disk = machine.guest.disk
    for path in [*disk.glob("/etc/ssh/sshd_config.d/*.conf"), sshdconfig.MAIN]:
        before = disk.read(path)
        after = re.sub(r"(?im)^\s*PasswordAuthentication\s+no\b.*$", "PasswordAuthentication yes", before)
        if after != before:
            disk.write(path, after)
    if not sshdconfig.read(disk).password_login:
        disk.write(sshdconfig.MAIN, "PasswordAuthentication yes\n" + disk.read(sshdconfig.MAIN))
    machine.guest.save()


def _openssh_key(text: str) -> str:
    """A public key as a line of authorized_keys; takes OpenSSH's form, RFC 4716's, and a certificate's PEM."""
    text = text.strip()
    if text.startswith("-----BEGIN CERTIFICATE-----"):
        return _certificate_key(text)
    if text.startswith(_RFC4716):
        body = [line for line in text.splitlines()[1:-1] if ":" not in line]
        blob = "".join(line.strip() for line in body)
        try:
            raw = base64.b64decode(blob, validate=True)
            kind = raw[4 : 4 + int.from_bytes(raw[:4], "big")].decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise AccessError("The ssh_key is not a valid public key.") from None
        return f"{kind} {blob}"
    words = text.split()
    if len(words) < 2 or not words[0].startswith(_KEY_TYPES):
        raise AccessError("The ssh_key is not a valid public key.")
    try:
        base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise AccessError("The ssh_key is not a valid public key.") from None
    return " ".join(words)


def _certificate_key(text: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_pem_x509_certificate(text.encode()).public_key()
    except ValueError:
        raise AccessError("The ssh_key is not a valid certificate.") from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise AccessError("The certificate's key is of no kind that SSH knows.")
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise AccessError(f"{text} is not a date of the form yyyy-mm-dd.") from None
