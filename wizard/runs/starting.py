"""Starts a run: two locks are taken here and handed to the process as open descriptors, so that there is no moment in
which nobody holds them; the request goes with its secrets over a pipe, never through arguments, environment or files.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard import children
from wizard.errors import InputError, WizardError
from wizard.runs import journal
from wizard.runs.run import Run

START_S = 30.0
"""Python and its imports take 0.1 s; on a machine that is hard at work, much longer."""

_TURN_S = 0.01


async def start(
    kind: str, name: str, request: Mapping[str, Any] | None = None, secrets: Mapping[str, Any] | None = None
) -> Run:
    """Start a run on a deployment and return it as soon as its process has taken everything over.

    `request` and `secrets` are JSON values, see the package. InputError for a kind that is none and when a run on the
    deployment is under way; WizardError when the process does not come up. What is wrong with the request itself is
    the run's to tell.
    """
    from wizard.runs.kinds import KINDS

    if kind not in KINDS:
        raise InputError(f"There is no kind of run {kind!r}.", "", f"Kinds are: {', '.join(KINDS)}.")
    handed = json.dumps({"kind": kind, "name": name, "request": request or {}, "secrets": secrets or {}}).encode()
    return await asyncio.to_thread(_start, kind, name, handed)


def _start(kind: str, name: str, handed: bytes) -> Run:
    with journal.new_run(name) as made:
        if made is None:
            raise under_way(name)
        folder, deployment_lock, run_lock = made
        child = _spawn(folder, (deployment_lock, run_lock))
    threading.Thread(target=child.wait, daemon=True).start()  # buries it, if it ends before this process does
    try:
        assert child.stdin is not None
        with child.stdin:
            child.stdin.write(handed)
    except BrokenPipeError:
        pass  # it has ended: told below
    return _taken_over(kind, child, folder)


def _spawn(folder: Path, locks: tuple[int, int]) -> subprocess.Popen[bytes]:
    log = os.open(folder / journal.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            children.command("wizard.runs", str(folder), *map(str, locks)),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's end and its Ctrl-C are not for it
            pass_fds=locks,
            env=children.environment(),
        )
    finally:
        os.close(log)


def _taken_over(kind: str, child: subprocess.Popen[bytes], folder: Path) -> Run:
    deadline = time.monotonic() + START_S
    while not (folder / journal.FACTS).exists():
        if not journal.held(folder / journal.LOCK) or time.monotonic() > deadline:
            child.kill()
            said = (folder / journal.LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            shutil.rmtree(folder, ignore_errors=True)
            raise WizardError(
                f"The process that was to {kind} did not come up.", said[-1] if said else "", "Try it again."
            )
        time.sleep(_TURN_S)
    return Run.read(folder)


class UnderWay(InputError):  # noqa: N818 - told as a fact, as the events are
    """Another run, or a command, is at work on the deployment: `run`, or None while it is just being started."""

    run: Run | None = None


def beside(name: str) -> str:
    """A sentence on who holds a deployment, for what may go on beside it; "" when nobody does."""
    first = _holder(name)
    if first is None:
        return ""
    told = f"{first.kind}, since {first.began_utc} (process {first.pid})"
    return f"{name} is being worked on: {told}. What is not as planned may be its doing."


def _holder(name: str) -> Run | None:
    from wizard.runs import active

    return next((run for run in active() if run.name.casefold() == name.casefold()), None)


def under_way(name: str) -> UnderWay:
    """Who holds a deployment, as an error."""
    first = _holder(name)
    if first is None:
        return UnderWay(f"Another run on {name} is just being started.", "", "Attach to it, or wait for its end.")
    error = UnderWay(
        f"A run is under way on {name}: {first.kind}, since {first.began_utc} (process {first.pid}).",
        "One at a time works on a deployment.",
        "Attach to it, wait for its end, or cancel it.",
    )
    error.run = first
    return error
