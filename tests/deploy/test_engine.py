"""Order, failure, retry, adoption and cancelling of the engine, on graphs of all shapes, in virtual time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.deploy.memory import NAME, Memory, beside_time, blueprint, conflict, group, resource
from wizard import ids
from wizard.blueprint.resource import OWNER_TAG, Blueprint, Resource
from wizard.deploy import engine, survey
from wizard.deploy.engine import DeployFailed
from wizard.deploy.events import Deployed, Event, Interrupted, ResourceChanged, ResourceRetried
from wizard.deploy.journal import NoJournal
from wizard.deploy.secrets import Secrets
from wizard.errors import InputError, UnreachableError, WizardError

MARK = "Canary-6tZq!never-told"


class Events(list[Event]):
    """All events of a run, in order."""

    def states(self, name: str) -> list[str]:
        return [e.state for e in self if isinstance(e, ResourceChanged) and ids.parse(e.id).name == name]

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


def live(planned: Resource, **changed: Any) -> dict[str, Any]:
    """A planned resource as ARM would show it once it is there."""
    shown = {"id": planned.id, "name": planned.name, "type": planned.type, **planned.body, **changed}
    return {**shown, "properties": {"provisioningState": "Succeeded", **shown.get("properties", {})}}


async def run(memory: Memory, graph: Blueprint, secrets: Secrets | None = None, **options: Any) -> Events:
    events = Events()
    try:
        await beside_time(memory, engine.deploy(graph, memory, secrets or Secrets(), events.append, **options))
    except WizardError as error:
        error.events = events  # type: ignore[attr-defined]
        raise
    return events


def diamond() -> tuple[Blueprint, list[Resource]]:
    root = group()
    a = resource("a", root)
    b, c = resource("b", a), resource("c", a)
    d = resource("d", b, c)
    return blueprint(root, a, b, c, d), [root, a, b, c, d]


async def test_each_is_written_once_after_what_it_waits_for_and_side_by_side_where_it_can():
    graph, _ = diamond()
    memory = Memory()
    events = await run(memory, graph)
    assert sorted(memory.names(memory.writes)) == ["a", "b", "c", "d", NAME]
    assert memory.rounds == 4  # the longest path: group, a, b|c, d
    assert memory.most_at_once == 2
    for name in ("a", "b", "c", "d"):
        assert events.states(name) == ["started", "done"]
    last = events[-1]
    assert isinstance(last, Deployed)
    assert (last.name, last.resources) == (NAME, 5)


async def test_a_fresh_deployment_costs_one_read():
    graph, _ = diamond()
    memory = Memory()
    await run(memory, graph)
    assert memory.names(memory.reads) == [NAME]


async def test_a_second_run_writes_nothing_and_says_same():
    graph, _ = diamond()
    memory = Memory()
    await run(memory, graph)
    memory.writes.clear()
    events = await run(memory, graph)
    assert memory.writes == memory.deletes == []
    assert [e.state for e in events.of(ResourceChanged)] == ["same"] * 5


async def test_reads_are_many_at_once_but_bounded():
    root = group()
    graph = blueprint(root, *(resource(f"r{number}", root) for number in range(100)))
    memory = Memory(*(live(each) for each in graph))
    await run(memory, graph)
    assert 8 < memory.most_reads_at_once <= survey.READS_AT_ONCE


@pytest.mark.parametrize("tags", [{}, {OWNER_TAG: "another"}, {"env": "x"}, None])
async def test_what_is_not_ours_stops_it_before_any_write(tags):
    graph, (root, a, b, _, _) = diamond()
    memory = Memory(live(root), live(a), live(b, tags=tags))
    with pytest.raises(WizardError, match="b \\(networkSecurityGroups") as raised:
        await run(memory, graph)
    assert memory.writes == []
    assert raised.value.remedy
    assert raised.value.exit_status == 1


async def test_a_resource_group_that_is_not_ours_stops_it_too():
    graph, (root, *_) = diamond()
    memory = Memory(live(root, tags={}))
    with pytest.raises(WizardError, match="fleet \\(resourceGroups"):
        await run(memory, graph)
    assert memory.writes == []


async def test_the_tag_is_found_without_regard_to_case():
    graph, resources = diamond()
    memory = Memory(*(live(each, tags={OWNER_TAG.upper(): NAME.upper()}) for each in resources))
    # The value planned is another spelling: a tag can be changed in place, and it is ours.
    assert {e.state for e in (await run(memory, graph)).of(ResourceChanged)} == {"started", "done"}


async def test_a_difference_that_can_be_changed_in_place_is_written_over_the_live_one():
    root = group()
    ours = {"name": "allow-http", "properties": {"priority": 100}}
    nsg = resource("nsg", root, properties={"securityRules": [ours]})
    theirs = {"name": "theirs", "properties": {"priority": 300}}
    old = {"name": "allow-http", "properties": {"priority": 90, "sourceAddressPrefix": "*"}}
    there = live(nsg, properties={"securityRules": [theirs, old]}, etag='W/"1"')
    memory = Memory(live(root), {**there, "tags": {**there["tags"], "cost": "42"}})
    events = await run(memory, blueprint(root, nsg))
    assert memory.names(memory.writes) == ["nsg"]
    assert memory.bodies[0]["properties"]["securityRules"] == [ours, theirs]
    assert memory.bodies[0]["tags"] == {OWNER_TAG: NAME, "cost": "42"}
    assert memory.if_match == ['W/"1"']
    assert events.states("nsg") == ["started", "done"]


@pytest.mark.parametrize(
    ("type", "planned", "there"),
    [
        (
            "Microsoft.Compute/availabilitySets",
            {"platformFaultDomainCount": 2},
            {"platformFaultDomainCount": 3},
        ),
        (
            "Microsoft.Compute/virtualMachines",
            {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}},
            {"hardwareProfile": {"vmSize": "Standard_D4s_v5"}},
        ),
        (
            "Microsoft.Compute/virtualMachines",
            {"storageProfile": {"imageReference": {"offer": "ubuntu-24_04-lts"}}},
            {"storageProfile": {"imageReference": {"offer": "debian-12"}}},
        ),
    ],
)
async def test_what_cannot_be_changed_in_place_is_refused_before_any_write(type, planned, there):
    root = group()
    fixed = resource("fixed", root, type=type, properties=planned)
    fresh = resource("fresh", root)
    memory = Memory(live(root), live(fixed, properties=there))
    with pytest.raises(WizardError, match=r"cannot be made in place: fixed: properties\.") as raised:
        await run(memory, blueprint(root, fixed, fresh))
    assert memory.writes == []
    assert raised.value.remedy


async def test_a_location_is_never_changed():
    root = group()
    nsg = resource("nsg", root)
    memory = Memory(live(root), live(nsg, location="northeurope"))
    with pytest.raises(WizardError, match="location is northeurope, planned westeurope"):
        await run(memory, blueprint(root, nsg))
    assert memory.writes == []


async def test_a_failure_leaves_what_depends_on_it_and_goes_on_with_the_rest():
    root = group()
    a, other = resource("a", root), resource("other", root)
    b, last = resource("b", a), resource("last", other)
    memory = Memory()
    memory.failures["a"] = deque([conflict("AllocationFailed", None)])
    with pytest.raises(DeployFailed) as raised:
        await run(memory, blueprint(root, a, b, other, last))
    assert sorted(memory.names(memory.writes)) == ["a", NAME, "last", "other"]
    failed = raised.value
    assert [(ids.parse(f.id).name, f.code) for f in failed.failed] == [("a", "AllocationFailed")]
    assert failed.waiting == (b.id,)
    assert "AllocationFailed" in str(failed)
    assert "deploy the same plan again" in failed.remedy
    assert failed.exit_status == 1
    events = failed.events  # type: ignore[attr-defined]
    assert events.states("a") == ["started", "failed"]
    assert events.states("b") == []
    assert events.of(Deployed) == []


async def test_the_next_run_continues_where_a_failed_one_stopped():
    graph, _ = diamond()
    memory = Memory()
    memory.refusals["b"] = deque([conflict("QuotaExceeded")])
    with pytest.raises(DeployFailed):
        await run(memory, graph)
    memory.writes.clear()
    events = await run(memory, graph)
    assert memory.names(memory.writes) == ["b", "d"]
    assert [events.states(name) for name in "abcd"] == [["same"], ["started", "done"], ["same"], ["started", "done"]]


async def test_no_connection_at_all_is_told_as_such():
    graph, _ = diamond()
    memory = Memory()
    memory.refusals[NAME] = deque([UnreachableError("No answer.")])
    with pytest.raises(DeployFailed) as raised:
        await run(memory, graph)
    assert raised.value.exit_status == 3


async def test_an_error_of_the_program_is_raised_and_leaves_no_task():
    graph, _ = diamond()
    memory = Memory()
    memory.refusals["b"] = deque([ZeroDivisionError("a bug")])
    with pytest.raises(ZeroDivisionError):
        await run(memory, graph)
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []


@pytest.mark.parametrize(
    "refusal",
    [
        conflict("AnotherOperationInProgress"),
        conflict("RetryableErrorDueToAnotherOperation", 429),
        conflict("ReferencedResourceNotProvisioned", 400),
        conflict("TooManyRequests", 429),
    ],
)
async def test_a_conflict_is_sent_again(refusal):
    graph, _ = diamond()
    memory = Memory()
    memory.refusals["b"] = deque([refusal, refusal])
    events = await run(memory, graph)
    assert memory.names(memory.writes).count("b") == 3
    assert [(e.code, e.wait_s >= 0) for e in events.of(ResourceRetried)] == [(refusal.code, True)] * 2
    assert events.states("b") == ["started", "done"]


async def test_an_accepted_write_that_was_superseded_is_sent_again():
    graph, _ = diamond()
    memory = Memory()
    memory.failures["b"] = deque([conflict("CanceledAndSupersededDueToAnotherOperation", None)])
    events = await run(memory, graph)
    assert memory.names(memory.writes).count("b") == 2
    assert events.states("d") == ["started", "done"]


async def test_a_refusal_that_does_not_pass_is_not_sent_again():
    graph, _ = diamond()
    memory = Memory()
    memory.refusals["b"] = deque([conflict("SkuNotAvailable")])
    with pytest.raises(DeployFailed):
        await run(memory, graph)
    assert memory.names(memory.writes).count("b") == 1


async def test_a_write_that_runs_already_is_waited_for_and_not_repeated():
    graph, (root, a, b, c, _) = diamond()
    memory = Memory(live(root), live(a), live(c), live(b, properties={"provisioningState": "Creating"}))

    def finish(name: str, times: int) -> None:
        if (name, times) == ("b", 4):
            memory.documents[ids.key(b.id)] = live(b)

    memory.on_read = finish
    events = await run(memory, graph)
    assert memory.names(memory.writes) == ["d"]
    assert events.states("b") == ["adopted", "done"]


async def test_what_is_being_deleted_is_waited_for_and_made_anew():
    graph, (root, a, b, c, d) = diamond()
    memory = Memory(live(root), live(a), live(c), live(d), live(b, properties={"provisioningState": "Deleting"}))

    def finish(name: str, times: int) -> None:
        if (name, times) == ("b", 3):
            del memory.documents[ids.key(b.id)]

    memory.on_read = finish
    events = await run(memory, graph)
    assert memory.names(memory.writes) == ["b"]
    assert events.states("b") == ["adopted", "started", "done"]


async def test_what_failed_before_is_written_again():
    graph, resources = diamond()
    memory = Memory(*(live(each) for each in resources))
    memory.documents[ids.key(resources[2].id)]["properties"]["provisioningState"] = "Failed"
    events = await run(memory, graph)
    assert memory.names(memory.writes) == ["b"]
    assert events.states("b") == ["started", "done"]


async def test_cancelled_it_tells_what_runs_sends_nothing_more_and_leaves_no_task():
    graph, _ = diamond()
    memory = Memory()
    events = Events()
    deploying = asyncio.create_task(engine.deploy(graph, memory, Secrets(), events.append))
    memory.on_round = lambda number: deploying.cancel() if number == 3 else None
    with pytest.raises(asyncio.CancelledError):
        await beside_time(memory, deploying)
    assert sorted(memory.names(memory.writes)) == ["a", "b", "c", NAME]
    last = events[-1]
    assert isinstance(last, Interrupted)
    assert sorted(memory.names(list(last.running))) == ["b", "c"]
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []
    assert "d" not in memory.names(memory.writes)


async def test_cancelled_while_it_reads_it_leaves_no_task():
    graph, resources = diamond()
    memory = Memory(*(live(each) for each in resources))
    deploying = asyncio.create_task(engine.deploy(graph, memory, Secrets(), Events().append))
    memory.on_read = lambda name, times: deploying.cancel() if name == "c" else None
    with pytest.raises(asyncio.CancelledError):
        await deploying
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []


def with_password() -> tuple[Blueprint, Resource]:
    root = group()
    plain = resource(
        "vm1", root, type="Microsoft.Compute/virtualMachines", properties={"osProfile": {"adminUsername": "u"}}
    )
    path = ("properties", "osProfile", "adminPassword")
    vm = Resource(plain.id, plain.type, plain.name, plain.body, plain.after, ((path, "password"),))
    return blueprint(root, vm), vm


async def test_a_secret_is_in_the_request_alone():
    graph, vm = with_password()
    memory = Memory()
    secrets = Secrets.passwords({"VM1": SecretStr(MARK)})
    events = await run(memory, graph, secrets)
    assert memory.bodies[1]["properties"]["osProfile"] == {"adminUsername": "u", "adminPassword": MARK}
    assert MARK not in repr((graph, vm, secrets, events, [event.as_event() for event in events]))


async def test_a_missing_secret_stops_it_before_any_write():
    graph, _ = with_password()
    memory = Memory()
    with pytest.raises(InputError, match="password is needed for vm1"):
        await run(memory, graph)
    assert memory.writes == []


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
async def test_a_machine_that_is_there_needs_no_secret_and_is_sent_none(state):
    graph, vm = with_password()
    memory = Memory(live(group()), live(vm, properties={**vm.body["properties"], "provisioningState": state}))
    await run(memory, graph)
    assert MARK not in repr(memory.bodies)
    assert all("adminPassword" not in body["properties"]["osProfile"] for body in memory.bodies)
    assert len(memory.writes) == (state == "Failed")


async def test_a_failure_holds_no_secret():
    graph, _ = with_password()
    memory = Memory()
    memory.refusals["vm1"] = deque([conflict("InvalidParameter", 400)])
    with pytest.raises(DeployFailed) as raised:
        await run(memory, graph, Secrets.passwords({"vm1": SecretStr(MARK)}))
    error: BaseException | None = raised.value
    while error is not None:
        assert MARK not in repr((error, error.args, vars(error)))
        error = error.__cause__ or error.__context__


class Turns(NoJournal):
    """A journal that remembers the turns of each write."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, str]] = []

    def intent(self, id, verb="PUT"):
        self.turns.append((ids.parse(id).name, "intent"))

    def answered(self, id, poller):
        self.turns.append((ids.parse(id).name, "answered"))

    def ended(self, id, code):
        self.turns.append((ids.parse(id).name, f"ended {code}".strip()))


async def test_the_journal_hears_every_turn_of_a_write():
    root = group()
    memory = Memory()
    memory.refusals["a"] = deque([conflict()])
    journal = Turns()
    await run(memory, blueprint(root, resource("a", root)), journal=journal)
    assert [turn for name, turn in journal.turns if name == "a"] == [
        "intent",
        "ended AnotherOperationInProgress",
        "intent",
        "answered",
        "ended",
    ]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Blueprint, dict[str, set[str]], set[str], set[str]]:
    """A random graph, with the ids each resource waits for, those that will fail and those that are there already."""
    root = group()
    made = [root]
    for number in range(draw(st.integers(0, 14))):
        after = draw(st.lists(st.sampled_from(made), max_size=3, unique_by=lambda made: made.id))
        made.append(resource(f"r{number}", root, *(other for other in after if other is not root)))
    failing = draw(st.sets(st.sampled_from([r.id for r in made]), max_size=2))
    there = draw(st.sets(st.sampled_from([r.id for r in made]), max_size=4)) - failing
    # What is there needs its group there.
    there = there | {root.id} if there else there
    order = draw(st.permutations(made))
    return blueprint(*order), {r.id: set(r.after) for r in made}, failing - there, there


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_any_graph(drawn):
    """What depends on a failure is untouched; all else is written once, in order, in as few rounds as the path."""
    graph, after, failing, there = drawn
    memory = Memory(*(live(graph[each]) for each in there))
    for each in failing:
        memory.failures[ids.parse(each).name] = deque([conflict("AllocationFailed", None)])
    blocked: set[str] = set()
    while more := {each for each in after if each not in blocked and after[each] & (failing | blocked)}:
        blocked |= more
    events = Events()

    async def deploy() -> DeployFailed | None:
        try:
            await beside_time(memory, engine.deploy(graph, memory, Secrets(), events.append))
        except DeployFailed as failed:
            return failed
        return None

    failed = asyncio.run(deploy())
    reached = failing - blocked
    written = set(after) - there - blocked
    assert sorted(memory.writes) == sorted(written)
    place = {each: number for number, each in enumerate(memory.writes)}
    ended = {each: number for number, each in enumerate(memory.ended)}
    for each in written:
        for other in after[each] - there:
            assert other in ended
            assert place[other] < place[each]
    assert (failed is None) == (not reached)
    if failed:
        assert {failure.id for failure in failed.failed} == reached
        assert set(failed.waiting) == blocked
    assert memory.rounds == longest_path(after, written)
    told = {e.id for e in events.of(ResourceChanged) if e.state == "same"}
    assert told == there - blocked


def longest_path(after: dict[str, set[str]], written: set[str]) -> int:
    """Virtual rounds: one for each resource that is written on the longest way through the graph."""
    length: dict[str, int] = {}

    def of(id: str) -> int:
        if id not in length:
            length[id] = max((of(other) for other in after[id]), default=0) + (id in written)
        return length[id]

    return max((of(each) for each in after), default=0)


def test_a_survey_of_nothing_is_complete():
    assert survey.Survey(NAME, ()).complete
