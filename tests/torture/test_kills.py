"""A seeded sample of the kills, in a sandbox of its own; `make torture` kills more than 500 times."""

from __future__ import annotations

import random
from pathlib import Path
from typing import get_args

import pytest

from tests.torture import kills, proofs
from wizard.reset.events import Step

SAMPLE = 2


def test_every_turn_of_every_kind_is_killed():
    wanted = kills.cases()
    assert len({case.key for case in wanted}) == len(wanted)
    kinds = {case.type for case in wanted}
    assert len(kinds) == 13
    turns = {(point, kind) for point in kills.POINTS for kind in kinds}
    at_once = {("polling", "availabilitySets"), ("polling", "autoscalesettings")}  # no operation to be asked for
    assert {(case.point, case.type) for case in wanted} == turns - at_once
    most = sum((1 if case.way == "once" else 2) * len(case.verbs.split(", ")) for case in wanted)
    assert most > 800


def test_a_sample_loses_nothing_and_writes_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    verdicts: dict[str, tuple[str, str]] = {}
    cases = [case for case in kills.cases() if case.way != "once" and case.point != "polling"]
    random.Random(1).shuffle(cases)

    def keep(case: kills.Case, outcome: str, why: str) -> None:
        verdicts[case.key] = (outcome, why)

    counts = kills.runs(cases[:SAMPLE], keep, seed=1)
    assert [why for _, why in verdicts.values() if why] == []
    assert counts["killed"] >= SAMPLE
    assert counts["lost"] == counts["duplicate"] == counts["foreign"] == 0


def test_resets_and_verifications_are_killed_at_each_of_their_turns():
    wanted = proofs.cases()
    assert len(set(wanted)) == len(wanted) == 26
    assert set(get_args(Step)) <= set(proofs.RESETS)
