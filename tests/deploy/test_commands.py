"""deploy, status and destroy as a script meets them: lines, exit status, consent, passwords, interruption."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wizard.azure import prices
from wizard.commands import consent
from wizard.commands.cli import main
from wizard.deploy import record
from wizard.plan import files

PASSWORD = "Canary-6tZq!never-told"


@pytest.fixture
def plan_file(plan, tmp_path) -> Path:
    path: Path = tmp_path / "plan.toml"
    files.write(plan, path)
    return path


@pytest.fixture
def password_file(password_plan, tmp_path) -> Path:
    path: Path = tmp_path / "password.toml"
    files.write(password_plan, path)
    return path


def call(*arguments: Any, input: str | None = None) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, the objects on standard output, and standard error."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"], input=input)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_deploy_status_and_destroy(plan_file, plan, sandbox, writes):
    code, events, _ = call("deploy", plan_file, "--yes")
    assert code == 0
    deployed = events[-1]
    assert deployed["event"] == "deployed"
    assert deployed["name"] == plan.name
    assert re.fullmatch(r"http://127\.[\d.]+:8080", deployed["http"])
    assert re.fullmatch(r"127\.[\d.]+:50001", deployed["ssh"]["web1"])
    assert deployed["rdp"] == {}
    assert deployed["seconds"] > 0
    assert {e["state"] for e in events if e["event"] == "resource"} == {"started", "done"}

    before = writes()
    larger = plan.model_copy(
        update={
            "machines": plan.machines.model_copy(update={"size": "Standard_D4s_v5"}),
            "network": plan.network.model_copy(update={"allow_admin": ("127.0.0.2/32",)}),
        }
    )
    other = plan_file.with_name("larger.toml")
    files.write(larger, other)
    code, events, said = call("deploy", other, "--yes")  # told as a whole, and then nothing is written
    assert (code, events[-1]["event"]) == (1, "error")
    found = {e["name"]: e for e in events if e["event"] == "planned"}
    assert found["web1"]["state"] == "fixed"
    assert found["web1"]["differences"] == [
        {"where": "properties.hardwareProfile.vmSize", "planned": "Standard_D4s_v5", "live": "Standard_D2s_v5"}
    ]
    assert found["web-nsg"]["state"] == "differs"
    assert found["web-vnet"]["state"] == "same"
    assert re.search(r"✗ cannot +virtualMachines +web1\n +.*vmSize: Standard_D2s_v5 -> Standard_D4s_v5", said)
    assert re.search(r"~ change +networkSecurityGroups +web-nsg", said)
    assert writes() == before

    code, events, _ = call("deploy", plan_file, "--resume")  # nothing to write needs no consent
    assert code == 0
    assert {e["state"] for e in events if e["event"] == "resource"} == {"same"}
    assert events[-1]["resources"] == deployed["resources"]
    assert writes() == before

    code, events, _ = call("status", plan.name)
    assert code == 0
    assert [(e["event"], e["state"], e["cloud"], e["http"]) for e in events] == [
        ("status", "deployed", "sandbox", deployed["http"])
    ]
    assert len(events[0]["resources"]) == deployed["resources"]
    assert set(events[0]["resources"][0]) == {"id", "type", "state"}
    assert call("status")[1][0]["name"] == plan.name  # the last one worked on

    code, events, _ = call("destroy")
    assert (code, events[-1]["event"]) == (2, "error")
    assert "--yes" in events[-1]["remedy"]
    assert writes() == before

    code, events, _ = call("destroy", "--yes")
    assert code == 0
    assert events[-1] == {"event": "destroyed", "name": plan.name, "deleted": deployed["resources"]}
    assert call("destroy", plan.name, "--yes") == (
        0,
        [{"event": "destroyed", "name": plan.name, "deleted": 0}],
        f"No deployment named {plan.name} is known here: there is nothing to delete.\n",
    )
    code, events, _ = call("status", plan.name)
    assert (code, events[-1]["event"]) == (2, "error")


def test_nothing_is_written_without_consent(plan_file, sandbox, writes):
    code, events, said = call("deploy", plan_file)
    assert (code, events[-1]["event"]) == (2, "error")
    assert "--yes" in events[-1]["remedy"]
    assert "create" in said
    assert "virtualMachines" in said
    assert re.search(r"Costs nothing here; on Azure it would be at least \$\d+ a month", said)
    assert writes() == []


def test_a_silent_price_list_stops_no_deployment(plan_file, sandbox, writes, monkeypatch):
    async def silent(*_asked: Any) -> tuple[dict[str, Any], str]:
        return {}, "The list is silent."

    monkeypatch.setattr(prices, "_asked", silent)
    monkeypatch.setattr(prices, "_read", lambda *_where: {})
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    _code, _events, said = call("deploy", plan_file, input="n\n")
    assert "What it would cost is not known: The list is silent." in said
    assert "Write this?" in said
    assert writes() == []


def test_a_person_is_asked_on_a_terminal(plan_file, plan, sandbox, writes, monkeypatch):
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    code, events, said = call("deploy", plan_file, input="n\n")
    assert (code, events[-1]["what"]) == (2, "Nothing was written.")
    assert "Write this?" in said
    assert call("deploy", plan_file, input="")[0] == 130  # the input ended, as Ctrl-C would end it
    assert writes() == []
    assert call("deploy", plan_file, input="y\n")[1][-1]["event"] == "deployed"
    before = writes()
    code, events, _ = call("destroy", input="another\n")
    assert (code, events[-1]["what"]) == (2, "Nothing was deleted.")
    assert writes() == before
    assert call("destroy", input=f"{plan.name}\n")[1][-1]["event"] == "destroyed"


def test_a_wrong_plan_is_told_whole_before_any_cloud_is_asked(plan_file):
    plan_file.write_text(plan_file.read_text().replace("count = 1", "count = 0").replace('os = "linux"', 'os = "dos"'))
    code, events, _ = call("deploy", plan_file, "--yes")
    assert code == 2
    assert {e["field"] for e in events if e["event"] == "problem"} >= {"machines.count", "machines.os"}
    assert events[-1]["event"] == "error"


def test_a_missing_plan_is_said(tmp_path):
    code, events, _ = call("deploy", tmp_path / "none.toml", "--yes")
    assert (code, events[-1]["event"]) == (2, "error")


@pytest.mark.parametrize(
    "options",
    [
        ["--password-stdin", "--generate-password", "--secret-file", "x"],
        ["--generate-password"],
        ["--secret-file", "x"],
    ],
)
def test_password_options_that_do_not_fit_are_refused(password_file, options):
    code, events, _ = call("deploy", password_file, "--yes", *options, input=f"{PASSWORD}\n")
    assert (code, events[-1]["event"]) == (2, "error")


def test_a_password_for_a_plan_that_uses_keys_is_refused(plan_file):
    code, events, _ = call("deploy", plan_file, "--yes", "--password-stdin", input=f"{PASSWORD}\n")
    assert (code, events[-1]["event"]) == (2, "error")


@pytest.mark.parametrize("line", ["", "\n", "short\n", "alllowercaseletters\n"])
def test_a_password_that_azure_would_refuse_is_refused_first(password_file, line):
    code, events, _ = call("deploy", password_file, "--yes", "--password-stdin", input=line)
    assert (code, events[-1]["event"]) == (2, "error")
    assert "alllowercaseletters" not in json.dumps(events)


def test_a_password_plan_needs_a_password_before_any_write(password_file, sandbox, writes):
    code, events, _ = call("deploy", password_file, "--yes")
    assert (code, events[-1]["event"]) == (2, "error")
    assert "web1, web2" in events[-1]["what"]
    assert writes() == []


def test_generated_passwords_are_in_the_file_and_nowhere_else(
    *, password_file, password_plan, sandbox, multivm_home, tmp_path, writes
):
    out = tmp_path / "secrets.json"
    code, events, said = call("deploy", password_file, "--yes", "--generate-password", "--secret-file", out)
    assert code == 0
    kept = json.loads(out.read_text())
    assert {vm: entry["user"] for vm, entry in kept.items()} == {"web1": "azureuser", "web2": "azureuser"}
    passwords = {entry["password"] for entry in kept.values()}
    assert len(passwords) == 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    told = json.dumps(events) + said
    logs = [Path(sandbox["requests_log"]), *(multivm_home / "deployments").rglob("*")]
    told += "".join(path.read_text(errors="replace") for path in logs if path.is_file())
    assert not any(password in told for password in passwords)

    before = writes()
    again = ("deploy", password_file, "--yes", "--generate-password", "--secret-file")
    code, events, _ = call(*again, out)
    assert (code, events[-1]["event"]) == (2, "error")  # never overwritten
    assert json.loads(out.read_text()) == kept
    code, events, _ = call(*again, tmp_path / "second.json")
    assert code == 0
    assert not (tmp_path / "second.json").exists()  # no VM was created, no password was made
    code, events, _ = call("deploy", password_file)  # and none is needed
    assert code == 0
    assert writes() == before
    assert call("destroy", password_plan.name, "--yes")[0] == 0


def test_interrupted_it_says_what_runs_and_goes_on_from_there(plan_file, plan, sandbox, writes):
    command = [sys.executable, "-m", "wizard", "deploy", str(plan_file), "--yes", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    ) as process:
        assert process.stdout is not None
        events = []
        for line in process.stdout:  # lines come as things happen: at the first machine we stop it
            events.append(json.loads(line))
            if events[-1].get("state") == "started" and events[-1]["id"].endswith("/web1"):
                process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    interrupted = [event for event in events if event["event"] == "interrupted"]
    assert len(interrupted) == 1
    assert all(each.endswith("/web1") for each in interrupted[0]["running"])
    code, [told], _ = call("status", plan.name)
    assert (code, told["event"]) == (0, "status")
    assert told["state"] in ("partial", "deployed")

    code, after, _ = call("deploy", plan_file, "--yes", "--resume")
    assert code == 0
    assert after[-1]["event"] == "deployed"
    puts = [line for line in writes() if line.startswith("PUT")]
    assert len([line for line in puts if "/virtualMachines/" in line or "/virtualmachines/" in line]) <= 2
    assert len(set(puts)) == after[-1]["resources"]
    assert call("destroy", "--yes")[0] == 0


def test_a_subscription_that_is_not_there_is_no_deployment_that_has_gone(plan, sandbox, multivm_home):
    elsewhere = "00000000-0000-0000-0000-000000000000"
    known = record.save(plan, elsewhere)
    for command in (["destroy", "--yes"], ["status"]):
        code, events, _ = call(*command)
        assert (code, events[-1]["event"]) == (1, "error")
        assert "SubscriptionNotFound" in events[-1]["what"]
    assert known.folder.is_dir()
    record.forget(plan.name)


def test_one_name_is_one_deployment(plan, plan_file, sandbox, writes):
    record.save(plan, "00000000-0000-0000-0000-000000000000")
    code, events, _ = call("deploy", plan_file, "--yes")
    assert (code, events[-1]["event"]) == (2, "error")
    assert "known already" in events[-1]["what"]
    assert writes() == []
    record.forget(plan.name)


def test_a_person_reads_lines(plan_file, plan, sandbox):
    result = CliRunner().invoke(main, ["deploy", str(plan_file), "--yes"])
    assert result.exit_code == 0
    assert re.search(rf"^{plan.name} is deployed: \d+ resources in ", result.stdout)
    assert re.search(r"ssh +web1 +127\.[\d.]+:50001", result.stdout)
    assert "✓ web1 (virtualMachines)" in result.stderr
    result = CliRunner().invoke(main, ["status"])
    assert f"{plan.name} (sandbox): deployed" in result.stdout
    result = CliRunner().invoke(main, ["destroy", "--yes"])
    assert f"{plan.name} is gone" in result.stdout
