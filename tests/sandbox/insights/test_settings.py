"""Diagnostic settings are judged as Azure judges them, and what they send arrives in the storage account."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import pytest

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import Arm, arm, group, secret_of, session

__all__ = ["arm", "group", "session"]

SETTING = "/providers/Microsoft.Insights/diagnosticSettings"
LOGS = [{"category": "LoadBalancerHealthEvent", "enabled": True}]


@pytest.fixture
async def balancer(arm: Arm, group: str) -> str:
    """The path of a balancer in whose pool there is nothing yet."""
    network = f"{group}/providers/Microsoft.Network"
    address = await arm.put(f"{network}/publicIPAddresses/pip", bodies.public_ip())
    path = f"{network}/loadBalancers/lb"
    full = f"/subscriptions/{arm.state['subscription']}{path}"
    await arm.put(path, bodies.balancer(full, address["id"]))
    await arm.put(f"{network}/virtualNetworks/vnet", bodies.vnet())
    return path


async def interface(arm: Arm, network: str) -> dict[str, Any]:
    """The body of an interface in the balancer's pool."""
    subnet = (await arm("GET", f"{network}/virtualNetworks/vnet")).body["properties"]["subnets"][0]["id"]
    pool = (await arm("GET", f"{network}/loadBalancers/lb")).body["properties"]["backendAddressPools"][0]["id"]
    properties = {"subnet": {"id": subnet}, "loadBalancerBackendAddressPools": [{"id": pool}]}
    return {
        "location": bodies.LOCATION,
        "properties": {"ipConfigurations": [{"name": "ip", "properties": properties}]},
    }


@pytest.fixture
async def account(arm: Arm, group: str) -> dict[str, Any]:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/logs{uuid.uuid4().hex[:12]}"
    body = {"location": bodies.LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    answer = await arm("PUT", path, body)
    assert answer.status == 202, answer.body
    await arm.done(answer)
    found: dict[str, Any] = (await arm("GET", path)).body
    return found


async def storage_token(arm: Arm, scope: str = "https://storage.azure.com/.default") -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": arm.state["client_id"],
        "client_secret": secret_of(arm.state),
        "scope": scope,
    }
    url = f"{arm.state['authority']}/{arm.state['tenant']}/oauth2/v2.0/token"
    async with arm.session.post(url, data=form) as response:
        return str((await response.json())["access_token"])


def setting(account: str | None, **changed: Any) -> dict[str, Any]:
    return {"properties": {"storageAccountId": account, "logs": LOGS, **changed}}


async def test_a_setting_needs_a_sink_and_a_category_that_there_are(
    arm: Arm, balancer: str, account: dict[str, Any]
) -> None:
    path = f"{balancer}{SETTING}/ours"
    assert (await arm("PUT", path, setting(None))).code == "BadRequest"
    assert (await arm("PUT", path, setting(account["id"] + "x"))).code == "ResourceNotFound"
    unknown = [{"category": "LoadBalancerProbeHealthStatus", "enabled": True}]
    assert (await arm("PUT", path, setting(account["id"], logs=unknown))).code == "BadRequest"
    assert (await arm("GET", path)).status == 404
    assert (await arm("PUT", f"{balancer}x{SETTING}/ours", setting(account["id"]))).code == "ResourceNotFound"
    kept = await arm("PUT", path, setting(account["id"], metrics=[{"category": "AllMetrics", "enabled": True}]))
    assert kept.status == 200
    assert kept.body["id"].endswith("/providers/microsoft.insights/diagnosticSettings/ours")
    assert (await arm("PUT", f"{balancer}{SETTING}/other", setting(account["id"]))).code == "Conflict"
    assert [one["name"] for one in (await arm("GET", f"{balancer}{SETTING}")).body["value"]] == ["ours"]
    categories = await arm("GET", f"{balancer}/providers/microsoft.insights/diagnosticSettingsCategories")
    assert {(one["name"], one["properties"]["categoryType"]) for one in categories.body["value"]} == {
        ("LoadBalancerHealthEvent", "Logs"),
        ("AllMetrics", "Metrics"),
    }
    assert (await arm("DELETE", path)).status == 200
    assert (await arm("DELETE", path)).status == 204


async def test_the_event_of_a_pool_without_a_healthy_member_is_a_line_in_the_account(
    arm: Arm, balancer: str, account: dict[str, Any]
) -> None:
    assert (await arm("PUT", f"{balancer}{SETTING}/ours", setting(account["id"]))).status == 200
    network = balancer.rsplit("/", 2)[0]
    await arm.put(f"{network}/networkInterfaces/nic", await interface(arm, network))  # which nobody powers
    storage = {"Authorization": f"Bearer {await storage_token(arm)}", "x-ms-version": "2024-11-04"}
    blobs = f"{account['properties']['primaryEndpoints']['blob']}insights-logs-loadbalancerhealthevent"
    deadline = time.monotonic() + 30
    listed: Any = ""
    while "PT1H.json" not in str(listed):
        assert time.monotonic() < deadline, listed
        await asyncio.sleep(0.2)
        async with arm.session.get(blobs, params={"restype": "container", "comp": "list"}, headers=storage) as response:
            listed = await response.text()
    name = listed.partition("<Name>")[2].partition("</Name>")[0]
    full = f"/subscriptions/{arm.state['subscription']}{balancer}"
    assert name.startswith(f"resourceId={full.upper()}/y=")
    assert name.endswith("/m=00/PT1H.json")
    async with arm.session.get(f"{blobs}/{name}", headers=storage) as response:
        record = json.loads((await response.text()).splitlines()[0])
    assert record["category"] == "LoadBalancerHealthEvent"
    assert record["properties"]["HealthEventType"] == "NoHealthyBackends"
    assert record["properties"]["Severity"] == "Critical"
    assert record["resourceId"] == full.upper()
    await the_blob_service_refuses_others(arm, blobs, name, storage)


async def the_blob_service_refuses_others(arm: Arm, blobs: str, name: str, storage: dict[str, str]) -> None:
    arms = {**storage, "Authorization": f"Bearer {arm.token}"}
    for headers, where, status in (
        ({}, name, 401),
        (arms, name, 401),
        (storage, f"{name}x", 404),
        (storage, "a%2F..%2F..%2F..%2Ftoken.key", 404),
        ({**storage, "x-ms-range": "bytes=999999-"}, name, 416),
    ):
        async with arm.session.get(f"{blobs}/{where}", headers=headers) as response:
            assert (response.status, response.content_type) == (status, "application/xml"), where
    async with arm.session.get(f"{blobs}/{name}", headers={**storage, "x-ms-range": "bytes=0-0"}) as response:
        assert (response.status, await response.read()) == (206, b"{")
    async with arm.session.head(f"{blobs}/{name}", headers=storage) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 100
    assert (await arm("GET", "/resourceGroups", headers={"Authorization": storage["Authorization"]})).status == 401
