"""The engine, status and teardown through the real SDK against the sandbox; its request log is the witness."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from tests.deploy.conftest import KEY
from wizard import blueprint as blueprints
from wizard import ids
from wizard.blueprint.resource import OWNER_TAG, Resource
from wizard.deploy import endpoints, engine, journey, status, survey, teardown
from wizard.deploy.events import Deployed, Destroyed, Event, Interrupted, ResourceChanged, ResourceDeleted
from wizard.deploy.journal import Kept, NoJournal
from wizard.deploy.secrets import Secrets
from wizard.errors import WizardError
from wizard.plan.model import Machines


def states(events: list[Event]) -> dict[str, list[str]]:
    """What each resource went through, by name."""
    told: dict[str, list[str]] = {}
    for event in events:
        if isinstance(event, ResourceChanged):
            told.setdefault(ids.parse(event.id).name, []).append(event.state)
    return told


async def deploy(plan: Any, azure: Any) -> list[Event]:
    events: list[Event] = []
    graph = blueprints.build(plan, azure.subscription_id)
    deployed = await engine.deploy(graph, azure, Secrets(), events.append)
    assert events[-1] == deployed
    return events


async def test_it_is_there_as_planned_and_a_second_run_writes_nothing(plan, azure, writes):
    graph = blueprints.build(plan, azure.subscription_id)
    events = await deploy(plan, azure)
    assert states(events) == {resource.name: ["started", "done"] for resource in graph}
    deployed = events[-1]
    assert isinstance(deployed, Deployed)
    assert deployed.resources == len(graph)
    assert len(writes()) == len(graph)  # one write each: NAT rules and pools travel inside the balancer

    address = deployed.http.removeprefix("http://").split(":")[0]
    assert deployed.http == f"http://{address}:8080"
    assert deployed.ssh == {"web1": f"{address}:50001"}
    assert deployed.rdp == {}

    before = writes()
    again = await deploy(plan, azure)
    assert states(again) == {resource.name: ["same"] for resource in graph}
    assert writes() == before

    read = await status.read(azure, graph)
    assert (read.state, read.http, read.ssh) == ("deployed", deployed.http, deployed.ssh)
    assert {resource.state for resource in read.resources} == {"Succeeded"}
    assert await endpoints.read(azure, graph) == endpoints.Endpoints(deployed.http, deployed.ssh, {})

    told: list[Event] = []
    deleted = await teardown.destroy(azure, plan.name, told.append)
    assert deleted == len(graph)
    assert told[-1] == Destroyed(plan.name, deleted)
    assert sum(isinstance(event, ResourceDeleted) for event in told) == deleted
    assert await azure.get(ids.group_id(azure.subscription_id, plan.name)) is None
    assert await azure.list_group(plan.name) is None
    assert (await status.read(azure, graph)).state == "absent"
    assert await teardown.destroy(azure, plan.name, told.append) == 0


async def test_what_is_not_ours_is_never_written(plan, azure, writes):
    graph = blueprints.build(plan, azure.subscription_id)
    group, nsg = graph.resources[0], graph.of_type("Microsoft.Network/networkSecurityGroups")[0]
    await put(azure, group)
    theirs = {"location": plan.location, "tags": {"owner": "somebody"}, "properties": {}}
    await put(azure, nsg, theirs)
    before = writes()
    with pytest.raises(WizardError, match=nsg.name):
        await deploy(plan, azure)
    assert writes() == before
    read = await status.read(azure, graph)
    assert read.state == "partial"
    assert {r.state for r in read.resources if r.id == nsg.id} == {"NotOurs"}

    with pytest.raises(WizardError, match=nsg.name):  # and what is not ours is never deleted
        await teardown.destroy(azure, plan.name, lambda event: None)
    assert writes() == before
    await remove(azure, nsg.id)
    assert await teardown.destroy(azure, plan.name, lambda event: None) == 1


async def test_a_group_of_somebody_else_is_left_alone(plan, azure, writes):
    group = blueprints.build(plan, azure.subscription_id).resources[0]
    await put(azure, group, {"location": plan.location})
    before = writes()
    with pytest.raises(WizardError, match="resourceGroups"):
        await deploy(plan, azure)
    with pytest.raises(WizardError, match="does not belong"):
        await teardown.destroy(azure, plan.name, lambda event: None)
    assert writes() == before
    await remove(azure, group.id)


async def test_into_a_group_of_somebody_else_and_out_again_leaves_the_group_and_what_is_theirs(plan, azure, writes):
    group = blueprints.build(plan, azure.subscription_id).resources[0]
    ours = plan.model_copy(update={"existing_group": True})
    with pytest.raises(journey.NotReady) as missing:
        await journey.look(ours, azure)
    assert [problem.field for problem in missing.value.problems if problem.severity == "error"] == ["existing_group"]

    await put(azure, group, {"location": "northeurope", "tags": {"owner": "somebody"}})
    theirs = ids.resource_id(azure.subscription_id, plan.name, "Microsoft.Network/publicIPAddresses", "theirs")
    body = {
        "location": "northeurope",
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }
    await put(azure, Resource(theirs, "Microsoft.Network/publicIPAddresses", "theirs", {}), body)
    before = [await azure.get(group.id), await azure.get(theirs)]
    sent = len(writes())

    outlook = await journey.look(ours, azure)
    graph = blueprints.build(ours, azure.subscription_id)
    assert group.id not in outlook.blueprint
    assert outlook.blueprint == graph
    await deploy(ours, azure)
    assert (await status.read(azure, graph)).state == "deployed"
    assert len(writes()) == sent + len(graph)

    second = ours.model_copy(update={"prefix": "other"})
    with pytest.raises(journey.NotReady, match="cannot be deployed") as clash:
        await journey.look(second, azure)
    assert "prefix" in [problem.field for problem in clash.value.problems if problem.severity == "error"]

    deleted = await teardown.destroy(azure, plan.name, lambda event: None, existing_group=True)
    assert deleted == len(graph)
    assert [item["name"] for item in await azure.list_group(plan.name) or []] == ["theirs"]
    assert [await azure.get(group.id), await azure.get(theirs)] == before
    path = f"/resourcegroups/{plan.name}".lower()
    touched = [line for line in writes()[sent:] if line.lower().rstrip("/").endswith((path, "/theirs"))]
    assert touched == []
    await remove(azure, group.id)


async def test_interrupted_it_is_continued_and_nothing_is_written_twice(plan, azure, writes):
    graph = blueprints.build(plan, azure.subscription_id)
    events: list[Event] = []
    vm = graph.of_type("Microsoft.Compute/virtualMachines")[0]

    class StopAtTheMachine(NoJournal):
        def answered(self, id, poller):
            if id == vm.id:
                deploying.cancel()

    deploying = asyncio.create_task(engine.deploy(graph, azure, Secrets(), events.append, journal=StopAtTheMachine()))
    with pytest.raises(asyncio.CancelledError):
        await deploying
    last = events[-1]
    assert isinstance(last, Interrupted)
    assert last.running == (vm.id,)

    before = writes()
    told = states(await deploy(plan, azure))
    assert told[vm.name] in (["adopted", "done"], ["same"])
    assert all(states == ["same"] for name, states in told.items() if name != vm.name)
    assert writes() == before
    await teardown.destroy(azure, plan.name, lambda event: None)


async def test_a_change_in_place_is_written_and_nothing_else(plan, azure, writes):
    await deploy(plan, azure)
    before = writes()
    changed = plan.model_copy(update={"network": plan.network.model_copy(update={"allow_admin": ("127.0.0.2/32",)})})
    told = states(await deploy(changed, azure))
    nsg = blueprints.build(plan, azure.subscription_id).of_type("Microsoft.Network/networkSecurityGroups")[0]
    assert {name for name, went in told.items() if went != ["same"]} == {nsg.name}
    assert len(writes()) == len(before) + 1
    assert states(await deploy(changed, azure)) == {name: ["same"] for name in told}

    tagged = changed.model_copy(update={"tags": {"cost": "42"}})
    told = states(await deploy(tagged, azure))
    assert {tuple(went) for went in told.values()} == {("started", "done")}
    assert states(await deploy(tagged, azure)) == {name: ["same"] for name in told}

    before = writes()
    fixed = tagged.model_copy(update={"machines": Machines(count=1, ssh_key=KEY, size="Standard_D4s_v5")})
    with pytest.raises(WizardError, match="vmSize"):
        await deploy(fixed, azure)
    assert writes() == before
    await teardown.destroy(azure, plan.name, lambda event: None)


async def test_something_foreign_stops_destroy_before_the_first_delete(plan, azure, writes):
    await deploy(plan, azure)
    theirs = ids.resource_id(azure.subscription_id, plan.name, "Microsoft.Network/publicIPAddresses", "theirs")
    planned = Resource(theirs, "Microsoft.Network/publicIPAddresses", "theirs", {})
    body = {
        "location": plan.location,
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }
    await put(azure, planned, body)
    before = writes()
    with pytest.raises(WizardError, match=r"theirs \(publicipaddresses\)"):
        await teardown.destroy(azure, plan.name, lambda event: None)
    assert writes() == before
    await remove(azure, theirs)
    await teardown.destroy(azure, plan.name, lambda event: None)
    assert await azure.get(ids.group_id(azure.subscription_id, plan.name)) is None


async def test_the_look_tells_what_would_be_written_and_writes_nothing(plan, azure, writes):
    outlook = await journey.look(plan, azure)
    assert not outlook.complete
    assert outlook.new_vms == ("web1",)
    assert outlook.needs_password == ()
    assert {found.state for found in outlook.survey.findings} == {"absent"}
    assert writes() == []


async def test_a_deployment_is_as_fast_as_its_longest_path(plan, azure):
    """At speed 100 the modelled path is below a second; what is beside it is polling and our own work."""
    events = await deploy(plan, azure)
    vm = next(
        event
        for event in events
        if isinstance(event, ResourceChanged) and event.state == "done" and event.id.endswith("/web1")
    )
    assert vm.seconds is not None
    deployed = events[-1]
    assert isinstance(deployed, Deployed)
    others = {e.id: e.seconds for e in events if isinstance(e, ResourceChanged) and e.seconds and e.id != vm.id}
    assert deployed.seconds < vm.seconds + sum(others.values())  # side by side, not one after the other
    await teardown.destroy(azure, plan.name, lambda event: None)


async def put(azure: Any, resource: Resource, body: dict[str, Any] | None = None) -> None:
    operation = await azure.begin_put(resource, dict(resource.body) if body is None else body)
    if operation is not None:
        await operation.result()


async def remove(azure: Any, id: str) -> None:
    operation = await azure.begin_delete(id)
    if operation is not None:
        await operation.result()


def test_the_tag_is_what_every_planned_resource_carries(plan):
    graph = blueprints.build(plan, "11111111-2222-3333-4444-555555555555")
    assert {resource.body["tags"][OWNER_TAG] for resource in graph} == {plan.name}
    assert survey.is_group(graph.resources[0])


async def test_killed_while_an_operation_runs_it_goes_on_by_the_token(plan, azure, writes, tmp_path):
    """The journal of a run that was cut off at each resource's answer; the next run waits by what it kept."""
    graph = blueprints.build(plan, azure.subscription_id)
    vm = graph.of_type("Microsoft.Compute/virtualMachines")[0]

    class Cut(Kept):
        def answered(self, id, poller):
            super().answered(id, poller)
            if id == vm.id:
                deploying.cancel()

    with Cut(tmp_path, plan.name) as kept:
        deploying = asyncio.create_task(engine.deploy(graph, azure, Secrets(), lambda event: None, journal=kept))
        with pytest.raises(asyncio.CancelledError):
            await deploying
    resumed: list[str] = []

    class Watched:
        def __getattr__(self, name):
            return getattr(azure, name)

        async def resume(self, id, token, *, deleting=False):
            resumed.append(id)
            told = json.loads(base64.b64decode(token))["data"]
            assert "authorization" not in str(told).lower()
            assert set(json.loads(base64.b64decode(told["response"]["content"]))) <= {"properties"}
            operation = await azure.resume(id, token, deleting=deleting)
            await operation.result()
            assert operation.status() == "Succeeded"
            return operation

    before = writes()
    with Kept(tmp_path, plan.name) as kept:
        assert [one.id for one in kept.under_way] == [vm.id]
        await engine.deploy(graph, Watched(), Secrets(), lambda event: None, journal=kept)
        assert kept.under_way == ()
    assert resumed in ([vm.id], [])  # it may have ended before it was looked at
    assert writes() == before
    assert (await survey.take(graph, azure)).complete

    elsewhere = base64.b64encode(
        json.dumps(
            {
                "version": 1,
                "data": {
                    "request": {"method": "PUT", "url": "https://elsewhere.example/x", "headers": {}},
                    "response": {"status_code": 201, "headers": {}, "content": ""},
                },
            }
        ).encode()
    ).decode()
    for token in (elsewhere, "", "AAAA", base64.b64encode(b'{"version": 1}').decode()):
        with pytest.raises(WizardError, match="cannot be asked"):
            await azure.resume(vm.id, token)  # the sign-in's token goes to this cloud alone
    await teardown.destroy(azure, plan.name, lambda event: None)
