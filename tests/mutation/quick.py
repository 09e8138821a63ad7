"""A pytest plugin for the runs on mutants: hypothesis draws the same few examples each time, and keeps none."""

from __future__ import annotations

import hypothesis
import pytest

EXAMPLES = 4
"""A mutant costs a second then. What only a rare draw would find, a test of its own must hold."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        test = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        if hypothesis.is_hypothesis_test(test):
            whole = getattr(test, "_hypothesis_internal_use_settings", None) or hypothesis.settings()
            test._hypothesis_internal_use_settings = hypothesis.settings(  # type: ignore[union-attr]
                whole,
                max_examples=min(whole.max_examples, EXAMPLES),
                derandomize=True,
                database=None,
                deadline=None,
                phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
                suppress_health_check=list(hypothesis.HealthCheck),
            )
