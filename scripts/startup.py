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


def first_content(code: str, word: bytes, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds from the start of the interpreter until `word` is written to its terminal, and CPU seconds until then."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = b""
    try:
        while word not in seen:
            ready, _, _ = select.select([terminal], [], [], DEADLINE_S)
            if not ready:
                raise SystemExit(f"no {word!r} in {DEADLINE_S:g} s")
            seen += os.read(terminal, 65536)
        taken = time.perf_counter() - begin
    finally:
        os.kill(pid, signal.SIGKILL)
        usage = os.wait4(pid, 0)[2]
        os.close(terminal)
    return taken, usage.ru_utime + usage.ru_stime


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
    print(f"{sign} {name}: {mine * 1000:.0f} ms, {base_name}: {theirs * 1000:.0f} ms, ratio {ratio:.2f} (<= {limit:g})")
    return ratio <= limit


def main() -> int:
    """Measure, print, judge."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MULTIVM_HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.pop("NO_COLOR", None)
        wizard, minimal, version, click = [], [], [], []
        busy: list[tuple[float, float]] = []
        for number in range(runs + 1):  # the first one warms the caches and does not count
            ours = first_content(WIZARD, b"Where do they go", environment)
            theirs = first_content(MINIMAL, b"first-content", environment)
            told, imported = run("-m", "wizard", "--version"), run("-c", "import click")
            if number:
                wizard.append(ours[0])
                minimal.append(theirs[0])
                busy.append((ours[1], theirs[1]))
                version.append(told)
                click.append(imported)
    good = report("wizard to its first content", wizard, "minimal Textual app", minimal, LIMIT)
    mine, theirs_cpu = (statistics.median(column) for column in zip(*busy, strict=True))
    print(f"  of that CPU: {mine * 1000:.0f} ms and {theirs_cpu * 1000:.0f} ms, ratio {mine / theirs_cpu:.2f}")
    good &= report("--version", version, "import click", click, VERSION_LIMIT)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
