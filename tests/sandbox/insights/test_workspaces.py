"""A Log Analytics workspace is what Azure's is, and answers what the balancer's diagnostic setting sent to it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import time
import uuid
from typing import Any

import pytest

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import Answer, Arm, arm, group, session
from tests.sandbox.insights.test_settings import SETTING, balancer, interface, setting
from wizard.azure import monitor
from wizard.azure.clients import Azure
from wizard.errors import AzureError

__all__ = ["arm", "balancer", "group", "session"]

EVENTS = "ALBHealthEvent | where TimeGenerated > ago(1h)"
BODY = {"location": bodies.LOCATION, "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}}


async def ask(arm: Arm, workspace: dict[str, Any], query: str, **more: str) -> Answer:
    url = f"{arm.state['arm']}/v1/workspaces/{workspace['properties']['customerId']}/query"
    return await arm("POST", url, {"query": query, **more}, version="")


def rows(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    (table,) = answer.body["tables"]
    assert table["name"] == "PrimaryResult"
    return [dict(zip([column["name"] for column in table["columns"]], row, strict=True)) for row in table["rows"]]


async def test_a_deleted_workspace_comes_back_with_its_id_unless_it_was_forced(arm: Arm, group: str) -> None:
    path = f"{group}/providers/Microsoft.OperationalInsights/workspaces/logs"
    made = await arm.put(path, BODY)
    customer = made["properties"]["customerId"]
    assert str(uuid.UUID(customer)) == customer
    assert made["properties"]["sku"]["name"] == "PerGB2018"
    assert made["properties"]["provisioningState"] == "Succeeded"
    longer = {**BODY, "properties": {"retentionInDays": 90}}
    changed = (await arm.put(path, longer))["properties"]
    assert (changed["customerId"], changed["retentionInDays"]) == (customer, 90)
    listed = (await arm("GET", path.rpartition("/")[0])).body["value"]
    assert [one["name"] for one in listed] == ["logs"]
    assert (await arm("DELETE", path)).status == 200
    assert (await arm("GET", path)).status == 404
    assert (await arm.put(path, BODY))["properties"]["customerId"] == customer
    assert (await arm("DELETE", path, force="true")).status == 200
    assert (await arm.put(path, BODY))["properties"]["customerId"] != customer


@pytest.mark.parametrize(
    ("name", "properties"),
    [("abc", {}), ("-logs", {}), ("logs", {"sku": {"name": "Free"}}), ("logs", {"retentionInDays": 7})],
)
async def test_a_workspace_that_azure_refuses(arm: Arm, group: str, name: str, properties: dict[str, Any]) -> None:
    path = f"{group}/providers/Microsoft.OperationalInsights/workspaces/{name}"
    assert (await arm("PUT", path, {**BODY, "properties": properties})).status == 400


async def test_events_and_metrics_are_rows(arm: Arm, azure: Azure, group: str, balancer: str) -> None:
    workspace = await arm.put(f"{group}/providers/Microsoft.OperationalInsights/workspaces/logs", BODY)
    unknown = setting(None, workspaceId=f"{workspace['id']}x")
    assert (await arm("PUT", f"{balancer}{SETTING}/ours", unknown)).code == "ResourceNotFound"
    kept = await arm("PUT", f"{balancer}{SETTING}/ours", setting(None, workspaceId=workspace["id"]))
    assert kept.status == 200, kept.body
    assert rows(await ask(arm, workspace, "AzureMetrics")) == []
    network = balancer.rsplit("/", 2)[0]
    await arm.put(f"{network}/networkInterfaces/nic", await interface(arm, network))  # which nobody powers
    deadline = time.monotonic() + 30
    while not (found := rows(await ask(arm, workspace, EVENTS))):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert {found[0][key] for key in ("HealthEventType", "Severity")} == {"NoHealthyBackends", "Critical"}
    assert found[0]["LoadBalancerResourceId"] == f"/subscriptions/{arm.state['subscription']}{balancer}"
    assert (found[0]["TenantId"], found[0]["Type"]) == (workspace["properties"]["customerId"], "ALBHealthEvent")
    assert rows(await ask(arm, workspace, "ALBHealthEvent", timespan="2020-01-01/2020-01-02")) == []
    assert len(rows(await ask(arm, workspace, "ALBHealthEvent", timespan="PT1H"))) == len(found)
    await what_it_cannot_read_is_refused(arm, workspace)
    await the_product_reads_them(azure, workspace["id"], found[0]["LoadBalancerResourceId"])


async def the_product_reads_them(azure: Azure, workspace: str, balancer: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    events = await monitor.logged_events(azure, workspace, balancer.upper(), now - hour)
    assert {one["properties"]["HealthEventType"] for one in events} == {"NoHealthyBackends"}
    assert now - hour < datetime.datetime.fromisoformat(events[0]["time"]) < now
    assert await monitor.logged_events(azure, workspace, f"{balancer}2", now - hour) == []
    with pytest.raises(AzureError) as refused:
        await monitor.logged_events(azure, f"{workspace}2", balancer, now - hour)
    assert refused.value.status == 404
    asked, azure.cloud = azure.cloud, dataclasses.replace(azure.cloud, logs="")
    with pytest.raises(AzureError, match="no Log Analytics"):
        await monitor.logged_events(azure, workspace, balancer, now - hour)
    azure.cloud = asked


async def what_it_cannot_read_is_refused(arm: Arm, workspace: dict[str, Any]) -> None:
    for query, code in (
        ("ALBHealthEvent | take 5", "SyntaxError"),
        ("Syslog", "SemanticError"),
        ('ALBHealthEvent | where Nobody startswith "a"', "SemanticError"),
        ("albhealthevent", "SemanticError"),
        ("", "SyntaxError"),
    ):
        answer = await ask(arm, workspace, query)
        assert (answer.status, answer.code) == (400, "BadArgumentError"), query
        assert answer.body["error"]["innererror"]["code"] == code, query
    assert (await ask(arm, workspace, EVENTS, timespan="yesterday")).status == 400
    nobody = {"properties": {"customerId": str(uuid.uuid4())}}
    assert (await ask(arm, nobody, EVENTS)).status == 404
    url = f"{arm.state['arm']}/v1/workspaces/{workspace['properties']['customerId']}/query"
    async with arm.session.get(url, params={"query": EVENTS}) as response:
        assert response.status == 401
    assert rows(await arm("GET", url, version="", query=EVENTS))
