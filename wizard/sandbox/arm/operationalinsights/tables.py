"""The tables that rows come to, with their columns in the order that a query answers them."""

from __future__ import annotations

from typing import Any

from wizard.sandbox.store import Document, Json

_FIRST = (("TenantId", "string"), ("SourceSystem", "string"), ("TimeGenerated", "datetime"))
_LAST = (("Type", "string"), ("_ResourceId", "string"))

TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "ALBHealthEvent": (
        *_FIRST,
        ("operationName", "string"),
        ("HealthEventType", "string"),
        ("Severity", "string"),
        ("FrontendIP", "string"),
        ("LoadBalancerResourceId", "string"),
        ("Description", "string"),
        *_LAST,
    ),
    "AzureMetrics": (
        *_FIRST,
        ("ResourceId", "string"),
        ("ResourceGroup", "string"),
        ("SubscriptionId", "string"),
        ("ResourceProvider", "string"),
        ("Resource", "string"),
        ("MetricName", "string"),
        ("Total", "real"),
        ("Count", "real"),
        ("Maximum", "real"),
        ("Minimum", "real"),
        ("Average", "real"),
        ("TimeGrain", "string"),
        ("UnitName", "string"),
        *_LAST,
    ),
    "Heartbeat": (
        *_FIRST,
        ("Computer", "string"),
        ("Category", "string"),
        ("OSType", "string"),
        ("OSName", "string"),
        ("Version", "string"),
        ("ComputerEnvironment", "string"),
        ("VMUUID", "string"),
        ("SubscriptionId", "string"),
        ("ResourceGroup", "string"),
        ("ResourceProvider", "string"),
        ("ResourceType", "string"),
        ("Resource", "string"),
        ("ResourceId", "string"),
        *_LAST,
    ),
    "Perf": (
        *_FIRST,
        ("Computer", "string"),
        ("ObjectName", "string"),
        ("CounterName", "string"),
        ("InstanceName", "string"),
        ("CounterValue", "real"),
        ("CounterPath", "string"),
        *_LAST,
    ),
}
"""Columns are those of Microsoft's table reference; their order, and those of AzureMetrics, are from memory.
Of Heartbeat and Perf there are those that an Azure machine's agent fills."""

PERF_STREAM = "Microsoft-Perf"
"""The stream of a data collection rule that comes to Perf."""


def event(about: Document, record: dict[str, Any]) -> Json:
    """A health event, as it is in storage, as a row of ALBHealthEvent."""
    row = {"TimeGenerated": record["time"], "operationName": record["operationName"], **record["properties"]}
    return {**row, **_of(about)}


def metric(about: Document, record: dict[str, Any], unit: str) -> Json:
    """A minute of a metric, as it is in storage, as a row of AzureMetrics."""
    parts = about.id.upper().split("/")
    return {
        "TimeGenerated": record["time"],
        "ResourceId": record["resourceId"],
        "ResourceGroup": parts[4],
        "SubscriptionId": parts[2].lower(),
        "ResourceProvider": parts[6],
        "Resource": parts[-1],
        "MetricName": record["metricName"],
        "TimeGrain": record["timeGrain"],
        "UnitName": unit,
        **{key.capitalize(): float(record[key]) for key in ("total", "count", "maximum", "minimum", "average")},
        **_of(about),
    }


def heartbeat(vm: Document, about: Json, when: str) -> Json:
    """That an agent is there. `about` are the columns that the machine itself fills."""
    parts = vm.id.split("/")
    return {
        "TimeGenerated": when,
        "Category": "Azure Monitor Agent",
        "ComputerEnvironment": "Azure",
        "SubscriptionId": parts[2],
        "ResourceGroup": parts[4],
        "ResourceProvider": parts[6],
        "ResourceType": parts[7],
        "Resource": vm.name,
        "ResourceId": vm.id,
        **about,
        **_of(vm),
        "SourceSystem": about["OSType"] if about["OSType"] == "Linux" else "OpsManager",
    }


def perf(vm: Document, about: Json, when: str) -> Json:
    """One value of one counter of a machine."""
    instance = f"({about['InstanceName']})" if about["InstanceName"] else ""
    path = f"\\\\{about['Computer']}\\{about['ObjectName']}{instance}\\{about['CounterName']}"
    return {"TimeGenerated": when, **about, "CounterPath": path, **_of(vm), "SourceSystem": "OpsManager"}


def _of(about: Document) -> Json:
    return {"SourceSystem": "Azure", "_ResourceId": about.id.lower()}
