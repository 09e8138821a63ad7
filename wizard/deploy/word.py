"""Word of what a process does and is going to undo: durable before it is done, left to the next command when killed.

HOME/deployments/NAME/STEM.json  what it is about, gone once nothing is left to undo
HOME/deployments/NAME/STEM.lock  held by the process as long as it is going to undo it itself

Not in the journal: that belongs to who writes, and a verification beside must read this.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wizard.home import write_atomically

LOOK_S = 1.0
SINCE = "since_utc"


class Word:
    """The word of one kind that is in a deployment's folder."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder = folder
        self._file = folder / f"{stem}.json"
        self._lock = folder / f"{stem}.lock"

    def take(self) -> int | None:
        """The lock's descriptor, or None while another holds it. It ends with its process, however that ends."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def taken(self) -> int | None:
        """As `take`, with a moment's patience: who only looks has it no longer than that."""
        until = time.monotonic() + LOOK_S
        while (lock := self.take()) is None and time.monotonic() < until:
            time.sleep(LOOK_S / 50)
        return lock

    @contextlib.contextmanager
    def left(self) -> Iterator[Mapping[str, Any] | None]:
        """What somebody has left who does not live any more, held while it is undone; None where nothing is left."""
        lock = self.take() if self._file.exists() else None
        if lock is None:
            yield None  # nothing, or its process lives
            return
        try:
            yield self.read()
        finally:
            os.close(lock)

    def read(self) -> Mapping[str, Any] | None:
        """What is written; None for a file that is not ours: what is there, verification tells."""
        try:
            told = json.loads(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return told if isinstance(told, dict) and isinstance(told.get(SINCE), str) else None

    def write(self, told: Mapping[str, Any] | None) -> None:
        """Durable when it returns. `since_utc` stays that of the first; None leaves nothing."""
        if told is not None:
            since = (self.read() or {}).get(SINCE) or datetime.now(UTC).isoformat(timespec="seconds")
            write_atomically(self._file, json.dumps({**told, SINCE: since}, indent=2) + "\n")
        else:
            self._file.unlink(missing_ok=True)
        descriptor = os.open(self._folder, os.O_RDONLY)  # the name in its folder is durable only then
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
