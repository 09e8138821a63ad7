"""Drills on a deployment of three VMs that stands in the sandbox, whose probes keep real time: 5 s, one decides."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.verify.stand import Stand, planned, standing, until_probes
from wizard import ids
from wizard.azure import clients, clouds
from wizard.azure.clients import Azure
from wizard.commands import drill as command
from wizard.commands import status as status_command
from wizard.deploy import journey, record
from wizard.deploy import stopped as stopped_vms
from wizard.deploy.events import BroughtBack
from wizard.errors import AzureError, InputError, WizardError
from wizard.plan.model import Auth, Machines, Plan
from wizard.verify import health, verify
from wizard.verify.drill import DrillDone, domains, drill, rolling
from wizard.verify.drill import drill as drill_function
from wizard.verify.drill import rolling as rolling_function
from wizard.verify.drill.events import Mark
from wizard.verify.drill.stage import Stage

pytestmark = pytest.mark.xdist_group("drill")
module = sys.modules[drill_function.__module__]


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 3, page=True) as made:
        yield made


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEFORE_S", 2.0)
    monkeypatch.setattr(module, "AWAY_S", 1.0)
    monkeypatch.setattr(module, "AFTER_S", 1.0)
    for name in ("BEFORE_S", "SETTLE_S", "AFTER_S"):
        monkeypatch.setattr(sys.modules[rolling_function.__module__], name, 1.0)


async def power(azure: Azure, stand: Stand) -> dict[str, str]:
    return {one.name: health.power_state(await health.instance(azure, one)) for one in planned(stand, azure)[2]}


ALL_RUN = {"web1": "running", "web2": "running", "web3": "running"}


async def test_losing_an_update_domain_is_survived_and_measured(stand: Stand, azure: Azure) -> None:
    told: list[Any] = []
    domain = int((await health.instance(azure, planned(stand, azure)[2][1]))["platformUpdateDomain"])
    done = await drill(stand.record, azure, update_domain=domain, wait_s=60, emit=told.append)
    assert (done.survived, list(done.why)) == (True, [])
    assert done.vms == ["web2"]
    assert done.expected_detection_s == 5
    assert done.detected_s is not None
    assert 0 < done.detected_s < 8, "an interval, and what it takes to see it"
    # Until the probe noticed, every third new connection got no answer. The VM dies anywhere between two probes, so how
    # long that was differs; how many of those due meanwhile failed is binomial, and 6 deviations are no chance.
    due = 100 * done.failing_for_s
    assert abs(done.failed - due / 3) <= 6 * math.sqrt(due * 2 / 9) + 2
    assert set(done.errors_by_kind) <= {"timeout", "reset", "protocol"}
    if done.detected_s > 1:
        assert done.failed > 0
        assert "timeout" in done.errors_by_kind, "a dead machine does not even refuse"
    assert done.failing_for_s < 8
    assert done.longest_gap_s < 1, "the others answered all the time"
    assert done.back_in_rotation_s is not None
    assert done.back_in_rotation_s < 15
    assert done.phases["before"].errors == done.phases["after"].errors == 0
    assert done.phases["after"].requests > 50
    assert set(done.connections_by_vm["reset"]) <= {"web2"}
    assert done.connections_by_vm["survived"].keys() == {"web1", "web3"}
    assert done.connections["reset"] + done.connections["survived"] == 20
    marks = [event.what for event in told if isinstance(event, Mark)]
    assert marks == [
        "the load runs", "stopping web2", "web2 out of rotation", "starting web2", "web2 answers again",
    ]  # fmt: skip
    assert isinstance(told[-1], DrillDone)
    json.dumps(done.as_event())
    assert await power(azure, stand) == ALL_RUN


async def test_an_error_in_the_middle_brings_the_vm_back(
    stand: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    probes, stopped = health.probes, asyncio.Event()

    async def fail_once_stopped(*arguments: Any) -> Any:
        if stopped.is_set():
            raise AzureError("The health call failed.", status=500)
        return await probes(*arguments)

    def tell(event: Any) -> None:
        if isinstance(event, Mark) and event.what.startswith("stopping"):
            stopped.set()
        if isinstance(event, Mark) and event.what.startswith("starting"):
            raise BrokenPipeError  # whoever listened has gone as well

    monkeypatch.setattr(health, "probes", fail_once_stopped)
    with pytest.raises((AzureError, BrokenPipeError)):
        await drill(stand.record, azure, wait_s=60, emit=tell)
    assert stopped.is_set()
    assert await power(azure, stand) == ALL_RUN


async def test_a_load_that_ends_ends_the_drill_and_brings_the_vm_back(
    stand: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    workers: list[int] = []

    def tell(event: Any) -> None:
        if isinstance(event, Mark) and event.what.startswith("stopping"):
            mine = subprocess.run(
                ["pgrep", "-P", str(os.getpid()), "-f", "wizard.verify.load.worker"],
                check=True,
                capture_output=True,
                text=True,
            )
            workers.extend(int(pid) for pid in mine.stdout.split())
            for pid in workers:
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(WizardError, match="worker ended before its time"):
        await drill(stand.record, azure, wait_s=60, emit=tell)
    assert len(workers) == 1
    assert await power(azure, stand) == ALL_RUN


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGTERM], [signal.SIGHUP]])
async def test_an_interruption_brings_the_vm_back(stand: Stand, azure: Azure, signals: list[signal.Signals]) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wizard", "drill", stand.name, "--vm", "web3", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(40):
        while line := await process.stdout.readline():
            lines.append(json.loads(line)["what"])
            if lines[-1] == "stopping web3":
                for number in signals:
                    process.send_signal(number)
    _, said = await process.communicate()
    assert process.returncode == 130, said
    assert lines == ["the load runs", "stopping web3", "starting web3", "web3 was started again"]
    assert await power(azure, stand) == ALL_RUN


async def test_a_deployment_that_is_not_healthy_is_left_alone(stand: Stand, azure: Azure) -> None:
    stop = await azure.ask(azure.compute.virtual_machines.begin_power_off(stand.name, "web3"))
    await azure.ask(stop.result())
    try:
        await until_probes(azure, stand, web3=False)
        with pytest.raises(WizardError, match=r"not healthy, and nothing was stopped(.|\n)*web3"):
            await drill(stand.record, azure, wait_s=0.2, emit=lambda event: None)
        assert (await power(azure, stand))["web1"] == "running"
    finally:
        start = await azure.ask(azure.compute.virtual_machines.begin_start(stand.name, "web3"))
        await azure.ask(start.result())


async def test_what_makes_no_sense_is_refused(stand: Stand, azure: Azure) -> None:
    with pytest.raises(InputError, match="Did you mean web2") as unknown:
        await drill(stand.record, azure, vm="wbe2", emit=lambda event: None)
    assert "web1, web2, web3" in unknown.value.why
    with pytest.raises(InputError, match=r"No VM .* update domain 99"):
        await drill(stand.record, azure, update_domain=99, emit=lambda event: None)
    for other in (["--update-domain", "0"], ["--zone", "1"], ["--rolling"]):
        told = CliRunner().invoke(command.command, [stand.name, "--vm", "web1", *other])
        assert told.exit_code == 2


async def test_losing_a_fault_domain_takes_every_vm_in_it(stand: Stand, azure: Azure) -> None:
    machines = planned(stand, azure)[2]
    domains = [int((await health.instance(azure, machine))["platformFaultDomain"]) for machine in machines]
    lost = [machine.name for machine, domain in zip(machines, domains, strict=True) if domain == domains[0]]
    assert 0 < len(lost) < 3
    done = await drill(stand.record, azure, fault_domain=domains[0], wait_s=60, emit=lambda event: None)
    assert (done.survived, list(done.why), done.vms) == (True, [], lost)
    assert await power(azure, stand) == ALL_RUN
    with pytest.raises(InputError, match=r"No VM .* fault domain 7"):
        await drill(stand.record, azure, fault_domain=7, emit=lambda event: None)
    with pytest.raises(InputError, match=r"No VM .* zone 1(.|\n)*in no zones"):
        await drill(stand.record, azure, zone="1", emit=lambda event: None)


async def killed(stand: Stand, at: str, *options: str) -> int:
    """A drill's command, killed as soon as it tells `at`; its process number."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wizard", "drill", stand.name, *options, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(40):
        while line := await process.stdout.readline():
            if json.loads(line)["what"] == at:
                process.kill()
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    return process.pid


async def test_a_killed_drill_is_told_and_its_vm_brought_back(stand: Stand, azure: Azure, tmp_path: Path) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    await killed(stand, "web3 out of rotation", "--vm", "web3")
    assert (await power(azure, stand))["web3"] != "running"
    assert (await journey.read_status(stand.record, azure)).left_stopped == ("web3",)
    said = await asyncio.to_thread(CliRunner().invoke, status_command.command, [stand.name])
    assert "left web3 stopped" in said.output
    assert said.exit_code == 0, said.output

    told: list[Any] = []
    await journey.carry_out(await journey.look(stand.plan, azure), azure, {}, told.append)  # all is as planned
    assert [event.vms for event in told if isinstance(event, BroughtBack)] == [("web3",)]
    assert await power(azure, stand) == ALL_RUN
    assert (await journey.read_status(stand.record, azure)).left_stopped == ()


async def test_a_drill_killed_before_its_order_leaves_is_settled_by_the_next_drill(stand: Stand, azure: Azure) -> None:
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    first = (await by_update_domain(azure, stand))[0]
    await killed(stand, f"restarting update domain 0: {first}", "--rolling")
    assert [ids.parse(one).name for one in stopped_vms.left(stand.record.folder)] == [first]
    told: list[Any] = []
    stage = Stage(stand.record, azure, told.append, None)
    await stage.ready(60)
    assert [event.vms for event in told if isinstance(event, BroughtBack)] == [(first,)]
    assert await power(azure, stand) == ALL_RUN
    with stage.stopping:
        stage.going(stage.machines[:1])
        assert stopped_vms.left(stand.record.folder) == (), "a drill that lives starts its VMs itself"
        assert await stopped_vms.bring_back(stand.record.folder, azure, told.append) == ()
        with pytest.raises(WizardError, match="Another drill"):
            Stage(stand.record, azure, told.append, None).going(stage.machines[:1])
    assert len(stopped_vms.left(stand.record.folder)) == 1
    await verify(stand.record, azure, wait_s=0, emit=told.append)
    assert [event.vms for event in told if isinstance(event, BroughtBack)] == [(first,), ("web1",)]
    assert stopped_vms.left(stand.record.folder) == ()


async def test_planned_maintenance_restarts_one_domain_after_another(stand: Stand, azure: Azure) -> None:
    told: list[Any] = []
    await until_probes(azure, stand, web1=True, web2=True, web3=True)
    booted = {vm: await boot_id(azure, stand, vm) for vm in ALL_RUN}
    in_domain = await by_update_domain(azure, stand)
    done = await rolling(stand.record, azure, wait_s=60, emit=told.append)
    assert (done.kind, done.survived, list(done.why)) == ("rolling", True, [])
    assert [(each["domain"], each["vms"]) for each in done.rounds] == [
        (f"update domain {number}", [in_domain[number]]) for number in range(3)
    ]
    assert all(each["back_in_rotation_s"] > 0 for each in done.rounds)
    marks = [event.what for event in told if isinstance(event, Mark) and "out of rotation" not in event.what]
    assert marks == ["the load runs"] + [
        told
        for number, vm in sorted(in_domain.items())
        for told in (f"restarting update domain {number}: {vm}", f"{vm} answers again")
    ], "the next one is restarted once the last is back"
    assert done.longest_gap_s < 1, "somebody answered all the time"
    assert list(done.phases) == ["before", "update domain 0", "update domain 1", "update domain 2", "after"]
    assert done.phases["before"].errors == 0
    assert sum(phase.requests for phase in done.phases.values()) <= done.requests
    again = {vm: await boot_id(azure, stand, vm) for vm in ALL_RUN}
    assert all(again[vm] != booted[vm] for vm in ALL_RUN), "every VM has really booted anew"
    page = (Path(done.evidence) / "report.html").read_text()
    assert "One domain after another" in page
    assert "update domain 2" in page
    assert "restart of one domain after another" in command.text(told[-1])


async def by_update_domain(azure: Azure, stand: Stand) -> dict[int, str]:
    """Azure puts a VM into the emptiest domain when it is created, and they are created side by side."""
    views = {one.name: await health.instance(azure, one) for one in planned(stand, azure)[2]}
    return {int(view["platformUpdateDomain"]): name for name, view in views.items()}


async def boot_id(azure: Azure, stand: Stand, vm: str) -> str:
    body: Any = {"commandId": "RunShellScript", "script": ["uptime -s"]}
    running = await azure.ask(azure.compute.virtual_machines.begin_run_command(stand.name, vm, body))
    return str((await azure.ask(running.result())).as_dict()["value"][0]["message"])


async def test_a_domain_that_holds_everybody_shows_that_nobody_was_left(
    stand: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def together(azure: Azure, blueprint: Any, machines: Any) -> list[domains.Domain]:
        return [domains.Domain("update domain 0", machines)]

    monkeypatch.setattr(domains, "in_turn", together)
    done = await rolling(stand.record, azure, wait_s=60, emit=lambda event: None)
    assert not done.survived
    assert "Update domain 0 holds all VMs (3): none was left while it was restarted." in done.why
    assert done.failed > 0
    assert await power(azure, stand) == ALL_RUN


async def test_an_interrupted_rolling_drill_leaves_every_vm_running(stand: Stand, azure: Azure) -> None:
    vm = (await by_update_domain(azure, stand))[0]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wizard", "drill", stand.name, "--rolling", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(40):
        while line := await process.stdout.readline():
            lines.append(json.loads(line)["what"])
            if lines[-1] == f"restarting update domain 0: {vm}":
                process.send_signal(signal.SIGINT)
    _, said = await process.communicate()
    assert process.returncode == 130, said
    assert lines == ["the load runs", f"restarting update domain 0: {vm}", f"{vm} was started again"]
    assert await power(azure, stand) == ALL_RUN


async def test_the_only_vm_is_not_stopped(azure: Azure, ssh_key: str, group_name: str) -> None:
    plan = Plan(name=group_name, machines=Machines(count=1, ssh_key=ssh_key))
    alone = record.save(plan, azure.subscription_id)
    try:
        with pytest.raises(InputError, match="would stop all 1 VMs"):
            await drill(alone or record.load(group_name), azure, emit=lambda event: None)
    finally:
        record.forget(group_name)


def test_a_deployment_that_does_not_survive_is_exit_status_1_and_says_why(stand: Stand) -> None:
    """Its probe asks for SSH, so it cannot see that web2's web server is dead: nobody takes over for web1."""
    asyncio.run(_blind(stand))
    told = CliRunner().invoke(command.command, [stand.name, "--vm", "web1", "--json", "--rate", "50"])
    assert told.exit_code == 1, told.output
    done = json.loads(told.stdout.splitlines()[-1])
    assert done["event"] == "drill"
    assert done["survived"] is False
    why = "\n".join(done["why"])
    assert "requests failed before anything was stopped" in why
    assert "web2 did not answer while the VM was away" in why
    assert "web3" not in why
    text = command.text(DrillDone(**{**{k: v for k, v in done.items() if k != "event"}, "phases": {}}))
    assert text.startswith("✗ The deployment did not survive as promised losing web1.\n    ")


async def _blind(stand: Stand) -> None:
    async with clients.connect(clouds.find("sandbox")) as azure:
        await until_probes(azure, stand, web1=True, web2=True, web3=True)
        balancer, _, _ = planned(stand, azure)
        live = await azure.get(balancer.id)
        assert live is not None
        probe = live["properties"]["probes"][0]["properties"]
        probe.update(protocol="Tcp", port=22)
        probe.pop("requestPath", None)
        putting = await azure.begin_put(balancer, live)
        if putting is not None:
            await putting.result()
        body: Any = {"commandId": "RunShellScript", "script": ["systemctl stop nginx"]}
        running = await azure.ask(azure.compute.virtual_machines.begin_run_command(stand.name, "web2", body))
        await azure.ask(running.result())
        await until_probes(azure, stand, web1=True, web2=True, web3=True)
