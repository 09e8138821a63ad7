"""Metrics answer as Azure Monitor does, from what the meter has counted."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.sandbox.arm.conftest import Arm, arm, group, session
from tests.sandbox.insights.test_settings import balancer, interface

__all__ = ["arm", "balancer", "group", "session"]


async def test_probes_become_health_probe_status_by_member(arm: Arm, balancer: str) -> None:
    network = balancer.rsplit("/", 2)[0]
    await arm.put(f"{network}/networkInterfaces/nic", await interface(arm, network))  # which nobody powers
    path = f"{balancer}/providers/Microsoft.Insights/metrics"
    question = {"metricnames": "DipAvailability", "$filter": "BackendIPAddress eq '*'", "aggregation": "Average,Count"}
    deadline = time.monotonic() + 30
    series: list[dict[str, Any]] = []
    while not series:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
        answer = await arm("GET", path, **question)
        assert answer.status == 200, answer.body
        series = answer.body["value"][0]["timeseries"]
    assert series[0]["metadatavalues"][0]["name"]["value"] == "backendipaddress"
    assert series[0]["metadatavalues"][0]["value"].startswith("10.0.1.")
    counted = [point for point in series[0]["data"] if "average" in point]
    assert {point["average"] for point in counted} == {0.0}
    assert sum(point["count"] for point in counted) >= 1
    assert answer.body["interval"] == "PT1M"


async def test_what_is_no_metric_dimension_or_time_is_refused(arm: Arm, balancer: str) -> None:
    path = f"{balancer}/providers/Microsoft.Insights/metrics"
    for question in (
        {"metricnames": "PacketLoss"},
        {"metricnames": "VipAvailability", "$filter": "BackendIPAddress eq '*'"},
        {"metricnames": "VipAvailability", "timespan": "yesterday"},
        {"metricnames": "VipAvailability", "timespan": "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z"},
        {"metricnames": "VipAvailability", "interval": "PT7M"},
        {"metricnames": "VipAvailability", "aggregation": "Median"},
    ):
        assert (await arm("GET", path, **question)).code == "BadRequest", question
    definitions = (await arm("GET", f"{balancer}/providers/Microsoft.Insights/metricDefinitions")).body["value"]
    assert {one["name"]["value"] for one in definitions} == {
        "VipAvailability",
        "DipAvailability",
        "ByteCount",
        "SYNCount",
    }
    assert (await arm("GET", f"{balancer}x/providers/Microsoft.Insights/metrics")).status == 404
