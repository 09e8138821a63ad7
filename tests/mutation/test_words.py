"""What is called words is words: of the lines that are not mutated, and of the mutants that need no entry."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import results, words

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
PATTERNS = [re.compile(pattern) for pattern in SETTINGS["do_not_mutate_patterns"]]
FILES = sorted({path for pattern in SETTINGS["only_mutate"] for path in ROOT.glob(pattern)})


def spared(source: str) -> set[int]:
    """The numbers of the lines that mutmut leaves alone."""
    lines = source.splitlines()
    return {n for n, line in enumerate(lines, start=1) if any(pattern.search(line) for pattern in PATTERNS)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_line_that_is_not_mutated_is_a_sentence_in_the_place_of_words(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    places = {text.lineno + more for text in words.places(tree) for more in range(_lines(text))}
    inside = {
        line
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for line in range(function.lineno, (function.end_lineno or 0) + 1)
    }
    assert {f"{line}: {source.splitlines()[line - 1]}" for line in (spared(source) & inside) - places} == set()


def _lines(text: ast.Constant) -> int:
    return (text.end_lineno or text.lineno) - text.lineno + 1


def test_each_file_that_is_named_is_there() -> None:
    for pattern in SETTINGS["only_mutate"]:
        assert list(ROOT.glob(pattern)), pattern
    for path in (*SETTINGS["pytest_add_cli_args_test_selection"], *SETTINGS["also_copy"]):
        assert (ROOT / path).exists(), path


BEFORE = """
def it(text: str) -> Problem | None:
    if text == "a":
        return Problem("field", f"It is {text}.", "Why" + " so.", "Mend." if text else "Or not.", "warning")
    return None
"""


@pytest.mark.parametrize(
    ("old", "new", "alone"),
    [
        ("Why", "WHY", True),
        (" so.", "XX so.XX", True),
        ("Mend.", "mend.", True),
        ("Or not.", "XXOr not.XX", True),
        ("It is ", "IT IS ", True),
        ('"Why"', '""', False),
        ('"Mend."', "None", False),
        ("{text}", "{None}", False),
        ('== "a"', '== "A"', False),
        ('"field"', '"FIELD"', False),
        ('"warning"', '"WARNING"', False),
        ('"Mend." if text', '"Mend." if not text', False),
        ("return None", 'return ""', False),
        ("Why", "Why", False),
    ],
)
def test_mutants_of_words_alone_are_told_from_others(old: str, new: str, alone: bool) -> None:
    assert BEFORE.count(old) == 1
    assert words.alone(BEFORE, BEFORE.replace(old, new)) is alone


def test_each_survivor_of_the_list_has_a_reason_and_stands_there_once() -> None:
    listed = list(results.listed())
    assert len({(place, change) for place, change, _reason in listed}) == len(listed)
    for place, change, reason in listed:
        assert re.fullmatch(r"wizard\.(plan|blueprint|deploy)\.[\w.]+", place)
        assert " => " in change
        assert reason.endswith(".")


def test_a_mutant_is_named_by_the_lines_in_which_it_differs(tmp_path: Path) -> None:
    file = tmp_path / "wizard" / "some.py"
    file.parent.mkdir()
    original = 'def x_it__mutmut_orig(a):\n    b = a + 1\n    return Problem("f", "What.", b)\n'
    other = original.replace("_orig", "_1").replace("+ 1", "- 1")
    told = original.replace("_orig", "_2").replace("What.", "WHAT.")
    file.write_text(original + other + told)
    spans = {f"x_it__mutmut_{name}": [3 * n + 1, 3 * n + 3] for n, name in enumerate(("orig", "1", "2"))}
    file.with_name("some.py.spans").write_text(f'{{"spans": {spans}}}'.replace("'", '"'))
    verdicts = '{"wizard.some.x_it__mutmut_1": 0, "wizard.some.x_it__mutmut_2": null, "wizard.some.x_it__mutmut_3": 36}'
    file.with_name("some.py.meta").write_text(f'{{"exit_code_by_key": {verdicts}}}')
    one, two, three = results.read(tmp_path)
    assert one.change == "wizard.some.it: b = a + 1 => b = a - 1"
    assert [each.verdict for each in (one, two, three)] == ["survived", "not run", "timed out"]
    assert (one.words_alone, two.words_alone) == (False, True)
    assert results.forget(tmp_path, frozenset({"survived"})) == 1
    assert [each.verdict for each in results.read(tmp_path)] == ["not run", "not run", "timed out"]
