"""A plan as values from a form: nested as plan.toml has them, or by dotted key; what is left out has its default."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.plan import document, rules
from wizard.plan.files import PlanProblems
from wizard.plan.model import Plan


def check(values: Mapping[str, Any]) -> tuple[Plan | None, list[Problem]]:
    """The plan that values make, or None where they have errors, and every Problem in the order of the keys."""
    found = document.read(tree(values))
    problems = rules.in_order([*found.problems, *rules.check_values(found.values)])
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return document.build(found.values), problems


def legal(values: Mapping[str, Any]) -> Plan:
    """The plan that values make; PlanProblems when they have errors."""
    plan, problems = check(values)
    if plan is None:
        raise PlanProblems("This plan cannot be used.", problems, "Correct it and try again.")
    return plan


def tree(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a parsed plan.toml has them: tables in tables, lists, texts and numbers."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        section, dot, name = key.partition(".")
        if dot and section in document.sections():
            nested.setdefault(section, {})[name] = _plain(value)
        elif isinstance(value, Mapping):
            nested.setdefault(key, {}).update({inner: _plain(item) for inner, item in value.items()})
        else:
            nested[key] = _plain(value)
    return nested


def nested(values: Plan | Mapping[str, Any]) -> dict[str, Any]:
    """A plan, or some of its values by dotted key, as JSON has them."""
    return tree(document.flatten(values) if isinstance(values, Plan) else values)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return value
