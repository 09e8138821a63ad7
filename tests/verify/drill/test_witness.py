"""Azure Monitor as a drill's second witness: with real probes and events in the sandbox, and where it contradicts."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

import pytest

from tests.verify.stand import deployed
from wizard import blueprint, keys
from wizard.azure import monitor
from wizard.azure.clients import Azure
from wizard.deploy import record
from wizard.errors import AzureError
from wizard.plan.model import Auth, Balancer, Diagnostics, Machines, Plan
from wizard.verify import control, health, machines, watched
from wizard.verify.drill import DrillDone, drill, witness
from wizard.verify.drill import drill as drill_function
from wizard.verify.drill.witness import Seen
from wizard.verify.events import CheckDone

PORT = 8086
BALANCER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/loadBalancers/lb"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/diag"
BEGAN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NOBODY = cast(Azure, None)
module = sys.modules[drill_function.__module__]


@pytest.fixture(scope="module")
def name(sandbox: dict[str, Any]) -> Iterator[str]:
    plan = Plan(
        name=f"witness-{token_hex(3)}",
        prefix="web",
        machines=Machines(auth=Auth.SSH_KEY, ssh_key=keys.ensure().public, count=2),
        balancer=Balancer(frontend_port=PORT, probe_threshold=1),
        diagnostics=Diagnostics(storage_account=True, health_events=True),
    )
    with deployed(plan):
        yield plan.name


async def test_a_drill_is_told_by_azure_monitor_too(name: str, azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AWAY_S", 1.0)
    told: list[Any] = []
    done = await drill(record.load(name), azure, wait_s=60, before_s=1, after_s=1, emit=told.append)
    checks = [event for event in told if isinstance(event, CheckDone)]
    assert done.phases["after"].seconds < 30, "what Azure Monitor is waited for is no part of the drill"
    assert [(one.name, one.target, one.state) for one in checks] == [
        ("monitor.probes", "web1", "passed"),
        ("monitor.events", checks[1].target, "passed"),
    ]
    assert "in a minute of the drill" in checks[0].detail
    assert done.held
    evidence = Path(done.evidence)
    assert [check["name"] for check in json.loads((evidence / "evidence.json").read_text())["checks"]] == [
        "monitor.probes",
        "monitor.events",
    ]
    page = (evidence / "report.html").read_text()
    assert "Evidence of a failover drill" in page
    assert "DipAvailability fell to" in page


async def test_a_pool_without_a_vm_is_told_as_an_event(name: str, azure: Azure) -> None:
    known = record.load(name)
    graph = blueprint.build(known.plan, azure.subscription_id)
    vms = machines.of(graph)
    live = await control.read(azure, graph)
    rule = control.balancing_rule(graph, live)
    assert rule is not None
    began = datetime.now(UTC)

    async def power(operation: str, *, up: bool) -> None:
        for vm in vms:
            poller: Any = await getattr(azure.compute.virtual_machines, operation)(vm.group, vm.vm_name)
            await poller.result()
        deadline = time.monotonic() + 60
        while any(state[0] != up for state in (await health.probes(azure, *rule, vms)).values()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)

    await power("begin_power_off", up=False)
    down = {vm.name: watched.address(vm, live) for vm in vms}
    seen = Seen(rule[0], watched.place(known), began, datetime.now(UTC), down, True, 0)
    try:
        found = await witness.checks(azure, seen, lambda event: None)
    finally:
        await power("begin_start", up=True)
    assert [(one.name, one.state) for one in found] == [
        ("monitor.probes", "passed"),
        ("monitor.probes", "passed"),
        ("monitor.events", "passed"),
    ]
    assert found[-1].detail.startswith("NoHealthyBackends at ")


def seen(*, nobody: bool = False) -> Seen:
    return Seen(BALANCER, ACCOUNT, BEGAN, BEGAN + timedelta(minutes=1), {"vm1": "10.0.1.4"}, nobody, 900)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits here: the first look is the last."""
    monkeypatch.setattr(witness, "METRICS_S", 0.0)
    monkeypatch.setattr(witness, "EVENTS_S", 0.0)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("minutes", "state"),
    [([(BEGAN, 100.0), (BEGAN, 40.0)], "passed"), ([(BEGAN, 100.0)], "failed"), ([], "skipped")],
)
async def test_the_metric_must_show_the_vm_that_went(
    monkeypatch: pytest.MonkeyPatch, minutes: monitor.Minutes, state: str
) -> None:
    async def status(*_: Any) -> dict[str, monitor.Minutes]:
        return {"10.0.1.4": minutes}

    async def nothing(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(monitor, "probe_status", status)
    monkeypatch.setattr(monitor, "health_events", nothing)
    probes, events = await witness.checks(NOBODY, seen(), lambda event: None)
    assert (probes.name, probes.target, probes.state) == ("monitor.probes", "vm1", state)
    assert events.state == "passed", "a VM was left, and nothing says otherwise"
    [_, outage] = await witness.checks(NOBODY, seen(nobody=True), lambda event: None)
    assert (outage.name, outage.target, outage.state) == ("monitor.events", "diag", "failed")
    assert "no NoHealthyBackends" in outage.detail


@pytest.mark.usefixtures("patient")
async def test_who_may_not_read_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> Any:
        raise AzureError("It does not let itself be read.", status=403)

    monkeypatch.setattr(monitor, "probe_status", refused)
    monkeypatch.setattr(monitor, "health_events", refused)
    for nobody in (False, True):
        found = await witness.checks(NOBODY, seen(nobody=nobody), lambda event: None)
        assert {one.state for one in found} == {"skipped"}
        assert all("does not let itself be read" in one.detail for one in found)


async def test_who_stops_waiting_for_azure_monitor_still_gets_the_verdict(
    name: str, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: Any) -> list[CheckDone]:
        raise asyncio.CancelledError

    monkeypatch.setattr(module, "AWAY_S", 1.0)
    monkeypatch.setattr(witness, "checks", interrupted)
    told: list[Any] = []
    with pytest.raises(asyncio.CancelledError):
        await drill(record.load(name), azure, wait_s=60, before_s=1, after_s=1, emit=told.append)
    assert isinstance(told[-1], DrillDone)
    assert told[-1].survived
    assert told[-1].evidence, "and it is kept"
