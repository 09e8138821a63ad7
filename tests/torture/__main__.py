"""`python -m tests.torture [SUITE ...]`: every suite, two side by side, each in a process and state folder of its own.

A suite is a module of this folder with `run(progress: Progress, budget: Budget) -> int`: how many cases it had no time
for. It keeps each case as it ends (see progress.py), asks `progress.has` before it begins one and `budget.over` between
two. A run that was interrupted is continued by the same command; `--fresh` begins anew. Exit status 1 when a case
failed, 3 when there was no time for one, which is said.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture.progress import Budget, Progress

MINUTES = {"soak": 33, "kills": 25, "faults": 25, "journal": 8, "stateful": 8, "secrets": 8, "proofs": 6}
"""Each suite's budget, the longest first: on two lanes, less than an hour in all."""
LANES = 2
NO_TIME = 3
"""The exit status of a suite that ran out of time and met no failure."""
FOLDER = Path(__file__).parents[2] / ".torture"


def main() -> int:
    there = [name for name in MINUTES if importlib.util.find_spec(f"tests.torture.{name}")]
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("suites", nargs="*", help=f"of {', '.join(there)}; none: all of them")
    parser.add_argument("--seed", type=int, default=1, help="what every draw is made of (1)")
    parser.add_argument("--minutes", type=float, help="a budget of each suite other than its own")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has done")
    parser.add_argument("--alone", action="store_true", help="run the one suite in this process")
    asked = parser.parse_args()
    if unknown := set(asked.suites) - set(there):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    FOLDER.mkdir(exist_ok=True)
    suites = [name for name in there if not asked.suites or name in asked.suites]
    if asked.fresh:
        for name in suites:
            _file(name).unlink(missing_ok=True)
    if asked.alone:
        return _alone(suites[0], asked.seed, asked.minutes or MINUTES[suites[0]])
    return _side_by_side(suites, asked.seed, asked.minutes)


def _file(suite: str) -> Path:
    return FOLDER / f"{suite}.jsonl"


def _alone(suite: str, seed: int, minutes: float) -> int:
    progress = Progress(_file(suite), seed)
    before, began = len(progress.cases), time.monotonic()
    left = importlib.import_module(f"tests.torture.{suite}").run(progress, Budget.of(minutes))
    took = (time.monotonic() - began) / 60
    print(f"\n{suite}: {len(progress.cases)} cases, {before} of them earlier, {left} left, {took:.1f} minutes")  # noqa: T201
    print(progress.table(), flush=True)  # noqa: T201
    return 1 if progress.failed() else NO_TIME if left else 0


def _side_by_side(suites: list[str], seed: int, minutes: float | None) -> int:
    def one(suite: str) -> int:
        home = tempfile.mkdtemp(prefix=f"torture-{suite}-")
        command = [sys.executable, "-m", "tests.torture", suite, "--alone", "--seed", str(seed)]
        command += ["--minutes", str(minutes)] if minutes else []
        try:
            return subprocess.run(command, env={**os.environ, "MULTIVM_HOME": home}, check=False).returncode
        finally:
            shutil.rmtree(home, ignore_errors=True)

    with ThreadPoolExecutor(LANES) as lanes:
        statuses = dict(zip(suites, lanes.map(one, suites), strict=True))
    for suite, status in statuses.items():
        if status == NO_TIME:
            print(f"{suite}: had no time for all of its cases; the same command goes on with them")  # noqa: T201
        elif status:
            print(f"{suite}: failed (status {status}); its cases are in {_file(suite)}")  # noqa: T201
    ended = set(statuses.values()) - {0}
    return 1 if ended - {NO_TIME} else NO_TIME if ended else 0


if __name__ == "__main__":
    sys.exit(main())
