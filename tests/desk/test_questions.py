"""What the desk answers, asked through the wizard's own client, of the sandbox."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from screens.desk import Desk
from tests.desk.conftest import plan_values
from wizard import ids
from wizard.errors import AzureError, InputError, UnreachableError, WizardError
from wizard.plan import not_yet, rules
from wizard.plan.choices import IMAGES
from wizard.plan.model import OsType

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFh1r3kyzm1R0rTzkfm7vEWzW2lkqPZzxJIz5Yk3OJq somebody"
FINGERPRINT = "SHA256:gX1uh/VL37uLdcnhzwcwVBy9X/w+XcfEPret9ytBMgs"
"""What `ssh-keygen -lf` of OpenSSH 9.2 prints of it."""


def read(path: str) -> bytes:
    return Path(path).read_bytes().strip()


def mode_of(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


async def test_regions_sizes_images_and_fault_domains(sandbox: dict[str, Any], desk: Desk):
    regions, sizes, images, domains = await asyncio.gather(
        desk.ask("regions"),
        desk.ask("sizes", location="westeurope"),
        desk.ask("images", location="westeurope"),
        desk.ask("fault_domains", location="westeurope"),
    )
    west = next(region for region in regions if region["name"] == "westeurope")
    assert west == {"name": "westeurope", "label": "West Europe", "geography": "Europe", "recommended": True}
    assert [region["recommended"] for region in regions] == sorted(
        (region["recommended"] for region in regions), reverse=True
    )
    by_name = {size["name"]: size for size in sizes}
    assert len(by_name) == len(sizes) > 10
    d2s = by_name["Standard_D2s_v5"]
    assert (d2s["vcpus"], d2s["memory_gib"], d2s["architecture"], d2s["available"], d2s["why"]) == (
        2,
        8,
        "x64",
        True,
        "",
    )
    assert d2s["premium_disks"] is True
    assert (d2s["zones"], d2s["data_disks"], d2s["encryption_at_host"]) == (["1", "2", "3"], 4, True)
    assert d2s["vcpus_left"] > 0
    arm = [size for size in sizes if size["architecture"] == "Arm64"]
    assert all(not size["available"] and "Arm64" in size["why"] for size in arm)
    assert all(bool(size["why"]) != size["available"] for size in sizes)
    found = {image["name"]: image for image in images}
    assert found.keys() == {name for name in IMAGES if not not_yet.check({"machines.image": name})}
    assert found["ubuntu-24.04"]["available"]
    assert found["ubuntu-24.04"]["version"].startswith("24.04.")
    assert found["debian-12"]["label"] == "Debian 12"
    assert domains == {"most": 3}


async def test_a_region_that_is_none_is_azures_to_refuse(sandbox: dict[str, Any], desk: Desk):
    with pytest.raises(AzureError) as caught:
        await desk.ask("images", location="atlantis")
    assert caught.value.status == 400 or caught.value.code


async def test_a_plan_is_judged_shown_and_looked_ahead(sandbox: dict[str, Any], desk: Desk, group_name: str):
    wrong = plan_values(group_name, count=0, size="huge")
    problems = await desk.ask("plan_problems", plan=wrong)
    assert {problem["field"] for problem in problems} >= {"machines.count", "machines.size"}
    assert problems[0].keys() == {"field", "what", "why", "remedy", "severity"}
    assert await desk.ask("preflight", plan=wrong) | {"seconds": 0} == {
        "ready": False,
        "problems": problems,
        "seconds": 0,
    }
    with pytest.raises(InputError) as caught:
        await desk.ask("blueprint", plan=wrong)
    assert [problem.field for problem in caught.value.problems] == [problem["field"] for problem in problems]  # type: ignore[attr-defined]

    plan = plan_values(group_name)
    assert await desk.ask("plan_problems", plan=plan) == []
    resources = await desk.ask("blueprint", plan=plan)
    assert resources[0] == {
        "id": ids.group_id(sandbox["subscription"], group_name),
        "type": "Microsoft.Resources/resourceGroups",
        "name": group_name,
        "after": [],
    }
    known = {resource["id"] for resource in resources}
    assert {after for resource in resources for after in resource["after"]} <= known
    assert (await desk.ask("preflight", plan=plan))["ready"] is True
    outlook = await desk.ask("outlook", plan=plan)
    assert (outlook["ready"], outlook["complete"]) == (True, False)
    assert {resource["id"]: resource["state"] for resource in outlook["resources"]} == dict.fromkeys(known, "absent")
    assert outlook["needs_password"] == outlook["new_vms"] == ["ra-multi-vm1", "ra-multi-vm2"]
    closed = await desk.ask("outlook", plan=plan_values(group_name, size="Standard_D2s_v5", fault_domains=5))
    assert not closed["ready"]
    assert closed["resources"] == []


async def test_a_plan_is_saved_and_loaded_and_nothing_is_replaced_unasked(desk: Desk, own_home: Path, tmp_path: Path):
    path = tmp_path / "plan.toml"
    plan = plan_values("saved", count=3)
    assert await desk.ask("save_plan", plan=plan, path=str(path)) == {"path": str(path)}
    loaded = await desk.ask("load_plan", path=str(path))
    assert loaded["plan"]["machines"]["count"] == 3
    assert loaded["plan"]["balancer"]["frontend_port"] == 8080
    assert loaded["problems"] == []
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists"):
        await desk.ask("save_plan", plan=plan_values("other"), path=str(path))
    assert path.read_bytes() == before
    await desk.ask("save_plan", plan=plan_values("other"), path=str(path), overwrite=True)
    path.write_text(path.read_text().replace("count = 2", 'count = "many"'))
    faulty = await desk.ask("load_plan", path=str(path))
    assert faulty["plan"]["name"] == "other"
    assert "count" not in faulty["plan"]["machines"]
    assert [problem["field"] for problem in faulty["problems"]] == ["machines.count"]
    path.write_text("= no toml")
    with pytest.raises(InputError):
        await desk.ask("load_plan", path=str(path))
    with pytest.raises(InputError):
        await desk.ask("load_plan", path=str(tmp_path / "none"))


async def test_a_default_plan_lacks_only_a_key(desk: Desk, own_home: Path):
    plan = (await desk.ask("default_plan"))["plan"]
    assert plan["machines"]["os"] == "linux"
    assert [problem["field"] for problem in await desk.ask("plan_problems", plan=plan)] == ["machines.ssh_key"]
    plan["machines"]["ssh_key"] = (await desk.ask("generate_key"))["public"]
    assert await desk.ask("plan_problems", plan=plan) == []


async def test_keys_are_found_with_the_fingerprint_that_ssh_keygen_prints(desk: Desk, own_home: Path, nobody: Path):
    ssh = nobody / ".ssh"
    ssh.mkdir()
    assert await desk.ask("keys") == []
    (ssh / "id_test.pub").write_text(f"{KEY}\n")
    (ssh / "weak.pub").write_text("ssh-dss AAAAB3NzaC1kc3MAAACBAA== old@host\n")
    (ssh / "nonsense.pub").write_text("no key at all")
    (ssh / "id_test").write_text("a private half that nobody reads")
    made = await desk.ask("generate_key")
    assert mode_of(made["private"]) == 0o600
    found = await desk.ask("keys")
    assert [(key["name"], key["ours"]) for key in found] == [
        ("id_ed25519.pub", True),
        ("id_test.pub", False),
        ("weak.pub", False),
    ]
    assert found[0] == made
    assert (found[1]["public"], found[1]["comment"], found[1]["problem"]) == (KEY, "somebody", "")
    assert found[1]["private"] == str(ssh / "id_test")
    assert found[2]["problem"]
    assert found[1]["fingerprint"] == FINGERPRINT


async def test_a_password_is_fresh_and_legal(desk: Desk, own_home: Path):
    made = [(await desk.ask("generate_password"))["password"] for _ in range(3)]
    assert len(set(made)) == 3
    assert [rules.password(one, OsType.LINUX) for one in made] == [None] * 3


async def test_the_sandbox_is_started_when_a_question_needs_it_and_that_is_told(desk: Desk, own_home: Path):
    from wizard.sandbox import control

    told: list[dict[str, Any]] = []
    desk.listen(told.append)
    clouds = await desk.ask("clouds")
    first = clouds[0]
    assert (first["name"], first["signed_in"], first["preselected"], first["running"]) == ("sandbox", True, True, False)
    assert [cloud["signed_in"] for cloud in clouds[1:]] == [False] * 3
    assert control.running() is None  # a list starts nothing
    try:
        both = await asyncio.gather(desk.ask("regions"), desk.ask("groups"))
        assert both[0]
        assert both[1] == []
        assert [line["tell"] for line in told if line["tell"] in ("starting", "started")] == ["starting", "started"]
        assert (await desk.ask("clouds"))[0]["running"] is True
        control.stop()  # and again, with the old connection still open
        assert await desk.ask("groups") == []
        assert [line["tell"] for line in told].count("started") == 2
    finally:
        control.stop()


async def test_deployments_are_listed_without_starting_a_cloud(desk: Desk, own_home: Path):
    from wizard.deploy import record
    from wizard.plan import values
    from wizard.sandbox import control

    plan = values.legal(plan_values("known"))
    record.save(plan, "00000000-1111-2222-3333-444444444444", new_vms=plan.vm_names)
    broken = own_home / "deployments" / "broken"
    broken.mkdir()
    (broken / "deployment.json").write_text("{")
    listed = {entry["name"]: entry for entry in await desk.ask("deployments", states=True)}
    assert listed["known"]["last"] is True
    assert listed["known"]["state"] == "unknown"
    assert "not running" in listed["known"]["why"]
    assert listed["known"]["credentials"]["ra-multi-vm1"]["created_with"] == "password"
    assert listed["broken"]["why"]
    assert listed["known"].keys() == listed["broken"].keys()
    assert control.running() is None
    assert (await desk.ask("forget", name="known")) == {"name": "known"}
    assert [entry["name"] for entry in await desk.ask("deployments")] == ["broken"]
    with pytest.raises(InputError):
        await desk.ask("status", name="known")


async def test_a_wrong_question_is_an_input_error(desk: Desk, own_home: Path):
    wrong: list[tuple[str, dict[str, Any]]] = [("nonsense", {}), ("sizes", {}), ("sizes", {"location": "x", "hue": 1})]
    for question, arguments in wrong:
        with pytest.raises(InputError):
            await desk.ask(question, **arguments)
    with pytest.raises(InputError, match="sign-in method"):
        await desk.ask("sign_in", cloud="public", method="magic")
    with pytest.raises(InputError):
        await desk.ask("sign_in", cloud="nowhere")
    with pytest.raises(UnreachableError, match="browser") as caught:
        await desk.ask("sign_in", cloud="public", method="browser")
    assert "device code" in caught.value.remedy


async def test_a_service_principals_secret_goes_over_the_pipe_alone_and_on_to_a_run(
    sandbox: dict[str, Any], desk: Desk, group_name: str
):
    from wizard import runs

    secret = read(sandbox["client_secret_file"]).decode()
    principal = {"tenant": sandbox["tenant"], "client_id": sandbox["client_id"]}
    signed = await desk.ask("sign_in", cloud="sandbox", method="service-principal", client_secret=secret, **principal)
    assert signed["method"] == "service-principal"
    assert signed["account"] == sandbox["client_id"]
    assert signed["subscription"] == sandbox["subscription"]
    assert [entry["chosen"] for entry in signed["subscriptions"]] == [True]
    assert secret not in json.dumps(signed)
    process = desk._process
    assert process is not None
    for file in ("cmdline", "environ"):
        assert secret.encode() not in read(f"/proc/{process.pid}/{file}")

    handed = await desk.ask("handover")
    assert handed["client_secret"] == secret
    plan = plan_values(group_name)
    run = await runs.start(
        "deploy", group_name, {"plan": plan}, {"sign_in": {**handed, "client_secret": "wrong-secret"}}
    )
    for file in ("cmdline", "environ"):
        assert b"wrong-secret" not in read(f"/proc/{run.pid}/{file}")
    ended = await run.wait()
    assert (ended.state, ended.exit_status) == ("failed", 3)  # so it is the handed sign-in that was used
    assert "the service principal" in ended.what
    assert all("wrong-secret" not in path.read_text() for path in run.folder.iterdir())

    with pytest.raises(UnreachableError):
        await desk.ask("sign_in", cloud="sandbox", method="service-principal", client_secret="no", **principal)
    assert (await desk.ask("handover"))["client_secret"] == secret  # a sign-in that failed leaves the one before
    await desk.ask("sign_in", cloud="sandbox")
    assert await desk.ask("handover") is None


async def test_the_status_of_what_stands(sandbox: dict[str, Any], desk: Desk, group_name: str):
    from wizard import runs

    plan = plan_values(group_name)
    run = await runs.start("deploy", group_name, {"plan": plan}, {"password": "Another-Word-1234"})
    listed = (
        next(entry for entry in await desk.ask("deployments") if entry["name"] == group_name) if run.ended else None
    )
    assert (await run.wait()).state == "done", listed
    status = await desk.ask("status", name=group_name)
    assert (status["state"], set(status["ssh"])) == ("deployed", {"ra-multi-vm1", "ra-multi-vm2"})
    assert status["plan"]["machines"]["count"] == 2
    assert status["credentials"]["ra-multi-vm1"]["changed_at"] is None
    group = next(group for group in await desk.ask("groups") if group["name"] == group_name)
    assert group["deployment"] == group_name
    outlook = await desk.ask("outlook", plan=plan)
    assert (outlook["complete"], outlook["needs_password"]) == (True, [])
    changed = await desk.ask("outlook", plan={**plan, "balancer.probe_interval_s": 7})
    found = [resource for resource in changed["resources"] if resource["state"] == "differs"]
    assert [resource["name"] for resource in found] == ["ra-multi-vm-lb"]
    assert any("planned 7" in text for text in found[0]["differences"])
    refused = await desk.ask("outlook", plan={**plan, "balancer.probe_interval_s": 7, "machines.admin_user": "other"})
    states = {resource["name"]: resource["state"] for resource in refused["resources"]}
    assert not refused["ready"]
    assert "cannot be made in place" in refused["problems"][0]["what"]
    assert (states["ra-multi-vm1"], states["ra-multi-vm-lb"]) == ("fixed", "differs"), "all of it is told"
    assert (await (await runs.start("destroy", group_name)).wait()).state == "done"
    with pytest.raises(WizardError):
        await desk.ask("status", name=group_name)


async def test_what_costs_money_is_told_by_cloud(desk: Desk, own_home: Path):
    assert await desk.ask("terms", cloud="sandbox") == {"billed": False}
    assert await desk.ask("terms", cloud="public") == {"billed": True}
    assert await desk.ask("terms", cloud="https://management.local.azurestack.external") == {"billed": True}
    with pytest.raises(InputError):
        await desk.ask("terms", cloud="nowhere")
