"""The sandbox seen from outside its process: is it there, start it, stop it.

Whoever holds the lock file is the sandbox; a state file without a held lock is of a sandbox that has ended. This module
stays light, because `sandbox status` and every sign-in to the sandbox import it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import site
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from wizard.errors import WizardError
from wizard.home import home
from wizard.release import version

DEFAULT_SPEED = 20.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
_POLL_S = 0.02
_PASSED_ON = ("PATH", "HOME", "MULTIVM_HOME", "LANG", "TZ", "TMPDIR", "PYTHONPATH", "SYSTEMROOT", "USER", "LOGNAME")
"""The environment that the process gets; what else a shell holds (tokens, passwords) is none of its business."""


State = dict[str, Any]
"""What the running, or last, sandbox says of itself: arm, authority, tenant, subscription, client_id,
client_secret_file, ca, ca_bundle, requests_log, pid, speed, network, version. Paths are absolute; secrets are in their
files."""


def folder() -> Path:
    """HOME/sandbox, made (0700) when it is missing."""
    path = home() / "sandbox"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def lock_file() -> Path:
    return folder() / "lock"


def state_file() -> Path:
    return folder() / "state.json"


def speed_file() -> Path:
    """What a running sandbox reads its new speed from when it is told to (SIGHUP)."""
    return folder() / "speed"


def log_file() -> Path:
    return folder() / "sandbox.log"


def read_state() -> State | None:
    """The state of the running sandbox or of the one that ran last; None when there was never one."""
    try:
        state = json.loads(state_file().read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def running() -> State | None:
    """The state of the sandbox that runs and answers connections, or None."""
    pid = _holder()
    state = read_state()
    return state if pid is not None and state is not None and state.get("pid") == pid and _answers(state) else None


def start(speed: float | None = None, faults: Path | None = None) -> State:
    """Start it unless it runs, and return when it answers. A running one takes on what is given.

    One of another release is started anew, with what it holds: it loads some of its modules late, and what lies there
    has changed below it.

    `faults` is a file as `faults_file` reads it: InputError when it is wrong. The process is detached: it outlives this
    one and its terminal. WizardError tells why it did not come up.
    """
    if faults is not None:
        from wizard.sandbox import faults_channel, faults_file

        faults_file.read(faults)
    state = running()
    if state is not None and state.get("version") != version():
        stop()
        speed, state = speed or state["speed"], None
    if state is not None:
        if speed is not None and speed != state["speed"]:
            state = _change_speed(speed)
        if faults is not None:
            faults_channel.put(faults.read_text(encoding="utf-8"))
        return state
    child = _spawn(speed or DEFAULT_SPEED, faults)

    def answering() -> State | None:
        if child.poll() not in (None, 0) and _holder() is None:
            raise _not_started(child.returncode)
        return running()

    state = wait_for(answering, START_TIMEOUT_S)
    if state is None:
        child.kill()
        child.wait()
        raise _not_started(None)
    # The child lives on by itself; Popen would warn about it when it is collected.
    child.returncode = child.returncode or 0
    return state


def stop() -> bool:
    """End it and wait until it has ended; False when none ran."""
    pid = _holder()
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if wait_for(_is_free, STOP_TIMEOUT_S) is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if wait_for(_is_free, STOP_TIMEOUT_S) is None:
            raise WizardError(f"The sandbox (process {pid}) does not end.", "", f"End it yourself: kill -9 {pid}")
    with contextlib.suppress(ChildProcessError):  # whose child it is not needs no burial
        os.waitpid(pid, 0)
    return True


def _is_free() -> bool | None:
    return True if _holder() is None else None


def _holder() -> int | None:
    """The process that holds the lock, or None."""
    try:
        descriptor = os.open(lock_file(), os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return None
        # The holder writes its number right after it got the lock.
        return wait_for(lambda: _number(os.pread(stream.fileno(), 32, 0)), 2.0)


def _number(text: bytes) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _answers(state: State) -> bool:
    address, _, port = state["arm"].removeprefix("https://").rpartition(":")
    try:
        socket.create_connection((address, int(port)), timeout=2.0).close()
    except OSError:
        return False
    return True


def _spawn(speed: float, faults: Path | None) -> subprocess.Popen[bytes]:
    log = log_file()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "wizard.sandbox", "--speed", f"{speed:g}"),
                *(("--faults", str(faults.absolute())) if faults is not None else ()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            cwd=folder(),
            env=_environment(),
        )
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["MULTIVM_HOME"] = str(home())
    # Run from a checkout that is not installed, the package is found through the folder it was imported from.
    package = str(Path(__file__).resolve().parents[2])
    if package not in {*site.getsitepackages(), site.getusersitepackages()}:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
    return environment


def _not_started(status: int | None) -> WizardError:
    try:
        lines = [line.strip() for line in log_file().read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    why = lines[-1] if lines else ""
    if not why:
        why = (
            f"It did not answer within {START_TIMEOUT_S:g} s." if status is None else f"It ended with status {status}."
        )
    return WizardError("The sandbox did not start.", why, f"See {log_file()}.")


def _change_speed(speed: float) -> State:
    """Tell the running sandbox its new speed and wait until it says so."""
    pid = _holder()
    speed_file().write_text(f"{speed:g}")
    if pid is not None:
        os.kill(pid, signal.SIGHUP)

    def changed() -> State | None:
        state = running()
        return state if state is not None and state["speed"] == speed else None

    state = wait_for(changed, 5.0)
    if state is None:
        raise WizardError("The running sandbox did not take on the new speed.", "", "Stop it, and start it again.")
    return state


T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], timeout_s: float) -> T | None:
    """What `condition` returns, as soon as it is not None; None when it never was."""
    deadline = time.monotonic() + timeout_s
    while (found := condition()) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_S)
    return found
