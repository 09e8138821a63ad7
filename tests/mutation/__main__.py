"""`python -m tests.mutation [GLOB ...]`: judge every mutant without a verdict, and hold the survivors to the list.

mutmut makes the mutants of what `[tool.mutmut]` in pyproject.toml names and runs the tests that reach each; ahead of
them, what is compared as a whole is compared without them (see ahead.py). What is in `mutants/` stands, so that a run
that was interrupted goes on, and a function that changed is judged anew. When a test has changed, the mutants that
lived or ran out of time are judged again; `--fresh` forgets all. Exit status 1 when a mutant lived that survivors.toml
does not list, or one is listed that lives no more.

A mutant lived when all tests that reach its function passed, or none does. One that runs out of time is noticed as
well, and counted by itself. Mutants that differ in words alone (see words.py) need no entry.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from tests.mutation import results
from tests.mutation.results import Mutant

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "mutants"
MAKES_ALL = "wizard.plan.limits.*"
"""mutmut makes mutants only when it runs some, and then all of them: these are two."""
LIVED = frozenset({"survived", "no tests"})
DOUBTED = LIVED | {"timed out"}
"""What other tests may judge otherwise."""
COLUMNS = ("mutants", "killed", "timed out", "words", "listed", "unlisted", "not run")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as 'wizard.plan.*'; none: all of them")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has found")
    parser.add_argument(
        "--again", action="store_true", help="judge the mutants that lived, or ran out of time, once more"
    )
    parser.add_argument("--children", type=int, default=2, help="how many are judged side by side (2)")
    parser.add_argument("--look", action="store_true", help="run nothing; tell what earlier runs have found")
    asked = parser.parse_args()
    if asked.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    if not asked.look:
        _judge(asked.modules, asked.children, again=asked.again)
    mutants = [mutant for mutant in results.read(FOLDER) if _asked(mutant, asked.modules)]
    return 0 if _report(mutants) else 1


def _judge(modules: list[str], children: int, *, again: bool) -> None:
    """Make the mutants, let what is quick notice what it can (see ahead.py), and the tests the rest."""
    tests, known = _digest(), FOLDER / "tests.sha256"
    changed = known.exists() and known.read_text(encoding="ascii") != tests
    if changed or again:
        (FOLDER / "mutmut-stats.json").unlink(missing_ok=True)  # which tests reach what
        shutil.rmtree(FOLDER / "tests", ignore_errors=True)
        print(f"{results.forget(FOLDER, DOUBTED)} mutants are judged again", flush=True)  # noqa: T201
    FOLDER.mkdir(exist_ok=True)
    known.write_text(tests, encoding="ascii")
    _mutmut(children, MAKES_ALL)
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    subprocess.run([sys.executable, "-m", "tests.mutation.ahead", *modules], cwd=FOLDER, env=environment, check=True)
    if waiting := sorted(m.key for m in results.read(FOLDER) if m.status is None and _asked(m, modules)):
        _mutmut(children, *(waiting if modules else ()))


def _mutmut(children: int, *names: str) -> None:
    """Run mutmut, which reads what it shall do from pyproject.toml in the folder it is started in."""
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(children), *names]
    subprocess.run(command, cwd=ROOT, check=True)


def _asked(mutant: Mutant, modules: Iterable[str]) -> bool:
    return not modules or any(fnmatch(mutant.key, f"{module}*") for module in modules)


def _digest() -> str:
    """One number for all tests and for how they are run."""
    digest = hashlib.sha256()
    folders = (ROOT / "tests" / name for name in ("plan", "blueprint", "deploy"))
    files = (file for folder in folders for file in folder.rglob("*") if "__pycache__" not in file.parts)
    for file in (*sorted(files), ROOT / "tests" / "mutation" / "quick.py", ROOT / "pyproject.toml"):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _report(mutants: list[Mutant]) -> bool:
    """Print the counts of each module and what is wrong with the list; True when nothing is."""
    known = {f"{place}: {change}" for place, change, _ in results.listed()}
    lived = [mutant for mutant in mutants if mutant.verdict in LIVED]
    in_words = {mutant.key for mutant in lived if mutant.words_alone}
    unlisted = [m for m in lived if m.key not in in_words and m.change not in known]
    counts: dict[str, Counter[str]] = {}
    for mutant in mutants:
        verdict = mutant.verdict
        if verdict in LIVED:
            verdict = "words" if mutant.key in in_words else "unlisted" if mutant in unlisted else "listed"
        counts.setdefault(mutant.module, Counter()).update({"mutants": 1, verdict: 1})
    counts["all"] = sum(counts.values(), Counter())
    columns = [*COLUMNS, *sorted({name for count in counts.values() for name in count} - set(COLUMNS))]
    print(f"\n{'':32}" + "".join(f"{name:>11}" for name in columns))  # noqa: T201
    for module, count in counts.items():
        print(f"{module:32}" + "".join(f"{count[name]:>11}" for name in columns))  # noqa: T201
    judged = {m.module for m in mutants if m.status is not None}
    gone = known - {mutant.change for mutant in lived}
    gone = {change for change in gone if any(change.startswith(f"{module}.") for module in judged)}
    for mutant in unlisted:
        print(f"lived, and is not listed: {mutant.change}")  # noqa: T201
    for change in sorted(gone):
        print(f"listed, and lives no more: {change}")  # noqa: T201
    odd = counts["all"].keys() - set(COLUMNS)
    return not (unlisted or gone or odd or counts["all"]["not run"])


if __name__ == "__main__":
    sys.exit(main())
