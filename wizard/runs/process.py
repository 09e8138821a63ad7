"""The process of a run: takes the request from standard input, does the work, writes what happens, ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import WizardError
from wizard.home import write_atomically
from wizard.runs import journal
from wizard.runs.job import Job
from wizard.runs.kinds import KINDS, fault

INTERRUPTED = 130
"""128 + SIGINT, as the commands end."""


def main(arguments: Sequence[str]) -> None:
    """`FOLDER LOCK LOCK`: the run's folder, and the descriptors of the locks that it holds as long as it lives."""
    folder = Path(arguments[0])
    for descriptor in arguments[1:]:
        os.set_inheritable(int(descriptor), False)  # a sandbox that this run starts must not hold them after it
    try:
        handed = json.loads(sys.stdin.buffer.read())
    except ValueError:
        sys.exit(1)  # whoever started this has died in the middle of it
    asyncio.run(_to_the_end(folder, handed))


async def _to_the_end(folder: Path, handed: Mapping[str, Any]) -> None:
    status = 1
    try:
        status = await _run(folder, handed)
    finally:
        # asyncio would wait for its threads now: one that waits for a socket must not keep the locks.
        sys.stderr.flush()
        os._exit(status)


async def _run(folder: Path, handed: Mapping[str, Any]) -> int:
    writer = journal.Writer(folder)
    writer.hide(*_texts(handed["secrets"]))
    job = Job(handed["kind"], handed["name"], handed["request"], handed["secrets"], writer.write, writer.hide)
    work = asyncio.ensure_future(KINDS[job.kind](job))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, work.cancel)
    facts = {
        "id": folder.name,
        "kind": job.kind,
        "name": job.name,
        "pid": os.getpid(),
        "began_utc": journal.now(),
        "request": dict(job.request),
    }
    writer.write({"event": "began", "kind": job.kind, "name": job.name, "run": folder.name})
    # From here on the run is seen, and whoever started it may go.
    write_atomically(folder / journal.FACTS, json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    ended = await _outcome(work, writer)
    writer.write({"event": "ended", "what": "", "why": "", "remedy": "", "problems": [], **ended})
    status: int = ended["exit_status"]
    return status


async def _outcome(work: asyncio.Future[int], writer: journal.Writer) -> dict[str, Any]:
    """How the work ended, for the last event; an error is told by one of its own before."""
    try:
        return {"state": "done", "exit_status": await work}
    except asyncio.CancelledError:
        return {
            "state": "cancelled",
            "exit_status": INTERRUPTED,
            "what": "The run was stopped.",
            "why": "What was done is kept.",
        }
    except WizardError as error:
        problems = [problem.as_event() for problem in getattr(error, "problems", ())]
        for problem in problems:
            writer.write(problem)
        writer.write(error.as_event())
        told = {"what": error.what, "why": error.why, "remedy": error.remedy, "problems": problems}
        return {"state": "failed", "exit_status": error.exit_status, **told}
    except Exception as error:  # a fault of ours must not look like a process that was killed
        frames = traceback.extract_tb(error.__traceback__)
        print(type(error).__name__, *(f"{f.filename}:{f.lineno} {f.name}" for f in frames), sep="\n  ", file=sys.stderr)  # noqa: T201
        told = fault(error)
        writer.write({"event": "error", **told})
        return {"state": "failed", "exit_status": 1, **told}


def _texts(secrets: Mapping[str, Any]) -> list[str]:
    """Every text in a request's secrets that is one; a sign-in also names a method and a tenant."""
    found: list[str] = []
    for name, value in secrets.items():
        if name == "sign_in":
            found += [str(value[part]) for part in ("client_secret", "token") if part in (value or {})]
        elif isinstance(value, Mapping):
            found += [str(text) for text in value.values()]
        else:
            found.append(str(value))
    return found
