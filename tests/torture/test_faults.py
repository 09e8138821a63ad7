"""A seeded sample of the fault runs, in a sandbox of its own; `make torture` runs a thousand."""

from __future__ import annotations

import pytest

from tests.torture import acts, faults, matrix
from wizard.sandbox.faults_file import KINDS

EACH = 2
"""Runs of every command."""


def test_the_matrix_has_every_kind_on_every_operation_and_its_size():
    wanted = matrix.cases(seed=1)
    assert len(wanted) == matrix.RUNS == len({case.name for case in wanted})
    assert {case.phase for case in wanted} == set(acts.ACTS)
    for phase in acts.ACTS:
        assert len({case.kind for case in wanted if case.phase == phase}) >= (12 if phase in WRITING else 7), phase
    pairs = {case.pair for case in wanted}
    for of in matrix.types_of():
        assert {("look", "GET", of, kind) for kind in matrix.QUESTIONS} <= pairs
        for phase, method, kinds, at_once in (
            ("deploy", "PUT", matrix.CREATES, matrix.MADE_AT_ONCE),
            ("destroy", "DELETE", matrix.WRITES, matrix.GONE_AT_ONCE),
        ):
            of_requests = [kind for kind in kinds if of not in at_once or KINDS[kind].where != "operation"]
            assert {(phase, method, of, kind) for kind in of_requests} <= pairs
            assert ({(phase, "POLL", of, kind) for kind in matrix.QUESTIONS} <= pairs) == (of not in at_once)
    for phase, operations in matrix.OPERATIONS.items():
        assert {(phase, method, of, kind) for method, of, kinds in operations for kind in kinds} <= pairs
    assert wanted == matrix.cases(seed=1)
    assert wanted != matrix.cases(seed=2)


WRITING = {"deploy", "destroy", "scale-out", "scale-in", "status", "power", "verify", "reset"}
"""What has operations; preflight and a second look only read."""


def test_what_passes_by_itself_is_not_explained_away():
    endless = matrix.Case("power", "in-progress", "POST", "a/b", {"times": 0})
    passing = matrix.Case("power", "in-progress", "POST", "a/b", {"times": 3})
    words = "Another operation is in progress."
    assert faults.unfit(endless, words) == ""
    assert faults.unfit(passing, words) == "it should have been survived"
    assert faults.unfit(endless, "It failed.") == "its words do not fit"
    assert "Error" in faults.unfit(endless, f"{words} SomeError was raised")


@pytest.mark.usefixtures("fast_sandbox")
async def test_a_sample_is_survived_or_explained(capsys: pytest.CaptureFixture[str]):
    verdicts: dict[str, tuple[str, str]] = {}

    def keep(case: matrix.Case, outcome: str, why: str) -> None:
        verdicts[case.name] = (outcome, why)

    once = [case for case in matrix.cases(seed=1) if not case.endless and not {"nth", "probability"} & set(case.keys)]
    wanted = [case for phase in acts.ACTS for case in [one for one in once if one.phase == phase][:EACH]]
    await faults.runs(wanted, keep, lambda: True)
    assert len(verdicts) == len(wanted) == EACH * len(acts.ACTS)
    assert {name: why for name, (outcome, why) in verdicts.items() if outcome in ("failed", "missed")} == {}
    survived = sum(outcome == "survived" for outcome, _ in verdicts.values())
    assert survived >= len(wanted) * 0.7
    with capsys.disabled():
        told = f" {len(wanted)} fault runs: {survived} survived, {len(wanted) - survived} explained "
        print(told, end="")  # noqa: T201
