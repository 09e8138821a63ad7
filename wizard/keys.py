"""The key pair that is made when nobody names one: Ed25519, in HOME/keys, used again by later deployments.

The plan holds the public text only. Whoever needs the private half asks `private_for` with that text, so a plan that
names another key never meets ours.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from wizard.errors import InputError
from wizard.home import home, write_atomically

NAME = "id_ed25519"
COMMENT = "multivm-wizard"


@dataclass(frozen=True)
class KeyPair:
    """`private` is a file (OpenSSH format, no passphrase, 0600); `public` is one line as authorized_keys has it."""

    private: Path
    public: str


def ensure() -> KeyPair:
    """The pair in HOME/keys; made when it is missing. InputError when what stands there is not such a key."""
    private = home() / "keys" / NAME
    if not private.exists():
        _make(private)
    pair = KeyPair(private, _public_of(private))
    public = private.with_name(f"{NAME}.pub")
    if not public.exists():
        write_atomically(public, f"{pair.public}\n", 0o644)
    return pair


def private_for(public: str) -> Path | None:
    """The private key file in HOME/keys whose public half is `public` (comments do not count), or None."""
    private = home() / "keys" / NAME
    if not private.exists():
        return None
    return private if _public_of(private).split()[:2] == public.split()[:2] else None


def _make(private: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    text = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{NAME}.", dir=private.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        # A link, not a replace: of two commands that start side by side the second must take the first one's key.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, private)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _public_of(private: Path) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(private.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, OSError) as error:
        # The parser's own words may quote the file: they are left out.
        raise InputError(
            f"{private} cannot be used as a private key.",
            f"It could not be read as an unencrypted OpenSSH key ({type(error).__name__}).",
            "Move it away to have a new one made, or name a key with --ssh-key and --identity.",
        ) from None
    text = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{text.decode()} {COMMENT}"
