"""The engine's turns one by one: what it tells and when, what follows a conflict, and what an earlier run left."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from tests.deploy.memory import NAME, Memory, Running, beside_time, blueprint, conflict, group, resource
from tests.deploy.test_engine import Events, Turns, diamond, live, run, with_password
from wizard import ids
from wizard.blueprint.resource import OWNER_TAG, Resource
from wizard.deploy import endpoints, engine, survey, waiting
from wizard.deploy.endpoints import Endpoints
from wizard.deploy.engine import DeployFailed
from wizard.deploy.events import Deployed, Event, Interrupted, ResourceChanged, ResourceRetried, ResourceStalled
from wizard.deploy.journal import NoJournal, Open
from wizard.deploy.retry import Patience
from wizard.deploy.secrets import Secrets
from wizard.errors import UnreachableError


class Clock:
    """The engine's time, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(engine, "time", hand)
    return hand


async def test_every_fact_tells_when_it_was_and_how_long_it_took(clock):
    root, events = group(), Events()
    a, b, c = resource("a", root), resource("b", root), resource("c", root)
    b = Resource(b.id, b.type, b.name, b.body, (a.id,))
    memory = Memory(live(root), live(c))
    memory.failures["b"] = deque([conflict("AllocationFailed", None)])

    def later(number: int) -> None:
        clock.now += 10.00046

    memory.on_round = later
    with pytest.raises(DeployFailed) as raised:
        events = await run(memory, blueprint(root, a, b, c))
    events = raised.value.events  # type: ignore[attr-defined]
    facts = [(e.id, e.state, e.at, e.seconds, e.why, e.remedy) for e in events.of(ResourceChanged)]
    assert facts == [
        (root.id, "same", 0.0, None, "", ""),
        (a.id, "started", 0.0, None, "", ""),
        (c.id, "same", 0.0, None, "", ""),
        (a.id, "done", 10.0, 10.0, "", ""),
        (b.id, "started", 10.0, None, "", ""),
        (b.id, "failed", 20.001, 10.001, "Azure refused it: AllocationFailed. Something else runs.", "Wait."),
    ]


async def test_what_is_deployed_is_told_with_its_seconds_and_is_what_is_returned(clock, monkeypatch):
    graph, _ = diamond()
    memory, events = Memory(), Events()
    asked: list[Any] = []

    async def read(*of: Any) -> Endpoints:
        asked.append(of)
        return Endpoints(http="h", ssh={"a": "s"}, rdp={"b": "r"})

    monkeypatch.setattr(endpoints, "read", read)

    def later(number: int) -> None:
        clock.now += 10.00046

    memory.on_round = later
    deployed = await beside_time(memory, engine.deploy(graph, memory, Secrets(), events.append))
    assert events[-1] is deployed
    assert deployed == Deployed(name=NAME, seconds=40.002, resources=5, http="h", ssh={"a": "s"}, rdp={"b": "r"})
    assert asked == [(memory, graph)]


async def test_an_interrupted_run_tells_when_and_what_runs(clock):
    root = group()
    memory, events = Memory(), Events()
    a = resource("a", root)
    deploying = asyncio.create_task(engine.deploy(blueprint(root, a), memory, Secrets(), events.append))

    def cut(number: int) -> None:
        clock.now += 10.00046
        if number == 2:
            deploying.cancel()

    memory.on_round = cut
    with pytest.raises(asyncio.CancelledError):
        await beside_time(memory, deploying)
    assert events[-1] == Interrupted(NAME, 20.001, (a.id,))


def failure(name: str, why: str, remedy: str) -> engine.Failure:
    return engine.Failure(resource(name).id, f"{name} broke.", why, remedy, "Code")


def test_a_failed_deployment_names_what_failed_what_was_not_begun_and_both_ways_on():
    two = (failure("a", "Why.", "Mend it."), failure("b", "Other.", "Else."))
    error = DeployFailed(NAME, two, ("x", "y", "z"), reached=True)
    assert error.what == "fleet was not deployed: a, b failed."
    assert error.why == "a broke. Why. Not started because of it: 3."
    assert error.remedy == (
        "Mend it. Then deploy the same plan again: it continues with what is missing. "
        "Or remove what was created: multivm-wizard destroy."
    )
    assert (error.failed, error.waiting, error.exit_status) == (two, ("x", "y", "z"), 1)
    bare = DeployFailed(NAME, (failure("a", "", ""),), (), reached=False)
    assert bare.why == "a broke."
    assert bare.remedy.startswith("Then deploy")
    assert bare.exit_status == 3


async def test_one_resource_that_was_reached_makes_it_a_failure_and_no_lost_connection():
    root = group()
    for refusals in ((UnreachableError("No."), conflict("QuotaExceeded")), (conflict("X"), UnreachableError("No."))):
        memory = Memory(live(root))
        memory.refusals = {name: deque([refusal]) for name, refusal in zip("ab", refusals, strict=True)}
        with pytest.raises(DeployFailed) as raised:
            await run(memory, blueprint(root, resource("a", root), resource("b", root)))
        assert raised.value.exit_status == 1
        assert raised.value.what == "fleet was not deployed: a, b failed."
        assert sorted(failure.code for failure in raised.value.failed)[0] == ""
        assert {failure.code for failure in raised.value.failed} < {"", "QuotaExceeded", "X"}


async def test_what_somebody_else_began_is_told_once_when_it_takes_too_long_and_given_up_on_after_an_hour(clock):
    root = group()
    busy = resource("a", root)
    memory = Memory(live(root), live(busy, properties={"provisioningState": "Updating"}))
    waits = iter((0.0, 30.0, 30.16, 31.0, 3600.0, 3600.5))

    def later(name: str, times: int) -> None:
        if name == "a" and times > 1:  # the first is the survey's
            clock.now = 1000.0 + next(waits)

    memory.on_read = later
    with pytest.raises(DeployFailed) as raised:
        await run(memory, blueprint(root, busy))
    assert next(waits, None) is None
    (failed,) = raised.value.failed
    assert failed.what == "a is still Updating."
    assert failed.why == "An operation that was already running has not ended in 60 minutes."
    assert failed.remedy == "Look at the resource's activity log."
    events = raised.value.events  # type: ignore[attr-defined]
    assert events.of(ResourceStalled) == [ResourceStalled(busy.id, 30.16, 30.2)]
    assert events.states("a") == ["adopted", "failed"]


@pytest.mark.parametrize("etag", ['W/"2"', None])
async def test_it_is_read_again_right_before_it_is_changed(etag):
    root = group()
    nsg = resource("nsg", root, tags={OWNER_TAG: NAME, "env": "x"})
    memory = Memory(live(root), live(nsg, tags={OWNER_TAG: NAME}, etag='W/"1"'))

    def meanwhile(name: str, times: int) -> None:
        if (name, times) == ("nsg", 2):
            now = live(nsg, tags={OWNER_TAG: NAME, "cost": "42"}, **({"etag": etag} if etag else {}))
            memory.documents[ids.key(nsg.id)] = now

    memory.on_read = meanwhile
    await run(memory, blueprint(root, nsg))
    assert memory.bodies[0]["tags"] == {OWNER_TAG: NAME, "env": "x", "cost": "42"}
    assert memory.if_match == [etag]


async def test_what_is_gone_right_before_it_is_changed_is_made_anew():
    graph, vm = with_password()
    there = live(vm, tags={OWNER_TAG: NAME, "old": "1"}, properties={**vm.body["properties"]})
    planned = Resource(vm.id, vm.type, vm.name, {**vm.body, "tags": {OWNER_TAG: NAME, "env": "x"}}, vm.after)
    memory = Memory(live(group()), there)

    def meanwhile(name: str, times: int) -> None:
        if (name, times) == ("vm1", 2):
            del memory.documents[ids.key(vm.id)]

    memory.on_read = meanwhile
    await run(memory, blueprint(graph.resources[0], planned))
    assert memory.bodies == [planned.body]
    assert memory.if_match == [None]


def after_a_conflict(memory: Memory, name: str, document: dict[str, Any] | None) -> None:
    """What a read finds after the first write of `name` was refused."""

    def found(read: str, times: int) -> None:
        if read == name and memory.names(memory.writes).count(name) == 1:
            key = next(key for key in map(ids.key, memory.writes) if key.endswith(f"/{name}"))
            memory.documents.pop(key, None)
            if document is not None:
                memory.documents[key] = document

    memory.on_read = found


async def test_our_own_write_whose_answer_was_lost_is_found_and_not_sent_again():
    graph, (_, a, *_) = diamond()
    memory, journal = Memory(), Turns()
    memory.refusals["a"] = deque([conflict("OperationLost")])
    after_a_conflict(memory, "a", live(a))
    events = await run(memory, graph, journal=journal)
    assert memory.names(memory.writes).count("a") == 1
    assert events.states("a") == ["started", "done"]
    assert events.states("d") == ["started", "done"]
    assert [turn for name, turn in journal.turns if name == "a"] == ["intent", "ended OperationLost", "ended"]


async def test_after_a_conflict_it_is_written_over_what_is_there_then():
    root = group()
    a = resource("a", root)
    memory = Memory(live(root))
    memory.refusals["a"] = deque([conflict()])
    after_a_conflict(memory, "a", live(a, tags={OWNER_TAG: NAME, "cost": "42"}, properties={"p": 1}, etag="7"))
    planned = resource("a", root, properties={"p": 2}, tags={OWNER_TAG: NAME, "env": "x"}, type=a.type)
    with pytest.raises(DeployFailed, match="cannot be made in place"):
        await run(memory, blueprint(root, planned))
    memory = Memory(live(root))
    memory.refusals["a"] = deque([conflict()])
    after_a_conflict(memory, "a", live(a, tags={OWNER_TAG: NAME, "cost": "42"}, etag="7"))
    await run(memory, blueprint(root, resource("a", root, tags={OWNER_TAG: NAME, "env": "x"})))
    assert memory.if_match == [None, "7"]
    assert memory.bodies[1]["tags"] == {OWNER_TAG: NAME, "env": "x", "cost": "42"}


async def test_after_a_conflict_what_has_gone_meanwhile_is_made_anew():
    root = group()
    planned = resource("a", root, tags={OWNER_TAG: NAME, "env": "x"})
    memory = Memory(live(root), live(planned, tags={OWNER_TAG: NAME}, etag="1"))
    memory.refusals["a"] = deque([conflict()])
    after_a_conflict(memory, "a", None)
    await run(memory, blueprint(root, planned))
    assert memory.if_match == ["1", None]
    # By the survey, before the change, after the conflict; what is made anew is not read before.
    assert memory.names(memory.reads).count("a") == 3


async def test_after_a_conflict_what_is_somebody_elses_by_then_is_not_written():
    graph, (_, a, *_) = diamond()
    memory = Memory()
    memory.refusals["a"] = deque([conflict()])
    after_a_conflict(memory, "a", live(a, tags={}))
    with pytest.raises(DeployFailed) as raised:
        await run(memory, graph)
    assert memory.names(memory.writes).count("a") == 1
    assert raised.value.failed[0].why == f"They lack the tag {OWNER_TAG} = {NAME}. Nothing was written."


async def test_a_retry_tells_its_code_its_time_and_its_wait(clock, monkeypatch):
    monkeypatch.setattr(Patience, "next_wait_s", lambda self, error: 0.0012345)
    root = group()
    a = resource("a", root)
    memory = Memory(live(root))
    memory.refusals["a"] = deque([conflict("Conflict")])
    clock.now = 1000.0
    events = await run(memory, blueprint(root, a))
    assert events.of(ResourceRetried) == [ResourceRetried(a.id, 0.0, "Conflict", 0.001)]


async def test_a_write_that_takes_too_long_is_told_and_given_up_on_much_later(clock, monkeypatch):
    monkeypatch.setattr(waiting, "LEAST_STALLED_S", 0.0)
    monkeypatch.setattr(waiting, "STALLED_FLOORS", 3)
    monkeypatch.setattr(waiting, "LIMIT_FLOORS", 6)
    root = group()
    a = resource("a", root)
    memory, events = Memory(live(root)), Events()
    clock.now = 1000.0
    with pytest.raises(DeployFailed) as raised:
        await engine.deploy(blueprint(root, a), memory, Secrets(), events.append)
    assert raised.value.failed[0].what == "a is still being worked on."
    (told,) = events.of(ResourceStalled)
    assert (told.id, told.at) == (a.id, 0.0)
    assert told.seconds >= 0.0


class Accepted(NoJournal):
    """A journal that keeps what it was told of one resource."""

    def __init__(self) -> None:
        self.pollers: list[Any] = []

    def answered(self, id, poller):
        self.pollers.append((id, poller))


async def test_the_journal_is_given_the_operation_that_was_accepted():
    root = group()
    journal = Accepted()
    await run(Memory(), blueprint(root), journal=journal)
    ((accepted, poller),) = journal.pollers
    assert accepted == root.id
    assert isinstance(poller, Running)


class Earlier(NoJournal):
    """The journal of a run that was killed: what it had begun, with a token where an answer had come."""

    def __init__(self, *under_way: Open) -> None:
        self.under_way = {one.id: one for one in under_way}
        self.over: list[tuple[str, str]] = []

    def open(self, id):
        return self.under_way.get(id)

    def ended(self, id, code):
        self.over.append((id, code))
        self.under_way.pop(id, None)


async def test_what_an_earlier_run_began_is_waited_for_by_its_token_and_closed_in_the_journal():
    root = group()
    a, b = resource("a", root), resource("b", root)
    memory = Memory(live(root), live(a, properties={"provisioningState": "Creating"}), live(b))

    def finish(number: int) -> None:
        memory.documents[ids.key(a.id)] = live(a)

    memory.on_round = finish
    journal = Earlier(Open(a.id, "PUT", "", "token"), Open(b.id, "PUT", ""))
    events = await run(memory, blueprint(root, a, b), journal=journal)
    assert memory.resumed == [a.id]
    assert memory.writes == []
    assert memory.rounds == 1
    assert events.states("a") == ["adopted", "done"]
    assert events.states("b") == ["same"]
    assert sorted(journal.over) == [(a.id, "same"), (b.id, "same")]


async def test_an_earlier_operation_that_takes_too_long_is_told(clock, monkeypatch):
    monkeypatch.setattr(waiting, "LEAST_STALLED_S", 0.0)
    monkeypatch.setattr(waiting, "STALLED_FLOORS", 3)
    root = group()
    a = resource("a", root)
    memory, events = Memory(live(root), live(a, properties={"provisioningState": "Creating"})), Events()

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, ResourceStalled):
            memory.documents[ids.key(a.id)] = live(a)
            for end in memory.running.values():
                end.set_result(None)

    journal = Earlier(Open(a.id, "PUT", "", "token"))
    await engine.deploy(blueprint(root, a), memory, Secrets(), tell, journal=journal)
    assert [event.id for event in events.of(ResourceStalled)] == [a.id]
    assert events.states("a") == ["adopted", "done"]


async def test_what_differs_once_its_write_has_ended_is_changed_and_told_from_when_it_was_adopted(clock):
    root = group()
    a = resource("a", root, tags={OWNER_TAG: NAME, "env": "x"})
    memory = Memory(live(root), live(a, tags={OWNER_TAG: NAME}, properties={"provisioningState": "Updating"}))

    def finish(name: str, times: int) -> None:
        if (name, times) == ("a", 3):
            clock.now += 5
            memory.documents[ids.key(a.id)] = live(a, tags={OWNER_TAG: NAME})

    memory.on_read = finish
    events = await run(memory, blueprint(root, a))
    assert [(e.state, e.at, e.seconds) for e in events.of(ResourceChanged) if e.id == a.id] == [
        ("adopted", 0.0, None),
        ("started", 5.0, None),
        ("done", 5.0, 5.0),
    ]


async def test_what_has_become_somebody_elses_while_it_was_waited_for_is_not_written():
    root = group()
    a = resource("a", root)
    memory = Memory(live(root), live(a, properties={"provisioningState": "Updating"}))

    def taken(name: str, times: int) -> None:
        if (name, times) == ("a", 3):
            memory.documents[ids.key(a.id)] = live(a, tags={OWNER_TAG: "another"})

    memory.on_read = taken
    with pytest.raises(DeployFailed) as raised:
        await run(memory, blueprint(root, a))
    assert memory.writes == []
    assert f"{OWNER_TAG} = {NAME}" in raised.value.failed[0].why


async def test_a_survey_that_was_just_taken_is_not_taken_again():
    graph, _ = diamond()
    memory = Memory()
    found = await survey.take(graph, memory)
    memory.reads.clear()
    await run(memory, graph, found=found)
    assert memory.reads == []


async def test_what_is_ready_does_not_wait_for_what_runs_beside_it():
    root = group()
    slow, b = resource("slow", root), resource("b", root)
    c = resource("c", b)
    memory = Memory(live(root), live(slow, properties={"provisioningState": "Updating"}))
    begun: list[bool] = []

    def finish(name: str, times: int) -> None:
        if name == "slow" and (c.id in memory.writes or times == 400):
            begun.append(c.id in memory.writes)
            memory.documents[ids.key(slow.id)] = live(slow)

    memory.on_read = finish
    await run(memory, blueprint(root, slow, b, c))
    assert begun[0]
