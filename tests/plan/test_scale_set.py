"""Rules of a scale set: asked as a plan asks them, and silent where placement is another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plan.strategies import ED25519
from wizard.plan import document, rules, scale_set
from wizard.plan.model import Machines, Nat, Placement, Plan

PLAN = Plan(machines=Machines(ssh_key=ED25519))
SCALE_SET = {"machines.placement": Placement.SCALE_SET, "balancer.nat": Nat.RANGE, "scale_set.autoscale": True}


def told(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> list[tuple[str, str]]:
    monkeypatch.setattr("wizard.plan.not_yet._LIST", ())
    return [(each.field, each.severity) for each in rules.check_values(document.flatten(PLAN) | changes)]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"balancer.nat": Nat.PER_VM}, ["balancer.nat"]),
        ({"machines.count": 1000, "scale_set.autoscale": False, "balancer.nat_range": 1000}, ["network.subnet"]),
        ({"machines.count": 1001, "scale_set.autoscale": False}, ["machines.count"]),
        ({"scale_set.maximum": 1001}, ["scale_set.maximum"]),
        ({"scale_set.minimum": 0}, ["scale_set.minimum"]),
        ({"scale_set.minimum": 3}, ["machines.count"]),
        ({"scale_set.maximum": 1}, ["scale_set.maximum"]),
        ({"scale_set.maximum": 200}, ["balancer.nat_range"]),
        ({"scale_set.maximum": 300, "balancer.nat_range": 300}, ["network.subnet"]),
        ({"scale_set.cpu_in_percent": 70}, ["scale_set.cpu_in_percent"]),
        ({"scale_set.cpu_out_percent": 100}, ["scale_set.cpu_out_percent"]),
        ({"scale_set.window_min": 4}, ["scale_set.window_min"]),
        ({"scale_set.cooldown_min": 0}, ["scale_set.cooldown_min"]),
        ({"scale_set.repairs_grace_min": 9}, ["scale_set.repairs_grace_min"]),
        ({"scale_set.repairs_grace_min": 9, "scale_set.repairs": False}, []),
        ({"scale_set.health": False}, ["scale_set.repairs"]),
        ({"scale_set.maximum": 1001, "scale_set.autoscale": False}, []),
    ],
)
def test_each_mistake_is_one_problem(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], fields: list[str]
) -> None:
    assert told(monkeypatch, SCALE_SET | changes) == [(field, "error") for field in fields]
    elsewhere = {key: value for key, value in changes.items() if key.startswith("scale_set.")}
    assert told(monkeypatch, elsewhere) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scale_set.maximum": 2}, "scale_set.maximum"),
        ({"scale_set.cpu_in_percent": 60}, "scale_set.cpu_in_percent"),
        ({"machines.zones": ("1",)}, "machines.zones"),
    ],
)
def test_what_works_badly_is_a_warning(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], field: str) -> None:
    assert told(monkeypatch, SCALE_SET | changes) == [(field, "warning")]


def test_the_remedy_for_thresholds_is_one() -> None:
    for out, minimum in ((70, 1), (70, 2), (90, 5), (3, 1)):
        problem = scale_set.thresholds_apart(out, out - 1, minimum, Placement.SCALE_SET, True)
        assert problem is not None
        better = int(problem.remedy.split()[1])
        assert scale_set.thresholds_apart(out, better, minimum, Placement.SCALE_SET, True) is None
