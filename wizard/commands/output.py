"""How every command speaks: data on standard output, narration on standard error, errors with their exit status.

With `--json` standard output is one JSON object a line; without it, lines for a person. Lines leave at once, so that a
pipe sees a deployment as it goes.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import click

from wizard.errors import InputError, Problem, WizardError

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line on standard output.")


class Output:
    """Where a command's words go."""

    def __init__(self, json: bool) -> None:
        self.json = json

    def data(self, event: Mapping[str, Any], text: str | None = None) -> None:
        """A fact a script may rely on. `text` is the line a person gets instead; None: a person gets nothing."""
        if self.json:
            click.echo(json.dumps(event, ensure_ascii=False, default=str))
        elif text is not None:
            click.echo(text)
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Narration: what is going on, on standard error."""
        click.echo(text, err=True)

    def beside(self, name: str) -> None:
        """Say who is at work on a deployment that is only looked at."""
        from wizard.runs.starting import beside

        if told := beside(name):
            self.say(told)

    def problem(self, problem: Problem) -> None:
        """One fault of a plan or of a cloud's readiness."""
        self.data(problem.as_event(), problem_text(problem))

    def problems(self, problems: list[Problem]) -> int:
        """All faults and the line that counts them; returns the number of errors."""
        for problem in problems:
            self.problem(problem)
        errors = sum(problem.severity == "error" for problem in problems)
        warnings = len(problems) - errors
        counted = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
        self.data({"event": "checked", "errors": errors, "warnings": warnings}, counted)
        return errors


def problem_text(problem: Problem) -> str:
    """A problem for a person: the sign, the field, then what, why and the remedy on lines of their own."""
    sign = "✗" if problem.severity == "error" else "!"
    head = f"{sign} {problem.field}: {problem.what}" if problem.field else f"{sign} {problem.what}"
    return "\n".join([head, *(f"    {line}" for line in (problem.why, problem.remedy) if line)])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def guarded(function: F) -> F:
    """Turn a WizardError into its event or message and its exit status, and an interruption into 130.

    The command must take `as_json` (see `json_option`).
    """

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        out = Output(bool(options.get("as_json")))
        try:
            return function(*arguments, **options)
        except WizardError as error:
            report(error, out)
            sys.exit(error.exit_status)
        except (KeyboardInterrupt, asyncio.CancelledError):
            out.say("Interrupted; what was done is kept.")
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # The reader has gone (`| head`): there is nobody to tell, and Python's own flush at exit would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    return command  # type: ignore[return-value]


def report(error: WizardError, out: Output) -> None:
    """Tell an error on the channel the caller listens to: standard output with `--json`, else standard error."""
    if problems := getattr(error, "problems", None):
        for problem in problems:
            if out.json:
                out.problem(problem)
            else:
                out.say(problem_text(problem))
    if out.json:
        out.data(error.as_event())
        return
    lines = [f"✗ {error.what}", *(f"    {line}" for line in (error.why, error.remedy) if line)]
    out.say("\n".join(lines))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; SIGINT and SIGTERM cancel, so that what is running can be told and closed properly."""

    async def cancellable() -> T:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        for name in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(name, task.cancel)
            except (
                NotImplementedError,
                RuntimeError,
            ):  # Windows, or not the main thread: asyncio.run does SIGINT alone
                break
        return await task

    return asyncio.run(cancellable())


def survive_the_terminal() -> None:
    """A closed terminal interrupts as Ctrl-C does, instead of ending us with what is to be undone on machines."""
    task = asyncio.current_task()
    if task is not None and hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, task.cancel)


def read_line_from_stdin(name: str) -> str:
    """One line of standard input without its line end; InputError when there is none."""
    line = sys.stdin.readline()
    if not line.rstrip("\r\n"):
        raise InputError(
            f"Standard input holds no {name}.",
            "The option reads one line, and the line is missing or empty.",
            f"Give the {name} on standard input, on a line of its own.",
        )
    return line.rstrip("\r\n")
