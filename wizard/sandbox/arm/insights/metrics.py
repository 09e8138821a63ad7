"""`{resource}/providers/Microsoft.Insights/metrics`: what the fabric's meter has counted, as Azure Monitor answers it.

Points are minutes, put together by the interval that is asked for. A minute that nothing was counted in has no value.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Reply, route
from wizard.sandbox.arm.scopes import Scope, ScopeProvider
from wizard.sandbox.fabric.meter import Point, Series

if TYPE_CHECKING:
    from wizard.sandbox.store import Json

AGGREGATIONS = ("Average", "Count", "Maximum", "Minimum", "Total")
LONGEST_DAYS = 93
_FRONTEND = ("FrontendIPAddress", "FrontendPort")


@dataclass(frozen=True)
class Metric:
    """One metric that a type of resource has here."""

    name: str
    shown: str
    unit: str
    usual: str  # the aggregation that is answered when none is asked for
    dimensions: tuple[str, ...] = ()
    description: str = ""


METRICS: dict[str, tuple[Metric, ...]] = {
    "microsoft.network/loadbalancers": (
        Metric("VipAvailability", "Data Path Availability", "Count", "Average", _FRONTEND),
        Metric(
            "DipAvailability",
            "Health Probe Status",
            "Count",
            "Average",
            ("ProtocolType", "BackendPort", *_FRONTEND, "BackendIPAddress"),
        ),
        Metric("ByteCount", "Byte Count", "Bytes", "Total", (*_FRONTEND, "Direction")),
        Metric("SYNCount", "SYN Count", "Count", "Total", (*_FRONTEND, "Direction")),
    ),
    "microsoft.compute/virtualmachines": (
        Metric("Percentage CPU", "Percentage CPU", "Percent", "Average"),
        Metric("Network In Total", "Network In Total", "Bytes", "Total"),
        Metric("Network Out Total", "Network Out Total", "Bytes", "Total"),
    ),
    "microsoft.compute/virtualmachinescalesets": (
        Metric("Percentage CPU", "Percentage CPU", "Percent", "Average", ("VMName",)),
    ),
}
"""By lower-cased type; no more of them than the fabric really carries.

Source: Microsoft, "Supported metrics for Microsoft.Network/loadBalancers", "... virtualMachines" and
"... virtualMachineScaleSets".
"""

_NAMESPACES = {"microsoft.network/loadbalancers": "Microsoft.Network/loadBalancers",
               "microsoft.compute/virtualmachines": "Microsoft.Compute/virtualMachines",
               "microsoft.compute/virtualmachinescalesets": "Microsoft.Compute/virtualMachineScaleSets"}  # fmt: skip
_GRAINS = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440}
_TERM = re.compile(r"\s*(\w+)\s+(eq|ne)\s+'([^']*)'\s*", re.IGNORECASE)


class Metrics(ScopeProvider):
    """Definitions and values."""

    namespace = "Microsoft.Insights"

    @route("GET", "metricDefinitions")
    async def definitions(self, call: Call, scope: Scope) -> Reply:
        call.type = "Microsoft.Insights/metricDefinitions"
        return Reply(200, {"value": [_definition(scope, one) for one in _metrics(scope)]})

    @route("GET", "metricNamespaces")
    async def namespaces(self, call: Call, scope: Scope) -> Reply:
        call.type = "Microsoft.Insights/metricNamespaces"
        name = _NAMESPACES.get(_type(scope))
        one = {
            "id": f"{scope.id}/providers/microsoft.insights/metricNamespaces/{name}",
            "name": name,
            "type": "Microsoft.Insights/metricNamespaces",
            "classification": "Platform",
            "properties": {"metricNamespaceName": name},
        }
        return Reply(200, {"value": [one] if name else []})

    @route("GET", "metrics")
    async def values(self, call: Call, scope: Scope) -> Reply:
        call.type = "Microsoft.Insights/metrics"
        known = {one.name.lower(): one for one in _metrics(scope)}
        names = [name for name in (call.query.get("metricnames") or "").split(",") if name]
        wanted = []
        for name in names or list(known)[:1]:
            if name.lower() not in known:
                valid = ",".join(one.name for one in known.values())
                raise _bad(f"Failed to find metric configuration for metric: {name}, Valid metrics: {valid}")
            wanted.append(known[name.lower()])
        first, last = _timespan(call.query.get("timespan", ""))
        grain = call.query.get("interval") or "PT1M"
        if grain.upper() not in _GRAINS:
            raise _bad(f"Invalid time grain duration: {grain}, supported ones are: {','.join(_GRAINS)}")
        self.world.fabric.meter.collect()
        question = _Question(first, last, _GRAINS[grain.upper()], call)
        return Reply(
            200,
            {
                "cost": 0,
                "timespan": f"{_iso(first)}/{_iso(last)}",
                "interval": grain.upper(),
                "value": [self._value(scope, one, question) for one in wanted],
                "namespace": _NAMESPACES[_type(scope)],
                "resourceregion": (scope.document.body if scope.document else {}).get("location"),
            },
        )

    def _value(self, scope: Scope, metric: Metric, question: _Question) -> Json:
        series = list(self.world.fabric.meter.series(scope.key, metric.name))
        return {
            "id": f"{scope.id}/providers/Microsoft.Insights/metrics/{metric.name}",
            "type": "Microsoft.Insights/metrics",
            "name": {"value": metric.name, "localizedValue": metric.shown},
            "displayDescription": metric.description or metric.shown,
            "unit": metric.unit,
            "timeseries": question.answer(metric, series),
            "errorCode": "Success",
        }


class _Question:
    """A time span, an interval, aggregations and a filter."""

    def __init__(self, first: float, last: float, grain: int, call: Call) -> None:
        self._minutes = range(int(first // 60), max(int(first // 60) + 1, -int(-last // 60)))
        self._grain = grain
        self._aggregations = [
            each.strip().capitalize() for each in call.query.get("aggregation", "").split(",") if each
        ]
        if unknown := [each for each in self._aggregations if each not in AGGREGATIONS]:
            raise _bad(f"Invalid aggregation type: {unknown[0]}, supported ones are: {','.join(AGGREGATIONS)}")
        self._terms = _filter(call.query.get("$filter", ""))

    def answer(self, metric: Metric, series: Iterable[Series]) -> list[Json]:
        """One series for each value of the dimensions that the filter names; one for all where it names none."""
        names = {name.lower(): name for name in metric.dimensions}
        for name, _equal, _value in self._terms:
            if name not in names:
                raise _bad(f"The dimension '{name}' is not supported by metric '{metric.name}'. Supported dimensions: "
                           f"{','.join(metric.dimensions)}")  # fmt: skip
        split = list(dict.fromkeys(names[name] for name, _equal, _value in self._terms))
        groups: dict[tuple[str, ...], list[Series]] = {} if split else {(): []}
        for one in series:
            values = dict(one.dimensions)
            if self._fits(names, values):
                groups.setdefault(tuple(values.get(name, "") for name in split), []).append(one)
        return [
            {
                "metadatavalues": [
                    {"name": {"value": name.lower(), "localizedValue": name.lower()}, "value": value}
                    for name, value in zip(split, values, strict=True)
                ],
                "data": self._data(metric, members),
            }
            for values, members in sorted(groups.items())
        ]

    def _fits(self, names: dict[str, str], values: dict[str, str]) -> bool:
        """Terms of one dimension are alternatives (`eq`), or must all hold (`ne`)."""
        for name in {term[0] for term in self._terms}:
            found = values.get(names[name], "").lower()
            equal = [value for key, same, value in self._terms if key == name and same]
            unequal = [value for key, same, value in self._terms if key == name and not same]
            if (equal and not any(value in ("*", found) for value in equal)) or found in unequal:
                return False
        return True

    def _data(self, metric: Metric, series: list[Series]) -> list[Json]:
        data = []
        for start in range(self._minutes.start - self._minutes.start % self._grain, self._minutes.stop, self._grain):
            minutes = [minute for minute in range(start, start + self._grain) if minute in self._minutes]
            points = [one.points[minute] for one in series for minute in minutes if minute in one.points]
            item: Json = {"timeStamp": _iso(start * 60)}
            for each in (self._aggregations or [metric.usual]) if points else ():
                item[each.lower()] = _aggregate(each, points)
            data.append(item)
        return data


def _aggregate(name: str, points: list[Point]) -> float:
    total, count = sum(point.total for point in points), sum(point.count for point in points)
    match name:
        case "Average":
            return total / count
        case "Count":
            return float(count)
        case "Maximum":
            return max(point.maximum for point in points)
        case "Minimum":
            return min(point.minimum for point in points)
        case _:
            return total


def _filter(text: str) -> list[tuple[str, bool, str]]:
    terms = []
    for part in re.split(r"\s+(?:and|or)\s+", text.replace("(", " ").replace(")", " "), flags=re.IGNORECASE):
        if not part.strip():
            continue
        found = _TERM.fullmatch(part)
        if found is None:
            raise _bad(f"The filter '{text}' cannot be read.")
        terms.append((found[1].lower(), found[2].lower() == "eq", found[3].lower()))
    return terms


def _timespan(text: str) -> tuple[float, float]:
    """`START/END` in ISO 8601; an hour until now where nothing is said."""
    if not text:
        return time.time() - 3600, time.time()
    try:
        # The Azure CLI encodes it twice, and Azure takes that.
        first, last = (datetime.datetime.fromisoformat(one.replace(" ", "+")) for one in unquote(text).split("/"))
    except ValueError:
        raise _bad(f"The time span '{text}' cannot be read.") from None
    ends = [(one if one.tzinfo else one.replace(tzinfo=datetime.UTC)).timestamp() for one in (first, last)]
    if ends[0] > ends[1] or ends[1] - ends[0] > LONGEST_DAYS * 86400:
        raise _bad(f"The time span '{text}' ends before it begins, or is longer than {LONGEST_DAYS} days.")
    return ends[0], ends[1]


def _metrics(scope: Scope) -> tuple[Metric, ...]:
    return METRICS.get(_type(scope), ())


def _type(scope: Scope) -> str:
    return scope.document.type.lower() if scope.document else ""


def _definition(scope: Scope, metric: Metric) -> Json:
    return {
        "id": f"{scope.id}/providers/microsoft.insights/metricdefinitions/{metric.name}",
        "resourceId": scope.id,
        "namespace": _NAMESPACES[_type(scope)],
        "name": {"value": metric.name, "localizedValue": metric.shown},
        "displayDescription": metric.description or metric.shown,
        "isDimensionRequired": False,
        "unit": metric.unit,
        "primaryAggregationType": metric.usual,
        "supportedAggregationTypes": list(AGGREGATIONS),
        "metricAvailabilities": [{"timeGrain": grain, "retention": f"P{LONGEST_DAYS}D"} for grain in _GRAINS],
        "dimensions": [{"value": name, "localizedValue": name} for name in metric.dimensions],
    }


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def _iso(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
