"""Microsoft.Insights/autoscaleSettings: what is checked of one. `autoscaling` acts on it."""

from __future__ import annotations

import re

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations, Kind
from wizard.sandbox.store import Document, Json

OPERATORS = ("Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
AGGREGATIONS = ("Average", "Minimum", "Maximum", "Total", "Count", "Last")
STATISTICS = ("Average", "Min", "Max", "Sum", "Count")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_LIMITS_MIN = {"timeGrain": (1, 720), "timeWindow": (5, 720), "cooldown": (1, 10080)}


class AutoscaleSettings(Kind):
    """Answered at once; the service looks at its targets once a minute."""

    type = "Microsoft.Insights/autoscaleSettings"
    durations = Durations()
    provisioning = None

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        properties = body.get("properties")
        if not isinstance(properties, dict):
            raise _refused("The autoscale setting has no properties.")
        profiles = properties.get("profiles")
        if not isinstance(profiles, list) or not 1 <= len(profiles) <= 20:
            raise _refused("An autoscale setting has 1 to 20 profiles.")
        target = properties.get("targetResourceUri")
        if not isinstance(target, str) or call.world.store.get(target) is None:
            raise _refused(f"The target resource '{target}' was not found.")
        for profile in profiles:
            _capacity(profile)
            for rule in profile.get("rules") or ():
                _rule(rule)

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        properties = {**body["properties"], "name": call.name}
        properties.setdefault("enabled", True)
        properties.setdefault("notifications", [])
        shown = {"location": body["location"], "properties": properties}
        return {**shown, "tags": body["tags"]} if body.get("tags") else shown


def minutes(text: object) -> float | None:
    """An ISO 8601 duration in minutes; None when it is none."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text not in ("P", "PT") else None
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def _capacity(profile: Json) -> None:
    capacity = profile.get("capacity") or {}
    try:
        low, high, start = (int(capacity[name]) for name in ("minimum", "maximum", "default"))
    except (KeyError, TypeError, ValueError):
        raise _refused("A profile's capacity has a minimum, a maximum and a default.") from None
    if not 0 <= low <= high or not low <= start <= high:
        raise _refused(f"The capacity {low} to {high} with the default {start} is not valid.")


def _rule(rule: Json) -> None:
    trigger, act = rule.get("metricTrigger") or {}, rule.get("scaleAction") or {}
    for name, allowed in (("operator", OPERATORS), ("timeAggregation", AGGREGATIONS), ("statistic", STATISTICS)):
        if trigger.get(name) not in allowed:
            raise _refused(f"The value '{trigger.get(name)}' of metricTrigger.{name} is not valid.")
    for name, holder in (("timeGrain", trigger), ("timeWindow", trigger), ("cooldown", act)):
        found, (low, high) = minutes(holder.get(name)), _LIMITS_MIN[name]
        if found is None or not low <= found <= high:
            raise _refused(f"The value '{holder.get(name)}' of {name} is not valid: {low} minutes to {high}.")
    if not isinstance(trigger.get("threshold"), int | float) or not trigger.get("metricName"):
        raise _refused("A metric trigger has a metricName and a threshold.")
    if act.get("direction") not in ("Increase", "Decrease", "None"):
        raise _refused(f"The value '{act.get('direction')}' of scaleAction.direction is not valid.")
    if act.get("type") not in ("ChangeCount", "PercentChangeCount", "ExactCount", "ServiceAllowedNextValue"):
        raise _refused(f"The value '{act.get('type')}' of scaleAction.type is not valid.")


def _refused(message: str) -> ArmError:
    return ArmError(400, "InvalidAutoscaleSetting", message)  # code and wordings from memory
