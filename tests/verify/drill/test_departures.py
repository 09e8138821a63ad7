"""VMs of a scale set that are deleted while a drill counts on them: noticed, told, and not waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import pytest

from tests.verify.stand import deployed
from wizard import blueprint, ids, keys
from wizard.azure.clients import Azure
from wizard.commands import drill as command
from wizard.commands import progress
from wizard.deploy import endpoints, journey, members, record
from wizard.deploy import stopped as stopped_vms
from wizard.deploy.events import BroughtBack
from wizard.errors import WizardError
from wizard.plan.model import Auth, Balancer, Machines, Nat, Placement, Plan, ScaleSet
from wizard.verify import health, machines, readiness
from wizard.verify.drill import DrillDone, drill, rolling
from wizard.verify.drill.events import Mark
from wizard.verify.drill.stage import Stage
from wizard.verify.events import Waiting

PORT = 8084


@pytest.fixture(scope="module")
def name(sandbox: dict[str, Any]) -> Iterator[str]:
    plan = Plan(
        name=f"leaving-{token_hex(3)}",
        prefix="web",
        machines=Machines(auth=Auth.SSH_KEY, ssh_key=keys.ensure().public, placement=Placement.SCALE_SET, count=5),
        scale_set=ScaleSet(autoscale=False, zones=False, repairs=False),
        balancer=Balancer(frontend_port=PORT, probe_threshold=1, nat=Nat.RANGE),
    )
    with deployed(plan):
        yield plan.name


async def people(azure: Azure, name: str) -> list[machines.Machine]:
    """Who is there, by the names that the page tells."""
    stage = Stage(record.load(name), azure, lambda event: None, None)
    await stage.meet()
    return list(stage.machines)


class Leaving:
    """Deletes a VM as soon as the drill tells something."""

    def __init__(self, azure: Azure, at: Callable[[str], bool], victim: Callable[[], str]) -> None:
        self.azure, self.at, self.victim = azure, at, victim
        self.told: list[Any] = []
        self.deleting: asyncio.Task[None] | None = None

    def __call__(self, event: Any) -> None:
        self.told.append(event)
        if isinstance(event, Mark) and self.deleting is None and self.at(event.what):
            self.deleting = asyncio.create_task(self._delete(self.victim()))

    async def _delete(self, id: str) -> None:
        operation = await self.azure.begin_delete(id)
        if operation is not None:
            await operation.result()

    @property
    def marks(self) -> list[str]:
        return [event.what for event in self.told if isinstance(event, Mark)]


async def test_a_target_that_is_deleted_is_told_and_not_waited_for(azure: Azure, name: str) -> None:
    target = (await people(azure, name))[0]
    leaving = Leaving(azure, lambda what: what.endswith("out of rotation"), lambda: target.id)
    began = time.monotonic()
    done = await drill(record.load(name), azure, vm=target.name, before_s=1, after_s=1, emit=leaving)
    assert time.monotonic() - began < 90, "a VM that is there has ten minutes to come back"
    assert (done.survived, list(done.why)) == (True, []), "what users saw was as promised"
    assert done.gone == [target.name]
    assert done.back_in_rotation_s is None
    assert f"{target.name} is gone: it was deleted meanwhile, not by this command" in leaving.marks
    assert not any("answers again" in mark for mark in leaving.marks)
    assert f"deleted meanwhile, not by the drill: {target.name}" in command.text(done)
    assert stopped_vms.left(record.load(name).folder) == ()


async def test_another_vm_that_is_deleted_is_not_expected_to_carry_on(azure: Azure, name: str) -> None:
    target, other, *_ = await people(azure, name)
    leaving = Leaving(azure, lambda what: what.startswith("stopping"), lambda: other.id)
    done = await drill(record.load(name), azure, vm=target.name, before_s=1, after_s=4, emit=leaving)
    assert isinstance(leaving.told[-1], DrillDone)
    assert done.gone == [other.name]
    assert not any("did not answer" in why or "never stopped" in why for why in done.why)
    assert done.back_in_rotation_s is not None, "the one that was stopped is there, and came back"
    if done.why:
        assert other.name in done.why[-1], "what users saw counts, and who has part in it is named"


async def test_planned_maintenance_goes_on_without_who_is_gone(azure: Azure, name: str) -> None:
    there = await people(azure, name)
    leaving = Leaving(
        azure, lambda what: what.startswith("restarting"), lambda: next(one.id for one in there if one.name in first())
    )

    def first() -> str:
        return next(mark for mark in leaving.marks if mark.startswith("restarting"))

    done = await rolling(record.load(name), azure, emit=leaving)
    assert len(done.gone) == 1
    assert len(done.rounds) == len(there), "nobody else's turn was left out"
    assert not any("did not come back" in why or "not restarted" in why for why in done.why)


async def test_nobody_waits_for_a_deleted_machine_to_become_ready(azure: Azure, name: str) -> None:
    there = await people(azure, name)
    graph = await members.populated(blueprint.build(record.load(name).plan, azure.subscription_id), azure)
    balancer = next(iter(graph.of_type(machines.LOAD_BALANCERS)))
    rule = (balancer.id, balancer.body["properties"]["loadBalancingRules"][0]["name"])
    parsed = ids.parse(there[0].id)
    ghost = machines.Machine("ghost", there[0].id.replace(parsed.name, "web_ghost"), "ghost", ("/none",))
    assert [one.name for one in await health.gone(azure, [*there, ghost])] == ["ghost"]
    began = time.monotonic()
    assert await readiness.wait(azure, readiness.Place([*there, ghost], rule, {}), 60, lambda event: None)
    assert time.monotonic() - began < 30


async def test_a_target_that_goes_before_the_stop_is_no_drill(azure: Azure, name: str) -> None:
    known = record.load(name)
    target = (await people(azure, name))[0]
    leaving = Leaving(azure, lambda what: what == "the load runs", lambda: target.id)
    with pytest.raises(WizardError, match=f"{target.name} was deleted meanwhile, and nothing was stopped"):
        await drill(known, azure, vm=target.name, before_s=4, after_s=1, emit=leaving)
    assert stopped_vms.left(known.folder) == ()
    assert not any(isinstance(event, Waiting) and "is gone" in event.detail for event in leaving.told)


async def test_word_of_a_stopped_vm_that_was_deleted_since(azure: Azure, name: str) -> None:
    known = record.load(name)
    one = (await people(azure, name))[0]
    gone = one.id.replace(one.vm_name, "web_ghost")
    with stopped_vms.Stopping(known.folder) as stopping:
        stopping.note([one.id, gone])
    assert (await journey.read_status(known, azure)).left_stopped == (one.vm_name,)
    told: list[Any] = []
    assert await stopped_vms.bring_back(known.folder, azure, told.append) == (one.id, gone)
    (event,) = told
    assert isinstance(event, BroughtBack)
    assert (event.vms, event.gone) == ((one.vm_name,), ("web_ghost",))
    assert "started again; web_ghost is deleted since" in str(progress.put_right(event))
    assert (await endpoints.read(azure, blueprint.build(known.plan, azure.subscription_id))).http
