"""Secrets stay where they belong: a journey with marked passwords, and a search of everything it left behind."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Quotes, a percent sign and a letter outside ASCII: each escape that a log may apply changes one of them.
FIRST = 'canary-One-1"%é<&'
SECOND = 'canary-Two-2"%é<&'


def spellings(secret: str) -> set[bytes]:
    """The secret as it stands, and as JSON, URLs and base64 at each of its three offsets write it."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode()}
    found |= {urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode()}
    for offset in range(3):
        # The first and last characters of base64 also hold bits of the neighbours: they are left out.
        encoded = base64.b64encode(b"\0" * offset + raw)
        found.add(encoded[4 if offset else 0 : -4])
    return found


def where_found(secrets: list[str], folder: Path, texts: dict[str, bytes]) -> list[str]:
    """The files under `folder` and the texts that hold a secret in any spelling."""
    places = dict(texts)
    places |= {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return sorted(
        name for name, content in places.items() for secret in secrets if any(s in content for s in spellings(secret))
    )


class Terminal:
    """Runs commands under one home and keeps what they printed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said: dict[str, bytes] = {}

    def run(self, *arguments: str, given: str = "", status: int = 0) -> list[dict]:
        done = subprocess.run(
            [sys.executable, "-m", "wizard", *arguments, "--json"],
            input=given.encode(),
            capture_output=True,
            timeout=120,
            env={**os.environ, "MULTIVM_HOME": str(self.home)},
            check=False,
        )
        self.said[f"{len(self.said)} {arguments[0]}"] = done.stdout + done.stderr
        assert done.returncode == status, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    home = Terminal(tmp_path / "home")
    home.run("sandbox", "start", "--speed", "100")
    yield home
    home.run("sandbox", "stop")


def test_passwords_are_found_nowhere_after_a_journey(terminal, tmp_path):
    plan = str(tmp_path / "plan.toml")
    terminal.run("plan", "new", "-o", plan, "--auth", "password", "--name", "canary-rg")
    text = Path(plan).read_text().replace("frontend_port = 80 ", "frontend_port = 8080 ")
    Path(plan).write_text(text)
    terminal.run("deploy", plan, "--yes", "--password-stdin", given=f"{FIRST}\n")
    verified = terminal.run("verify", "--wait", "60", "--password-stdin", given=f"{FIRST}\n")
    assert {one["state"] for one in verified if one.get("name") == "ssh.login"} == {"passed"}
    both = f"{FIRST}\n{SECOND}\n"
    resets = terminal.run("reset", "--all", "--old-password-stdin", "--password-stdin", given=both)
    assert [one["state"] for one in resets if one["event"] == "reset"] == ["proved", "proved"]
    # An error on the way must not tell the secret either: the rule it breaks is told, not its text.
    terminal.run("deploy", plan, "--yes", "--password-stdin", given=f"{FIRST}\n")
    terminal.run("reset", "--vm", "ra-multi-vm1", "--user", "root", "--password-stdin", given=f"{SECOND}\n", status=2)
    assert where_found([FIRST, SECOND], terminal.home, terminal.said) == []
    terminal.run("destroy", "--yes")
    assert where_found([FIRST, SECOND], terminal.home, terminal.said) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked into by Linux's /proc")
def test_a_killed_deployment_leaves_no_password_behind(terminal, tmp_path):
    plan = tmp_path / "plan.toml"
    terminal.run("plan", "new", "-o", str(plan), "--auth", "password", "--name", "canary-rg")
    plan.write_text(plan.read_text().replace("frontend_port = 80 ", "frontend_port = 8080 "))
    deploy = [sys.executable, "-m", "wizard", "deploy", str(plan), "--yes", "--password-stdin", "--json"]
    with seen_in_proc(terminal.home) as processes:
        running = subprocess.Popen(
            deploy,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MULTIVM_HOME": str(terminal.home)},
        )
        assert running.stdin
        assert running.stdout
        running.stdin.write(f"{FIRST}\n".encode())
        running.stdin.close()
        printed = b""
        for line in running.stdout:
            printed += line
            if b"virtualMachines" in line and b'"started"' in line:
                break
        running.kill()
        running.stdout.close()
        assert running.wait(30) == -signal.SIGKILL, printed
        terminal.said["killed"] = printed
        assert where_found([FIRST], terminal.home, terminal.said) == []
        terminal.run("deploy", str(plan), "--yes", "--resume", "--password-stdin", given=f"{FIRST}\n")
        terminal.run("verify", "--wait", "60", "--password-stdin", given=f"{FIRST}\n")
        terminal.run("destroy", "--yes")
    assert any(b"--resume" in told for told in processes)
    assert where_found([FIRST], terminal.home, {**terminal.said, "/proc": b"\n".join(processes)}) == []


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="the limits of a process are told by Linux alone")
def test_no_process_of_ours_writes_core_files(terminal):
    (sandbox,) = terminal.run("sandbox", "status")
    limits = Path(f"/proc/{sandbox['pid']}/limits").read_text().splitlines()
    (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
    assert core[4:6] == ["0", "0"]


@contextmanager
def seen_in_proc(home: Path) -> Iterator[set[bytes]]:
    """The arguments and environments, by Linux's /proc, of all processes that work under `home` meanwhile."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    environment = (process / "environ").read_bytes()
                    if str(home).encode() in environment:
                        seen.update((environment, (process / "cmdline").read_bytes()))
                except OSError:  # it has ended, or is somebody else's
                    continue

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def test_a_secret_that_leaked_is_found_in_every_spelling(tmp_path):
    leaks = {
        "raw": FIRST.encode(),
        "json": json.dumps({"password": FIRST}).encode(),
        "url": urllib.parse.urlencode({"p": FIRST}).encode(),
        "base64": base64.b64encode(f"user:{FIRST}:x".encode()),
    }
    for name, content in leaks.items():
        (tmp_path / name).write_bytes(b"before " + content + b" after")
    assert where_found([FIRST], tmp_path, {"said": FIRST.encode()}) == sorted([*leaks, "said"])


def test_what_a_home_keeps_is_for_its_owner_alone(terminal, tmp_path):
    plan = str(tmp_path / "plan.toml")
    terminal.run("plan", "new", "-o", plan, "--name", "modes-rg")
    private = [file for file in terminal.home.rglob("*") if file.is_file() and not is_public(file)]
    assert len(private) > 5
    assert [file.name for file in private if stat.S_IMODE(file.stat().st_mode) & 0o077] == []


def is_public(file: Path) -> bool:
    """Public keys and certificates, unless a private key stands in the same file."""
    content = file.read_bytes()
    return (file.suffix == ".pub" or b"BEGIN CERTIFICATE" in content) and b"PRIVATE KEY" not in content
