"""One run, seen from any process: what it is, whether it lives, what it tells, and how to stop it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from wizard.runs import journal

TURN_S = 0.1
"""A screen draws at 4 Hz; looking at a file's size ten times a second costs nothing."""

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    done       it ran to its end; `exit_status` is 1 when what it checked or reset has failures
    failed     an error stopped it: `what`, `why`, `remedy`, and `problems` where there are many
    cancelled  it was told to stop; what Azure had accepted goes on there (130)
    lost       it ended without a word: killed, or the computer went down
    """

    state: Literal["done", "failed", "cancelled", "lost"]
    exit_status: int
    what: str = ""
    why: str = ""
    remedy: str = ""
    problems: Sequence[Mapping[str, Any]] = ()
    at_utc: str = ""


LOST = Ended(
    "lost",
    1,
    "The run ended without a word.",
    "Its process was killed, or the computer went down.",
    "What is there is kept. Run the same again: it continues from what is there.",
)


@dataclass(frozen=True)
class Run:
    """A run as its file tells it. `request` is what was asked for, without secrets."""

    id: str
    kind: str
    name: str
    began_utc: str
    pid: int
    folder: Path
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, folder: Path) -> Run:
        """The run in a folder. Raises OSError, ValueError or KeyError when there is none to read."""
        told = json.loads((folder / journal.FACTS).read_text(encoding="utf-8"))
        return cls(told["id"], told["kind"], told["name"], told["began_utc"], told["pid"], folder, told["request"])

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        return journal.held(self.folder / journal.LOCK)

    @property
    def ended(self) -> Ended | None:
        """How it ended; None while it lives. Reads the end of its file."""
        if self.alive:
            return None
        last = self._last()
        if last.get("event") != "ended":
            return LOST
        return Ended(**{name: last[name] for name in Ended.__dataclass_fields__ if name in last})

    async def events(self, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Each event with a number above `after`: those that were told, then those that come, until the run has ended.

        What came out of a killed process is told as far as it is whole.
        """
        place, rest = 0, b""
        while True:
            alive = self.alive  # asked before reading: what a run wrote before it ended is then not missed
            more = self._read(place)
            place += len(more)
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                event = _parsed(line)
                if event is not None and event["n"] > after:
                    yield event
            if len(more) == CHUNK:
                await asyncio.sleep(0)
            elif not alive:
                return
            else:
                await asyncio.sleep(TURN_S)

    async def cancel(self) -> bool:
        """Tell it to stop, as Ctrl-C tells a command; its events say how it does. False when it has ended already."""
        if not self.alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)  # it holds its lock, so the number is still its own
            return True
        return False

    async def wait(self) -> Ended:
        """Wait for its end."""
        async for _ in self.events():
            pass
        return self.ended or LOST

    def _read(self, place: int) -> bytes:
        try:
            with (self.folder / journal.EVENTS).open("rb") as stream:
                stream.seek(place)
                return stream.read(CHUNK)
        except FileNotFoundError:
            return b""

    def _last(self) -> dict[str, Any]:
        try:
            lines = (self.folder / journal.EVENTS).read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        return next((event for line in reversed(lines[:-1]) if (event := _parsed(line))), {})


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("n"), int) else None
