"""Runs against the sandbox: from a deployment to its end, a cancelled one, and no secret in any file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from screens.desk import Desk
from tests.runs.conftest import PASSWORD
from wizard import runs
from wizard.deploy import record

OLD_FILES = {"requests.jsonl"}


async def told(kind: str, name: str, request: dict[str, Any] | None = None, **secrets: Any) -> list[dict[str, Any]]:
    run = await runs.start(kind, name, request, secrets)
    return [event async for event in run.events()]


def of(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def holding(folder: Path, text: str) -> list[str]:
    """Every file below a folder that holds a text."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_deploy_load_reset_scale_and_destroy_tell_what_the_commands_tell_and_keep_no_secret(
    values: dict[str, Any], multivm_home: Path, tmp_path: Path
):
    name = values["name"]
    deploy = await told("deploy", name, {"plan": values}, password=PASSWORD)
    planned = {event["id"] for event in of(deploy, "planned")}
    assert {event["id"] for event in of(deploy, "resource") if event["state"] == "done"} == planned
    assert deploy[-1]["state"] == "done", deploy[-1]
    assert of(deploy, "deployed")[0]["ssh"].keys() == {"web1", "web2"}
    assert [event["n"] for event in deploy] == list(range(1, len(deploy) + 1))
    assert all(event["at_utc"] for event in deploy)

    verify = await told("verify", name, {"wait_s": 60}, password=PASSWORD)
    logins = {event["state"] for event in of(verify, "check") if event["name"] == "ssh.login"}
    assert logins == {"passed"}
    assert of(verify, "verified")

    load = await told("load", name, {"duration_s": 1.5, "connections": 4, "expect": ["vms==2", "errors<1"]})
    assert of(load, "loading")[0]["vms"] == ["web1", "web2"]
    progress = of(load, "load_progress")
    assert progress
    assert progress[-1]["total"]["requests"] <= of(load, "load")[0]["requests"]
    assert [event["met"] for event in of(load, "expectation")] == [True, True]

    secret_file = tmp_path / "secrets.json"
    asked = {"vms": ["web1"], "generate": True, "secret_file": str(secret_file)}
    reset = await told("reset", name, asked, old_password=PASSWORD)
    assert [(event["vm"], event["state"]) for event in of(reset, "reset")] == [("web1", "proved")]
    assert secret_file.stat().st_mode & 0o777 == 0o600
    made = json.loads(secret_file.read_text())["web1"]["password"]

    await other_modes_and_a_third_vm(name, made)

    destroy = await told("destroy", name)
    assert len(of(destroy, "destroyed")) == 1
    assert destroy[-1]["state"] == "done"
    assert not record.known(name)
    latest = runs.latest(name)
    assert latest is not None
    assert latest.kind == "destroy"
    for secret in (PASSWORD, made):
        assert holding(multivm_home, secret) == []
    assert holding(tmp_path, made) == [str(secret_file)]  # so the search would find one


async def other_modes_and_a_third_vm(name: str, made: str) -> None:
    """The desk says beforehand what a run then does."""
    second = {"vms": ["web1"], "user": "second"}
    await told("reset", name, second, password="Second-Horse-22")
    desk = Desk()
    try:
        asked: dict[str, Any] = {"vms": ["web1"], "mode": "remove-user", "user": "azureuser"}
        outlook = await desk.ask("reset_outlook", name=name, **asked)
        assert outlook["users"] == {"web1": ["azureuser", "second"]}
        assert "home folder stays" in outlook["warnings"][0]
        removal = await told("reset", name, asked, admin_password="Second-Horse-22", old_password=made)
        assert [event["state"] for event in of(removal, "reset")] == ["proved"], of(removal, "reset")
        assert (await desk.ask("reset_outlook", name=name, **asked))["users"] == {"web1": ["second"]}
        plain: dict[str, Any] = {"vms": ["web1"], "mode": "configuration", "user": "second"}
        configuration = await told("reset", name, plain, old_password="Second-Horse-22")
        assert [event["state"] for event in of(configuration, "reset")] == ["proved"], of(configuration, "reset")

        outlook = await desk.ask("scale_outlook", name=name, count=3)
        assert (outlook["from"], outlook["to"], outlook["ready"], outlook["complete"]) == (2, 3, True, False)
        assert (outlook["new_vms"], outlook["needs_password"], outlook["leaving_vms"]) == (["web3"], ["web3"], [])
        assert outlook["deleted"] == []
        scale = await told("scale", name, {"count": 3}, password=PASSWORD)
        assert scale[-1]["state"] == "done", scale[-1]
        expected = {each["id"] for each in (*outlook["created"], *outlook["changed"])}
        assert {event["id"] for event in of(scale, "planned")} == expected
        assert {event["id"] for event in of(scale, "resource")} == expected
        assert list(of(scale, "scaled")[0]["ssh"]) == ["web1", "web2", "web3"]
        outlook = await desk.ask("scale_outlook", name=name, count=2)
        assert outlook["leaving_vms"] == ["web3"]
        assert outlook["deleted"][0]["name"] == "web3"
        assert (await desk.ask("scale_outlook", name=name, count=3))["complete"]
        outlook = await desk.ask("scale_outlook", name=name, count=900)
        assert not outlook["ready"]
        assert outlook["problems"][0]["field"] == "machines.count"
    finally:
        await desk.close()


async def test_a_cancelled_deployment_tells_what_goes_on_and_a_second_run_continues(values: dict[str, Any]):
    name = values["name"]
    run = await runs.start("deploy", name, {"plan": values}, {"password": PASSWORD})
    attached = runs.load(name, run.id)  # as a wizard that was opened again does
    assert attached is not None
    events = []
    async for event in attached.events():
        events.append(event)
        if event["event"] == "resource" and event["id"].endswith("/web1") and event["state"] == "started":
            assert await attached.cancel()
    assert [event["event"] for event in events[-2:]] == ["interrupted", "ended"]
    assert any(one.endswith("/web1") for one in events[-2]["running"])
    assert (events[-1]["state"], events[-1]["exit_status"]) == ("cancelled", 130)

    again = await told("deploy", name, {"plan": values}, password=PASSWORD)
    assert again[-1]["state"] == "done"
    await told("destroy", name)


async def test_a_deployment_without_its_password_writes_nothing(values: dict[str, Any], tmp_path: Path):
    events = await told("deploy", values["name"], {"plan": values})
    assert events[-1]["state"] == "failed"
    assert "password" in events[-1]["what"].lower()
    assert of(events, "resource") == []
    both = {"plan": values, "generate": True, "secret_file": str(tmp_path / "s.json")}
    events = await told("deploy", values["name"], both, password=PASSWORD)
    assert events[-1]["exit_status"] == 2
    assert not (tmp_path / "s.json").exists()


async def test_runs_on_two_deployments_go_side_by_side(values: dict[str, Any]):
    other = {**values, "name": values["name"] + "b"}
    first, second = await asyncio.gather(
        *(runs.start("deploy", one["name"], {"plan": one}, {"password": PASSWORD}) for one in (values, other))
    )
    assert {run.id for run in runs.active()} >= {first.id, second.id}
    assert [(await run.wait()).state for run in (first, second)] == ["done", "done"]
    await asyncio.gather(told("destroy", values["name"]), told("destroy", other["name"]))
