"""A pytest plugin for the runs on mutants: hypothesis draws the same few examples each time, and keeps none."""

from __future__ import annotations

import gc
from typing import Any

import hypothesis
import pytest

EXAMPLES = 4
"""A mutant costs a second then. What only a rare draw would find, a test of its own must hold."""


FIRST = ("test_problems.py", "test_variants.py")
"""These compare whole results, and notice most mutants at once."""


def pytest_sessionstart() -> None:
    gc.freeze()  # pytest collects garbage five times at its end: what was there before the mutant is none of it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (hypothesis.is_hypothesis_test(_test(item)), item.path.name not in FIRST))
    for item in items:
        test = _test(item)
        if hypothesis.is_hypothesis_test(test):
            whole = getattr(test, "_hypothesis_internal_use_settings", None) or hypothesis.settings()
            test._hypothesis_internal_use_settings = hypothesis.settings(
                whole,
                max_examples=min(whole.max_examples, EXAMPLES),
                derandomize=True,
                database=None,
                deadline=None,
                phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
                suppress_health_check=list(hypothesis.HealthCheck),
            )


def _test(item: pytest.Item) -> Any:
    test = getattr(item, "obj", None)
    return getattr(test, "__func__", test)
