"""Every sentence that a rule tells: the field, how grave it is, what, why and remedy; and that no rule was left out."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plan import told
from wizard.errors import Problem
from wizard.plan import document, rules

CASES = told.named()


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_told_with_its_rule_and_remedy(name: str) -> None:
    problems = told.problems(CASES[name])
    assert told.shown(name, problems) == told.kept()[name]
    assert problems
    for problem in problems:
        assert problem.severity in ("error", "warning")
        for text in (problem.what, problem.why, problem.remedy):
            assert text == text.strip() != ""
        assert problem.what.endswith(".")
        assert "S3cret" not in repr(problem)


def test_the_file_has_these_cases_and_no_others() -> None:
    assert list(told.kept()) == list(CASES)


def test_each_field_is_a_key_of_the_plan() -> None:
    keys = {*document.fields(), "tags", "password", "a.field", "another.field", "patch.minutes", "patch.share"}
    told_of = {problem.field for case in CASES.values() for problem in told.problems(case)}
    assert {field for field in told_of if field not in keys} == {
        field for field in told_of if field.startswith("tags.")
    }


def _sites() -> Iterator[tuple[str, int]]:
    """Where the rules' modules make a Problem: file and line."""
    for path in sorted(Path(inspect.getfile(rules)).parent.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem":
                yield path.name, call.lineno


READING = {"document.py", "files.py", "draft.py"}
"""These judge the form of a file; test_files.py holds what they tell."""


def test_no_rule_tells_what_no_case_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    made: set[tuple[str, int]] = set()
    original = Problem.__init__

    def noted(self: Problem, *texts: str, **named: str) -> None:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        made.add((Path(frame.f_back.f_code.co_filename).name, frame.f_back.f_lineno))
        original(self, *texts, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Problem, "__init__", noted)
    for case in CASES.values():
        told.problems(case)
    assert {site for site in _sites() if site[0] not in READING} - made == set()


COUNTED = {"ports", "ports_suffice", "nat_ports_exist", "thresholds_apart", "nat_range_suffices"}


def test_the_remedies_with_a_number_are_true() -> None:
    for name, (judge, values) in CASES.items():
        if judge.__name__ not in COUNTED:
            continue
        for problem in told.problems((judge, values)):
            number = re.search(r"(?:Use|Write) (\d+)\b", problem.remedy)
            if number is None:
                assert problem.remedy == "Raise cpu_out_percent.", name
                continue
            assert isinstance(values, tuple)
            place = 1 if judge.__name__ == "thresholds_apart" else 0
            better = (*values[:place], int(number[1]), *values[place + 1 :])
            assert told.problems((judge, better)) == [], name
