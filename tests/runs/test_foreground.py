"""Commands hold a deployment as runs do: one at a time, told who; killed, the next goes on and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.deploy.conftest import KEY
from wizard import runs
from wizard.commands.cli import main
from wizard.deploy import record
from wizard.errors import InputError
from wizard.plan import files
from wizard.plan.model import Balancer, Machines, Nat, Placement, Plan, ScaleSet
from wizard.runs import foreground, starting

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wizard", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_one_holds_it_and_the_others_are_told_who(multivm_home: Path) -> None:
    with foreground.holding("scale", "Held-rg", {"count": 3}):
        run = runs.latest("held-rg")
        assert run is not None
        assert (run.kind, run.pid, run.alive, run.request) == ("scale", os.getpid(), True, {"count": 3})
        with pytest.raises(starting.UnderWay, match=rf"scale, since .* \(process {os.getpid()}\)") as held:
            foreground.holding("deploy", "held-rg").__enter__()
        assert held.value.run == run
        assert isinstance(held.value, InputError)
    assert run.ended is not None
    assert run.ended.state == "done"
    with pytest.raises(KeyboardInterrupt), foreground.holding("deploy", "held-rg"):
        raise KeyboardInterrupt
    latest = runs.latest("held-rg")
    assert latest is not None
    assert latest.ended is not None
    assert latest.ended.state == "cancelled"


def test_who_only_looks_is_told_who_is_at_work_and_a_ramp_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    plan = Plan(
        name="Watched-rg",
        cloud="https://127.0.0.1:9",  # where nobody answers
        machines=Machines(ssh_key=KEY, placement=Placement.SCALE_SET),
        balancer=Balancer(frontend_port=8080, nat=Nat.RANGE),
        scale_set=ScaleSet(autoscale=True),
    )
    record.save(plan, "s")
    assert starting.beside("watched-rg") == ""
    with foreground.holding("scale", "watched-rg", {"count": 3}):
        told = f"(process {os.getpid()}). What is not as planned may be its doing."
        assert starting.beside("Watched-rg").startswith("Watched-rg is being worked on: scale, since ")
        for words in (["verify", "Watched-rg"], ["load", "Watched-rg"]):
            looked = CliRunner().invoke(main, words)
            assert told in looked.stderr
            assert looked.exit_code == 3, "it went on, to a cloud that does not answer"
        refused = CliRunner().invoke(main, ["ramp", "Watched-rg"])
        assert refused.exit_code == 2
        assert "A run is under way on Watched-rg: scale, since" in refused.stderr


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are told by Linux's /proc")
def test_a_program_that_lives_on_keeps_no_file_open(multivm_home: Path) -> None:
    def open_files() -> set[str]:
        return {file.name for file in Path("/proc/self/fd").iterdir()}

    with foreground.holding("deploy", "closed-rg"):
        pass
    before = open_files()
    with foreground.holding("deploy", "closed-rg"):
        assert len(open_files() - before) >= 2
    assert open_files() <= before


@pytest.mark.usefixtures("sandbox")
def test_killed_it_is_continued_by_the_same_command_and_nobody_of_its_own_is_left(
    group_name: str, tmp_path: Path
) -> None:
    plan = Plan(
        name=group_name, prefix="web", machines=Machines(count=1, ssh_key=KEY), balancer=Balancer(frontend_port=8080)
    )
    path = tmp_path / "plan.toml"
    files.write(plan, path)
    first = command("deploy", str(path), "--yes", "--json")
    assert first.stdout is not None
    written = 0
    for line in first.stdout:
        written += '"started"' in line
        if written == 3:
            break
    os.kill(first.pid, signal.SIGSTOP)  # it holds the deployment as long as the second one looks
    second = command("deploy", str(path), "--yes", "--json")
    told = events(second.communicate(timeout=60)[0])
    os.kill(first.pid, signal.SIGKILL)
    assert second.returncode == 2
    assert "deploy, since " in told[-1]["what"]
    assert f"(process {first.pid})" in told[-1]["what"]
    first.communicate()
    until = time.monotonic() + 2.0
    while (left := _of_session(first.pid)) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == []

    lost = runs.latest(group_name)
    assert lost is not None
    assert not lost.alive
    third = command("deploy", str(path), "--yes", "--resume", "--json")
    output, said = third.communicate(timeout=90)
    assert third.returncode == 0, said
    assert events(output)[-1]["event"] == "deployed"
    gone = command("destroy", group_name, "--yes", "--json")
    assert gone.communicate(timeout=90)[0].strip().endswith("}")
    assert gone.returncode == 0


def _of_session(leader: int) -> list[int]:
    """The living processes of a session: a command's own; a sandbox and detached runs have sessions of their own."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(entry.name))
    return found
