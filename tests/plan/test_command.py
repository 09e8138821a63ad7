"""`multivm-wizard plan ...` as a person or a script calls it."""

from __future__ import annotations

import json
import tomllib
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.plan.strategies import ED25519
from wizard import keys, origin
from wizard.commands.plan import command
from wizard.plan import files


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_new_plan_is_legal_and_carries_our_key() -> None:
    result = run("new", "-o", "plan.toml")
    assert result.exit_code == 0
    assert result.stdout == ""
    plan = files.read(Path("plan.toml"))
    assert plan.machines.ssh_key == keys.ensure().public
    assert plan.network.allow_admin == ("127.0.0.1/32",)
    assert run("check", "plan.toml").exit_code == 0


def test_without_a_file_the_plan_goes_to_standard_output() -> None:
    for arguments in (["new"], ["new", "-o", "-"]):
        assert tomllib.loads(run(*arguments).stdout)["name"] == "ra-multi-vm-rg"


def test_a_windows_plan_needs_nothing_more() -> None:
    assert run("new", "--os", "windows", "-o", "plan.toml").exit_code == 0
    plan = files.read(Path("plan.toml"))
    machines = plan.machines
    assert (machines.os, machines.image) == ("windows", "windows-2022")
    assert (machines.auth, machines.ssh_key) == ("password", "")
    assert run("check", "plan.toml").exit_code == 0


def test_options_are_written() -> None:
    Path("me.pub").write_text(f"{ED25519}\n")
    tree = tomllib.loads(run("new", "--name", "shop", "--count", "5", "--ssh-key", "me.pub").stdout)
    assert (tree["name"], tree["machines"]["count"], tree["machines"]["ssh_key"]) == ("shop", 5, ED25519)
    tree = tomllib.loads(run("new", "--auth", "password").stdout)
    assert (tree["machines"]["auth"], tree["machines"]["ssh_key"]) == ("password", "")


def test_an_existing_file_is_never_replaced() -> None:
    Path("plan.toml").write_text("mine")
    result = run("new", "-o", "plan.toml")
    assert result.exit_code == 2
    assert Path("plan.toml").read_text() == "mine"


def test_what_the_options_make_illegal_is_refused() -> None:
    by_key = ["--os", "windows", "--auth", "ssh-key"]
    for arguments in (["--count", "0"], ["--cloud", "pubic"], ["--name", "a."], by_key):
        result = run("new", "-o", "plan.toml", *arguments)
        assert result.exit_code == 2, arguments
        assert not Path("plan.toml").exists()


def test_a_private_key_file_is_refused_and_not_shown() -> None:
    private = keys.ensure().private
    result = run("new", "--ssh-key", str(private))
    assert result.exit_code == 2
    assert private.read_text().splitlines()[1] not in result.output


@pytest.mark.parametrize("address", ["10.1.2.3", None])
def test_behind_a_translation_the_person_is_asked_for_the_address(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "local_address", lambda: IPv4Address(address) if address else None)
    result = run("new", "--cloud", "public", "-o", "plan.toml")
    assert result.exit_code == 0
    assert "allow_admin" in result.stderr
    checked = run("check", "plan.toml", "--json")
    assert checked.exit_code == 2
    assert [event.get("field") for event in events(checked)] == ["network.allow_admin", None]


def test_a_public_address_of_ones_own_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "local_address", lambda: IPv4Address("8.8.4.4"))
    tree = tomllib.loads(run("new", "--cloud", "public").stdout)
    assert tree["network"]["allow_admin"] == ["8.8.4.4/32"]
    assert tomllib.loads(run("new").stdout)["network"]["allow_admin"] == ["127.0.0.1/32"]


def test_check_prints_each_problem_and_the_count() -> None:
    run("new", "-o", "plan.toml")
    text = Path("plan.toml").read_text()
    Path("plan.toml").write_text(text.replace("count = 2", "count = 1").replace("= 80", "= 0"))
    result = run("check", "plan.toml", "--json")
    assert result.exit_code == 2
    *problems, last = events(result)
    assert [(problem["field"], problem["severity"]) for problem in problems] == [
        ("machines.count", "warning"),
        ("balancer.frontend_port", "error"),
        ("balancer.backend_port", "error"),
    ]
    assert all(problem["event"] == "problem" and problem["what"] and problem["remedy"] for problem in problems)
    assert last == {"event": "checked", "errors": 2, "warnings": 1}


def test_show_prints_the_graph_in_order() -> None:
    run("new", "-o", "plan.toml", "--count", "3")
    planned = events(run("show", "plan.toml", "--json"))
    assert all(event["event"] == "planned" for event in planned)
    seen: set[str] = set()
    for event in planned:
        assert set(event["after"]) <= seen
        seen.add(event["id"])
        assert event["body"]["location"] == "westeurope"
    for name in ("ra-multi-vm3", "ra-multi-vm-lb"):
        assert name in run("show", "plan.toml").stdout


def test_show_refuses_a_faulty_plan_with_its_problems() -> None:
    Path("plan.toml").write_text("[machines]\ncount = 0\n")
    result = run("show", "plan.toml", "--json")
    assert result.exit_code == 2
    assert [event["event"] for event in events(result)] == ["problem", "problem", "error"]


def test_the_schema_is_printed() -> None:
    assert json.loads(run("schema").stdout) == files.json_schema()


def test_the_route_is_looked_up_without_a_packet() -> None:
    assert origin.public_range() is None or origin.public_range() == f"{origin.local_address()}/32"
