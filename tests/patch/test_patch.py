"""Patching three VMs that stand in the sandbox, whose probes keep real time: 5 s, one decides."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.verify.stand import Stand, planned, standing, until_probes
from wizard import api, ids, runs
from wizard.azure.clients import Azure
from wizard.commands import patch as command
from wizard.commands import status as status_command
from wizard.deploy import journey, rotation
from wizard.deploy.events import BackInRotation
from wizard.errors import InputError
from wizard.patch import Wanted, assess, patch
from wizard.patch.events import AssessmentDone, DomainBegun, VmPatched, VmPatching
from wizard.patch.install import NotPatched
from wizard.plan.model import Auth
from wizard.plan.patching import Reboot, Updates
from wizard.sandbox import faults_channel
from wizard.verify import health, verify

pytestmark = pytest.mark.xdist_group("patch")
EVERYTHING = Wanted(updates=Updates.ALL, reboot=Reboot.ALWAYS, drain_s=1)


@pytest.fixture
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    """A new one for each test: what is installed stays so."""
    with standing(Auth.SSH_KEY, 3, page=True) as made:
        yield made


async def states(azure: Azure, stand: Stand) -> set[str]:
    """The administrative states in the balancer's pools."""
    live = await azure.get(planned(stand, azure)[0].id)
    assert live is not None
    return {
        str(entry["properties"].get("adminState") or "None")
        for pool in live["properties"]["backendAddressPools"]
        for entry in pool["properties"]["loadBalancerBackendAddresses"]
    }


def requests(sandbox: dict[str, Any], stand: Stand) -> list[dict[str, Any]]:
    """What the sandbox was asked about this deployment, in order."""
    lines = [json.loads(line) for line in Path(sandbox["requests_log"]).read_text().splitlines()]
    return [line for line in lines if f"/{stand.name}/".lower() in str(line.get("path")).lower()]


async def domains_of(azure: Azure, stand: Stand) -> dict[str, int]:
    views = {one.name: await health.instance(azure, one) for one in planned(stand, azure)[2]}
    return {name: int(view["platformUpdateDomain"]) for name, view in views.items()}


async def test_it_tells_what_is_due_and_writes_nothing(sandbox: dict[str, Any], stand: Stand, azure: Azure) -> None:
    told: list[Any] = []
    found = await assess(stand.record, azure, Wanted(), emit=told.append)
    in_domain = await domains_of(azure, stand)
    assert [(each.vm, each.domain) for each in found] == [
        (vm, f"update domain {in_domain[vm]}") for vm in sorted(in_domain, key=lambda vm: in_domain[vm])
    ]
    assert {(each.due, each.critical_and_security, each.other, each.why) for each in found} == {(2, 2, 1, "")}
    assert {each.due for each in await assess(stand.record, azure, EVERYTHING, emit=told.append)} == {3}
    critical = Wanted(updates=Updates.CRITICAL)
    assert {each.due for each in await assess(stand.record, azure, critical, emit=told.append)} == {1}
    assert next(event for event in told if isinstance(event, AssessmentDone)) == AssessmentDone(
        stand.name, vms=3, due_vms=3, due=6, failed=0
    )
    posts = [
        line["path"].split("?")[0].rpartition("/")[2] for line in requests(sandbox, stand) if line["method"] == "POST"
    ]
    assert "installPatches" not in posts
    said = await asyncio.to_thread(CliRunner().invoke, command.command, [stand.name, "--assess", "--json"])
    lines = [json.loads(line) for line in said.output.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines] == ["assessed"] * 3 + ["assessment"]
    refused = await asyncio.to_thread(CliRunner().invoke, command.command, [stand.name])
    assert refused.exit_code == 2, "nobody consented"
    assert "add --yes" in refused.output


async def test_no_request_is_lost_while_one_domain_after_another_is_patched(
    sandbox: dict[str, Any], stand: Stand, azure: Azure
) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    told: list[Any] = []
    wanted = Wanted(updates=Updates.ALL, reboot=Reboot.ALWAYS, drain_s=1, rate=100)
    done = await patch(stand.record, azure, wanted, emit=told.append)
    assert (done.vms, done.installed, done.restarted) == (3, 9, 3)
    assert (done.failed_requests, bool(done.requests)) == (0, True)
    assert done.longest_gap_s is not None
    assert done.longest_gap_s < 1
    assert done.kept_alive is not None
    assert done.kept_alive["reset"] + done.kept_alive["survived"] == 20

    in_domain = await domains_of(azure, stand)
    order = sorted(in_domain, key=lambda vm: in_domain[vm])
    assert [event.vms for event in told if isinstance(event, DomainBegun)] == [[vm] for vm in order]
    assert [(e.vm, e.state) for e in told if isinstance(e, VmPatching) and e.state != "waiting"] == [
        (vm, state) for vm in order for state in ("draining", "installing", "returning", "done")
    ]
    _one_after_another(sandbox, stand, order)
    assert await states(azure, stand) == {"None"}
    assert rotation.left(stand.record.folder) == ()
    evidence = json.loads((Path(done.evidence) / "evidence.json").read_text())
    assert evidence["patching"]["installed"] == 9
    page = (Path(done.evidence) / "report.html").read_text()
    assert "Evidence of a patching" in page
    assert "update domain 2" in page
    assert "0 failed; the longest gap was" in page
    assert "9 updates were installed on 3 VMs" in (Path(done.evidence) / "report.md").read_text()
    assert "0 of" in command.text(told[-1])

    again = await patch(stand.record, azure, wanted, emit=told.append)
    assert (again.vms, again.current, again.evidence) == (0, 3, ""), "nothing is due"


def _one_after_another(sandbox: dict[str, Any], stand: Stand, order: list[str]) -> None:
    """As the sandbox was asked: a domain's installation begins once that of the one before has ended."""
    asked = [line for line in requests(sandbox, stand) if "/installpatches" in line["path"].lower()]
    assert [line["path"].lower().split("/")[8] for line in asked] == order
    lines = [json.loads(line) for line in Path(sandbox["requests_log"]).read_text().splitlines()]
    numbers = {line.get("operation_id"): number for number, line in enumerate(lines) if line.get("operation_s")}
    begun = [next(n for n, line in enumerate(lines) if line == one) for one in asked]
    ended = [next(n for n, line in enumerate(lines) if _ended(line, one["operation_id"])) for one in asked]
    assert numbers
    assert all(end < begin for end, begin in zip(ended, begun[1:], strict=False)), (ended, begun)


def _ended(line: dict[str, Any], operation: str) -> bool:
    return line.get("operation_id") == operation and line.get("operation_status") == "Succeeded"


async def test_another_vm_that_is_not_healthy_stops_it_before_it_begins(
    sandbox: dict[str, Any], stand: Stand, azure: Azure
) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    in_domain = await domains_of(azure, stand)
    last = max(in_domain, key=lambda vm: in_domain[vm])
    body: Any = {"commandId": "RunShellScript", "script": ["systemctl stop nginx"]}
    running = await azure.ask(azure.compute.virtual_machines.begin_run_command(stand.name, last, body))
    await azure.ask(running.result())
    await until_probes(azure, stand, **{last: False})
    told: list[Any] = []
    with pytest.raises(NotPatched, match=f"update domain 0 was not begun: {last} is not healthy") as raised:
        await patch(stand.record, azure, EVERYTHING, wait_s=0.2, emit=told.append)
    assert "verify" in raised.value.remedy
    assert not [event for event in told if isinstance(event, DomainBegun)]
    assert not [line for line in requests(sandbox, stand) if "/installpatches" in line["path"].lower()]


async def test_an_installation_that_fails_stops_it_before_the_next_domain(
    sandbox: dict[str, Any], stand: Stand, azure: Azure
) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    in_domain = await domains_of(azure, stand)
    first, second, third = sorted(in_domain, key=lambda vm: in_domain[vm])
    faults_channel.put(f'[[fault]]\nkind = "patch-fails"\nname = "{second}"\ngroup = "{stand.name}"\n')
    told: list[Any] = []
    try:
        with pytest.raises(NotPatched, match=rf"{second} was not patched") as raised:
            await patch(stand.record, azure, EVERYTHING, emit=told.append)
    finally:
        faults_channel.put("")
    assert "1 of its updates could not be installed: linux-image-sandbox." in raised.value.why
    assert "1 more domain was not begun" in raised.value.why
    assert "patch again" in raised.value.remedy
    assert raised.value.exit_status == 1
    ended = [(event.vm, event.status, event.failed) for event in told if isinstance(event, VmPatched)]
    assert ended == [(first, "Succeeded", 0), (second, "CompletedWithWarnings", 1)]
    assert [e.vm for e in told if isinstance(e, VmPatching) and e.state == "failed"] == [second]
    assert await states(azure, stand) == {"None"}, "it is back in rotation: its probe decides"

    done = await patch(stand.record, azure, EVERYTHING, emit=told.append)
    assert (done.vms, done.current, done.installed) == (2, 1, 4), "it goes on with what is left"
    assert third in [each["vm"] for each in done.machines]


async def command_until(
    stand: Stand, state: str, condition: Callable[[], Awaitable[bool]], *signals: signal.Signals
) -> tuple[int, list[dict[str, Any]]]:
    """The command's exit status and events; it gets `signals` once it tells `state` and the condition holds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wizard", "patch", stand.name, "--yes", "--json", "--drain", "1", "--reboot", "always"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    sent = False
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            lines.append(json.loads(line))
            if not sent and lines[-1].get("state") == state:
                while not await condition():  # noqa: ASYNC110 - the sandbox is asked
                    await asyncio.sleep(0.02)
                sent = True
                for number in signals:
                    process.send_signal(number)
    _, said = await process.communicate()
    assert sent, said
    assert process.returncode is not None
    return process.returncode, lines


async def in_progress(azure: Azure, stand: Stand, vm: str) -> bool:
    """Whether Azure says that it is installing on a VM."""
    view = await azure.ask(azure.compute.virtual_machines.instance_view(stand.name, vm))
    summary = (view.as_dict().get("patchStatus") or {}).get("lastPatchInstallationSummary") or {}
    return bool(summary.get("status") == "InProgress")


async def somebody_is_out(azure: Azure, stand: Stand) -> bool:
    return "Down" in await states(azure, stand)


async def test_a_killed_patching_is_told_and_the_next_command_puts_its_vm_back(stand: Stand, azure: Azure) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    in_domain = await domains_of(azure, stand)
    first = min(in_domain, key=lambda vm: in_domain[vm])
    killed, _ = await command_until(stand, "installing", partial(in_progress, azure, stand, first), signal.SIGKILL)
    assert killed == -signal.SIGKILL
    assert await states(azure, stand) == {"None", "Down"}
    assert (await journey.read_status(stand.record, azure)).left_out == (first,)
    said = await asyncio.to_thread(CliRunner().invoke, status_command.command, [stand.name])
    assert f"left {first} out of rotation" in said.output

    told: list[Any] = []
    await verify(stand.record, azure, wait_s=30, emit=told.append)
    assert [event.vms for event in told if isinstance(event, BackInRotation)] == [(first,)]
    assert await states(azure, stand) == {"None"}
    assert (await journey.read_status(stand.record, azure)).left_out == ()
    view = await azure.ask(azure.compute.virtual_machines.instance_view(stand.name, first))
    assert view.as_dict()["patchStatus"]["lastPatchInstallationSummary"]["status"] == "Succeeded", "its end was awaited"


async def test_a_killed_patching_is_put_right_by_a_deployment(stand: Stand, azure: Azure) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    await command_until(stand, "draining", partial(somebody_is_out, azure, stand), signal.SIGKILL)
    assert len(rotation.left(stand.record.folder)) == 1
    told: list[Any] = []
    await journey.carry_out(await journey.look(stand.plan, azure), azure, {}, told.append)
    assert len([event for event in told if isinstance(event, BackInRotation)]) == 1
    assert await states(azure, stand) == {"None"}
    assert rotation.left(stand.record.folder) == ()


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGTERM], [signal.SIGHUP]])
async def test_an_interruption_leaves_nothing_out_of_rotation(
    stand: Stand, azure: Azure, signals: list[signal.Signals]
) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    in_domain = await domains_of(azure, stand)
    first = min(in_domain, key=lambda vm: in_domain[vm])
    status, lines = await command_until(stand, "installing", partial(in_progress, azure, stand, first), *signals)
    assert status == 130
    running = next(line["running"] for line in lines if line["event"] == "interrupted")
    assert [ids.parse(one).name for one in running] == [first]
    if len(signals) == 1:
        assert lines[-1]["event"] == "vm_patched", "Azure's end was awaited"
    assert await states(azure, stand) == {"None"}
    assert rotation.left(stand.record.folder) == ()
    assert len({line["vm"] for line in lines if line["event"] == "patching" and line["state"] == "installing"}) == 1


async def test_an_interruption_while_it_drains_puts_the_vm_back_at_once(stand: Stand, azure: Azure) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    status, lines = await command_until(stand, "draining", partial(somebody_is_out, azure, stand), signal.SIGINT)
    assert status == 130
    assert (lines[-1]["event"], lines[-1]["running"]) == ("interrupted", []), "Azure was not asked to install yet"
    assert await states(azure, stand) == {"None"}


async def test_as_a_run_it_tells_the_same_and_refuses_what_is_no_choice(stand: Stand, azure: Azure) -> None:
    run = await runs.start("patch", stand.name, {"assess": True, "classification": "all"})
    told = [event async for event in run.events()]
    assert [event["due"] for event in told if event["event"] == "assessed"] == [3, 3, 3]
    assert run.ended is not None
    assert (run.ended.state, run.ended.exit_status) == ("done", 0)
    ended = await (await runs.start("patch", stand.name, {"classification": "some"})).wait()
    assert (ended.state, ended.exit_status) == ("failed", 2)
    assert "critical, security, all" in ended.remedy


async def test_what_makes_no_sense_is_refused(stand: Stand, azure: Azure) -> None:
    for wanted in (Wanted(minutes=1), Wanted(share=90), Wanted(drain_s=-1)):
        with pytest.raises(InputError):
            await patch(stand.record, azure, wanted, emit=lambda event: None)
    with pytest.raises(InputError):
        await assess(stand.record, azure, Wanted(minutes=0), emit=lambda event: None)


@pytest.fixture
def alone(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 1, page=True) as made:
        yield made


async def test_where_nobody_else_would_answer_the_vm_stays_in_rotation(alone: Stand, azure: Azure) -> None:
    told: list[Any] = []

    done = await api.patch(alone.name, wanted=EVERYTHING, emit=told.append)
    assert (done.vms, done.restarted) == (1, 1)
    assert [event.drained for event in told if isinstance(event, DomainBegun)] == [False]
    assert "draining" not in [event.state for event in told if isinstance(event, VmPatching)]
