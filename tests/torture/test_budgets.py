"""`make torture` as a whole: its suites' times, what it says when one ran out of it, and that it goes on."""

from __future__ import annotations

import heapq
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.torture import __main__ as torture
from tests.torture.progress import Budget, Progress, open_cases


def test_all_suites_fit_into_an_hour():
    lanes = [0.0] * torture.LANES
    for minutes in torture.MINUTES.values():  # the first lane that is free takes the next one
        heapq.heapreplace(lanes, lanes[0] + minutes)
    assert max(lanes) <= 58


def test_a_suite_goes_on_where_it_was_and_says_when_it_had_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ran: list[str] = []
    suite = ModuleType("tests.torture.small")

    def run(progress: Progress, budget: Budget) -> int:
        for key in open_cases(progress, "abc", budget):
            if ran == ["a"]:
                raise KeyboardInterrupt
            ran.append(key)
            progress.keep(key, "small", "survived")
        return sum(not progress.has(key) for key in "abc")

    monkeypatch.setattr(suite, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, "tests.torture.small", suite)
    monkeypatch.setattr(torture, "FOLDER", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        torture._alone("small", 1, 1.0)
    ran.append("interrupted")
    assert torture._alone("small", 1, 0.0) == torture.NO_TIME
    assert "1 cases, 1 of them earlier, 2 left" in capsys.readouterr().out
    assert torture._alone("small", 1, 1.0) == 0
    assert ran == ["a", "interrupted", "b", "c"]
