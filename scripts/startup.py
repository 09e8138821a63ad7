"""How long the wizard takes to its first content, against a minimal Textual app in the same run.

    python scripts/startup.py [RUNS]

Each program is started on a pseudo-terminal of 80x24 and timed until a word of its first content arrives there; runs
alternate, so that whatever else the machine does touches both. Prints the medians and their ratio; exit status 1 above
1.5. Also times `--version` against `python -c "import click"` (at most twice).
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

MINIMAL = """
from textual.app import App
from textual.widgets import Static

class Minimal(App):
    def compose(self):
        yield Static("first-content")

Minimal().run()
"""
WIZARD = "from wizard.__main__ import main; main()"
DEADLINE_S = 30.0
LIMIT, VERSION_LIMIT = 1.5, 2.0


def first_content(code: str, word: bytes, environment: dict[str, str]) -> float:
    """Seconds from the start of the interpreter until `word` is written to its terminal."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-c", code], environment)  # noqa: S606 - our own code
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = b""
    try:
        while word not in seen:
            ready, _, _ = select.select([terminal], [], [], DEADLINE_S)
            if not ready:
                raise SystemExit(f"no {word!r} in {DEADLINE_S:g} s")
            seen += os.read(terminal, 65536)
        return time.perf_counter() - begin
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def run(*arguments: str) -> float:
    """Seconds that a Python command takes."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


def report(name: str, ours: list[float], base_name: str, base: list[float], limit: float) -> bool:
    """Print one comparison; whether it is within its limit."""
    mine, theirs = statistics.median(ours), statistics.median(base)
    ratio = mine / theirs
    sign = "✓" if ratio <= limit else "✗"
    print(  # noqa: T201
        f"{sign} {name}: {mine * 1000:.0f} ms, {base_name}: {theirs * 1000:.0f} ms, ratio {ratio:.2f} (<= {limit:g})"
    )
    return ratio <= limit


def main() -> int:
    """Measure, print, judge."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MULTIVM_HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.pop("NO_COLOR", None)
        wizard, minimal, version, click = [], [], [], []
        for number in range(runs + 1):  # the first one warms the caches and does not count
            taken = (
                first_content(WIZARD, b"Where do they go", environment),
                first_content(MINIMAL, b"first-content", environment),
                run("-m", "wizard", "--version"),
                run("-c", "import click"),
            )
            if number:
                for kept, seconds in zip((wizard, minimal, version, click), taken, strict=True):
                    kept.append(seconds)
    good = report("wizard to its first content", wizard, "minimal Textual app", minimal, LIMIT)
    good &= report("--version", version, "import click", click, VERSION_LIMIT)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
