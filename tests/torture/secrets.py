"""Marked secrets on every way through the product, crashes included; then a search of everything it left behind.

What is searched: each file of the home (the sandbox's own and its request log among them), all that was printed, the
arguments and environments of all processes meanwhile, pictures of screens. What is searched for: the secret as it
stands, and as JSON, JSON in JSON, URLs, HTML, Python, base64, hexadecimal digits and UTF-16 write it. A file that was
asked for to hold passwords (`--secret-file`) is the one exemption.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.test_secrets import FIRST, SECOND, Terminal, seen_in_proc
from tests.test_secrets import spellings as plain_spellings
from tests.torture.progress import Budget, Progress, open_cases

THIRD = 'canary-Three-3"%é<&'
NAME = "canary-rg"
PORT = 18471
SPEED = "200"
KILLED_RUNS = 12
GENERATED = "generated.json"
LONG_S = 120.0


def spellings(secret: str) -> set[bytes]:
    """What `tests.test_secrets` knows, and what pictures, programs, dumps and Windows make of a text."""
    once = json.dumps(secret)[1:-1]
    wide = secret.encode("utf-16-le")
    found = plain_spellings(secret) | {json.dumps(once)[1:-1].encode(), repr(secret)[1:-1].encode()}
    found |= {html.escape(secret, quote=quote).encode() for quote in (True, False)}
    found |= {digits for raw in (secret.encode(), wide) for digits in (raw.hex().encode(), raw.hex().upper().encode())}
    # The first and last characters of base64 also hold bits of the neighbours: they are left out.
    encoded = (base64.b64encode(bytes(offset) + wide)[4 if offset else 0 : -4] for offset in range(3))
    return found | {wide, *encoded}


class Search:
    """Collects what was said and seen, and searches it with the home's files."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.texts: dict[str, bytes] = {}
        self.files = self.bytes = 0

    def found(self, secrets: Sequence[str], exempt: Sequence[str] = ()) -> list[str]:
        """The places that hold one of the secrets; `files` and `bytes` tell the most that was searched at once."""
        places = dict(self.texts)
        for file in self.home.rglob("*"):
            if file.is_file() and file.name not in exempt:
                with contextlib.suppress(FileNotFoundError):  # a journal's side file that goes meanwhile
                    places[str(file.relative_to(self.home))] = file.read_bytes()
        self.files = max(self.files, len(places))
        self.bytes = max(self.bytes, sum(map(len, places.values())))
        marks = {mark for secret in secrets for mark in spellings(secret)}
        return sorted(name for name, content in places.items() if any(mark in content for mark in marks))


@contextlib.contextmanager
def place() -> Iterator[tuple[Terminal, Search]]:
    """A home with a running sandbox; its processes are looked into as long as it lasts."""
    home = Path(tempfile.mkdtemp(prefix="secrets-"))
    terminal, search = Terminal(home), Search(home)
    before = os.environ.get("MULTIVM_HOME")
    os.environ["MULTIVM_HOME"] = str(home)
    try:
        with seen_in_proc(home) as seen:
            terminal.run("sandbox", "start", "--speed", SPEED)
            try:
                yield terminal, search
                search.texts |= {**terminal.said, "/proc": b"\n".join(seen)}
            finally:
                terminal.run("sandbox", "stop")
        assert len(seen) > 2, "no process was seen"
    finally:
        os.environ.pop("MULTIVM_HOME")
        if before is not None:
            os.environ["MULTIVM_HOME"] = before
        shutil.rmtree(home, ignore_errors=True)


def written(terminal: Terminal, **more: str) -> Path:
    """A plan with password sign-in, outside the places that are searched for nothing but secrets."""
    path = terminal.home / "plan.toml"
    options = [part for name, value in more.items() for part in (f"--{name}", value)]
    terminal.run("plan", "new", "-o", str(path), "--auth", "password", "--name", NAME, *options)
    text = path.read_text().replace("frontend_port = 80 ", f"frontend_port = {PORT} ")
    path.write_text(text)
    return path


def commands(os_type: str) -> tuple[list[str], Search]:
    """Every command that takes a password, and such as fail with one in hand."""
    refused = "root" if os_type == "linux" else "administrator"
    with place() as (terminal, search):
        plan = str(written(terminal, os=os_type))
        terminal.run("deploy", plan, "--yes", "--password-stdin", given=f"{FIRST}\n")
        terminal.run("verify", "--wait", "60", "--password-stdin", given=f"{FIRST}\n")
        resets = terminal.run(
            "reset", "--all", "--old-password-stdin", "--password-stdin", given=f"{FIRST}\n{SECOND}\n"
        )
        assert [one["state"] for one in resets if one["event"] == "reset"] == ["proved", "proved"], resets
        vm = next(str(one["vm"]) for one in resets if one["event"] == "reset")
        terminal.run("verify", "--wait", "20", "--password-stdin", given=f"{THIRD}\n", status=1)
        terminal.run("reset", "--vm", vm, "--user", refused, "--password-stdin", given=f"{THIRD}\n", status=2)
        terminal.run("scale", "--count", "3", "--yes", "--password-stdin", given=f"{THIRD}\n")
        terminal.run("status")
        terminal.run("plan", "export", plan, "-o", str(terminal.home / "out"), status=2)
        leaks = search.found([FIRST, SECOND, THIRD])
        terminal.run("destroy", "--yes")
    return leaks + search.found([FIRST, SECOND, THIRD]), search


def generated() -> tuple[list[str], Search]:
    """Made passwords stand in the file that was asked for, and nowhere else."""
    with place() as (terminal, search):
        plan, file = str(written(terminal)), terminal.home / GENERATED
        terminal.run("deploy", plan, "--yes", "--generate-password", "--secret-file", str(file))
        secrets = [str(one["password"]) for one in json.loads(file.read_text()).values()]
        assert len(set(secrets)) == 2, "each VM has its own"
        assert file.stat().st_mode & 0o777 == 0o600
        terminal.run("deploy", plan, "--yes", "--generate-password", "--secret-file", str(file), status=2)
        assert search.found(secrets) == [GENERATED], "the search finds it where it stands"
        leaks = search.found(secrets, exempt=[GENERATED])
        terminal.run("destroy", "--yes")
    return leaks + search.found(secrets, exempt=[GENERATED]), search


def killed_run(seed: int) -> tuple[list[str], Search]:
    """A detached run that is killed after a drawn number of events, and the next one that ends its work."""
    drawn = random.Random(seed)

    async def twice(plan: dict[str, Any]) -> int:
        from wizard import runs

        run = await runs.start("deploy", NAME, {"plan": plan}, {"password": FIRST})
        last, number = drawn.randrange(14, 34), 0
        async for event in run.events():
            number = int(event["n"])
            if number >= last:
                os.kill(run.pid, signal.SIGKILL)
                break
        await run.wait()
        assert run.ended
        assert run.ended.state == "lost", run.ended
        again = await runs.start("deploy", NAME, {"plan": plan}, {"password": FIRST})
        ended = await again.wait()
        assert ended.state == "done", ended
        kind, given = drawn.choice([("verify", {"password": FIRST}), ("reset", {"password": SECOND})])
        ask = {"wait_s": 30} if kind == "verify" else {"mode": "password"}
        third = await runs.start(kind, NAME, ask, {**given, "old_password": FIRST})
        for _ in range(drawn.randrange(1, 400)):
            await asyncio.sleep(0.01)
            if not third.alive:
                break
        with contextlib.suppress(ProcessLookupError):
            os.kill(third.pid, signal.SIGKILL)
        await third.wait()
        return number

    with place() as (terminal, search):
        from wizard.plan import files

        plan = files.read(written(terminal)).model_dump(mode="json")
        killed_after = asyncio.run(twice(plan))
        assert killed_after, "it was killed while it told"
        leaks = search.found([FIRST, SECOND])
        terminal.run("destroy", "--yes")
    return leaks + search.found([FIRST, SECOND]), search


def wizard() -> tuple[list[str], Search]:
    """The wizard with passwords typed in Machines and Reset, pictures of its screens, and a bug with one in hand."""
    with place() as (terminal, search):
        given = json.dumps([FIRST, SECOND, THIRD]).encode()
        done = subprocess.run(
            [sys.executable, "-m", "tests.torture.secrets"],
            input=given,
            capture_output=True,
            timeout=3 * LONG_S,
            env={**os.environ, "HOME": str(terminal.home), "COLORTERM": "truecolor", "TERM": "xterm-256color"},
            check=False,
        )
        search.texts["the wizard"] = done.stdout + done.stderr
        said = done.stderr.decode(errors="replace")
        crashes = [file.read_text() for file in (terminal.home / "crashes").glob("*")]
        assert b"reached the bug" in done.stderr, f"{said[-3000:]}\n{crashes}"
        (crash,) = crashes
        assert "ZeroDivisionError" in crash, crash
        pictures = list((terminal.home / "pictures").glob("*.svg"))
        assert len(pictures) >= 6, pictures
        leaks = search.found([FIRST, SECOND, THIRD])
        terminal.run("destroy", NAME, "--yes")
    return leaks + search.found([FIRST, SECOND, THIRD]), search


def run(progress: Progress, budget: Budget) -> int:
    cases: dict[str, Callable[[], tuple[list[str], Search]]] = {
        "commands, linux": lambda: commands("linux"),
        "commands, windows": lambda: commands("windows"),
        "generated": generated,
        "wizard": wizard,
    }
    for number in range(KILLED_RUNS):
        cases[f"killed run {number}"] = lambda number=number: killed_run(progress.seed * 1000 + number)  # type: ignore[misc]
    for key in open_cases(progress, cases, budget):
        facts: dict[str, int] = {}
        try:
            leaks, search = cases[key]()
            facts = {"files": search.files, "bytes": search.bytes}
            outcome, why = ("failed", f"found in {sorted(set(leaks))}") if leaks else ("nowhere", "")
        except Exception:
            outcome, why = "failed", traceback.format_exc()[-3000:]
        progress.keep(key, key.rstrip("0123456789 "), outcome, why, **facts)
        print(f"{key}: {outcome} {facts}", flush=True)  # noqa: T201
    return sum(not progress.has(key) for key in cases)


async def _walk(pilot: Any, secrets: Sequence[str]) -> None:
    """From Machines to a bug, in the process of the wizard."""
    from screens import verify
    from screens.answers import PASSWORD, PASSWORD_AGAIN
    from screens.asking import AGAIN, NEW
    from screens.reset_form import OLD
    from tests.screens.conftest import until

    verify.LOAD_S = 2.0

    app = pilot.app
    first, second, third = secrets

    async def here(step: str) -> Any:
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == step and app.screen.stands, LONG_S)
        await pilot.pause()
        return app.screen

    async def typed(control: Any, text: str) -> None:
        control.line.focus()
        await pilot.pause()
        await pilot.press(*text)
        assert control.line.value == text, "what was typed stands in the field"

    async def picture(name: str) -> None:
        app.action_screenshot(f"{name}.svg")
        saved = app.toasts
        await until(pilot, lambda: len(app.toasts) > len(saved) or app.toasts is not saved, LONG_S)

    await here("start")
    await app.completed()
    for key, value in {"name": NAME, "prefix": "web", "machines.auth": "password", "machines.os": "linux"}.items():
        app.answers.set(key, value, commit=True)
    app.answers.set("balancer.frontend_port", PORT, commit=True)
    app.go("machines")
    screen = await here("machines")
    for key in (PASSWORD, PASSWORD_AGAIN):
        await typed(screen.field(key).control, first)
    await picture("machines")
    await pilot.press("ctrl+l")
    await until(pilot, lambda: screen.field(PASSWORD).control.shown)
    await picture("shown")
    app.go("review")
    await here("review")
    await picture("review")
    app.go("deploying", start=True)
    screen = await here("deploying")
    await until(pilot, lambda: screen.over, LONG_S)
    assert screen.result.state == "done", screen.result
    await picture("deploying")
    app.go("verify")
    screen = await here("verify")
    await until(pilot, lambda: screen.kind == "load" and screen.over, LONG_S)
    await picture("verify")
    app.go("reset", name=NAME)
    screen = await here("reset")
    await until(pilot, lambda: screen.asks_for_password, LONG_S)
    for key, text in {NEW: second, AGAIN: second, OLD: first}.items():
        await typed(screen.control(key), text)
    await picture("reset")
    await pilot.press("f3")
    await until(pilot, lambda: screen.over, LONG_S)
    assert {one["state"] for one in screen.results} == {"proved"}, screen.results
    await picture("proved")
    app.action_toasts()
    await pilot.pause()
    await picture("toasts")
    await pilot.press("escape")
    await typed(screen.control(NEW), third)

    def bug() -> None:
        local = third
        raise ZeroDivisionError(f"quotes {local} and {app.answers.secrets()}")

    sys.stderr.write("reached the bug\n")
    app.call_later(bug)
    await until(pilot, lambda: app.crash is not None)


def _wizard() -> None:
    from screens.app import WizardApp

    secrets = json.loads(sys.stdin.read())
    app = WizardApp()
    failed: list[str] = []

    async def pilot(driver: Any) -> None:
        try:
            await _walk(driver, secrets)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            failed.append(f"{type(error).__name__} at {[(frame.filename[-30:], frame.lineno) for frame in frames]}")
            failed.append(f"{app.screen}: {[toast.message for toast in app.toasts]}")
            failed.append(repr([getattr(app.screen, name, None) for name in ("run", "result", "results")]))
            app.exit()

    app.run(headless=True, size=(120, 40), auto_pilot=pilot)
    sys.stderr.write(f"{failed}\n{app.last_words}\n")


if __name__ == "__main__":
    _wizard()
