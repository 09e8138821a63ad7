"""The desk's process: reads questions, answers each in a task of its own, and ends when nobody asks any more."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from wizard.desk import questions
from wizard.desk.session import Session, Tell
from wizard.errors import WizardError

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; a plan with a large cloud-init file is far below."""

CLOSING_S = 1.0
"""With `session.CLOSING_S` less than 2 s: so long a desk may outlive a wizard that was killed."""


def main() -> None:
    """Answer until standard input ends."""
    asyncio.run(_to_the_end(_own_output()))


async def _to_the_end(out: int) -> None:
    try:
        await _serve(out)
    except Exception:
        traceback.print_exc()
    finally:
        # asyncio would wait for its threads now, such as one that starts a sandbox; nothing here needs to be saved.
        sys.stderr.flush()
        os._exit(0)


def _own_output() -> int:
    """Standard output for our lines alone: whatever else prints, prints to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return own


class Lines:
    """Writes lines of JSON; a reader that has gone ends the desk as the end of its input would."""

    def __init__(self, descriptor: int, gone: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._gone = gone

    def __call__(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._gone()


async def _serve(out: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # no child of ours reads the questions
    desk = _Desk(Lines(out, reader.feed_eof))
    threading.Thread(target=_preload, args=(loop, desk.tell), daemon=True).start()
    while line := await reader.readline():
        desk.take(line)
    await desk.close()


def _preload(loop: asyncio.AbstractEventLoop, tell: Tell) -> None:
    from wizard.azure.preload import preload

    preload()
    loop.call_soon_threadsafe(tell, "ready")


class _Desk:
    """The open questions."""

    def __init__(self, write: Lines) -> None:
        self._write = write
        self.tell = Tell(write)
        self.session = Session(self.tell)
        self._open: dict[int, asyncio.Task[None]] = {}

    def take(self, line: bytes) -> None:
        """A question, or its cancellation. What is neither is passed over: nobody waits for it."""
        try:
            asked = json.loads(line)
        except ValueError:
            return
        if not isinstance(asked, dict):
            return
        if (cancelled := asked.get("cancel")) is not None:
            if task := self._open.get(cancelled):
                task.cancel()
            return
        number = asked.get("id")
        if not isinstance(number, int) or number in self._open:
            return
        task = asyncio.ensure_future(self._answer(number, str(asked.get("ask")), asked.get("with") or {}))
        self._open[number] = task
        task.add_done_callback(lambda _done: self._open.pop(number, None))

    async def _answer(self, number: int, ask: str, arguments: Mapping[str, Any]) -> None:
        try:
            found = await questions.answer(self.session, self.tell.of(number), ask, arguments)
        except asyncio.CancelledError:
            return  # whoever asked does not wait any more
        except WizardError as error:
            self._write({"id": number, "error": questions.told(error)})
        except Exception as error:  # one question's fault is not the others'
            self._write({"id": number, "error": _fault(ask, error)})
        else:
            self._write({"id": number, "answer": found})

    async def close(self) -> None:
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSING_S)
        await self.session.close()


def _fault(ask: str, error: Exception) -> dict[str, Any]:
    """A fault of ours, told by its type and place: its own words may quote anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else "an unknown place"  # noqa: PTH119
    return {
        "kind": "WizardError",
        "what": f"The question {ask} met a fault of ours: {type(error).__name__}.",
        "why": f"It happened in {where}.",
        "remedy": "Try again; if it stays, report it with these words.",
    }
