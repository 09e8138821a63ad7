"""Setting faults in a running sandbox from outside its process: a file of wishes, a signal, and a file of what stands.

It is a channel of its own, because a client of ARM must not be able to tell that the cloud it asks is made to fail.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import UnreachableError, WizardError
from wizard.home import write_atomically
from wizard.sandbox import control, faults_file

if TYPE_CHECKING:
    from wizard.sandbox.world import World

TOLD_EVERY_S = 0.05
"""What stands is written no more often than this, however many requests are struck."""
TAKEN_WITHIN_S = 5.0


def wish_file() -> Path:
    """What shall stand: `{"wish": ID, "text": TOML}`."""
    return control.folder() / "faults.json"


def standing_file() -> Path:
    """What stands: `{"wish": ID, "pid": PROCESS, "faults": [...]}`."""
    return control.folder() / "faults-standing.json"


# From outside


def put(text: str) -> list[dict[str, Any]]:
    """Let these faults (TOML, see `faults_file`) stand in the running sandbox instead of what stood; "" clears.

    Returns what stands now. Raises InputError for a bad text, UnreachableError when no sandbox runs.
    """
    faults_file.parse(text)
    pid = _pid()
    wish = uuid.uuid4().hex
    write_atomically(wish_file(), json.dumps({"wish": wish, "text": text}))
    os.kill(pid, signal.SIGHUP)

    def taken() -> list[dict[str, Any]] | None:
        told = _told()
        return told["faults"] if told.get("wish") == wish and told.get("pid") == pid else None

    standing = control.wait_for(taken, TAKEN_WITHIN_S)
    if standing is None:
        raise WizardError("The running sandbox did not take on the faults.", "", "Stop it, and start it again.")
    return standing


def standing() -> list[dict[str, Any]]:
    """What stands in the running sandbox, each with its `matches` and `strokes`. Raises UnreachableError."""
    pid, told = _pid(), _told()
    found: list[dict[str, Any]] = told["faults"] if told.get("pid") == pid else []
    return found


def _told() -> dict[str, Any]:
    try:
        told = json.loads(standing_file().read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _pid() -> int:
    state = control.running()
    if state is None:
        raise UnreachableError(
            "The sandbox is not running.", "Faults stand in a running one.", "Start it: multivm-wizard sandbox start"
        )
    return int(state["pid"])


# Inside the sandbox


class Channel:
    """The sandbox's end: takes wishes, and tells what stands soon after it has changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wish = ""
        self._telling: asyncio.TimerHandle | None = None
        world.faults.changed.append(self._tell_soon)

    def begin(self, text: str) -> None:
        """What stands from the start."""
        self._world.faults.set(faults_file.parse(text))
        self._tell()

    def take(self) -> None:
        """Look for a wish that is not fulfilled yet. A file that makes no sense is nobody's wish."""
        with contextlib.suppress(OSError, ValueError, KeyError, WizardError):
            wished = json.loads(wish_file().read_text())
            if wished["wish"] != self._wish:
                faults = faults_file.parse(wished["text"])
                self._wish = wished["wish"]
                self._world.clock.right()
                self._world.faults.set(faults)
                self._tell()

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOLD_EVERY_S, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        told = {"wish": self._wish, "pid": os.getpid(), "faults": self._world.faults.listing()}
        write_atomically(standing_file(), json.dumps(told))
