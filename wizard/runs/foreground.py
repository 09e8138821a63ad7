"""A command as a run: it holds the deployment's lock as a detached run does, and leaves its events where others attach.

So one at a time works on a deployment, whoever it is; and a command that was killed is seen as a run that was lost.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError
from wizard.home import write_atomically
from wizard.runs import journal
from wizard.runs.starting import under_way

if TYPE_CHECKING:
    from wizard.deploy.events import Event

INTERRUPTED = 130


class Foreground:
    """A run in this process."""

    def __init__(self, writer: journal.Writer) -> None:
        self._writer = writer

    def watching(self, emit: Callable[[Event], None]) -> Callable[[Event], None]:
        """What is handed to the engine: tells `emit` and keeps the event for whoever attaches."""

        def tell(event: Event) -> None:
            self._writer.write(event.as_event())
            emit(event)

        return tell


@contextlib.contextmanager
def holding(kind: str, name: str, request: Mapping[str, Any] | None = None) -> Iterator[Foreground]:
    """Hold a deployment for the length of a command. Raises UnderWay when another run or command holds it.

    `request` is kept as it is, so that it holds no secret.
    """
    with journal.new_run(name) as made:
        if made is None:
            raise under_way(name)
        folder, *_ = made
        writer = journal.Writer(folder)
        writer.write({"event": "began", "kind": kind, "name": name, "run": folder.name})
        facts = {"id": folder.name, "kind": kind, "name": name, "pid": os.getpid(), "began_utc": journal.now()}
        told = json.dumps({**facts, "request": dict(request or {})}, ensure_ascii=False, indent=2)
        write_atomically(folder / journal.FACTS, told + "\n")
        ended: dict[str, Any] = {"state": "done", "exit_status": 0}
        try:
            yield Foreground(writer)
        except WizardError as error:
            writer.write(error.as_event())
            why = {"what": error.what, "why": error.why, "remedy": error.remedy}
            ended = {"state": "failed", "exit_status": error.exit_status, **why}
            raise
        except BaseException:
            why = {"what": "The command was stopped.", "why": "What was done is kept."}
            ended = {"state": "cancelled", "exit_status": INTERRUPTED, **why}
            raise
        finally:
            writer.write({"event": "ended", "what": "", "why": "", "remedy": "", "problems": [], **ended})
            (folder / journal.SEEN).touch(mode=0o600)  # by whoever gave the command
            writer.close()
