"""Windows VMs that stand in the sandbox: verified, and reset. What other clients say of them: see tests/sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from tests.verify.stand import Stand, standing, verified_by
from wizard import blueprint
from wizard.azure.clients import Azure
from wizard.commands import status as status_command
from wizard.deploy import endpoints
from wizard.plan.model import Auth, OsType
from wizard.reset import ResetDone, reset
from wizard.verify import balance, hostkeys, machines, ports, rdp_login, rdp_pins
from wizard.verify.events import CheckDone

NEW = "second-Horse-77"


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.PASSWORD, 2, page=True, os=OsType.WINDOWS) as made:
        yield made


@pytest.fixture(autouse=True)
def _short_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "LOAD_S", 0.5)
    monkeypatch.setattr(ports, "LISTEN_S", 0.3)


def states(checks: list[CheckDone], name: str) -> dict[str, str]:
    return {check.target: check.state for check in checks if check.name == name}


def details(checks: list[CheckDone], name: str) -> str:
    return "\n".join(check.detail for check in checks if check.name == name)


async def doors(stand: Stand, azure: Azure) -> dict[str, tuple[str, int]]:
    planned = blueprint.build(stand.plan, azure.subscription_id)
    reach = await endpoints.read(azure, planned)
    assert reach.ssh == {}
    return {vm: (at.rpartition(":")[0], int(at.rpartition(":")[2])) for vm, at in reach.rdp.items()}


async def do(stand: Stand, azure: Azure, vms: list[str], **options: Any) -> list[ResetDone]:
    return await reset(stand.record, azure, vms, emit=lambda event: None, **options)


async def test_everything_holds(stand: Stand, azure: Azure) -> None:
    verified, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=60)
    assert [check.name for check in checks if check.state != "passed"] == ["vm.denied", "vnet.isolated"]
    both = {"web1": "passed", "web2": "passed"}
    for name in ("rdp.answers", "rdp.certificate", "rdp.nla", "rdp.login", "http.page", "vm.service", "vm.neighbour"):
        assert states(checks, name) == both, name
    assert "as the VM told by Run Command" in details(checks, "rdp.certificate")
    assert not [check for check in checks if check.name.startswith(("ssh.", "vm.cloud_init"))]
    assert verified.failed == 0
    for path in stand.record.folder.rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            assert not any(password.get_secret_value().encode() in kept for password in stand.passwords.values())


async def test_without_a_password_nothing_is_claimed_and_a_wrong_one_fails(stand: Stand, azure: Azure) -> None:
    _, checks = await verified_by(azure, stand.name, wait_s=0)
    assert states(checks, "rdp.login") == {"web1": "skipped", "web2": "skipped"}
    _, checks = await verified_by(azure, stand.name, password=SecretStr("wrong-Horse-42"), wait_s=0)
    assert states(checks, "rdp.login") == {"web1": "failed", "web2": "failed"}
    assert "STATUS_LOGON_FAILURE" in details(checks, "rdp.login")


async def test_an_impostor_is_told_and_gets_no_password(
    stand: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """web2 told of web1's certificate: whoever answers at web2's port is somebody else."""
    sent: list[Any] = []
    real = rdp_login.login

    async def watched(*args: Any, **options: Any) -> Any:
        sent.append(args[:2])
        return await real(*args, **options)

    monkeypatch.setattr(rdp_login, "login", watched)
    first = machines.of(blueprint.build(stand.plan, azure.subscription_id))[0]
    told = await rdp_pins.Certificates(azure, stand.record.folder).ask(first.id)

    async def wrong(self: rdp_pins.Certificates, vm_id: str) -> tuple[list[str], str]:
        return told

    monkeypatch.setattr(rdp_pins.Certificates, "ask", wrong)
    (stand.record.folder / rdp_pins.Certificates.file).unlink()
    _, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=0)
    assert states(checks, "rdp.certificate") == {"web1": "passed", "web2": "failed"}
    assert states(checks, "rdp.login") == {"web1": "passed", "web2": "skipped"}
    assert "somebody else answers here" in details(checks, "rdp.certificate")
    assert sent == [(await doors(stand, azure))["web1"]]
    (stand.record.folder / rdp_pins.Certificates.file).unlink()


async def test_what_cannot_be_told_is_warned_and_nothing_is_sent(
    stand: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*args: Any) -> str:
        return "Enable succeeded: \n[stdout]\ncertificate cutoff\n[stderr]\n"

    (stand.record.folder / rdp_pins.Certificates.file).unlink(missing_ok=True)
    monkeypatch.setattr(hostkeys, "run_script", silent)
    _, checks = await verified_by(azure, stand.name, password=stand.passwords, wait_s=0)
    assert states(checks, "rdp.certificate") == {"web1": "warned", "web2": "warned"}
    assert states(checks, "rdp.login") == {"web1": "skipped", "web2": "skipped"}


async def test_a_password_is_reset_and_proved(stand: Stand, azure: Azure) -> None:
    new = {vm: SecretStr(f"{NEW}-{vm}") for vm in stand.passwords}
    done = await do(stand, azure, ["web1", "web2"], new=new, old=stand.passwords)
    assert [(one.vm, one.state, one.new_login, one.old_login_refused) for one in done] == [
        ("web1", "proved", True, True),
        ("web2", "proved", True, True),
    ]
    keys = rdp_pins.Certificates(azure, stand.record.folder)
    planned = machines.of(blueprint.build(stand.plan, azure.subscription_id))
    for machine in planned:
        at = (await doors(stand, azure))[machine.name]
        pinned = (await hostkeys.identify(keys, machine.id, *at)).pinned
        ask: dict[str, Any] = {"pinned": pinned, "computer": machine.hostname}
        assert (await rdp_login.login(*at, "azureuser", new[machine.name], **ask)).outcome == "ok"
        assert (await rdp_login.login(*at, "azureuser", stand.passwords[machine.name], **ask)).outcome == "refused"
    back = await do(stand, azure, ["web1", "web2"], new=stand.passwords)
    assert [one.state for one in back] == ["unproved", "unproved"], "the old passwords were not given"


async def test_a_new_name_is_one_more_administrator(stand: Stand, azure: Azure) -> None:
    (done,) = await do(stand, azure, ["web2"], user="deputy", new={"web2": SecretStr(NEW)}, old=stand.passwords["web2"])
    assert (done.state, done.new_login) == ("unproved", True)
    assert done.other_logins == ("azureuser (password)",)
    assert "Disable-LocalUser -Name azureuser" in done.remedy
    (done,) = await do(stand, azure, ["web2"], user="azureuser", new={"web2": SecretStr(f"{NEW}-again")})
    assert done.new_login


async def test_remote_desktop_that_is_off_is_turned_on_again(stand: Stand, azure: Azure) -> None:
    planned = machines.of(blueprint.build(stand.plan, azure.subscription_id))
    off = ("Set-Service -Name TermService -StartupType Disabled", "Stop-Service -Name TermService -Force")
    await hostkeys.run_script(azure, planned[0].id, off, hostkeys.POWERSHELL)
    at = (await doors(stand, azure))["web1"]
    assert (await rdp_login.meet(*at, timeout=1.0)).outcome == "unreachable"
    (done,) = await do(stand, azure, ["web1"], mode="configuration", old=stand.passwords["web1"])
    assert (done.state, done.new_login) == ("proved", True)
    assert "which it was not before" in done.detail
    assert (await rdp_login.meet(*at)).outcome == "ok"


def test_the_status_names_the_ports(stand: Stand) -> None:
    told = CliRunner().invoke(status_command.command, [stand.name, "--json"])
    status = json.loads(told.stdout)
    assert sorted(status["rdp"]) == ["web1", "web2"]
    assert status["ssh"] == {}
    assert status["state"] == "deployed"


async def test_a_stopped_machine_is_explained_and_not_reset(stand: Stand, azure: Azure) -> None:
    group = azure.compute.virtual_machines
    await (await group.begin_deallocate(stand.name, "web1")).result()
    try:
        (done,) = await do(stand, azure, ["web1"], new={"web1": SecretStr(NEW)})
        assert done.state == "failed"
        assert "nothing was changed" in done.detail
        _, checks = await verified_by(azure, stand.name, wait_s=0)
        assert states(checks, "rdp.answers") == {"web1": "failed", "web2": "passed"}
        cause = {check.cause for check in checks if check.name == "rdp.answers" and check.target == "web1"}
        assert cause == {"vm-deallocated"}
    finally:
        await (await group.begin_start(stand.name, "web1")).result()
