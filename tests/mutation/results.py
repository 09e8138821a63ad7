"""What mutmut left in `mutants/`: each mutant, its verdict, and the lines in which it differs."""

from __future__ import annotations

import difflib
import json
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.mutation import words

VERDICTS = {0: "survived", 1: "killed", 3: "killed", 5: "no tests", 33: "no tests", 34: "skipped", None: "not run"}
"""By the exit status of pytest, or mutmut's own; see `status_by_exit_code` in mutmut. Others are told as they are."""
LIST = Path(__file__).with_name("survivors.toml")
TIMED_OUT = frozenset({-24, 24, 36, 152, 255})


@dataclass(frozen=True)
class Mutant:
    """One mutant of a function or method of ours."""

    key: str
    file: Path
    status: int | None

    @property
    def module(self) -> str:
        return self.key.rpartition(".")[0]

    @property
    def function(self) -> str:
        """`Class.method` or `function`."""
        name = self.key.rpartition(".")[2].rpartition("__mutmut_")[0]
        return name.removeprefix("xǁ").replace("ǁ", ".") if name.startswith("xǁ") else name.removeprefix("x_")

    @property
    def verdict(self) -> str:
        if self.status in TIMED_OUT:
            return "timed out"
        return VERDICTS.get(self.status, f"status {self.status}")

    @cached_property
    def _sources(self) -> tuple[str, str]:
        mutated = self.key.rpartition(".")[2]
        original = f"{mutated.rpartition('__mutmut_')[0]}__mutmut_orig"
        spans = json.loads(self.file.with_name(f"{self.file.name}.spans").read_text(encoding="utf-8"))["spans"]
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        before, after = ("".join(lines[spans[name][0] - 1 : spans[name][1]]) for name in (original, mutated))
        return textwrap.dedent(before).replace(original, "it"), textwrap.dedent(after).replace(mutated, "it")

    @property
    def words_alone(self) -> bool:
        return words.alone(*self._sources)

    @property
    def change(self) -> str:
        """`module.function: lines as they are => lines of the mutant`, where they differ: what a list names it by."""
        before, after = (source.splitlines() for source in self._sources)
        removed, added = [], []
        for line in difflib.ndiff(before, after):
            if line.startswith("- "):
                removed.append(line[2:].strip())
            elif line.startswith("+ "):
                added.append(line[2:].strip())
        return f"{self.module}.{self.function}: {' '.join(removed)} => {' '.join(added)}"


def read(folder: Path) -> Iterator[Mutant]:
    """All mutants of a run, a module after the other."""
    for meta in sorted(folder.glob("wizard/**/*.py.meta")):
        verdicts = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        for key, status in verdicts.items():
            yield Mutant(key, meta.with_suffix(""), status)


def forget(folder: Path, verdicts: frozenset[str]) -> int:
    """Have the mutants with these verdicts judged again by the next run; returns how many."""
    count = 0
    for meta in folder.glob("wizard/**/*.py.meta"):
        told = json.loads(meta.read_text(encoding="utf-8"))
        statuses = told["exit_code_by_key"]
        again = [key for key, status in statuses.items() if Mutant(key, meta, status).verdict in verdicts]
        statuses.update(dict.fromkeys(again))
        meta.write_text(json.dumps(told, indent=4), encoding="utf-8")
        count += len(again)
    return count


def listed() -> Iterator[tuple[str, str, str]]:
    """What survivors.toml says: module.function, change and reason of each."""
    for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["survivors"]:
        for change in entry["changes"]:
            yield entry["in"], change, entry["reason"]
