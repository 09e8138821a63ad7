"""The soak's own judgement: what it calls growth, and what it does not. `make torture` lets it soak."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.torture import soak


def rounds(**of: Any) -> list[dict[str, Any]]:
    """A hundred rounds of two quiet processes; `of` gives figures of the sandbox by the round's number."""
    quiet = {"rss_kb": 90_000, "descriptors": 13, "threads": 5, "children": 0}
    return [
        {"sandbox": {**quiet, **{name: figure(number) for name, figure in of.items()}}, "process": quiet}
        for number in range(100)
    ]


def grown(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["who"], row["figure"]) for row in soak.judge(told) if row["grown"]]


@pytest.mark.parametrize(
    ("figure", "leak"),
    [
        ("rss_kb", lambda number: 90_000 + 100 * number),
        ("descriptors", lambda number: 13 + number // 10),
        ("threads", lambda number: 5 + number // 20),
        ("children", lambda number: int(number > 50)),
    ],
)
def test_what_grows_with_the_rounds_is_growth(figure, leak):
    assert grown(rounds(**{figure: leak})) == [("sandbox", figure)]


def test_a_warm_up_and_ups_and_downs_are_none():
    still = rounds(
        rss_kb=lambda number: 90_000 + 3000 * (number % 5) - 20_000 * (number < 10),
        descriptors=lambda number: 13 + 20 * (number % 10 == 0),
        threads=lambda number: 5 if number > 15 else 1,
    )
    assert grown(still) == []


def test_too_few_rounds_are_judged_by_nothing():
    assert soak.judge(rounds()[:10]) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are looked into by Linux's /proc")
def test_a_process_is_seen_with_its_descriptors_and_children():
    before = soak.look(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    after = soak.look(os.getpid())
    child.communicate(b"\n")
    assert after["children"] == before["children"] + 1
    assert after["descriptors"] >= before["descriptors"] + 1
    assert after["rss_kb"] > 1000
