"""Questions about SSH keys and passwords. Of a key pair only the public half is ever read here."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any

from wizard.desk.session import Session, Tell

Json = dict[str, Any]

LARGEST = 64 * 1024
"""Bytes; a public key of any kind is far smaller."""


async def keys(session: Session, tell: Tell) -> list[Json]:
    """Public keys in our folder and in ~/.ssh, ours first."""
    return await asyncio.to_thread(_keys)


def _keys() -> list[Json]:
    from wizard.home import home

    ours = sorted((home() / "keys").glob("*.pub"))
    own = Path.home() / ".ssh"
    theirs = sorted(own.glob("*.pub")) if own.is_dir() else []
    return [found for path in (*ours, *theirs) if (found := _told(path, ours=path in ours))]


def _told(path: Path, *, ours: bool) -> Json | None:
    """One key file, or None when it is none."""
    from wizard.plan import rules

    try:
        if path.stat().st_size > LARGEST:
            return None
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    parts = text.split(None, 2)
    if len(parts) < 2 or "\n" in text or (fingerprint := fingerprint_of(parts[1])) is None:
        return None
    problem = rules.ssh_key(text)
    private = path.with_suffix("")
    return {
        "name": path.name,
        "path": str(path),
        "public": text,
        "type": parts[0],
        "fingerprint": fingerprint,
        "comment": parts[2] if len(parts) > 2 else "",
        "ours": ours,
        "private": str(private) if private.is_file() else "",
        "problem": " ".join(part for part in (problem.what, problem.remedy) if part) if problem else "",
    }


def fingerprint_of(blob: str) -> str | None:
    """`SHA256:...` as ssh-keygen -l prints it; None when this is no key's base64."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except (ValueError, binascii.Error):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


async def generate_key(session: Session, tell: Tell) -> Json:
    """Our own key pair, made when it is missing."""
    from wizard import keys as own

    pair = await asyncio.to_thread(own.ensure)
    found = await asyncio.to_thread(_told, pair.private.with_name(f"{pair.private.name}.pub"), ours=True)
    assert found is not None
    return found


async def generate_password(session: Session, tell: Tell, *, os: str = "linux") -> Json:
    """A fresh password that Azure takes."""
    from wizard.plan.model import OsType
    from wizard.reset import passwords

    return {"password": passwords.generate(OsType(os)).get_secret_value()}
