"""What lies in storage accounts: append blobs that the platform writes, as files under the sandbox's folder.

Accounts' names are unique, so an account's folder bears its name. A blob's name is a path; nobody but the platform
writes one here, so names hold what diagnostic logs are called and nothing else.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wizard.sandbox import control


@dataclass(frozen=True)
class Blob:
    """One blob; `name` is its path inside the container."""

    name: str
    size: int
    changed: datetime.datetime
    path: Path

    @property
    def etag(self) -> str:
        return f'"0x{int(self.changed.timestamp() * 1e6):X}{self.size:04X}"'


class Blobs:
    """All accounts' blobs."""

    @property
    def _folder(self) -> Path:
        return control.folder() / "blobs"

    def append(self, account: str, container: str, name: str, data: bytes) -> None:
        """Add to an append blob; container and blob are made when they are missing."""
        path = self._folder / account.lower() / container / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab") as stream:
            stream.write(data)

    def containers(self, account: str) -> list[str]:
        folder = self._folder / account.lower()
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def all(self, account: str, container: str, prefix: str = "") -> Iterator[Blob]:
        """A container's blobs in the order of their names."""
        folder = self._folder / account.lower() / container
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name.startswith(prefix):
                yield _blob(name, path)

    def find(self, account: str, container: str, name: str) -> Blob | None:
        """One blob; None when there is none, or when the name is no blob's."""
        parts = [container, *name.split("/")]
        if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
            return None
        path = self._folder.joinpath(account.lower(), *parts)
        return _blob(name, path) if path.is_file() else None

    def forget(self, account: str) -> None:
        """The account is deleted, and everything in it."""
        shutil.rmtree(self._folder / account.lower(), ignore_errors=True)


def _blob(name: str, path: Path) -> Blob:
    facts = path.stat()
    return Blob(name, facts.st_size, datetime.datetime.fromtimestamp(facts.st_mtime, datetime.UTC), path)
