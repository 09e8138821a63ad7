"""Verification of a deployment that stands in the sandbox: everything that holds, and what is broken on purpose."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.verify.stand import PORT, Stand, standing, verified_by
from wizard import blueprint
from wizard.azure.clients import Azure
from wizard.plan.model import Auth, Verification
from wizard.verify import balance, health, machines, ports, verify
from wizard.verify.events import CheckDone, Verified


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.PASSWORD, 2, page=True) as made:
        yield made


@pytest.fixture(autouse=True)
def _short_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "LOAD_S", 1.0)
    monkeypatch.setattr(ports, "LISTEN_S", 0.3)


def states(checks: list[CheckDone], name: str) -> dict[str, str]:
    return {check.target: check.state for check in checks if check.name == name}


def details(checks: list[CheckDone], name: str) -> str:
    return "\n".join(check.detail for check in checks if check.name == name)


async def test_everything_holds(stand: Stand, azure: Azure) -> None:
    verified, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=60)
    # Nothing in this plan denies anything between the VMs, no other network was named, and both checks say so.
    assert [check.name for check in checks if check.state != "passed"] == ["vm.denied", "vnet.isolated"]
    assert (verified.passed, verified.failed, verified.warned, verified.skipped) == (len(checks) - 2, 0, 0, 2)
    both = {"web1": "passed", "web2": "passed"}
    for name in ("balancer.pool", "balancer.probe", "http.page", "ssh.hostkey", "ssh.login", "ssh.hostname"):
        assert states(checks, name) == both, name
    resources = len(blueprint.build(stand.plan, azure.subscription_id))
    assert len(states(checks, "control.present")) == len(states(checks, "control.as_planned")) == resources
    assert len(states(checks, "ports.closed")) == 2, "the balancer's address and the NAT gateway's"
    assert "50000" in details(checks, "ports.closed")
    assert "50003" in details(checks, "ports.closed")
    assert "gets nowhere at 50001, 50002" in details(checks, "ports.source")
    assert "no errors; web1" in details(checks, "http.load")
    the_evidence_is_what_was_told_and_holds_no_password(stand, verified, checks)


def the_evidence_is_what_was_told_and_holds_no_password(
    stand: Stand, verified: Verified, checks: list[CheckDone]
) -> None:
    folder = Path(verified.evidence)
    assert folder.parent == stand.record.folder / "evidence"
    text = (folder / "evidence.json").read_text()
    evidence = json.loads(text)
    assert evidence["checks"] == [check.as_event() for check in checks]
    assert evidence["counts"]["passed"] == verified.passed
    assert set(evidence["loads"][0]["by_vm"]) == {"web1", "web2"}
    assert evidence["http"].endswith(f":{PORT}")
    for path in stand.record.folder.rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            assert not any(password.get_secret_value().encode() in kept for password in stand.passwords.values())


async def test_a_wrong_password_fails_the_login_and_nothing_else(stand: Stand, azure: Azure) -> None:
    _, checks = await verified_by(azure, stand.name, password=SecretStr("wrong-Horse-42"), wait_s=0)
    assert states(checks, "ssh.login") == {"web1": "failed", "web2": "failed"}
    assert "azureuser: the password was refused" in details(checks, "ssh.login")
    assert {check.name for check in checks if check.state == "failed"} == {"ssh.login"}


async def test_without_a_password_the_login_is_skipped_and_says_why(stand: Stand, azure: Azure) -> None:
    verified, checks = await verified_by(azure, stand.name, wait_s=0)
    assert states(checks, "ssh.hostkey") == {"web1": "passed", "web2": "passed"}
    assert states(checks, "ssh.login") == {"web1": "skipped", "web2": "skipped"}
    assert "--password-stdin" in details(checks, "ssh.login")
    assert verified.failed == 0


async def test_what_is_not_as_planned_is_found(stand: Stand, azure: Azure) -> None:
    nsg = next(
        iter(blueprint.build(stand.plan, azure.subscription_id).of_type("Microsoft.Network/networkSecurityGroups"))
    )
    live = await azure.get(nsg.id)
    assert live is not None
    rule = live["properties"]["securityRules"][0]
    before = rule["properties"]["priority"]
    rule["properties"]["priority"] = 4000
    await _put(azure, nsg, live)
    try:
        _, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=0)
    finally:
        rule["properties"]["priority"] = before
        await _put(azure, nsg, live)
    assert {check.target for check in checks if check.state == "failed"} == {nsg.name}
    assert f"priority is 4000, planned {before}" in details(checks, "control.as_planned")


async def test_a_stopped_vm_fails_its_own_checks_and_no_other_vm_s(stand: Stand, azure: Azure) -> None:
    planned = blueprint.build(stand.plan, azure.subscription_id)
    vms = machines.of(planned)
    balancer = next(iter(planned.of_type("Microsoft.Network/loadBalancers")))
    rule = balancer.body["properties"]["loadBalancingRules"][0]["name"]
    power_off = await azure.ask(azure.compute.virtual_machines.begin_power_off(stand.name, "web2"))
    await azure.ask(power_off.result())
    try:
        until = time.monotonic() + 40  # a probe's 5 s are not shortened by any speed
        while (await health.probes(azure, balancer.id, rule, vms))["web2"][0]:
            assert time.monotonic() < until
        verified, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=0)
    finally:
        start = await azure.ask(azure.compute.virtual_machines.begin_start(stand.name, "web2"))
        await azure.ask(start.result())
    for name in ("balancer.probe", "http.page", "ssh.hostkey"):
        assert states(checks, name) == {"web1": "passed", "web2": "failed"}, name
    assert states(checks, "ssh.login") == {"web1": "passed", "web2": "skipped"}
    assert "no answer from web2" in details(checks, "http.load")
    assert verified.failed >= 4


async def _put(azure: Azure, resource: Any, body: dict[str, Any]) -> None:
    operation = await azure.begin_put(resource, body)
    if operation is not None:
        await operation.result()


async def test_the_serial_log_stands_in_for_run_command_and_without_either_nothing_is_sent(
    stand: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wizard.errors import AzureError
    from wizard.verify import console, hostkeys

    async def silent(*_: Any) -> str:
        raise AzureError("The VM agent does not answer.", code="VMAgentStatusCommunicationError")

    monkeypatch.setattr(hostkeys, "run_script", silent)
    (stand.record.folder / hostkeys.FILE).unlink(missing_ok=True)
    _, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=0)
    assert states(checks, "ssh.login") == {"web1": "passed", "web2": "passed"}
    assert details(checks, "ssh.hostkey").count("as the VM told by its serial log") == 2
    monkeypatch.setattr(console, "log", silent)
    (stand.record.folder / hostkeys.FILE).unlink()
    _, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=0)
    assert states(checks, "ssh.hostkey") == {"web1": "warned", "web2": "warned"}
    assert "unverified" in details(checks, "ssh.hostkey")
    assert states(checks, "ssh.login") == {"web1": "skipped", "web2": "skipped"}


async def test_what_the_plan_expects_of_the_load_is_a_check_each(stand: Stand, azure: Azure) -> None:
    expecting = Verification(expect=("vms==2", "p99<1ms", "errors<50%"))
    record = replace(stand.record, plan=stand.plan.model_copy(update={"verification": expecting}))
    events: list[Any] = []
    await verify(record, azure, wait_s=0, emit=events.append)
    checks = [event for event in events if isinstance(event, CheckDone) and event.name == "http.expected"]
    told = [(check.state, check.detail.partition(":")[0]) for check in checks]
    assert told == [("passed", "vms==2"), ("failed", "p99<1ms"), ("passed", "errors<50%")]
