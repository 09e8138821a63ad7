"""Drawn runs against models, in portions: the engine on graphs with troubles, cancelled ones, and ARM's resources."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.torture import graphs
from tests.torture.arm_model import ArmMachine
from tests.torture.progress import Budget, Progress, open_cases
from wizard.sandbox import control

PORTIONS = 30
GRAPHS, CANCELLED, MACHINES = 150, 75, 8
"""Runs in one portion of each."""
STEPS = 40
_OPTIONS: Any = {
    "deadline": None,
    "database": None,
    "phases": (Phase.generate, Phase.shrink),
    "suppress_health_check": list(HealthCheck),
}


def _engine(number: int, examples: int, cancelled: bool) -> None:
    @seed(number)
    @settings(max_examples=examples, **_OPTIONS)
    @given(graphs.scenes(cancelled=cancelled))
    def test(scene: graphs.Scene) -> None:
        asyncio.run(graphs.play(scene))

    test()


def _arm(number: int) -> None:
    @seed(number)
    class Seeded(ArmMachine):
        pass

    run_state_machine_as_test(Seeded, settings=settings(max_examples=MACHINES, stateful_step_count=STEPS, **_OPTIONS))


def run(progress: Progress, budget: Budget) -> int:
    kinds: dict[str, tuple[int, Callable[[int], None]]] = {
        "engine": (GRAPHS, lambda number: _engine(number, GRAPHS, False)),
        "engine, cancelled": (CANCELLED, lambda number: _engine(number, CANCELLED, True)),
        "arm": (MACHINES, _arm),
    }
    keys = {f"{kind} {portion}": (kind, portion) for portion in range(PORTIONS) for kind in kinds}
    control.start(speed=1000)
    try:
        for key in open_cases(progress, keys, budget):
            kind, portion = keys[key]
            runs, work = kinds[kind]
            try:
                work(progress.seed * 1000 + portion)
                outcome, why = "held", ""
            except Exception:
                outcome, why = "failed", traceback.format_exc()[-3000:]
            progress.keep(key, kind, outcome, why, runs=runs)
    finally:
        control.stop()
    told = {kind: sum(case["runs"] for case in progress.cases.values() if case["kind"] == kind) for kind in kinds}
    print("runs: " + ", ".join(f"{kind} {count}" for kind, count in told.items()))  # noqa: T201
    return sum(not progress.has(key) for key in keys)
