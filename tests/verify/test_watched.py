"""Azure Monitor as a second witness: it agrees, it contradicts, or it has nothing to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from wizard.azure import monitor
from wizard.azure.clients import Azure
from wizard.errors import AzureError
from wizard.verify import watched
from wizard.verify.machines import Machine

NIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/vm1-nic"
BALANCER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/loadBalancers/lb"
WORKSPACE = "/subscriptions/s/resourceGroups/o/providers/Microsoft.OperationalInsights/workspaces/main"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/diag"
VM = Machine("vm1", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1", "vm1", (NIC,))
LIVE = {NIC.lower(): {"properties": {"ipConfigurations": [{"properties": {"privateIPAddress": "10.0.1.4"}}]}}}
NOBODY = cast(Azure, None)
BEGAN = datetime(2026, 1, 1, 12, 59, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "up", "state"),
    [
        ([100.0], True, "passed"),
        ([50.0, 0.0], True, "passed"),
        ([0.0, 0.0], True, "failed"),
        ([100.0], False, "failed"),
        ([60.0], False, "passed"),
        ([], True, "skipped"),
    ],
)
async def test_the_metric_is_held_against_the_health_call(
    monkeypatch: pytest.MonkeyPatch, values: list[float], up: bool, state: str
) -> None:
    async def status(*_: Any) -> dict[str, monitor.Minutes]:
        return {"10.0.1.4": [(BEGAN, value) for value in values], "10.0.1.9": [(BEGAN, 0.0)]}

    monkeypatch.setattr(monitor, "probe_status", status)
    checks = await watched.metrics(NOBODY, BALANCER, [VM], LIVE, {"vm1": up})
    assert [(check.name, check.target, check.state) for check in checks] == [("monitor.probes", "vm1", state)]


@pytest.mark.parametrize(
    ("after_s", "kind", "answered", "state"),
    [
        (1, "NoHealthyBackends", 100, "failed"),
        (1, "NoHealthyBackends", 0, "passed"),
        (-60, "NoHealthyBackends", 100, "passed"),
        (1, "DataPathAvailabilityWarning", 100, "passed"),
    ],
)
async def test_an_event_of_an_outage_contradicts_a_load_that_was_answered(
    monkeypatch: pytest.MonkeyPatch, after_s: int, kind: str, answered: int, state: str
) -> None:
    time = BEGAN + timedelta(seconds=after_s)
    asked = []

    async def kept(_azure: Any, _account: str, _balancer: str, hour: datetime) -> list[dict[str, Any]]:
        asked.append(hour.hour)
        here = time.hour == hour.hour
        return [{"time": f"{time:%Y-%m-%dT%H:%M:%S.%f}Z", "properties": {"HealthEventType": kind}}] if here else []

    monkeypatch.setattr(monitor, "health_events", kept)
    loaded = (BEGAN, BEGAN + timedelta(seconds=10))
    check = await watched.events(NOBODY, ACCOUNT, BALANCER, loaded, answered)
    assert (check.target, check.state) == ("diag", state)
    assert asked == [12, 13]


async def test_a_workspace_is_asked_where_the_events_go_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def kept(_azure: Any, workspace: str, _balancer: str, since: datetime) -> list[dict[str, Any]]:
        asked.append((workspace, since.hour, since.minute))
        return [{"time": "2026-01-01T12:59:59Z", "properties": {"HealthEventType": "NoHealthyBackends"}}]

    monkeypatch.setattr(monitor, "logged_events", kept)
    check = await watched.events(NOBODY, WORKSPACE, BALANCER, (BEGAN, BEGAN + timedelta(seconds=10)), 1)
    assert (check.target, check.state) == ("main", "failed")
    assert asked == [(WORKSPACE, 12, 0)]


async def test_who_may_not_read_the_account_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> list[dict[str, Any]]:
        raise AzureError("It does not let itself be read.", status=403)

    monkeypatch.setattr(monitor, "health_events", refused)
    check = await watched.events(NOBODY, ACCOUNT, BALANCER, (BEGAN, BEGAN), 1)
    assert (check.state, check.detail) == ("skipped", "It does not let itself be read.")
