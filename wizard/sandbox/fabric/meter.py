"""What the fabric carries, counted by the minute: probes' results, flows and bytes. Azure Monitor's metrics read it.

Numbers are kept for KEPT_MIN minutes, in memory: a sandbox that starts anew begins to count anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

KEPT_MIN = 6 * 60

Dimensions = tuple[tuple[str, str], ...]


@dataclass
class Point:
    """One minute of one series."""

    total: float = 0.0
    count: int = 0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)


@dataclass
class Traffic:
    """Flows between a rule and one of its members, and their bytes both ways as a client sees them, since the start."""

    key: str  # of the balancer
    vm: str
    dimensions: Dimensions
    flows: int = 0
    sent: int = 0
    received: int = 0
    told: tuple[int, int, int] = (0, 0, 0)


@dataclass
class Series:
    """One metric of one resource with one set of dimensions: points by minute since the epoch."""

    dimensions: Dimensions
    points: dict[int, Point] = field(default_factory=dict)


class Meter:
    """Series by resource (`ids.key`) and metric."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._series: dict[tuple[str, str], dict[Dimensions, Series]] = {}
        self._traffic: dict[tuple[str, str], Traffic] = {}

    def add(self, key: str, metric: str, value: float, dimensions: Dimensions = ()) -> None:
        """Count a value in this minute."""
        by_dimensions = self._series.setdefault((key, metric), {})
        series = by_dimensions.get(dimensions)
        if series is None:
            series = by_dimensions[dimensions] = Series(dimensions)
        minute = int(self._now() // 60)
        point = series.points.get(minute)
        if point is None:
            point = series.points[minute] = Point()
            for old in [each for each in series.points if each < minute - KEPT_MIN]:
                del series.points[old]
        point.add(value)

    def traffic(self, rule: str, vm: str, dimensions: Mapping[str, str]) -> Traffic:
        """Where the flows from a rule (`.../loadBalancingRules/x`, as `ids.key`) to a member count their bytes."""
        found = self._traffic.get((rule, vm))
        if found is None or dict(found.dimensions) != dimensions:
            key = rule.partition("#")[0].rsplit("/", 2)[0]
            found = self._traffic[rule, vm] = Traffic(key, vm, tuple(dimensions.items()))
        return found

    def carried(self, vm: str) -> tuple[int, int]:
        """Bytes that a machine (`ids.key`) has been sent, and has sent, since the start."""
        own = [one for one in self._traffic.values() if one.vm == vm]
        return sum(one.sent for one in own), sum(one.received for one in own)

    def collect(self) -> None:
        """Count the flows and bytes since the last time in this minute."""
        for one in self._traffic.values():
            flows, sent, received = (a - b for a, b in zip((one.flows, one.sent, one.received), one.told, strict=True))
            if not (flows or sent or received):
                continue
            one.told = (one.flows, one.sent, one.received)
            self.add(one.key, "SYNCount", flows, (*one.dimensions, ("Direction", "Inbound")))
            self.add(one.key, "ByteCount", sent, (*one.dimensions, ("Direction", "Inbound")))
            self.add(one.key, "ByteCount", received, (*one.dimensions, ("Direction", "Outbound")))
            self.add(one.vm, "Network In Total", sent)
            self.add(one.vm, "Network Out Total", received)

    def series(self, key: str, metric: str) -> Iterator[Series]:
        """A resource's series of a metric, one for each set of dimensions."""
        yield from self._series.get((key, metric), {}).values()

    def forget(self, key: str) -> None:
        """The resource is gone."""
        for known in [known for known in self._series if known[0] == key]:
            del self._series[known]
        for where in [where for where, one in self._traffic.items() if key in (one.key, one.vm)]:
            del self._traffic[where]
