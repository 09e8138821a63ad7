"""What autoscale does with its settings: reads the mean CPU of a scale set's machines, and writes its capacity.

As Microsoft describes it ("Understand autoscale settings", "Autoscale flapping"): scaling out wants any rule to hold,
scaling in all of them; a rule waits for its cooldown after the last step; scaling in is left out where what remains
would be called out again at once; a capacity outside of minimum and maximum is put right in any case. Without figures
for the whole of a rule's window nothing is done.
"""

from __future__ import annotations

import logging
import operator
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.insights.autoscale import AutoscaleSettings, minutes
from wizard.sandbox.arm.kind import Call
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
METRIC = "Percentage CPU"
KEPT_ACTIONS = 50
FASTEST = 150.0
"""Beyond this speed minutes get no shorter than 0.4 s: less would count too few requests to mean anything."""
Readings = Mapping[str, Iterable[tuple[float, float]]]

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}
_OVER: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": len,
    "Last": lambda values: values[-1],
}

log = logging.getLogger(__name__)


async def decide(world: World, readings: Readings, now: float) -> None:
    """One look at every setting. `readings` are (monotonic time, %) by machine, taken once a grain."""
    for setting in world.store.of_type(AutoscaleSettings.type):
        target = world.store.get(setting.body["properties"]["targetResourceUri"])
        if not setting.body["properties"]["enabled"] or target is None or target.type.lower() != SCALE_SET.lower():
            continue
        if world.operations.running_on(target.id):
            continue
        profile = setting.body["properties"]["profiles"][0]
        count = int(target.body["sku"]["capacity"])
        mine = [tuple(series) for key, series in readings.items() if _is_in(world, key, target)]
        wanted, why = step(profile, count, mine, now, speed=min(world.speed, FASTEST), last=_last(setting))
        if wanted != count:
            await _scale(world, setting, target, wanted, why)


def step(
    profile: Json,
    count: int,
    machines: Sequence[Sequence[tuple[float, float]]],
    now: float,
    *,
    speed: float,
    last: float | None,
) -> tuple[int, str]:
    """How many machines a profile asks for now, and why. Pure: `now` is monotonic, `last` the seconds since a step."""
    low, high = int(profile["capacity"]["minimum"]), int(profile["capacity"]["maximum"])
    if not low <= count <= high:
        return min(max(count, low), high), f"the capacity {count} is not within {low} to {high}"
    rules = [rule for rule in profile.get("rules") or () if rule["metricTrigger"]["metricName"] == METRIC]
    ready = [rule for rule in rules if last is None or last >= (minutes(rule["scaleAction"]["cooldown"]) or 0) * 60]
    out = [rule for rule in ready if rule["scaleAction"]["direction"] == "Increase"]
    for rule in out:
        value = measured(rule["metricTrigger"], machines, now, speed)
        if value is not None and _holds(rule, value):
            return min(high, _changed(rule, count)), f"{METRIC} is {value:.0f}"
    into = [rule for rule in rules if rule["scaleAction"]["direction"] == "Decrease"]
    if not into or any(rule not in ready for rule in into):
        return count, ""
    values = [measured(rule["metricTrigger"], machines, now, speed) for rule in into]
    if any(value is None or not _holds(rule, value) for rule, value in zip(into, values, strict=True)):
        return count, ""
    fewer = max(low, 1, *(_changed(rule, count) for rule in into))
    value = values[0] or 0.0
    called_back = any(
        rule["scaleAction"]["direction"] == "Increase" and _holds(rule, value * count / fewer) for rule in rules
    )
    return (count, "") if called_back or fewer >= count else (fewer, f"{METRIC} is {value:.0f}")


def measured(
    trigger: Json, machines: Sequence[Sequence[tuple[float, float]]], now: float, speed: float
) -> float | None:
    """The trigger's value over its window: the machines' mean in each grain, those means put together."""
    window = (minutes(trigger["timeWindow"]) or 5) * 60 / speed
    grain = (minutes(trigger["timeGrain"]) or 1) * 60 / speed
    by_grain: dict[int, list[float]] = {}
    for series in machines:
        for at, value in series:
            if 0 <= now - at < window:
                by_grain.setdefault(int((now - at) / grain), []).append(value)
    # A reading may come a moment late: two grains in five may be missing.
    if len(by_grain) < max(1, int(window / grain * 0.6)):
        return None
    means = [statistics.fmean(values) for _grain, values in sorted(by_grain.items(), reverse=True)]
    return float(_OVER[trigger["timeAggregation"]](means))


def _holds(rule: Json, value: float) -> bool:
    trigger = rule["metricTrigger"]
    return _COMPARE[trigger["operator"]](value, float(trigger["threshold"]))


def _changed(rule: Json, count: int) -> int:
    act = rule["scaleAction"]
    value = float(act.get("value") or 1)
    if act["type"] == "ExactCount":
        return int(value)
    change = max(1, round(count * value / 100)) if act["type"] == "PercentChangeCount" else int(value)
    return count + change if act["direction"] == "Increase" else count - change


def _is_in(world: World, key: str, target: Document) -> bool:
    machine = world.store.get(key)
    held = (machine.body["properties"].get("virtualMachineScaleSet") or {}).get("id") if machine is not None else None
    return held is not None and ids.key(str(held)) == ids.key(target.id)


def _last(setting: Document) -> float | None:
    """Azure's seconds since the last step; kept with the setting as they passed."""
    actions = setting.extra.get("actions") or ()
    return (time.time() - actions[-1]["at"]) * actions[-1]["speed"] if actions else None


async def _scale(world: World, setting: Document, target: Document, wanted: int, why: str) -> None:
    kind = world.operations.registry.kind(target.type)
    group = world.store.get(ids.group_id(world.subscription, target.group))
    assert kind is not None
    count = int(target.body["sku"]["capacity"])
    call = Call(
        world,
        "PATCH",
        target.id,
        world.subscription,
        group.name if group is not None else target.group,
        target.type,
        (target.name,),
        query={"api-version": "2024-07-01"},
        body={"sku": {"capacity": wanted}},
        id=target.id,
    )
    try:
        await lifecycle.patch(kind, call, target)
    except ArmError as error:
        log.warning("autoscale of %s from %d to %d was refused: %s", target.name, count, wanted, error)
        return
    log.info("autoscale of %s from %d to %d: %s", target.name, count, wanted, why)
    action = {"at": time.time(), "speed": min(world.speed, FASTEST), "from": count, "to": wanted, "why": why}
    setting.extra["actions"] = [*(setting.extra.get("actions") or ())[-KEPT_ACTIONS:], action]
    world.store.put(setting)
