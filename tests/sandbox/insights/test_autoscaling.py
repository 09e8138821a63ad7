"""What autoscale asks for, by readings that are made up: no clock, no machines."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.sandbox.arm.insights.autoscaling import step

NOW = 10_000.0


def rule(operator: str, threshold: float, direction: str) -> dict[str, Any]:
    return {
        "metricTrigger": {
            "metricName": "Percentage CPU",
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": "PT5M",
            "timeAggregation": "Average",
            "operator": operator,
            "threshold": threshold,
        },
        "scaleAction": {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": "PT5M"},
    }


PROFILE = {
    "capacity": {"minimum": "2", "maximum": "4", "default": "2"},
    "rules": [rule("GreaterThan", 70, "Increase"), rule("LessThan", 30, "Decrease")],
}


def readings(*percents: float, minutes: int = 5) -> list[list[tuple[float, float]]]:
    return [[(NOW - 60 * minute, percent) for minute in range(minutes)] for percent in percents]


@pytest.mark.parametrize(
    ("count", "machines", "last", "wanted"),
    [
        (2, readings(90, 80), None, 3),
        (2, readings(90, 10), None, 2),
        (2, readings(90, 80), 299, 2),
        (2, readings(90, 80), 301, 3),
        (4, readings(90, 90, 90, 90), None, 4),
        (3, readings(10, 10, 10), None, 2),
        (2, readings(10, 10), None, 2),
        (3, readings(10, 10, 10), 100, 3),
        (1, [], None, 2),
        (9, [], None, 4),
        (2, readings(90, 90, minutes=2), None, 2),
        (2, [], None, 2),
    ],
)
def test_steps(count: int, machines: Any, last: float | None, wanted: int) -> None:
    assert step(PROFILE, count, machines, NOW, speed=1, last=last)[0] == wanted


def test_it_does_not_flap() -> None:
    close = {**PROFILE, "rules": [rule("GreaterThan", 40, "Increase"), rule("LessThan", 30, "Decrease")]}
    assert step(close, 3, readings(29, 29, 29), NOW, speed=1, last=None)[0] == 3, "two would have 43 %"
    assert step(close, 3, readings(20, 20, 20), NOW, speed=1, last=None)[0] == 2


def test_minutes_are_divided_by_speed() -> None:
    fast = [[(at / 60 + NOW * 59 / 60, percent) for at, percent in series] for series in readings(90, 90)]
    assert step(PROFILE, 2, fast, NOW, speed=60, last=None)[0] == 3
    assert step(PROFILE, 2, fast, NOW, speed=1, last=None)[0] == 2
