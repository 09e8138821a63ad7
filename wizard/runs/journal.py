"""Where a run is kept: its folder, its locks, and the file of its events. Nothing here ever holds a secret.

HOME/runs/NAME/lock             held by the run that works on the deployment
HOME/runs/NAME/RUN/lock         held as long as this run lives; apart from the other, so that looking blocks no start
HOME/runs/NAME/RUN/run.json     what the run is
HOME/runs/NAME/RUN/events.jsonl one event a line
HOME/runs/NAME/RUN/seen         there once somebody has seen how it ended
HOME/runs/NAME/RUN/log          what the process said outside of events, which is nothing unless it has a fault

NAME is in lower case: resource groups have no case.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wizard.errors import InputError
from wizard.home import home

KEPT = 20
"""Runs kept for each deployment; older ones go when a new one starts."""

EVENTS = "events.jsonl"
FACTS = "run.json"
LOCK = "lock"
LOG = "log"
SEEN = "seen"


def now() -> str:
    """UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def folder_of(name: str) -> Path:
    """The folder of a deployment's runs; InputError for what is no deployment's name."""
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise InputError(f"{name!r} is not the name of a deployment.", "", "It is the name of its resource group.")
    return home() / "runs" / name.casefold()


def all_folders() -> Iterator[Path]:
    """The folders of all deployments that had runs."""
    parent = home() / "runs"
    yield from sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else ()


def of(folder: Path) -> list[Path]:
    """The runs in a deployment's folder, the oldest first; one that is still being started is not among them."""
    return sorted(path.parent for path in folder.glob(f"*/{FACTS}"))


def make(folder: Path) -> Path:
    """A folder for a new run; their names sort by time."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path = folder / f"{stamp}-{secrets.token_hex(2)}"
    path.mkdir(mode=0o700, parents=True)
    return path


def prune(folder: Path) -> None:
    """Remove the oldest runs beyond `KEPT`. Only for the holder of the deployment's lock: none of them lives."""
    for path in of(folder)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def take(path: Path) -> int | None:
    """Open a lock file and lock it: the descriptor, or None when somebody holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def new_run(name: str) -> Iterator[tuple[Path, int, int] | None]:
    """A folder for a new run on a deployment, and both locks: the deployment's and the run's. None when it is held.

    The locks are let go of at the end; a process that was given their descriptors meanwhile holds them on.
    """
    parent = folder_of(name)
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deployment_lock = take(parent / LOCK)
    if deployment_lock is None:
        yield None
        return
    try:
        prune(parent)
        folder = make(parent)
        run_lock = take(folder / LOCK)
        assert run_lock is not None  # nobody else knows the folder yet
        try:
            yield folder, deployment_lock, run_lock
        finally:
            os.close(run_lock)
    finally:
        os.close(deployment_lock)


def held(path: Path) -> bool:
    """Whether somebody holds a lock file. Looking takes it for a moment, so never ask this of a deployment's lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Writer:
    """Appends events to a run's file. `hidden` are the run's secrets: what holds one is not written as it came.

    Nothing that is emitted should hold one; this is the last door, and it is cheap.
    """

    SHORTEST = 6
    """Shorter texts than any password Azure takes are words that may stand anywhere."""

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._descriptor: int | None = descriptor
        self._hidden: set[str] = set()
        self._count = 0

    def hide(self, *texts: str) -> None:
        self._hidden.update(text for text in texts if len(text) >= self.SHORTEST)

    def write(self, event: Mapping[str, Any]) -> None:
        """One line, in one write: a reader sees it whole, or not yet. Nothing is told after the end."""
        if self._descriptor is None:
            return
        self._count += 1
        stamped = self._clean({**event, "n": self._count, "at_utc": now()})
        line = json.dumps(stamped, ensure_ascii=False, separators=(",", ":"), default=str).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]

    def close(self) -> None:
        """The run has ended; whoever lives on (a program that calls `wizard.api`) keeps no file open for it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for hidden in self._hidden:
                value = value.replace(hidden, "•••")
            return value
        if isinstance(value, Mapping):
            return {self._clean(key) if isinstance(key, str) else key: self._clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(item) for item in value]
        return value
