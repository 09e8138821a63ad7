"""`python -m tests.mutation.ahead`, in `mutants/`: the quick half of the judging, ahead of mutmut's own.

Starting pytest is most of what a mutant costs. What the tests compare as a whole (every sentence of the rules, every
graph of the blueprint) is compared here by the same functions, each mutant in a fork of a process in which all is
loaded. Who is noticed so is killed; all others are left to mutmut and the tests.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.blueprint import variants
from tests.plan import told
from wizard import blueprint

HERE = Path()
KILLED = 1
"""pytest's exit status when a test failed."""
SECONDS = 10


def sentences() -> None:
    for name, case in told.named().items():
        if told.shown(name, told.problems(case)) != _SENTENCES[name]:
            raise AssertionError(name)


def graphs() -> None:
    for name, graph in _GRAPHS.items():
        built = blueprint.build(variants.plan(name), variants.SUBSCRIPTION)
        if variants.shown(built, variants.ALONE.get(name, ())) != graph:
            raise AssertionError(name)


_SENTENCES = told.kept()
_GRAPHS = {name: variants.kept(name) for name in variants.VARIANTS}
CHECKS: dict[str, Callable[[], None]] = {"wizard/plan": sentences, "wizard/blueprint": graphs}


def main(modules: list[str]) -> None:
    for folder, check in CHECKS.items():
        check()  # nothing is noticed without a mutant
        gc.freeze()
        for meta in sorted((HERE / folder).glob("*.py.meta")):
            _judge(meta, check, modules)


def _judge(meta: Path, check: Callable[[], None], modules: list[str]) -> None:
    kept = json.loads(meta.read_text(encoding="utf-8"))
    statuses = kept["exit_code_by_key"]
    waiting = [key for key, status in statuses.items() if status is None and _asked(key, modules)]
    noticed = [key for key in waiting if _noticed(key, check)]
    if waiting:
        print(f"{meta.with_suffix('')}: {len(noticed)} of {len(waiting)} noticed at once", flush=True)  # noqa: T201
    statuses.update(dict.fromkeys(noticed, KILLED))
    kept["durations_by_key"].update(dict.fromkeys(noticed, 0.0))
    meta.write_text(json.dumps(kept, indent=4), encoding="utf-8")


def _asked(key: str, modules: list[str]) -> bool:
    return not modules or any(fnmatch.fnmatch(key, f"{module}*") for module in modules)


def _noticed(key: str, check: Callable[[], None]) -> bool:
    """Whether the check fails with this mutant. One that hangs is not: mutmut tells who runs out of time."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        os.environ["MUTANT_UNDER_TEST"] = key  # read by each function that has mutants, at each call
        try:
            check()
        except BaseException:  # whatever it is, it was noticed
            os._exit(KILLED)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


if __name__ == "__main__":
    main(sys.argv[1:])
