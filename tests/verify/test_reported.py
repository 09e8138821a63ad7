"""Each machine's agent reports to the workspace; where it does not, the cause that is told is the one that was made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.verify.stand import Stand, standing
from wizard import blueprint, ids
from wizard.azure import monitor
from wizard.azure.clients import Azure
from wizard.azure.monitor import Told
from wizard.blueprint import names
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import engine, members
from wizard.deploy.secrets import Secrets
from wizard.errors import AzureError
from wizard.plan.model import Auth, Diagnostics, Placement
from wizard.verify import machines, reported
from wizard.verify.events import CheckDone, Waiting
from wizard.verify.explain import explain, gather
from wizard.verify.inside import Inside
from wizard.verify.machines import Machine
from wizard.verify.reported import Asked

NOW = datetime.now(UTC)
FIGURES: Mapping[tuple[str, str], float] = {("% Processor Time", "_Total"): 12.5, ("Free Megabytes", "/"): 9000.0}


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 2, page=True, diagnostics=Diagnostics(workspace="new", guest_metrics=True)) as made:
        yield made


@pytest.fixture(scope="module")
def scaled(sandbox: dict[str, Any]) -> Iterator[Stand]:
    wanted = Diagnostics(workspace="new", guest_metrics=True)
    with standing(Auth.SSH_KEY, 2, page=False, diagnostics=wanted, placement=Placement.SCALE_SET) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch, sandbox_cloud: Any) -> None:
    """An agent of the sandbox reports once a second at the least: what is older than four is old."""
    monkeypatch.setattr(reported, "RECENT_S", 4.0 * sandbox_cloud.pace)
    monkeypatch.setattr(reported, "TURN_S", 0.5 * sandbox_cloud.pace)


def graph(stand: Stand, azure: Azure) -> Blueprint:
    return blueprint.build(stand.plan, azure.subscription_id)


def first(stand: Stand, azure: Azure, kind: str) -> Resource:
    return next(one for one in graph(stand, azure).of_type(kind) if "web1" in one.id)


async def checked(stand: Stand, azure: Azure, wait_s: float = 20.0) -> dict[str, CheckDone]:
    """The check of each machine, with its cause."""
    planned = graph(stand, azure)
    asked = Asked(stand.record, planned, machines.of(planned))
    checks = await reported.check(azure, asked, wait_s, lambda event: None)
    failing = {check.target for check in checks if check.state == "failed"}
    facts = await gather.facts(azure, planned, asked.machines, failing=failing, target="", inside={})
    return {check.target: explain(check, facts) if check.state == "failed" else check for check in checks}


async def cause(stand: Stand, azure: Azure) -> str:
    """What is told of web1 once nothing comes from it any more; web2 goes on reporting."""
    deadline = time.monotonic() + 30
    while (found := await checked(stand, azure, 1.0))["web1"].state == "passed":
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
    assert found["web1"].state == "failed"
    assert found["web1"].remedy, found["web1"]
    return found["web1"].cause


async def again(stand: Stand, azure: Azure) -> None:
    """Deploy the plan once more, as the remedies say; then both report."""
    await engine.deploy(graph(stand, azure), azure, Secrets(), lambda event: None)
    found = await checked(stand, azure, 30.0)
    assert {name: check.state for name, check in found.items()} == {"web1": "passed", "web2": "passed"}, found


async def gone(azure: Azure, resource: Resource) -> None:
    if (operation := await azure.begin_delete(resource.id)) is not None:
        await operation.result()


async def changed(azure: Azure, resource: Resource, **parts: Any) -> None:
    live = await azure.get(resource.id)
    assert live is not None
    kept: dict[str, Any] = {key: live[key] for key in ("location", "tags", "properties", "identity") if key in live}
    if (operation := await azure.begin_put(resource, {**kept, **parts})) is not None:
        await operation.result()


async def test_both_report_what_they_do(stand: Stand, azure: Azure) -> None:
    found = await checked(stand, azure, 30.0)
    assert {name: check.state for name, check in found.items()} == {"web1": "passed", "web2": "passed"}
    assert "7 counters, CPU " in found["web1"].detail
    workspace = first_of(graph(stand, azure), names.WORKSPACE)
    told = await monitor.told_by_guests(azure, workspace.id, graph(stand, azure).resources[0].id, 60.0)
    assert set(told) == {ids.key(vm.id) for vm in graph(stand, azure).of_type(names.VM)}
    figures = told[ids.key(first(stand, azure, names.VM).id)].figures
    assert figures["Available MBytes Memory", "Memory"] == pytest.approx(7412388 / 1024)
    assert 0 < figures["% Processor Time", "_Total"] <= 100
    assert figures["Total Bytes Received", "eth0"] >= 0
    assert await monitor.told_by_guests(azure, workspace.id, ids.group_id(azure.subscription_id, "other"), 60.0) == {}


def first_of(planned: Blueprint, kind: str) -> Resource:
    return planned.of_type(kind)[0]


async def test_an_association_that_is_gone(stand: Stand, azure: Azure) -> None:
    await gone(azure, first(stand, azure, names.VM_ASSOCIATION))
    assert await cause(stand, azure) == "monitor-association-missing"
    await again(stand, azure)


async def test_an_agent_that_is_gone(stand: Stand, azure: Azure) -> None:
    await gone(azure, first(stand, azure, names.EXTENSION))
    assert await cause(stand, azure) == "monitor-agent-missing"
    await again(stand, azure)


async def test_an_identity_that_is_gone(stand: Stand, azure: Azure) -> None:
    await changed(azure, first(stand, azure, names.VM), identity={"type": "None"})
    assert await cause(stand, azure) == "monitor-identity-missing"
    await again(stand, azure)


async def test_a_machine_that_is_stopped(stand: Stand, azure: Azure) -> None:
    vm = first(stand, azure, names.VM)
    group, name = ids.parse(vm.id).group, vm.name
    stopping: Any = await azure.ask(azure.compute.virtual_machines.begin_power_off(group, name))
    await azure.ask(stopping.result())
    assert await cause(stand, azure) == "vm-stopped"
    starting: Any = await azure.ask(azure.compute.virtual_machines.begin_start(group, name))
    await azure.ask(starting.result())
    await again(stand, azure)


async def test_a_way_out_that_a_rule_denies(stand: Stand, azure: Azure) -> None:
    group = first_of(graph(stand, azure), names.NSG)
    live = await azure.get(group.id)
    assert live is not None
    (nic,) = [one for one in graph(stand, azure).of_type(names.NIC) if one.name == "web1-nic"]
    document = await azure.get(nic.id)
    assert document is not None
    own = document["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
    denied = {
        "name": "no-https",
        "properties": {
            **dict.fromkeys(("sourcePortRange", "destinationAddressPrefix"), "*"),
            "sourceAddressPrefix": own,
            "destinationPortRange": "443",
            "priority": 200,
            "direction": "Outbound",
            "access": "Deny",
            "protocol": "Tcp",
        },
    }
    rules = live["properties"]["securityRules"]
    await changed(azure, group, properties={"securityRules": [*rules, denied]})
    assert await cause(stand, azure) == "nsg-denies-outbound"
    await changed(azure, group, properties={"securityRules": rules})
    await again(stand, azure)


async def test_a_rule_stays_while_it_has_associations(stand: Stand, azure: Azure) -> None:
    rule = first_of(graph(stand, azure), names.COLLECTION_RULE)
    with pytest.raises(AzureError) as refused:
        await gone(azure, rule)
    assert refused.value.code == "DataCollectionRuleHasAssociations"
    for association in graph(stand, azure).of_type(names.VM_ASSOCIATION):
        await gone(azure, association)
    await gone(azure, rule)
    assert await cause(stand, azure) == "monitor-rule-missing"
    await again(stand, azure)


async def test_a_scale_sets_machines_report_while_it_is_associated(scaled: Stand, azure: Azure) -> None:
    planned = await members.populated(graph(scaled, azure), azure)
    asked = Asked(scaled.record, planned, machines.of(planned))
    checks = await reported.check(azure, asked, 30.0, lambda event: None)
    assert [check.state for check in checks] == ["passed", "passed"], checks
    await gone(azure, first_of(planned, names.SCALE_SET_ASSOCIATION))
    deadline = time.monotonic() + 30
    while any(check.state == "passed" for check in checks):
        assert time.monotonic() < deadline, checks
        checks = await reported.check(azure, asked, 0.0, lambda event: None)
        await asyncio.sleep(0.2)
    facts = await gather.facts(azure, planned, asked.machines, failing=set(), target="", inside={})
    assert {explain(check, facts).cause for check in checks} == {"monitor-association-missing"}


# What needs no cloud

VM = Machine("web1", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web1", "web1", ())


class Quick:
    """A cloud's data, and nobody behind it."""

    cloud = type("Cloud", (), {"pace": 1000.0, "poll_floor_s": 0.001})()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """One machine; nothing that could be proved about it."""
    plan = type("Plan", (), {"diagnostics": Diagnostics(workspace="new", guest_metrics=True), "prefix": "web"})()
    record = type("Record", (), {"plan": plan, "subscription": "s", "name": "g"})()

    async def nobody(*_: Any) -> set[str]:
        return set()

    monkeypatch.setattr(reported, "_hopeless", nobody)
    return Asked(cast(Any, record), cast(Any, None), [VM])


async def asked_of(
    monkeypatch: pytest.MonkeyPatch, asked: Asked, *answers: Any, wait_s: float = 30.0
) -> tuple[CheckDone, list[Any]]:
    """The check, where the workspace answers so, the last answer again and again; and what was emitted."""
    left, events = list(answers), list[Any]()

    async def told(*_: Any) -> dict[str, Told]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return {ids.key(VM.id): answer} if answer else {}

    monkeypatch.setattr(monitor, "told_by_guests", told)
    (check,) = await reported.check(cast(Azure, Quick()), asked, wait_s, events.append)
    return check, events


async def test_it_is_waited_for(monkeypatch: pytest.MonkeyPatch, alone: Asked) -> None:
    check, events = await asked_of(monkeypatch, alone, None, Told(NOW), Told(NOW, NOW, FIGURES))
    assert (check.state, check.detail) == (
        "passed",
        f"heartbeat at {NOW:%H:%M:%S} UTC, 2 counters, CPU 12.5 %",
    )
    assert [type(event) for event in events] == [Waiting, Waiting]


@pytest.mark.parametrize(("answer", "words"), [(None, "no heartbeat"), (Told(NOW), "but no figures")])
async def test_the_waiting_ends(monkeypatch: pytest.MonkeyPatch, alone: Asked, answer: Any, words: str) -> None:
    check, _ = await asked_of(monkeypatch, alone, answer, wait_s=0.0)
    assert check.state == "failed"
    assert words in check.detail


@pytest.mark.parametrize(("hours", "state"), [(-1, "passed"), (0.5, "passed"), (None, "passed"), (0, "failed")])
async def test_what_was_sent_before_the_boot_does_not_count(
    monkeypatch: pytest.MonkeyPatch, alone: Asked, hours: float | None, state: str
) -> None:
    """A boot in the future is the clock of a machine that is ahead of UTC: it says nothing."""
    booted = f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}" if hours is not None else "long ago"
    before = Told(NOW - timedelta(minutes=2), NOW - timedelta(minutes=2), FIGURES)
    told = Asked(alone.record, alone.blueprint, alone.machines, {"web1": Inside("SSH", booted=booted)})
    check, _ = await asked_of(monkeypatch, told, before, wait_s=0.0)
    assert check.state == state


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [(403, "skipped", "no right"), (404, "failed", "no workspace"), (500, "skipped", "it")],
)
async def test_a_workspace_that_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, alone: Asked, *, status: int, state: str, words: str
) -> None:
    error = AzureError("it is so", "", "Ask for the role.", status=status)
    check, _ = await asked_of(monkeypatch, alone, error)
    assert check.state == state
    assert words in check.detail
