"""A scale set in the sandbox: deployed, verified, scaled by hand and by load, repaired, and gone at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from wizard import blueprint, keys
from wizard.azure import clients, clouds
from wizard.azure.clients import Azure
from wizard.blueprint import names
from wizard.deploy import instances, journey, members, record, scale
from wizard.deploy.endpoints import Endpoints
from wizard.plan.model import Auth, Balancer, Machines, Nat, Placement, Plan, ScaleSet
from wizard.verify import balance, ports, ramp, verify
from wizard.verify.events import CheckDone

PORT = 8083


@pytest.fixture(scope="module")
def name(sandbox: dict[str, Any]) -> Iterator[str]:
    plan = Plan(
        name=f"scale-set-{token_hex(3)}",
        prefix="web",
        machines=Machines(auth=Auth.SSH_KEY, ssh_key=keys.ensure().public, placement=Placement.SCALE_SET),
        scale_set=ScaleSet(autoscale=True, maximum=3),
        balancer=Balancer(frontend_port=PORT, probe_threshold=1, nat=Nat.RANGE),
    )

    async def go(*, away: bool = False) -> None:
        async with clients.connect(clouds.find("sandbox")) as azure:
            if away:
                await journey.destroy(record.load(plan.name), azure, lambda event: None)
                return
            outlook = await journey.look(plan, azure)
            await journey.carry_out(outlook, azure, {}, lambda event: None)

    asyncio.run(go())
    yield plan.name
    if record.known(plan.name):
        asyncio.run(go(away=True))


@pytest.fixture(autouse=True)
def _short_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "LOAD_S", 0.5)
    monkeypatch.setattr(ports, "LISTEN_S", 0.3)


async def vms(azure: Azure, name: str) -> list[str]:
    return list(await members.vm_names(record.load(name), azure))


async def reach(azure: Azure, name: str) -> Endpoints:
    deadline = time.monotonic() + 60
    while (status := await journey.read_status(record.load(name), azure)).state != "deployed":
        assert time.monotonic() < deadline, status.resources
        await asyncio.sleep(0.2)
    return Endpoints(status.http, status.ssh, status.rdp)


async def test_it_is_proved_as_single_machines_are(azure: Azure, name: str) -> None:
    told: list[Any] = []
    await verify(record.load(name), azure, emit=told.append, wait_s=60)
    checks = [one for one in told if isinstance(one, CheckDone)]
    assert [(one.name, one.detail) for one in checks if one.state == "failed"] == []
    both = await vms(azure, name)
    for what in ("balancer.pool", "balancer.probe", "http.page", "ssh.login", "ssh.hostname", "vm.neighbour"):
        assert {one.target for one in checks if one.name == what and one.state == "passed"} >= set(both[:2]), what
    assert set((await reach(azure, name)).ssh) == set(both)


async def test_what_autoscale_did_is_no_drift_and_the_ramp_shows_both_ways(azure: Azure, name: str) -> None:
    known = record.load(name)
    deadline = time.monotonic() + 60
    while len(await vms(azure, name)) > 2:  # what the verification's load has called
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    turns: list[Any] = []
    done = await ramp.ramp(known, azure, low=5, peak=250, climb_s=1, limit_s=40, emit=turns.append)
    assert done.proved, done.why
    assert done.instances["first"] == 2
    assert done.instances["most"] == 3
    grown = [turn for turn in turns if turn.event == "turn" and turn.instances == 3]
    assert grown, "it grew"
    assert all(turn["offered_rps"] <= 250 for turn in done.timeline)
    await reach(azure, name)  # the last step in has ended: until then the set is busy
    outlook = await journey.look(known.plan, azure)
    assert outlook.complete, "nothing to write, whatever the capacity is by now"


async def test_scaling_by_hand_drains_and_renumbers_nobody(azure: Azure, name: str) -> None:
    planned = blueprint.build(record.load(name).plan, azure.subscription_id)
    (setting,) = planned.of_type(names.AUTOSCALE)
    await azure.begin_put(setting, {**setting.body, "properties": {**setting.body["properties"], "enabled": False}})
    events: list[Any] = []

    async def to(count: int) -> None:
        outlook = await scale.look(record.load(name), azure, count)
        await scale.carry_out(outlook, azure, {}, events.append, drain_s=0.1)

    await to(2)
    before = (await reach(azure, name)).ssh
    await to(3)
    after = (await reach(azure, name)).ssh
    assert before.items() <= after.items()
    events.clear()
    await to(2)
    left = (await reach(azure, name)).ssh
    assert len(left) == 2
    assert left.items() <= after.items()
    (gone,) = set(after) - set(left)
    assert [event.vm for event in events if event.event == "draining"] == [gone]


async def test_a_broken_machine_is_replaced(azure: Azure, name: str) -> None:
    victim = (await vms(azure, name))[0]
    group = record.load(name).name
    body: Any = {"commandId": "RunShellScript", "script": ["systemctl stop nginx"]}
    poller: Any = await azure.compute.virtual_machines.begin_run_command(group, victim, body)
    await poller.result()
    deadline = time.monotonic() + 60
    while victim in await vms(azure, name) or len(await vms(azure, name)) < 2:
        assert time.monotonic() < deadline, "it was not repaired"
        await asyncio.sleep(0.3)


async def test_it_goes_with_all_its_machines(azure: Azure, name: str) -> None:
    await journey.destroy(record.load(name), azure, lambda event: None)
    assert await azure.list_group(name) is None


def test_who_leaves_is_the_newest_of_the_fullest_zone():
    def machine(name: str, zone: str) -> dict[str, Any]:
        return {"name": name, "zones": [zone]} if zone else {"name": name}

    of_zones = [machine(f"{zone}{number}", zone) for number, zone in enumerate("1213121")]  # the oldest first
    assert [one["name"] for one in instances.chosen(of_zones, 4)] == ["16", "14", "25", "12"]
    assert [one["name"] for one in instances.chosen(of_zones, 99)][-1] == "10"
    assert len(instances.chosen(of_zones, 99)) == 7
    assert instances.chosen(of_zones, -1) == instances.chosen([], 3) == []
    without = [machine("a", ""), machine("b", "")]
    assert [one["name"] for one in instances.chosen(without, 1)] == ["b"]
