"""What Azure Monitor knows: a balancer's metrics, its health events where something keeps them, and machines' figures.

None of the SDK's clients that are here has any of it; all are single requests.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wizard import ids
from wizard.azure.errors import explained
from wizard.errors import AzureError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

METRICS_VERSION = "2024-02-01"
STORAGE_SCOPE = "https://storage.azure.com/.default"
STORAGE_VERSION = "2024-11-04"
CONTAINER = "insights-logs-loadbalancerhealthevent"
WORKSPACE_VERSION = "2023-09-01"
TABLE = "ALBHealthEvent"
"""Where a workspace has the events (Microsoft, "Azure Monitor Logs reference")."""


Minutes = list[tuple[datetime.datetime, float]]
"""When each minute began, and a metric's mean over it, oldest first. Minutes without a value are left out."""

Counted = tuple[datetime.datetime, float, float]
"""The same, and of how many values it is the mean; 0 where that is not told."""


async def probe_status(azure: Azure, balancer_id: str, since: datetime.datetime) -> dict[str, Minutes]:
    """The balancer's `DipAvailability` since a moment: percent of probes answered, by private address.

    Azure is one to three minutes behind. Raises AzureError, UnreachableError.
    """
    found = await _metric(azure, balancer_id, "DipAvailability", since, by="BackendIPAddress")
    return {address: [(minute, mean) for minute, mean, _ in points] for address, points in found.items()}


async def processor(azure: Azure, scale_set_id: str, since: datetime.datetime) -> list[Counted]:
    """A scale set's `Percentage CPU` since a moment: the mean over its machines, as autoscale goes by.

    Azure is one to three minutes behind. Raises AzureError, UnreachableError.
    """
    return (await _metric(azure, scale_set_id, "Percentage CPU", since)).get("", [])


async def _metric(
    azure: Azure, resource_id: str, name: str, since: datetime.datetime, *, by: str = ""
) -> dict[str, list[Counted]]:
    """A metric's minutes by the value of a dimension; under "" where none is asked for."""
    now = datetime.datetime.now(datetime.UTC)
    question = {
        "metricnames": name,
        "aggregation": "Average,Count",
        "interval": "PT1M",
        "timespan": f"{since:%Y-%m-%dT%H:%M:%SZ}/{now:%Y-%m-%dT%H:%M:%SZ}",
        **({"$filter": f"{by} eq '*'"} if by else {}),
    }
    where = f"{resource_id}/providers/Microsoft.Insights/metrics".lstrip("/")
    call = azure.resource.resources.get_by_id(where, api_version=METRICS_VERSION, params=question, cls=_wire)
    told: Any = await explained(call, id=resource_id)
    found: dict[str, list[Counted]] = {}
    for metric in told.get("value") or ():
        for series in metric.get("timeseries") or ():
            values = [
                (
                    datetime.datetime.fromisoformat(point["timeStamp"]),
                    float(point["average"]),
                    float(point.get("count") or 0),
                )
                for point in series.get("data") or ()
                if point.get("average") is not None
            ]
            split = {str(one["name"]["value"]).lower(): str(one["value"]) for one in series.get("metadatavalues") or ()}
            if not by or by.lower() in split:
                found.setdefault(split[by.lower()] if by else "", []).extend(values)
    return found


async def health_events(
    azure: Azure, account_id: str, balancer_id: str, hour: datetime.datetime
) -> list[dict[str, Any]]:
    """The balancer's health events of one hour (UTC) that a storage account keeps; none where none were written.

    Reading needs the role Storage Blob Data Reader. Raises AzureError (403 without it), UnreachableError.
    """
    account = await azure.get(account_id)
    if account is None:
        raise AzureError(f"The storage account {account_id.rpartition('/')[2]} is not there.", status=404)
    endpoint = str(account["properties"]["primaryEndpoints"]["blob"]).rstrip("/")
    name = f"resourceId={balancer_id.upper()}/y={hour:%Y}/m={hour:%m}/d={hour:%d}/h={hour:%H}/m=00/PT1H.json"
    text = await _blob(azure, f"{endpoint}/{CONTAINER}/{quote(name)}")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


async def workspace(azure: Azure, workspace_id: str) -> dict[str, Any]:
    """A Log Analytics workspace as ARM shows it, in any subscription. Raises AzureError, UnreachableError."""
    call = azure.resource.resources.get_by_id(workspace_id.lstrip("/"), api_version=WORKSPACE_VERSION, cls=_wire)
    found: Any = await explained(call, id=workspace_id)
    return dict(found)


async def logged_events(
    azure: Azure, workspace_id: str, balancer_id: str, since: datetime.datetime
) -> list[dict[str, Any]]:
    """The balancer's health events since a moment that a Log Analytics workspace has, the oldest first.

    They have the form that `health_events` tells them in. Azure takes some minutes until a row is there. Reading needs
    the role Log Analytics Reader. Raises AzureError (403 without it), UnreachableError.
    """
    back = datetime.datetime.now(datetime.UTC) - since
    rows = await _rows(azure, workspace_id, f"{TABLE} | where TimeGenerated > ago({int(back.total_seconds()) + 1}s)")
    mine = [row for row in rows if str(row.get("LoadBalancerResourceId")).lower() == balancer_id.lower()]
    return [{"time": row["TimeGenerated"], "properties": row} for row in mine]


@dataclass(frozen=True)
class Told:
    """What the agent of one machine has sent. `heartbeat` is when it last said that it is there, None where it did not.

    `figures` are the latest value of each counter and instance, such as ("% Processor Time", "_Total"): 2.1, and `at`
    when the latest of them was taken.
    """

    heartbeat: datetime.datetime | None = None
    at: datetime.datetime | None = None
    figures: Mapping[tuple[str, str], float] = field(default_factory=dict)


async def told_by_guests(azure: Azure, workspace_id: str, group_id: str, seconds: float) -> dict[str, Told]:
    """What the agents of a resource group's machines have sent in the last `seconds`, by `ids.key` of the machine.

    Raises AzureError: 403 without the role Log Analytics Reader, 404 where there is no such workspace;
    UnreachableError.
    """
    span = f"where TimeGenerated > ago({max(1, math.ceil(seconds))}s)"
    ours = f'where _ResourceId startswith "{group_id.lower()}/"'  # others may send to the same workspace
    beats = await _rows(azure, workspace_id, f"Heartbeat | {span} | {ours}")
    perf = await _rows(azure, workspace_id, f"Perf | {span} | {ours}")
    when = {ids.key(str(row["_ResourceId"])): _moment(row) for row in beats}  # the oldest first: the last one stays
    figures: dict[str, dict[tuple[str, str], float]] = {}
    taken: dict[str, datetime.datetime] = {}
    for row in perf:
        key = ids.key(str(row["_ResourceId"]))
        figures.setdefault(key, {})[str(row["CounterName"]), str(row["InstanceName"])] = float(row["CounterValue"])
        taken[key] = _moment(row)
    return {key: Told(when.get(key), taken.get(key), figures.get(key, {})) for key in when.keys() | figures.keys()}


async def _rows(azure: Azure, workspace_id: str, query: str) -> list[dict[str, Any]]:
    """What a query of a workspace is answered with, by column, the oldest first."""
    if not azure.cloud.logs:
        raise AzureError(f"The cloud {azure.cloud.name} has no Log Analytics that could be asked.")
    found = await workspace(azure, workspace_id)
    tables = await _asked(azure, str(found["properties"]["customerId"]), query)
    rows = []
    for table in tables[:1]:
        names = [str(column["name"]) for column in table["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in table["rows"]]
    return sorted(rows, key=lambda row: str(row["TimeGenerated"]))


def _moment(row: Mapping[str, Any]) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(str(row["TimeGenerated"]))
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


async def _asked(azure: Azure, customer: str, query: str) -> list[dict[str, Any]]:
    """The tables that a query is answered with. `customer` is the workspace's customerId."""
    from azure.core.rest import HttpRequest

    logs = azure.cloud.logs
    request = HttpRequest("POST", f"{logs}/v1/workspaces/{quote(customer)}/query", json={"query": query})
    answer: Any = (await explained(azure.pipeline(f"{logs}/.default").run(request))).http_response
    content = bytes(await explained(answer.read()))
    if answer.status_code == 200:
        tables: list[dict[str, Any]] = json.loads(content)["tables"]
        return tables
    raise AzureError(
        "The workspace does not let its logs be read.",
        f"It answered {answer.status_code}.",
        "Ask for the role Log Analytics Reader on it, and wait a few minutes.",
        status=answer.status_code,
    )


def _wire(pipeline_response: Any, _model: Any, _headers: Any) -> Any:
    return pipeline_response.http_response.json()


async def _blob(azure: Azure, url: str) -> str:
    from azure.core.rest import HttpRequest

    request = HttpRequest("GET", url, headers={"x-ms-version": STORAGE_VERSION})
    answer: Any = (await explained(azure.pipeline(STORAGE_SCOPE).run(request))).http_response
    if answer.status_code == 404:
        return ""
    if answer.status_code != 200:
        raise AzureError(
            "The storage account does not let its logs be read.",
            f"It answered {answer.status_code} {answer.headers.get('x-ms-error-code', '')}.",
            "Ask for the role Storage Blob Data Reader on it, and wait a few minutes.",
            status=answer.status_code,
        )
    return bytes(await explained(answer.read())).decode()
