"""Data collection rules and their associations, as Azure's own example has them; and what is refused of them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import Arm, arm, group, session
from tests.sandbox.insights.test_settings import balancer
from tests.sandbox.insights.test_workspaces import BODY

__all__ = ["arm", "balancer", "group", "session"]

ASSOCIATION = "/providers/Microsoft.Insights/dataCollectionRuleAssociations/mine"
SET = {"location": bodies.LOCATION, "sku": {"name": "Aligned"}, "properties": {"platformFaultDomainCount": 2}}


def rule(workspace: str) -> dict[str, Any]:
    """The shape of Microsoft's example DataCollectionRulesCreate, 2022-06-01."""
    counters = {
        "name": "cloudTeamCoreCounters",
        "streams": ["Microsoft-Perf"],
        "samplingFrequencyInSeconds": 15,
        "counterSpecifiers": ["\\Processor(_Total)\\% Processor Time", "\\Memory\\Committed Bytes"],
    }
    return {
        "location": bodies.LOCATION,
        "kind": "Linux",
        "properties": {
            "dataSources": {"performanceCounters": [counters]},
            "destinations": {"logAnalytics": [{"workspaceResourceId": workspace, "name": "central"}]},
            "dataFlows": [{"streams": ["Microsoft-Perf"], "destinations": ["central"]}],
        },
    }


@pytest.fixture
async def workspace(arm: Arm, group: str) -> dict[str, Any]:
    return await arm.put(f"{group}/providers/Microsoft.OperationalInsights/workspaces/logs", BODY)


async def test_a_rule_is_answered_as_the_example_says(arm: Arm, group: str, workspace: dict[str, Any]) -> None:
    path, body = f"{group}/providers/Microsoft.Insights/dataCollectionRules/mine", rule(workspace["id"])
    first = await arm("PUT", path, body)
    assert first.status == 201
    properties = first.body["properties"]
    assert re.fullmatch(r"dcr-[0-9a-f]{32}", properties["immutableId"])
    (place,) = properties["destinations"]["logAnalytics"]
    assert place["workspaceId"] == workspace["properties"]["customerId"]
    assert properties["dataSources"] == body["properties"]["dataSources"]
    assert (first.body["kind"], properties["provisioningState"]) == ("Linux", "Succeeded")
    again = await arm("PUT", path, {**body, "tags": {"a": "b"}}, headers={"If-Match": first.body["etag"]})
    assert (again.status, again.body["properties"]["immutableId"]) == (200, properties["immutableId"])
    assert (await arm("PUT", path, body, headers={"If-Match": first.body["etag"]})).status == 412
    tagged = await arm("PATCH", path, {"tags": {"c": "d"}})
    assert (tagged.status, tagged.body["tags"]["c"]) == (200, "d")
    assert [one["name"] for one in (await arm("GET", path.rpartition("/")[0])).body["value"]] == ["mine"]
    assert (await arm("DELETE", path)).status == 200
    assert (await arm("DELETE", path)).status == 204


def _at(*path: Any) -> Callable[[dict[str, Any], Any], None]:
    def change(body: dict[str, Any], value: Any) -> None:
        here: Any = body
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = value

    return change


COUNTERS = ("properties", "dataSources", "performanceCounters", 0)


@pytest.mark.parametrize(
    ("change", "value", "status", "code"),
    [
        (_at("kind"), "Solaris", 501, "NotInSandbox"),
        (_at("properties"), None, 400, "InvalidRequestContent"),
        (_at("properties", "dataSources", "syslog"), [{"name": "a"}], 501, "NotInSandbox"),
        (_at(*COUNTERS, "streams"), ["Microsoft-Syslog"], 400, "InvalidPayload"),
        (_at(*COUNTERS, "samplingFrequencyInSeconds"), 0, 400, "InvalidPayload"),
        (_at(*COUNTERS, "counterSpecifiers"), [], 400, "InvalidPayload"),
        (_at("properties", "destinations", "logAnalytics", 0, "name"), "", 400, "InvalidPayload"),
        (_at("properties", "destinations", "logAnalytics", 0, "workspaceResourceId"), "/x", 400, "InvalidPayload"),
        (_at("location"), "northeurope", 400, "InvalidPayload"),  # the workspace is elsewhere
        (_at("properties", "dataFlows", 0, "destinations"), ["nowhere"], 400, "InvalidPayload"),
        (_at("properties", "dataFlows", 0, "streams"), ["Microsoft-InsightsMetrics"], 400, "InvalidPayload"),
        (_at("properties", "dataFlows"), [], 400, "InvalidPayload"),
    ],
)
async def test_what_is_wrong_with_a_rule_is_refused(
    arm: Arm,
    group: str,
    workspace: dict[str, Any],
    *,
    change: Callable[[dict[str, Any], Any], None],
    value: Any,
    status: int,
    code: str,
) -> None:
    path, body = f"{group}/providers/Microsoft.Insights/dataCollectionRules/mine", copy.deepcopy(rule(workspace["id"]))
    change(body, value)
    answer = await arm("PUT", path, body)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert (await arm("GET", path)).status == 404


async def test_associations_hang_on_machines_alone(arm: Arm, balancer: str, workspace: dict[str, Any]) -> None:
    group = balancer.partition("/providers/")[0]
    path = f"{group}/providers/Microsoft.Insights/dataCollectionRules/mine"
    made = await arm.put(path, rule(workspace["id"]))
    wanted = {"properties": {"dataCollectionRuleId": made["id"]}}
    assert (await arm("PUT", f"{balancer}{ASSOCIATION}", wanted)).code == "NotInSandbox"
    machine = f"{group}/providers/Microsoft.Compute/virtualMachines/none"
    assert (await arm("PUT", f"{machine}{ASSOCIATION}", wanted)).status == 404
    assert (await arm("GET", f"{path}/associations")).body["value"] == []
