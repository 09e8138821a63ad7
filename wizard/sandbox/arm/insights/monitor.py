"""The watch over the balancers: their health events, their availability, and what is kept of them where.

Every second it looks whether each frontend has a healthy member, which makes `VipAvailability`. Events are published as
Microsoft describes in "Azure Load Balancer health event logs": NoHealthyBackends when the last member goes down,
DataPathAvailabilityWarning and -Critical for a minute below 90 and 25 percent, and again only after an interval.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.insights import settings
from wizard.sandbox.arm.insights.metrics import METRICS
from wizard.sandbox.arm.operationalinsights import tables
from wizard.sandbox.arm.operationalinsights.workspaces import WORKSPACE
from wizard.sandbox.arm.scopes import TABLE
from wizard.sandbox.fabric import work

if TYPE_CHECKING:
    from wizard.sandbox.fabric.meter import Point
    from wizard.sandbox.fabric.topology import FrontendRule
    from wizard.sandbox.store import Document
    from wizard.sandbox.world import World

_LOG = logging.getLogger(__name__)

EVENTS = "LoadBalancerHealthEvent"
EXPORTED = ("VipAvailability", "DipAvailability", "ByteCount", "SYNCount")
_AGAIN_S = {"NoHealthyBackends": 3600.0, "DataPathAvailabilityWarning": 300.0, "DataPathAvailabilityCritical": 300.0}
"""Seconds after which an event that lasts is published again."""
_SEVERITY = {"DataPathAvailabilityWarning": "Warning"}
_BALANCER = "microsoft.network/loadbalancers"
_UNITS = {metric.name: metric.unit for metric in METRICS[_BALANCER]}


class Monitor:
    """Runs while the sandbox does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._published: dict[tuple[str, str, str], float] = {}  # balancer, frontend, event: while it lasts
        self._exported = int(time.time() // 60)
        self._worked: dict[str, tuple[float, int]] = {}  # by machine: when it was asked last, its requests until then

    def start(self) -> None:
        self._world.fabric.watchers.append(self.look)
        self._world.store.listeners.append(self._document_changed)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def look(self) -> None:
        """Publish NoHealthyBackends for each frontend whose members are all down, once while that lasts."""
        for rule, states in self._world.fabric.balanced():
            down = bool(states) and all(state == "Down" for state in states)
            self._judge(rule, "NoHealthyBackends", down, _no_backends(rule))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                self._second()
            except Exception:  # a look that fails is no reason to look no more
                _LOG.exception("the balancers could not be looked at")

    def _second(self) -> None:
        meter = self._world.fabric.meter
        meter.collect()
        for rule, states in self._world.fabric.balanced():
            dimensions = (("FrontendIPAddress", rule.address), ("FrontendPort", str(rule.port)))
            if "Up" in states or "Down" in states:
                meter.add(rule.balancer, "VipAvailability", 100.0 if "Up" in states else 0.0, dimensions)
        self._processors()
        minute = int(time.time() // 60) - 1
        if minute > self._exported:
            self._exported = minute
            self._minute(minute)

    def _processors(self) -> None:
        """The share of busy time in this second, of each machine that runs."""
        fabric, now = self._world.fabric, time.monotonic()
        for vm in self._world.store.of_type("Microsoft.Compute/virtualMachines"):
            key = ids.key(vm.id)
            try:
                requests, running = fabric.requests(vm.id), fabric.power_state(vm.id) == "running"
            except ArmError:  # its fabric part is being made or gone
                continue
            before, self._worked[key] = self._worked.get(key), (now, requests)
            size = self._world.catalog.size(str(vm.body["properties"]["hardwareProfile"]["vmSize"]))
            if running and before is not None:
                busy = work.percent(requests - before[1], now - before[0], size.cores if size else 1)
                fabric.meter.add(key, "Percentage CPU", busy)

    def _minute(self, minute: int) -> None:
        """A minute has passed: judge its data path, and send its metrics."""
        self.look()
        for rule, _states in self._world.fabric.balanced():
            frontend = (("FrontendIPAddress", rule.address), ("FrontendPort", str(rule.port)))
            for one in self._world.fabric.meter.series(rule.balancer, "VipAvailability"):
                point = one.points.get(minute)
                if one.dimensions == frontend and point is not None:
                    share = point.total / point.count
                    self._judge(rule, "DataPathAvailabilityCritical", share < 25, _data_path(rule, 25))
                    self._judge(rule, "DataPathAvailabilityWarning", 25 <= share < 90, _data_path(rule, 90))
        for balancer in self._world.store.of_type("Microsoft.Network/loadBalancers"):
            if sinks := settings.sinks(self._world.store, ids.key(balancer.id), "AllMetrics"):
                self._export(balancer, minute, sinks)

    def _judge(self, rule: FrontendRule, event: str, holds: bool, description: str) -> None:
        key, now = (rule.balancer, rule.address, event), time.monotonic()
        if not holds:
            self._published.pop(key, None)
        elif key not in self._published or now - self._published[key] >= _AGAIN_S[event]:
            self._published[key] = now
            self._publish(rule, event, description)

    def _publish(self, rule: FrontendRule, event: str, description: str) -> None:
        balancer = self._world.store.get(rule.balancer)
        if balancer is None:
            return
        severity = _SEVERITY.get(event, "Critical")
        record = {
            "time": f"{_now():%Y-%m-%dT%H:%M:%S.%f}Z",
            "resourceId": balancer.id.upper(),
            "category": EVENTS,
            "operationName": f"Microsoft.Network/loadBalancers/{EVENTS}/{event}",  # its form is from memory
            "location": balancer.body.get("location"),
            "properties": {
                "LoadBalancerResourceId": balancer.id,
                "FrontendIP": rule.address,
                "HealthEventType": event,
                "Severity": severity,
                "Description": f"{severity} - {event}: {description}",
            },
        }
        for sink in settings.sinks(self._world.store, rule.balancer, EVENTS):
            if sink.type == WORKSPACE:
                self._ingest(sink, "ALBHealthEvent", [tables.event(balancer, record)])
            else:
                self._write(sink.name, f"insights-logs-{EVENTS.lower()}", balancer, _now(), [record])

    def _export(self, balancer: Document, minute: int, sinks: list[Document]) -> None:
        when = datetime.datetime.fromtimestamp(minute * 60, datetime.UTC)
        records = []
        for metric in EXPORTED:  # dimensions are not exported: all of a metric's series are one
            points = [
                one.points[minute]
                for one in self._world.fabric.meter.series(ids.key(balancer.id), metric)
                if minute in one.points
            ]
            if points:
                records.append(_metric(balancer, metric, when, points))
        for sink in sinks if records else ():
            if sink.type == WORKSPACE:
                rows = [tables.metric(balancer, record, _UNITS[record["metricName"]]) for record in records]
                self._ingest(sink, "AzureMetrics", rows)
            else:
                self._write(sink.name, "insights-metrics-pt1m", balancer, when, records)

    def _ingest(self, workspace: Document, table: str, rows: list[dict[str, Any]]) -> None:
        """Azure takes some minutes for it; here a row is there at once."""
        self._world.logs.append(workspace.body["properties"]["customerId"], table, rows)

    def _write(
        self, account: str, container: str, about: Document, when: datetime.datetime, records: list[dict[str, Any]]
    ) -> None:
        name = f"resourceId={about.id.upper()}/y={when:%Y}/m={when:%m}/d={when:%d}/h={when:%H}/m=00/PT1H.json"
        lines = "".join(json.dumps(record) + "\n" for record in records)
        self._world.blobs.append(account, container, name, lines.encode())

    def _document_changed(self, what: str, document: Document) -> None:
        """What hangs on a resource goes with it, its numbers too."""
        if what != "delete":
            return
        key = ids.key(document.id)
        self._world.fabric.meter.forget(key)
        self._worked.pop(key, None)
        for extension, _value in self._world.store.items(TABLE):
            if extension.startswith(f"{key}/"):
                self._world.store.write(TABLE, extension, None)


def _metric(balancer: Document, metric: str, when: datetime.datetime, points: list[Point]) -> dict[str, Any]:
    total, count = sum(point.total for point in points), sum(point.count for point in points)
    return {
        "count": count,
        "total": total,
        "minimum": min(point.minimum for point in points),
        "maximum": max(point.maximum for point in points),
        "average": total / count,
        "resourceId": balancer.id.upper(),
        "time": f"{when:%Y-%m-%dT%H:%M:%S}.0000000Z",
        "metricName": metric,
        "timeGrain": "PT1M",
    }


def _no_backends(rule: FrontendRule) -> str:
    return (
        f"the frontend IP {rule.address} cannot be reached: no backend instance behind TCP:{rule.port} responds to its "
        "health probes."
    )


def _data_path(rule: FrontendRule, percent: int) -> str:
    return f"the data path availability for frontend IP {rule.address} is below {percent}% on port {rule.port}."


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
