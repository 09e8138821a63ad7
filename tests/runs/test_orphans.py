"""Who is killed leaves nobody behind: the wizard its desk, a command its workers. Sandbox and detached runs stay."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.verify.stand import Stand, standing
from wizard import runs
from wizard.plan.model import Auth

ROOT = Path(__file__).parents[2]
WITHIN_S = 2.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found by Linux's /proc")


def table() -> dict[int, tuple[int, str, str]]:
    """Every process: its parent, its state's letter, its command."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found[int(entry.name)] = (int(fields[1]), fields[0], command)
    return found


def below(pid: int) -> dict[int, str]:
    """The living processes that a process has started, and theirs."""
    everybody = table()
    ours, found = {pid}, dict[int, str]()
    while more := {one for one, (parent, _, _) in everybody.items() if parent in ours} - ours:
        ours |= more
        found |= {one: everybody[one][2] for one in more if everybody[one][1] != "Z"}
    return found


def until(condition: Callable[[], Any], within_s: float = 30.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


def left_of(children: dict[int, str], but: str = "wizard.sandbox") -> list[str]:
    """Those of `children` that live when the time is over, apart from sandboxes."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        living = table()
        left = [
            command
            for pid, command in children.items()
            if but not in command and pid in living and living[pid][1] != "Z" and living[pid][2] == command
        ]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def kill(pid: int) -> list[str]:
    children = below(pid)
    os.kill(pid, signal.SIGKILL)
    return left_of(children)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes every connection and never answers: the worst to be ended beside."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 1, page=True) as made:
        yield made


def start(*arguments: str) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-m", "wizard", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


@pytest.mark.usefixtures("sandbox")
def test_a_killed_wizard_leaves_no_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "wizard"])
    reader = threading.Thread(target=drained, args=(terminal,), daemon=True)
    reader.start()
    try:
        desks = until(lambda: [one for one in below(pid).values() if "wizard.desk" in one])
        assert len(desks) == 1
        assert kill(pid) == []
    finally:
        os.waitpid(pid, 0)
        os.close(terminal)


def drained(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def test_a_desk_in_the_middle_of_a_question_ends_with_who_asked(stand: Stand, sandbox: dict[str, Any]) -> None:
    desk = subprocess.Popen(
        [sys.executable, "-m", "wizard.desk"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert desk.stdin is not None
    assert desk.stdout is not None
    os.kill(sandbox["pid"], signal.SIGSTOP)  # who is asked does not answer
    try:
        desk.stdin.write(b'{"id": 1, "ask": "status", "with": {"name": "%s"}}\n' % stand.name.encode())
        desk.stdin.flush()
        while b"ready" not in desk.stdout.readline():
            pass
        desk.stdin.close()  # as the end of the wizard's process does
        began = time.monotonic()
        desk.stdout.close()
        assert desk.wait(10) == 0
        assert time.monotonic() - began < WITHIN_S
    finally:
        os.kill(sandbox["pid"], signal.SIGCONT)
        desk.kill()


def test_a_killed_load_leaves_no_worker(multivm_home: Path, silent: str) -> None:
    load = start("load", "--url", silent, "--duration", "60", "--workers", "2")
    until(lambda: sum("load.worker" in one for one in below(load.pid).values()) == 2)
    assert kill(load.pid) == []
    load.wait()


def test_a_killed_verification_leaves_no_worker_and_the_sandbox_stays(stand: Stand, sandbox: dict[str, Any]) -> None:
    verification = start("verify", stand.name)
    until(lambda: any("load.worker" in one for one in below(verification.pid).values()))
    assert kill(verification.pid) == []
    verification.wait()
    assert sandbox["pid"] in table()


async def test_a_detached_load_outlives_who_started_it_and_killed_leaves_no_worker(stand: Stand, silent: str) -> None:
    run = await runs.start("load", stand.name, {"url": silent, "duration_s": 60, "workers": 2})
    await asyncio.to_thread(until, lambda: len(below(run.pid)) == 2)
    assert await asyncio.to_thread(kill, run.pid) == []
    assert run.ended is not None
    assert run.ended.state == "lost"
