"""Scaling in the sandbox: what is written in which order, what users lose, what an interruption leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bench import scale as bench
from tests.deploy.conftest import KEY
from wizard import api, ids, runs
from wizard import blueprint as blueprints
from wizard.blueprint.resource import OWNER_TAG, Resource
from wizard.commands import consent
from wizard.commands.cli import main
from wizard.deploy import engine, journey, record, scale
from wizard.deploy.events import (
    Draining,
    Event,
    Interrupted,
    ResourceChanged,
    ResourceDeleted,
    ResourceDeleting,
    Scaled,
)
from wizard.errors import InputError, WizardError
from wizard.plan.model import Balancer, DataDisk, Machines, Management, Plan
from wizard.verify import control, machines, readiness, verify


@pytest.fixture
async def two(plan: Plan, azure: Any) -> AsyncIterator[Plan]:
    """Two machines that stand, and are destroyed at the end."""
    made = scale.with_count(plan, 2)
    await journey.carry_out(await journey.look(made, azure), azure, {}, lambda event: None)
    yield made
    await journey.destroy(record.load(made.name), azure, lambda event: None)


async def to(count: int, name: str, azure: Any, drain_s: float = 0.2) -> tuple[scale.Outlook, list[Event]]:
    told: list[Event] = []
    outlook = await scale.look(record.load(name), azure, count)
    await scale.carry_out(outlook, azure, {}, told.append, drain_s=drain_s)
    return outlook, told


async def holds(plan: Plan, azure: Any) -> tuple[list[str], dict[str, int], list[str]]:
    """What Azure holds: everything in the group by name, NAT ports, and the NICs in the pool."""
    graph = blueprints.build(plan, azure.subscription_id)
    found = sorted(item["name"] for item in await azure.list_group(plan.name))
    live = await azure.get(graph.of_type("Microsoft.Network/loadBalancers")[0].id)
    rules = {rule["name"]: rule["properties"]["frontendPort"] for rule in live["properties"]["inboundNatRules"]}
    members = live["properties"]["backendAddressPools"][0]["properties"].get("backendIPConfigurations", ())
    return found, rules, sorted(ids.parse(member["id"]).names[0] for member in members)


def order(events: list[Event]) -> list[tuple[str, str]]:
    """What ended, in order: `("done", "web3")`, `("deleted", "web3-nic")`."""
    ended: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, ResourceChanged) and event.state in ("done", "failed"):
            ended.append((event.state, ids.parse(event.id).name))
        elif isinstance(event, ResourceDeleted):
            ended.append(("deleted", ids.parse(event.id).name))
    return ended


async def test_out_and_in_leave_what_stays_as_it_was(two, azure, writes):
    first = await holds(two, azure)
    vm1 = await azure.get(ids.resource_id(azure.subscription_id, two.name, "Microsoft.Compute/virtualMachines", "web1"))
    before = writes()
    outlook, told = await to(4, two.name, azure)
    sent = writes()[len(before) :]
    assert outlook.new_vms == ("web3", "web4")
    assert [line.split("/")[-1] for line in sent if "loadBalancers" in line] == ["web-lb"], "one write of the balancer"
    assert sorted(line.split("/")[-1] for line in sent) == sorted(["web-lb", "web3-nic", "web4-nic", "web3", "web4"])
    ended = order(told)
    assert ended[0] == ("done", "web-lb")
    assert ended.index(("done", "web3-nic")) < ended.index(("done", "web3"))
    found, rules, members = await holds(two, azure)
    assert rules == {"ssh-web1": 50001, "ssh-web2": 50002, "ssh-web3": 50003, "ssh-web4": 50004}
    assert members == ["web1-nic", "web2-nic", "web3-nic", "web4-nic"]
    assert set(first[0]) < set(found)
    new = await azure.get(ids.resource_id(azure.subscription_id, two.name, "Microsoft.Compute/virtualMachines", "web4"))
    assert ids.key(new["properties"]["availabilitySet"]["id"]) == ids.key(vm1["properties"]["availabilitySet"]["id"])
    scaled = told[-1]
    assert isinstance(scaled, Scaled)
    assert (scaled.as_event()["from"], scaled.to, set(scaled.ssh)) == (2, 4, {"web1", "web2", "web3", "web4"})
    assert record.load(two.name).plan.machines.count == 4

    before = writes()
    _, told = await to(2, two.name, azure)
    ended = order(told)
    assert [e.vm for e in told if isinstance(e, Draining)] == ["web4", "web3"]
    assert ended.index(("deleted", "web4")) < ended.index(("deleted", "web4-nic")) < ended.index(("done", "web-lb"))
    assert ended.index(("done", "web4-nic")) < ended.index(("deleted", "web4")), "out of the pool first"
    drained = next(e.at for e in told if isinstance(e, Draining))
    assert min(e.at for e in told if isinstance(e, ResourceDeleting)) >= drained + 0.2
    assert await holds(two, azure) == first, "disks, NICs and NAT rules have gone with their VMs"
    assert record.load(two.name).plan.machines.count == 2
    now = await azure.get(vm1["id"])
    assert now["properties"]["vmId"] == vm1["properties"]["vmId"]

    before = writes()
    outlook, told = await to(2, two.name, azure)
    assert (outlook.complete, writes()) == (True, before)
    assert [e.event for e in told] == ["scaled"]


async def test_kept_disks_stay_with_our_tag_until_all_is_destroyed(plan, azure):
    disks = (DataDisk(size_gb=4),)
    more = {
        "machines": plan.machines.model_copy(update={"count": 2, "data_disks": disks}),
        "management": Management(keep_disks=True),
    }
    kept = plan.model_copy(update=more)
    await journey.carry_out(await journey.look(kept, azure), azure, {}, lambda event: None)

    async def disks_of(vm: str) -> list[dict[str, Any]]:
        items = [item for item in await azure.list_group(plan.name) if item["type"].endswith("/disks")]
        return [item for item in items if item["name"].startswith(f"{vm}_")]

    await to(1, plan.name, azure)
    left = await disks_of("web2")
    assert [item["tags"][OWNER_TAG] for item in left] == [plan.name] * 2
    assert not [item for item in left if (await azure.get(item["id"])).get("managedBy")]
    await to(2, plan.name, azure)
    assert len(await disks_of("web2")) == 4, "new ones, beside those that were kept"

    gone = kept.model_copy(update={"management": Management()})  # from now on disks go with their machines
    outlook = await journey.look(gone, azure)
    assert {found.resource.name for found in outlook.survey.of("differs")} == {"web1", "web2"}
    await journey.carry_out(outlook, azure, {}, lambda event: None)
    await to(1, plan.name, azure)
    assert {item["id"] for item in await disks_of("web2")} == {item["id"] for item in left}
    told: list[Event] = []
    await journey.destroy(record.load(plan.name), azure, told.append)
    assert {item["id"] for item in left} <= {event.id for event in told if isinstance(event, ResourceDeleted)}
    assert await azure.list_group(plan.name) is None


async def test_what_others_wrote_into_the_balancer_stays(two, azure):
    graph = blueprints.build(two, azure.subscription_id)
    balancer = graph.of_type("Microsoft.Network/loadBalancers")[0]
    live = await azure.get(balancer.id)
    live["properties"]["probes"][0]["properties"]["intervalInSeconds"] = 7
    own = json.loads(json.dumps(live["properties"]["inboundNatRules"][0]))
    live["properties"]["inboundNatRules"].append(
        {"name": "theirs", "properties": {**own["properties"], "frontendPort": 40000, "backendPort": 9}}
    )
    await put(azure, balancer, live)
    await to(3, two.name, azure)
    await to(2, two.name, azure)
    now = (await azure.get(balancer.id))["properties"]
    assert now["probes"][0]["properties"]["intervalInSeconds"] == 7
    assert sorted(rule["name"] for rule in now["inboundNatRules"]) == ["ssh-web1", "ssh-web2", "theirs"]


async def put(azure: Any, resource: Resource, body: Any) -> None:
    poller = await azure.begin_put(resource, body)
    if poller is not None:
        await poller.result()


async def test_a_port_that_is_taken_and_a_full_subnet_stop_it_before_any_write(two, azure, writes):
    graph = blueprints.build(two, azure.subscription_id)
    balancer = graph.of_type("Microsoft.Network/loadBalancers")[0]
    live = await azure.get(balancer.id)
    first = live["properties"]["inboundNatRules"][0]["properties"]
    live["properties"]["inboundNatRules"].append({"name": "theirs", "properties": {**first, "frontendPort": 50003}})
    await put(azure, balancer, live)
    before = writes()
    with pytest.raises(journey.NotReady) as raised:
        await scale.look(record.load(two.name), azure, 3)
    assert "50003" in " ".join(problem.what for problem in raised.value.problems)
    for count, field in ((201, "machines.count"), (150, "machines.count")):
        with pytest.raises(journey.NotReady) as raised:
            await scale.look(record.load(two.name), azure, count)
        assert field in {problem.field for problem in raised.value.problems if problem.severity == "error"}
    with pytest.raises(InputError, match="at least one"):
        await scale.look(record.load(two.name), azure, 0)
    assert writes() == before


async def test_an_interrupted_run_is_continued_or_taken_back(two, azure):
    first = await holds(two, azure)
    outlook = await scale.look(record.load(two.name), azure, 4)
    told: list[Event] = []
    seen = asyncio.Event()

    def tell(event: Event) -> None:
        told.append(event)
        if isinstance(event, ResourceChanged) and event.state == "started" and event.id.endswith("/web3"):
            seen.set()

    run = asyncio.create_task(scale.carry_out(outlook, azure, {}, tell))
    await asyncio.wait_for(seen.wait(), 30)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert isinstance(told[-1], Interrupted)
    assert any(running.endswith("/web3") for running in told[-1].running)

    await to(4, two.name, azure)
    found, _, members = await holds(two, azure)
    assert members == ["web1-nic", "web2-nic", "web3-nic", "web4-nic"]
    assert {"web3", "web4"} <= set(found)

    outlook = await scale.look(record.load(two.name), azure, 2)  # and in, interrupted while it drains
    drained = asyncio.Event()
    run = asyncio.create_task(
        scale.carry_out(
            outlook,
            azure,
            {},
            lambda e: drained.set() if isinstance(e, ResourceChanged) and e.state == "done" else None,
            drain_s=600,
        )
    )
    await asyncio.wait_for(drained.wait(), 30)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert record.load(two.name).plan.machines.count == 4, "they are still there"
    outlook, _ = await to(4, two.name, azure)
    assert outlook.new_vms == ()
    assert (await holds(two, azure))[2] == ["web1-nic", "web2-nic", "web3-nic", "web4-nic"], "back in the pool"
    await to(2, two.name, azure)
    assert await holds(two, azure) == first


async def test_killed_while_draining_the_next_deployment_takes_them_back_into_the_pool(two, azure):
    whole = await holds(two, azure)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wizard", "scale", two.name, "--count", "1", "--drain", "600", "--yes", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            event = json.loads(line)
            if event["event"] == "resource" and event["state"] == "done":
                process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert (await holds(two, azure))[2] == ["web1-nic"]
    graph = blueprints.build(two, azure.subscription_id)
    checks = control.pool(graph, await control.read(azure, graph), machines.of(graph))
    assert [check.target for check in checks if check.state == "failed"] == ["web2"], "a verification says so"
    outlook = await journey.look(two, azure)
    assert [found.resource.name for found in outlook.survey.of("differs")] == ["web2-nic"]
    await journey.carry_out(outlook, azure, {}, lambda event: None)
    assert await holds(two, azure) == whole


async def test_what_failed_in_part_is_remembered_as_it_is(two, azure, monkeypatch):
    """web4 is refused by Azure, web3 and web5 are made: the record tells of five, and a second run completes them."""
    graph = blueprints.build(scale.with_count(two, 5), azure.subscription_id)
    outlook = await scale.look(record.load(two.name), azure, 5)
    put_really = azure.begin_put

    async def begin_put(resource: Resource, body: Any, *, if_match: str | None = None) -> Any:
        if resource.name == "web4":
            body = {**body, "properties": {**body["properties"], "hardwareProfile": {"vmSize": "Standard_None"}}}
        return await put_really(resource, body, if_match=if_match)

    monkeypatch.setattr(azure, "begin_put", begin_put)
    with pytest.raises(engine.DeployFailed):
        await scale.carry_out(outlook, azure, {}, lambda event: None)
    assert record.load(two.name).plan.machines.count == 5
    monkeypatch.undo()
    outlook, told = await to(5, two.name, azure)
    assert outlook.new_vms == ("web4",)
    assert await azure.get(graph.of_type("Microsoft.Compute/virtualMachines")[3].id) is not None
    assert told[-1].as_event()["from"] == 4


async def test_from_twenty_to_three_without_losing_a_request(azure, group_name):
    """An open loop of new connections through 2 -> 20 -> 3; what is kept alive may end with its VM, and is counted."""
    plan = Plan(
        name=group_name,
        prefix="web",
        machines=Machines(count=2, ssh_key=KEY),
        balancer=Balancer(frontend_port=8082, probe_threshold=1),
    )
    await journey.carry_out(await journey.look(plan, azure), azure, {}, lambda event: None)
    try:
        graph = blueprints.build(plan, azure.subscription_id)
        rule = control.balancing_rule(graph, await control.read(azure, graph))
        assert await readiness.wait(azure, readiness.Place(machines.of(graph), rule, {}), 60, lambda event: None)
        measured = await bench.measure(azure, plan.name, [20, 3], rate=60, drain_s=2)
        assert (measured.failed, measured.dropped) == (0, 0), measured
        assert set(measured.by_vm) == {f"web{number}" for number in range(1, 21)}
        grown, shrunk = measured.steps
        assert (grown["from"], grown["to"], grown["kept"]["ended"]) == (2, 20, {})
        assert (shrunk["from"], shrunk["to"]) == (20, 3)
        assert shrunk["kept"]["went on"] + sum(shrunk["kept"]["ended"].values()) == bench.HELD
        verified = await verify(record.load(plan.name), azure, wait_s=60, emit=lambda event: None)
        assert verified.failed == 0
    finally:
        await journey.destroy(record.load(plan.name), azure, lambda event: None)


async def test_a_flow_that_began_before_goes_on_while_its_machine_is_drained(two, azure):
    """The balancer picks where a flow begins: out of the pool, those that were are served, and no new one comes."""
    graph = blueprints.build(two, azure.subscription_id)
    rule = control.balancing_rule(graph, await control.read(azure, graph))
    assert await readiness.wait(azure, readiness.Place(machines.of(graph), rule, {}), 60, lambda event: None)
    url = (await journey.read_status(record.load(two.name), azure)).http
    host, _, port = url.removeprefix("http://").partition(":")
    streams = [await asyncio.open_connection(host, int(port)) for _ in range(20)]

    async def ask(stream: Any) -> str:
        reader, writer = stream
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        await reader.readexactly(int(fields["Content-Length"]))
        return str(fields["X-Served-By"])

    served = [await ask(stream) for stream in streams]
    assert set(served) == {"web1", "web2"}
    deleting = asyncio.Event()
    outlook = await scale.look(record.load(two.name), azure, 1)
    drained: list[bool] = []

    def tell(event: Event) -> None:
        if isinstance(event, ResourceChanged) and event.state == "done":
            drained.append(True)
        if isinstance(event, ResourceDeleting):
            deleting.set()

    run = asyncio.create_task(scale.carry_out(outlook, azure, {}, tell, drain_s=1.5))
    while not drained:  # noqa: ASYNC110 - out of the pool
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # until the fabric has read it
    assert not deleting.is_set()
    assert [await ask(stream) for stream in streams] == served
    fresh = [await asyncio.open_connection(host, int(port)) for _ in range(10)]
    assert {await ask(stream) for stream in fresh} == {"web1"}
    assert not deleting.is_set(), "all this happened while it was being drained"
    await run
    for _, writer in (*streams, *fresh):
        writer.close()
        with contextlib.suppress(ConnectionError):  # its machine has gone
            await writer.wait_closed()


async def test_a_detached_run_does_the_same(two, azure):
    run = await runs.start("scale", two.name, {"count": 1, "drain_s": 0.2})
    told = [event async for event in run.events()]
    assert (told[-1]["event"], told[-1]["state"], told[-1]["exit_status"]) == ("ended", "done", 0), told[-1]
    scaled = next(event for event in told if event["event"] == "scaled")
    assert (scaled["from"], scaled["to"], list(scaled["ssh"])) == (2, 1, ["web1"])
    assert [event["vm"] for event in told if event["event"] == "draining"] == ["web2"]
    assert record.load(two.name).plan.machines.count == 1


# The command


def call(*arguments: Any, input: str | None = None) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"], input=input)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


@pytest.fixture
def stands(password_plan: Plan, sandbox: Any) -> Any:
    """Two machines by password, made by the front door for Python."""
    asyncio.run(api.deploy(password_plan, password=SecretStr("first-Horse-11")))
    yield password_plan
    asyncio.run(api.destroy(password_plan.name))


def test_the_command_asks_for_consent_and_for_passwords(
    stands: Plan, writes: Callable[[], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, before = stands.name, writes()
    code, events, said = call("scale", name, "--count", 3, "--password-stdin", input="second-Horse-1\n")
    assert (code, "--yes" in events[-1]["remedy"]) == (2, True)
    assert "+ create  web3" in said
    code, events, _ = call("scale", name, "--count", 3, "--yes")
    assert (code, "password is needed for web3" in events[-1]["what"]) == (2, True)
    code, events, _ = call("scale", name, "--count", 0, "--yes", "--password-stdin", input="second-Horse-1\n")
    assert (code, f"destroy {name}" in events[-1]["remedy"]) == (2, True)
    assert writes() == before

    kept = tmp_path / "new.json"
    code, events, said = call("scale", name, "--count", 3, "--yes", "--generate-password", "--secret-file", kept)
    assert code == 0, events
    scaled = events[-1]
    assert {key: scaled[key] for key in ("event", "name", "from", "to", "rdp")} == {
        "event": "scaled",
        "name": name,
        "from": 2,
        "to": 3,
        "rdp": {},
    }
    assert set(scaled["ssh"]) == {"web1", "web2", "web3"}
    secret = json.loads(kept.read_text())
    assert list(secret) == ["web3"]
    assert secret["web3"]["password"] not in json.dumps(events) + said
    assert f"verify {name}" in said
    assert record.load(name).plan.machines.count == 3

    code, events, _ = call("deploy", _plan_file(stands, tmp_path), "--yes")
    warned = [event["remedy"] for event in events if event["event"] == "problem"]
    assert code == 0
    assert any(f"multivm-wizard scale {name} --count 2" in remedy for remedy in warned), "web3 is left alone, and told"

    monkeypatch.setattr(consent, "can_ask", lambda: True)
    code, events, _ = call("scale", name, "--count", 1, "--drain", 0, input="another\n")
    assert (code, events[-1]["what"]) == (2, "Nothing was changed.")
    code, events, _ = call("scale", name, "--count", 1, "--drain", 0, input=f"{name}\n")
    assert code == 0
    assert (events[-1]["from"], events[-1]["to"]) == (3, 1)
    assert any("availability promise" in event["what"] for event in events if event["event"] == "problem")


def _plan_file(plan: Plan, folder: Path) -> Path:
    from wizard.plan import files

    files.write(plan, folder / "plan.toml")
    return folder / "plan.toml"


async def test_scaling_what_is_not_there_says_so(plan, azure):
    known = record.save(plan, azure.subscription_id)
    try:
        with pytest.raises(WizardError, match="not there"):
            await scale.look(known, azure, 3)
    finally:
        record.forget(plan.name)
