"""Damaged journals: cut at every page and at 500 offsets, 1,000 bits flipped; none may be believed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.deploy.test_journal import wrongly_believed
from tests.torture.progress import Budget, Progress

PARTS = 10


def run(progress: Progress, budget: Budget) -> int:
    for part in range(PARTS):
        key = f"part {part}"
        if progress.has(key) or budget.over():
            continue
        with tempfile.TemporaryDirectory() as folder:
            seed = progress.seed * 100 + part
            counts = wrongly_believed(Path(folder), seed=seed, cuts=50, flips=100, every_page=part == 0)
        bad = counts["wrong"] > 0
        progress.keep(key, "journal", "failed" if bad else "noticed", str(counts) if bad else "", **counts)
    names = ("damaged", "set_aside", "true", "wrong")
    sums = {name: sum(case.get(name, 0) for case in progress.cases.values()) for name in names}
    sys.stdout.write(f"journals: {sums}\n")
    return sum(not progress.has(f"part {part}") for part in range(PARTS))
