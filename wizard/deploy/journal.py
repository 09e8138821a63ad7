"""What a run was about to do, durable before its request leaves; what ARM answered; how it ended.

HOME/deployments/NAME/journal.db, SQLite with `synchronous=FULL`: torn writes are SQLite's matter. On top of that each
row seals all rows before it, and `journal.head` tells which row was the last, so that rows which a damaged file has
lost or altered are noticed. A journal that is not whole is set aside and told; tags and deterministic names lead on
without it.

It is no authority: it tells what was under way and how to go on waiting for it. What is there is read from Azure.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from wizard.deploy.arm import Poller
from wizard.errors import WizardError

FILE = "journal.db"
HEAD = "journal.head"
ROWS_KEPT = 20_000
"""A journal without anything open and with more rows than these is begun anew: 3 MB."""

_SCHEMA = "CREATE TABLE entries (seq INTEGER PRIMARY KEY, at TEXT, kind TEXT, id TEXT, data TEXT, seal TEXT)"
_FIRST_SEAL = "0" * 64


class JournalHeld(WizardError):  # noqa: N818 - told as a fact, as the events are
    """Another process writes this deployment's journal."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another process is at work on {name}.",
            "One at a time works on a deployment.",
            "Wait for its end, or attach to it in the wizard.",
        )


@dataclass(frozen=True)
class Open:
    """Something that has begun and of which no end is known.

    `verb` is what was begun: PUT, DELETE, or a word of the commands (stopped). `token` is what another process can wait
    by, empty when ARM's answer never came.
    """

    id: str
    verb: str
    at: str
    token: str = ""


class Journal(Protocol):
    """The turns of one request, in order; a retry begins again with `intent`."""

    def intent(self, id: str, verb: str = "PUT") -> None:
        """The request is about to leave. What this keeps must be durable when it returns."""

    def answered(self, id: str, poller: Poller | None) -> None:
        """ARM has accepted the request; the poller knows the operation, None when it ended at once."""

    def ended(self, id: str, code: str) -> None:
        """It is over: `code` is empty when it succeeded, else ARM's error code."""

    def open(self, id: str) -> Open | None:
        """What is known to be under way on a resource."""


class NoJournal:
    """Keeps nothing."""

    def intent(self, id: str, verb: str = "PUT") -> None:
        pass

    def answered(self, id: str, poller: Poller | None) -> None:
        pass

    def ended(self, id: str, code: str) -> None:
        pass

    def open(self, id: str) -> Open | None:
        return None


class Kept:
    """The journal of one deployment, for one writer: SQLite keeps the file locked until `close`.

    `set_aside` is where a damaged one was moved to when this was opened, or None.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Raises JournalHeld."""
        self.name = name
        self._path = folder / FILE
        self._head_path = folder / HEAD
        self.set_aside: Path | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = not self._path.exists()
        try:
            self._begin(fresh=fresh)
        except _Damaged:
            self._begin_anew(aside=True)
        if not self._open and self._count > ROWS_KEPT:
            self.close()
            self._begin_anew(aside=False)

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def under_way(self) -> tuple[Open, ...]:
        """All that has begun and of which no end is known, the oldest first."""
        return tuple(self._open.values())

    def intent(self, id: str, verb: str = "PUT") -> None:
        self._add("intent", id, verb)

    def answered(self, id: str, poller: Poller | None) -> None:
        told = getattr(poller, "continuation_token", None)
        self._add("answered", id, told() if told else "")

    def ended(self, id: str, code: str) -> None:
        if id.lower() in self._open:
            self._add("ended", id, code)

    def open(self, id: str) -> Open | None:
        return self._open.get(id.lower())

    def close(self) -> None:
        """Give the file free."""
        self._connection.close()
        os.close(self._head)

    def _begin(self, *, fresh: bool) -> None:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._head = os.open(self._head_path, os.O_RDWR | os.O_CREAT, 0o600)
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        try:
            with _judged(self.name):
                self._lock()
                if fresh or not self._whole():
                    self._connection.execute(_SCHEMA)
                    os.ftruncate(self._head, 0)
                self._replay()
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN EXCLUSIVE")
        self._connection.execute("COMMIT")

    def _whole(self) -> bool:
        """False when nothing was ever kept here: a process was killed between making the file and its table."""
        tables = self._connection.execute("SELECT sql FROM sqlite_master").fetchall()
        if not tables and not os.pread(self._head, 1, 0):
            return False
        if tables != [(_SCHEMA,)]:
            raise _Damaged("the table is not ours")
        if self._connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
            raise _Damaged("SQLite finds it damaged")
        return True

    def _replay(self) -> None:
        """Read all rows, each against its seal, and the head against the row it names."""
        self._open: dict[str, Open] = {}
        self._seal = _FIRST_SEAL
        self._count = 0
        seals = [_FIRST_SEAL]
        for seq, *texts, seal in self._connection.execute("SELECT * FROM entries ORDER BY seq"):
            if seq != self._count + 1 or seal != _sealed(self._seal, seq, *texts):
                raise _Damaged(f"row {seq} is not what was written")
            self._count, self._seal = seq, seal
            seals.append(seal)
            self._apply(*texts)
        head = os.pread(self._head, 200, 0).decode("ascii")
        last, _, seal = head.strip().partition(" ") if head else ("0", "", _FIRST_SEAL)
        # The head is written after its row: a kill in between leaves it one behind.
        if head != _head(int(last), seal) * bool(head) or int(last) not in (self._count, self._count - 1):
            raise _Damaged("the last rows are lost")
        if seals[int(last)] != seal:
            raise _Damaged("the head is of another journal")

    def _add(self, kind: str, id: str, data: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        seq = self._count + 1
        seal = _sealed(self._seal, seq, at, kind, id, data)
        self._insert((seq, at, kind, id, data, seal))
        os.pwrite(self._head, _head(seq, seal).encode("ascii"), 0)
        self._count, self._seal = seq, seal
        self._apply(at, kind, id, data)

    def _insert(self, row: tuple[int, str, str, str, str, str]) -> None:
        """One transaction, durable when it returns."""
        self._connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", row)

    def _apply(self, at: str, kind: str, id: str, data: str) -> None:
        key = id.lower()
        if kind == "intent":
            self._open[key] = Open(id, data, at)
        elif kind == "answered" and key in self._open:
            self._open[key] = replace(self._open[key], token=data)
        elif kind == "ended":
            self._open.pop(key, None)

    def _begin_anew(self, *, aside: bool) -> None:
        """In new files; the old ones are closed. Closing them twice could hit what another thread has just opened."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        for path in filter(Path.exists, (self._path, self._head_path, self._path.with_name(f"{FILE}-wal"))):
            if aside:
                kept = path.with_name(f"{path.name}.damaged-{stamp}")
                path.replace(kept)
                if path == self._path:
                    self.set_aside = kept
            else:
                path.unlink()
        self._path.with_name(f"{FILE}-shm").unlink(missing_ok=True)
        self._begin(fresh=True)


class _Damaged(Exception):  # noqa: N818 - never leaves this module
    """The file is not what was written."""


@contextlib.contextmanager
def _judged(name: str) -> Iterator[None]:
    """What SQLite and the reading raise of a file that is not whole is one thing: it is damaged."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            raise JournalHeld(name) from None
        raise _Damaged(str(error)) from None
    except (sqlite3.Error, ValueError, TypeError, AttributeError, IndexError, OverflowError, MemoryError) as error:
        raise _Damaged(str(error)) from None


def _sealed(before: str, *parts: object) -> str:
    return hashlib.sha256("\0".join((before, *map(str, parts))).encode()).hexdigest()


def _head(seq: int, seal: str) -> str:
    return f"{seq:012d} {seal}\n"
