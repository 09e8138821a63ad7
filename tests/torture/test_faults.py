"""A seeded sample of the fault runs, in a sandbox of its own; `make torture` runs a thousand."""

from __future__ import annotations

import pytest

from tests.torture import faults

SAMPLE = 30


def test_the_matrix_has_every_kind_on_every_operation_and_its_size():
    wanted = faults.cases(faults.types_of(), seed=1)
    assert len(wanted) == faults.RUNS == len({case.name for case in wanted})
    assert len({case.kind for case in wanted}) >= 12
    for of in faults.types_of():
        methods = {(case.phase, case.method) for case in wanted if case.type == of}
        assert methods == {
            ("deploy", "PUT"),
            ("deploy", "POLL"),
            ("look", "GET"),
            ("destroy", "POLL"),
            ("destroy", "DELETE"),
        }
    assert wanted == faults.cases(faults.types_of(), seed=1)
    assert wanted != faults.cases(faults.types_of(), seed=2)


@pytest.mark.usefixtures("fast_sandbox")
async def test_a_sample_is_survived_or_explained(capsys: pytest.CaptureFixture[str]):
    verdicts: dict[str, tuple[str, str]] = {}

    def keep(case: faults.Case, outcome: str, why: str) -> None:
        verdicts[case.name] = (outcome, why)

    wanted = [case for case in faults.cases(faults.types_of(), seed=1) if case.keys.get("times") != 0]
    await faults.runs(wanted[:SAMPLE], keep, lambda: True)
    assert len(verdicts) == SAMPLE
    assert {name: why for name, (outcome, why) in verdicts.items() if outcome == "failed"} == {}
    survived = sum(outcome == "survived" for outcome, _ in verdicts.values())
    assert survived >= SAMPLE * 0.8
    with capsys.disabled():
        print(f" {SAMPLE} fault runs: {survived} survived, {SAMPLE - survived} explained ", end="")  # noqa: T201
