"""Every mode of the portal's blade on VMs that stand in the sandbox, judged by a client that is not ours (asyncssh)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from tests.reset.test_journey import do, gets_in
from tests.verify.servers import make_key
from tests.verify.stand import Stand, standing
from wizard import ids, keys
from wizard.azure.clients import Azure
from wizard.commands import reset as reset_command
from wizard.plan.model import Auth
from wizard.reset import vmaccess
from wizard.verify import hostkeys


@pytest.fixture
def by_key(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 1, page=False) as made:
        yield made


@pytest.fixture
def by_password(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.PASSWORD, 2, page=False) as made:
        yield made


async def inside(stand: Stand, azure: Azure, script: str, vm: str = "web1") -> str:
    """What root does on a VM, by Run Command."""
    vm_id = ids.resource_id(azure.subscription_id, stand.name, "Microsoft.Compute/virtualMachines", vm)
    return await hostkeys.run_script(azure, vm_id, (script,))


def pair(folder: Path, name: str) -> tuple[Path, str]:
    make_key(folder / name)
    return folder / name, (folder / f"{name}.pub").read_text().strip()


# A key in place of all others


async def test_a_key_takes_the_place_of_all_others(by_key: Stand, azure: Azure, tmp_path: Path) -> None:
    one, one_public = pair(tmp_path, "one")
    two, two_public = pair(tmp_path, "two")
    [added] = await do(by_key, azure, ["web1"], mode="ssh-key", new=one_public, identity=one)
    assert (added.state, added.old_login_refused) == ("proved", None)
    [done] = await do(by_key, azure, ["web1"], mode="ssh-key", new=two_public, identity=two, replace_keys=True)
    assert (done.state, done.new_login, done.old_login_refused, done.other_logins) == ("proved", True, True, ())
    assert "only one" in done.detail
    assert await gets_in(by_key, azure, "web1", "azureuser", client_keys=[str(two)])
    for gone in (one, keys.ensure().private):
        assert not await gets_in(by_key, azure, "web1", "azureuser", client_keys=[str(gone)])

    [again] = await do(by_key, azure, ["web1"], new={"web1": SecretStr("first-Horse-11")})
    assert again.other_logins == ("azureuser (SSH key added " + again_day(by_key) + ", not tried)",)


def again_day(stand: Stand) -> str:
    entries = json.loads((stand.record.folder / "resets.json").read_text())
    assert [(entry["mode"], entry["replaced"]) for entry in entries] == [
        ("ssh-key", False),
        ("ssh-key", True),
        ("password", False),
    ]
    return str(entries[1]["at"][:10])


async def test_keys_that_stay_though_azure_says_success_have_failed(
    by_key: Stand, azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, public = pair(tmp_path, "new")
    add_key = vmaccess.add_key

    async def appends(azure: Azure, vm_id: str, user: str, public_key: str, *, replace: bool = False) -> None:
        await add_key(azure, vm_id, user, public_key)

    monkeypatch.setattr(vmaccess, "add_key", appends)
    [done] = await do(by_key, azure, ["web1"], mode="ssh-key", new=public, identity=new, replace_keys=True)
    assert (done.state, done.new_login, done.old_login_refused) == ("failed", True, False)


# The configuration


@pytest.mark.parametrize(
    "breaking",
    [
        "printf 'AllowUsers nobody\\n' > /etc/ssh/sshd_config.d/00-broken.conf && systemctl restart ssh",
        "printf 'PubkeyAuthentication no\\n' > /etc/ssh/sshd_config && systemctl restart ssh",
        "systemctl stop ssh",
    ],
    ids=["users", "keys", "stopped"],
)
async def test_a_configuration_that_lets_nobody_in_is_brought_back(by_key: Stand, azure: Azure, breaking: str) -> None:
    ours = str(keys.ensure().private)
    await inside(by_key, azure, breaking)
    if "stop" not in breaking:
        assert not await gets_in(by_key, azure, "web1", "azureuser", client_keys=[ours])
    [done] = await do(by_key, azure, ["web1"], mode="configuration")
    assert (done.state, done.mode, done.new_login, done.old_login_refused) == (
        "proved",
        "configuration",
        True,
        None,
    ), done
    assert "before" in done.detail
    assert await gets_in(by_key, azure, "web1", "azureuser", client_keys=[ours])


async def test_the_configuration_without_a_login_to_try_is_unproved_and_with_a_wrong_one_failed(
    by_password: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    [blind] = await do(by_password, azure, ["web1"], mode="configuration")
    assert (blind.state, blind.new_login) == ("unproved", False)
    assert "host key" in blind.detail
    done = await do(by_password, azure, ["web1", "web2"], mode="configuration", old=by_password.passwords)
    assert [one.state for one in done] == ["proved", "proved"]
    monkeypatch.setattr("wizard.reset.target.SETTLE_S", 2.0)
    [wrong] = await do(by_password, azure, ["web1"], mode="configuration", old=SecretStr("never-Horse-11"))
    assert wrong.state == "failed"


# A user who goes


async def test_the_former_user_is_removed_and_a_reset_is_proved_then(by_password: Stand, azure: Azure) -> None:
    first, second = by_password.passwords["web1"], SecretStr("second-Horse-1")
    [done] = await do(by_password, azure, ["web1"], new={"web1": second}, user="second")
    assert done.state == "unproved", "azureuser keeps its login"
    assert "remove-user --user azureuser" in done.remedy
    [gone] = await do(
        by_password, azure, ["web1"], mode="remove-user", user="azureuser", old=first, admin_password=second
    )
    assert (gone.state, gone.user, gone.new_login, gone.old_login_refused) == ("proved", "azureuser", True, True), gone
    assert gone.other_logins == ("second (password)",)
    assert not await gets_in(by_password, azure, "web1", "azureuser", password=first.get_secret_value())
    assert await gets_in(by_password, azure, "web1", "second", password="second-Horse-1")
    assert by_password.record.credentials["web1"].user == "second"
    assert by_password.record.credentials["web2"].user == "azureuser"

    [again] = await do(by_password, azure, ["web1"], new={"web1": SecretStr("third-Horse-11")}, old=second)
    assert (again.state, again.user, again.other_logins) == ("proved", "second", ())
    [nobody] = await do(
        by_password, azure, ["web1"], mode="remove-user", user="azureuser", admin_password=SecretStr("third-Horse-11")
    )
    assert nobody.state == "failed"
    assert "nothing was changed" in nobody.detail
    assert "no user azureuser" in nobody.detail


async def test_the_only_administrator_goes_by_force_alone(by_key: Stand, azure: Azure) -> None:
    ours = str(keys.ensure().private)
    [kept] = await do(by_key, azure, ["web1"], mode="remove-user", user="azureuser")
    assert (kept.state, "only administrator" in kept.detail, "--force" in kept.remedy) == ("failed", True, True)
    assert await gets_in(by_key, azure, "web1", "azureuser", client_keys=[ours])

    await do(by_key, azure, ["web1"], new={"web1": SecretStr("second-Horse-1")}, user="second")
    [unknown] = await do(by_key, azure, ["web1"], mode="remove-user", user="azureuser")
    assert (unknown.state, "nobody but azureuser" in unknown.detail) == ("failed", True), "second's login was not given"
    [wrong] = await do(
        by_key, azure, ["web1"], mode="remove-user", user="azureuser", admin_password=SecretStr("wrong-Horse-11")
    )
    assert wrong.state == "failed"
    assert await gets_in(by_key, azure, "web1", "azureuser", client_keys=[ours])

    [forced] = await do(by_key, azure, ["web1"], mode="remove-user", user="azureuser", force=True)
    assert (forced.state, forced.new_login, forced.old_login_refused) == ("unproved", False, True)
    assert not await gets_in(by_key, azure, "web1", "azureuser", client_keys=[ours])
    assert await gets_in(by_key, azure, "web1", "second", password="second-Horse-1")


async def test_a_user_who_stays_though_azure_says_success_has_failed(
    by_key: Stand, azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, public = pair(tmp_path, "new")
    await do(by_key, azure, ["web1"], mode="ssh-key", user="second", new=public, identity=new)

    async def nothing(azure: Azure, vm_id: str, user: str) -> None:
        return

    monkeypatch.setattr(vmaccess, "remove_user", nothing)
    [done] = await do(by_key, azure, ["web1"], mode="remove-user", user="azureuser", identity=new)
    assert (done.state, done.old_login_refused) == ("failed", False)
    assert "still let in by the SSH key" in done.detail
    assert by_key.record.credentials["web1"].user == "second", "as the key's reset left it"


# What stands in the way


async def test_a_silent_agent_and_a_system_user_are_explained(by_password: Stand, azure: Azure) -> None:
    known = by_password.passwords["web1"]
    [system] = await do(by_password, azure, ["web1"], mode="remove-user", user="daemon", admin_password=known, old=None)
    assert (system.state, "system user" in system.detail) == ("failed", True), system
    await inside(by_password, azure, "systemctl stop walinuxagent")
    for options in (
        {"mode": "configuration"},
        {"mode": "remove-user", "user": "second"},
        {"new": {"web1": SecretStr("other-Horse-11")}},
    ):
        [silent] = await do(by_password, azure, ["web1"], **options)
        assert silent.state == "failed"
        assert "agent of web1 does not report" in silent.detail
        assert "restart the VM" in silent.remedy


async def test_success_that_changed_nothing_is_no_success(
    by_password: Stand, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(azure: Azure, vm_id: str, user: str, password: SecretStr, **options: bool) -> None:
        return

    monkeypatch.setattr(vmaccess, "set_password", nothing)
    monkeypatch.setattr("wizard.reset.target.SETTLE_S", 0.1)
    new = {"web1": SecretStr("other-Horse-11")}
    [done] = await do(by_password, azure, ["web1"], new=new, old=by_password.passwords)
    assert (done.state, done.new_login) == ("failed", False)
    assert "/var/log/azure" in done.remedy


# The command


def test_the_command_warns_and_walks_through_the_modes(by_key: Stand, tmp_path: Path) -> None:
    def invoke(*arguments: str, input: str = "") -> tuple[int, dict[str, Any], str]:
        told = CliRunner().invoke(reset_command.command, [by_key.name, *arguments, "--json"], input=input)
        return told.exit_code, json.loads(told.stdout.splitlines()[-1]), told.stderr

    _, _ = pair(tmp_path, "new")
    public = str(tmp_path / "new.pub")
    code, event, said = invoke("--all", "--mode", "ssh-key", "--ssh-key", public, "--replace-keys")
    assert (code, event["state"], event["mode"]) == (0, "proved", "ssh-key")
    assert "Every other key" in said
    code, event, said = invoke("--all", "--user", "second", "--password-stdin", input="second-Horse-1\n")
    assert (code, event["state"]) == (0, "unproved")
    assert "turns password login on" in said
    assert "sudo beside azureuser" in said
    identity = str(tmp_path / "new")
    code, event, said = invoke("--vm", "web1", "--mode", "configuration", "--user", "azureuser", "--identity", identity)
    assert (code, event["state"]) == (0, "proved")
    assert "image's own SSH configuration" in said
    options = ("--mode", "remove-user", "--user", "azureuser")
    code, event, said = invoke("--vm", "web1", *options, "--password-stdin", input="second-Horse-1\n")
    assert (code, event["state"], event["user"]) == (0, "proved", "azureuser")
    assert "home folder stays" in said
    assert by_key.record.credentials["web1"].user == "second"
