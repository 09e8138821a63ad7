"""The commands `load` and `verify` as a script calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.verify.servers import free_port, web_server
from wizard.commands import load, verify


def invoke(command: object, *arguments: str, input: str = "") -> Result:
    return CliRunner().invoke(command, list(arguments), input=input)  # type: ignore[arg-type]


def test_load_tells_its_figures_and_judges_expectations() -> None:
    with web_server(vm1=1, vm2=1) as url:
        told = invoke(
            load.command,
            *("--url", url, "--duration", "0.5", "--connections", "4", "--json"),
            *("--expect", "vms==2", "--expect", "errors==0", "--expect", "p99<10s"),
        )
    assert told.exit_code == 0, told.output
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["load", "expectation", "expectation", "expectation"]
    figures = lines[0]
    assert {
        "seconds", "requests", "errors", "rps", "offered_rps", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms",
        "cpu_seconds", "by_vm", "spread_p_value",
    } <= set(figures)  # fmt: skip
    assert set(figures["by_vm"]) == {"vm1", "vm2"}
    assert all(line["met"] for line in lines[1:])
    assert "Loading" in told.stderr


def test_an_expectation_that_is_not_met_is_exit_status_1() -> None:
    with web_server(vm1=1) as url:
        told = invoke(load.command, "--url", url, "--duration", "0.2", "--connections", "2", "--expect", "vms==2")
    assert told.exit_code == 1
    assert "✗ vms==2: not met, measured 1" in told.stdout


def test_no_answer_at_all_is_exit_status_1() -> None:
    told = invoke(load.command, "--url", f"http://127.0.0.1:{free_port()}", "--duration", "0.1", "--connections", "1")
    assert told.exit_code == 1
    assert "refused" in told.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "http://127.0.0.1", "--expect", "p99=1"],
        ["--url", "nonsense"],
        ["--url", "http://127.0.0.1", "--duration", "9999"],
        ["name", "--url", "http://127.0.0.1"],
        ["nobody-deployed-this"],
    ],
)
def test_wrong_input_is_exit_status_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    told = invoke(load.command, *arguments, "--json")
    assert told.exit_code == 2, told.output
    assert json.loads(told.stdout)["event"] == "error"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody-deployed-this"],
        ["--password-stdin", "--identity", "x"],
        ["--wait", "-1"],
        ["--secret-file", "x", "--identity", "x"],
    ],
)
def test_verify_with_wrong_input(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    told = invoke(verify.command, *arguments, "--json", input="secret\n")
    assert told.exit_code == 2, told.output
    assert json.loads(told.stdout)["event"] == "error"


def test_help_needs_neither_paramiko_nor_httpx() -> None:
    program = (
        "import sys\n"
        "from wizard.commands import load, reset, verify\n"
        "heavy = {'paramiko', 'httpx', 'azure', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
