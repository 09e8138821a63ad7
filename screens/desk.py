"""The desk, as screens see it: a child process that is asked and answers, so that no cloud library runs beside them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from wizard import children, errors
from wizard.errors import AzureError, Problem, UnreachableError, WizardError

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; the sizes of a region with their facts are some hundred kilobytes."""

ENDING_S = 5.0

_FOUND = (None, "own", "environment", "azure-cli")
"""Sign-in methods that need no person."""

_AS_SOMEBODY = frozenset(
    [
        "subscriptions",
        "choose",
        "handover",
        "groups",
        "regions",
        "sizes",
        "images",
        "fault_domains",
        "preflight",
        "outlook",
        "deployments",
        "status",
    ]
)
"""Questions that a cloud answers. After a person's sign-in is lost, none of them is put as somebody else."""

Told = Callable[[dict[str, Any]], None]


class Desk:
    """Questions and answers as `wizard.desk` describes them.

    The process is started by the first question, and once more when it died under one: what was chosen is then chosen
    again, unless a person's sign-in or a secret is gone with it. `listen` adds who is told what the desk tells by
    itself (device codes, clouds being started).
    """

    def __init__(self) -> None:
        self.narration: deque[str] = deque(maxlen=50)  # the last lines it said on standard error
        self._listeners: list[Told] = []
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        # By number: which process was asked, and what its answer completes.
        self._waiting: dict[int, tuple[asyncio.subprocess.Process | None, asyncio.Future[Any]]] = {}
        self._number = 0
        self._chosen: dict[str, tuple[str, dict[str, Any]]] = {}  # by cloud: what to ask first after a restart
        self._lost: set[str] = set()  # clouds whose sign-in died with the process
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, told: Told) -> Callable[[], None]:
        """Call `told` with everything the desk tells by itself; returns what ends that."""
        self._listeners.append(told)
        return lambda: self._listeners.remove(told) if told in self._listeners else None

    async def start(self) -> None:
        """Start it now, ahead of the first question, so that its libraries load while nobody waits."""
        async with self._starting:
            if self._process is None:
                await self._start()
            elif self._process.returncode is not None:
                await self._start()
                await self._restore()

    async def ask(self, question: str, /, *, told: Told | None = None, **arguments: Any) -> Any:
        """The answer to a question. Cancelled, the question is taken back.

        `told` gets what the desk tells of this question (`sign_in`: the device code). Raises WizardError and its kinds.
        """
        try:
            answer = await self._ask(question, arguments, told)
        except _DeskDiedError:
            try:
                answer = await self._ask(question, arguments, told)
            except _DeskDiedError:
                raise WizardError(
                    f"The question {question} could not be answered.",
                    " ".join(["The process that answers died under it twice.", *[*self.narration][-1:]]),
                    "Try again; if it stays, this is a fault of ours.",
                ) from None
        self._remember(question, arguments, answer)
        return answer

    async def _restore(self) -> None:
        """Choose again, in a new process, what was chosen in the one that died."""
        self._lost = {cloud for cloud, (_, how) in self._chosen.items() if how.get("method") not in _FOUND}
        for cloud, (question, how) in self._chosen.items():
            if cloud not in self._lost:
                with contextlib.suppress(WizardError):  # the question that needs it will say so
                    await self._exchange(question, how, None)

    def _sign_in_is_gone(self) -> WizardError:
        return UnreachableError(
            f"The sign-in to {' and '.join(sorted(self._lost))} is gone.",
            "The process that held it has died, and nobody else ever knew it.",
            "Sign in again.",
        )

    def _remember(self, question: str, arguments: dict[str, Any], answer: Any) -> None:
        if question == "sign_in":
            self._lost.clear()
            how = {name: arguments.get(name) for name in ("method", "tenant", "subscription")}
            self._chosen[answer["cloud"]] = ("sign_in", {"cloud": answer["cloud"], **how})
        elif question == "choose":
            before = self._chosen.get(answer["cloud"], ("sign_in", {"cloud": answer["cloud"]}))[1]
            self._chosen[answer["cloud"]] = ("sign_in", {**before, "subscription": answer["subscription"]})

    async def close(self) -> None:
        """End it: its input ends, and it goes by itself."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(ENDING_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, question: str, arguments: dict[str, Any], told: Told | None) -> Any:
        await self.start()
        if self._lost and question in _AS_SOMEBODY:
            raise self._sign_in_is_gone()
        return await self._exchange(question, arguments, told)

    async def _exchange(self, question: str, arguments: dict[str, Any], told: Told | None) -> Any:
        self._number += 1
        number = self._number
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = (self._process, future)
        forget = self.listen(lambda line: told(line) if told and line.get("id") == number else None)
        try:
            await self._send({"id": number, "ask": question, "with": arguments})
            return await future
        except asyncio.CancelledError:
            with contextlib.suppress(_DeskDiedError):
                await self._send({"cancel": number})
            raise
        finally:
            forget()
            self._waiting.pop(number, None)

    async def _start(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *children.command("wizard.desk"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=children.environment(),
            start_new_session=True,  # the terminal's keys are the screens'; the end of its input ends it
        )
        self._process = process
        for work in (self._read(process), self._overhear(process)):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, line: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            raise _DeskDiedError
        try:
            process.stdin.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            await process.wait()  # whoever asks again must find it ended
            raise _DeskDiedError from None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._take(json.loads(line))
        await process.wait()
        for asked, future in [*self._waiting.values()]:
            if asked is process and not future.done():
                future.set_exception(_DeskDiedError())

    def _take(self, line: dict[str, Any]) -> None:
        if "tell" in line:
            for told in [*self._listeners]:
                told(line)
            return
        waiting = self._waiting.get(line["id"])
        if waiting is None or waiting[1].done():
            return
        future = waiting[1]
        if "error" in line:
            future.set_exception(_raised(line["error"]))
        else:
            future.set_result(line["answer"])

    async def _overhear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.narration.append(line.decode(errors="replace").rstrip())


class _DeskDiedError(Exception):
    """The process ended before it answered."""


def _raised(told: dict[str, Any]) -> WizardError:
    """The error that the desk told, as the class it is there; `problems` where it has many."""
    words = (told["what"], told["why"], told["remedy"])
    kind = getattr(errors, told["kind"], WizardError)
    if kind is AzureError:
        error: WizardError = AzureError(*words, code=told.get("code", ""), status=told.get("status"))
    else:
        error = kind(*words)
    if "problems" in told:
        error.problems = [Problem(**problem) for problem in told["problems"]]  # type: ignore[attr-defined]
    return error
