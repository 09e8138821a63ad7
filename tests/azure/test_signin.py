"""Who we are: one way for every cloud, a clear word when nobody is signed in, and no guess of a subscription."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.azure.scripted import SECRET, SUBSCRIPTION, TENANT, Scripted
from wizard.azure import clients
from wizard.azure.clouds import Cloud
from wizard.errors import InputError, UnreachableError

TOKEN = f"post /{TENANT}/oauth2/v2.0/token"


def bare(scripted: Scripted) -> Cloud:
    """The scripted cloud as a plan's user meets it: without a principal or a subscription of its own."""
    return replace(scripted.cloud, client_id=None, client_secret_file=None, subscription=None)


def principal(monkeypatch: pytest.MonkeyPatch, secret: str = SECRET) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "env-client")
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", secret)


def azure_cli(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program named az, alone on the path."""
    program = folder / "bin" / "az"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/bin{os.pathsep}/usr/bin")


async def test_the_clouds_own_principal_signs_in_and_everything_shares_one_connection_pool(scripted: Scripted):
    scripted.on(f"GET /subscriptions/{SUBSCRIPTION}", {"id": "x", "subscriptionId": SUBSCRIPTION, "state": "Enabled"})
    async with clients.connect(scripted.cloud) as azure:
        assert (azure.subscription_id, azure.tenant_id) == (SUBSCRIPTION, TENANT)
        for _ in range(3):
            found = await azure.ask(azure.subscriptions.subscriptions.get(SUBSCRIPTION))
            assert await azure.get(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/none") is None
            assert await azure.list_group("none") is None
    assert found.state == "Enabled"
    assert scripted.seen.count(TOKEN) == 1
    assert len(scripted.connections) == 1


async def test_a_service_principal_of_the_environment_signs_in(scripted: Scripted, monkeypatch):
    principal(monkeypatch)
    async with clients.connect(bare(scripted), SUBSCRIPTION) as azure:
        assert azure.subscription_id == SUBSCRIPTION
    assert scripted.seen.count(TOKEN) == 1


async def test_a_refused_secret_is_told_without_it(scripted: Scripted, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    principal(monkeypatch, "a-wrong-secret")
    answer = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    scripted.on(TOKEN.replace("post", "POST"), answer, 401)
    with pytest.raises(UnreachableError, match="AADSTS7000215") as caught:
        async with clients.connect(bare(scripted), SUBSCRIPTION):
            pass
    assert "a-wrong-secret" not in str(caught.value) + caplog.text
    assert "AZURE_CLIENT_ID" in str(caught.value)


async def test_nobody_signed_in_is_told_with_the_way_in(scripted: Scripted, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreachableError) as caught:
        async with clients.connect(bare(scripted)):
            pass
    assert caught.value.exit_status == 3
    assert "Azure CLI not found" in caught.value.why
    assert "az login" in caught.value.remedy
    assert scripted.seen == []


async def test_the_azure_cli_signs_in_and_names_the_subscription(scripted: Scripted, monkeypatch, tmp_path: Path):
    token = '{"accessToken": "a.b.c", "expires_on": 4102444800, "tokenType": "Bearer"}'
    log = tmp_path / "calls"
    azure_cli(
        tmp_path,
        f'echo "$2" >> {log}\nif [ "$2" = get-access-token ]; then echo \'{token}\'; else echo {SUBSCRIPTION}; fi',
        monkeypatch,
    )
    async with clients.connect(bare(scripted)) as azure:
        assert azure.subscription_id == SUBSCRIPTION
        assert azure.tenant_id == TENANT  # the token is opaque here: the cloud's own
        await azure.list_group("none")
        await azure.get(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/none")
    assert log.read_text().split() == ["get-access-token", "show"]  # one token for all clients


async def test_several_subscriptions_are_named_and_none_is_guessed(scripted: Scripted, monkeypatch):
    principal(monkeypatch)
    two = [{"subscriptionId": f"s{n}", "displayName": f"Team {n}", "state": "Enabled"} for n in (1, 2)]
    gone = {"subscriptionId": "s3", "displayName": "Old", "state": "Disabled"}
    scripted.on("GET /subscriptions", {"value": [*two, gone]})
    with pytest.raises(InputError) as caught:
        async with clients.connect(bare(scripted)):
            pass
    assert "s1 (Team 1); s2 (Team 2)" in caught.value.why
    assert "AZURE_SUBSCRIPTION_ID" in caught.value.remedy

    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "s2")
    async with clients.connect(bare(scripted)) as azure:
        assert azure.subscription_id == "s2"
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")

    scripted.on("GET /subscriptions", {"value": [two[0], gone]})
    async with clients.connect(bare(scripted)) as azure:
        assert azure.subscription_id == "s1"

    scripted.on("GET /subscriptions", {"value": []})
    with pytest.raises(InputError, match="no subscription"):
        async with clients.connect(bare(scripted)):
            pass


async def test_a_clouds_own_secret_that_is_missing_is_told(scripted: Scripted, tmp_path: Path):
    with pytest.raises(UnreachableError, match="MULTIVM_HOME"):
        async with clients.connect(replace(scripted.cloud, client_secret_file=tmp_path / "none")):
            pass


async def test_a_certificate_of_another_authority_is_not_trusted(scripted: Scripted):
    with pytest.raises(UnreachableError, match=r"(?i)certificate"):
        async with clients.connect(replace(scripted.cloud, ca=None)):
            pass
    assert scripted.seen == []
