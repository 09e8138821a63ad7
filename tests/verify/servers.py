"""Servers for the tests, each in a process of its own: one that records what it is asked, and OpenSSH's sshd."""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.verify.ssh import HostKey

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if Path("/usr/sbin/sshd").exists() else None)


class Recorder:
    """A running tests/verify/sshserver.py: where it listens, its key, and what it was asked so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        first = self._next()
        self.port: int = first["port"]
        self.host_key = HostKey(first["type"], first["fingerprint"])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def _next(self) -> dict[str, Any]:
        fact: dict[str, Any] = json.loads(self._lines.get(timeout=20))
        return fact

    def stop(self) -> list[dict[str, Any]]:
        """End the server and return everything it was asked."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(timeout=10)
        asked = []
        while not self._lines.empty():
            asked.append(json.loads(self._lines.get()))
        return asked


@contextmanager
def recording_server(**setup: Any) -> Iterator[Recorder]:
    """`users` maps names to passwords; further keys as in sshserver.py."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sshserver.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"users": {}, **setup}) + "\n")
        process.stdin.flush()
        yield Recorder(process)
    finally:
        if not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_key(path: Path, type: str = "ed25519") -> HostKey:
    """A key pair by ssh-keygen; its public half as OpenSSH names it."""
    subprocess.run(["ssh-keygen", "-q", "-t", type, "-N", "", "-f", str(path)], check=True, capture_output=True)
    told = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], check=True, capture_output=True, text=True).stdout
    return HostKey(path.with_suffix(".pub").read_text().split()[0], told.split()[1])


@contextmanager
def openssh_server(
    folder: Path, host_keys: list[Path], authorized: Path | None = None, more: Sequence[str] = ()
) -> Iterator[int]:
    """OpenSSH's sshd on a loopback port, for keys of the user who runs the tests; yields the port."""
    assert SSHD is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # privilege separation wants its empty folder
    port = free_port()
    config = folder / "sshd_config"
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        *(f"HostKey {path}" for path in host_keys),
        f"AuthorizedKeysFile {authorized or '/nonexistent'}",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PasswordAuthentication yes",
        "KbdInteractiveAuthentication no",
        f"PidFile {folder / 'sshd.pid'}",
        *more,
    ]
    config.write_text("\n".join(lines) + "\n")
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((folder / "sshd.log").read_text()) from None
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def web_server(**weights: int) -> Iterator[str]:
    """tests/verify/webserver.py, answering as these VMs; yields `http://127.0.0.1:PORT`."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("webserver.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"weights": weights}) + "\n")
        process.stdin.flush()
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
