"""The process: started once, found again, kept over restarts, ended cleanly."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from tests.sandbox.arm import bodies
from tests.sandbox.arm.bodies import NETWORK
from tests.sandbox.arm.conftest import Arm, sign_in
from wizard.commands.sandbox import command
from wizard.errors import WizardError
from wizard.sandbox import address, ca, control


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of this test's own, whose sandbox is ended afterwards."""
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    yield tmp_path
    control.stop()


async def with_arm(state: dict[str, Any], work: Callable[[Arm], Any]) -> Any:
    context = ssl.create_default_context(cafile=state["ca"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        return await work(Arm(session, state, await sign_in(session, state)))


def test_it_starts_once_and_stops(home: Path) -> None:
    assert control.running() is None
    assert control.stop() is False
    state = control.start(speed=50)
    assert state["speed"] == 50
    assert control.running() == state
    assert control.start() == state
    assert control.start(speed=70)["speed"] == 70
    assert control.start()["pid"] == state["pid"]
    assert control.stop() is True
    assert control.running() is None
    assert (control.read_state() or {})["arm"] == state["arm"]


def test_two_starters_get_the_same_one(home: Path) -> None:
    program = "from wizard.sandbox import control; print(control.start()['pid'])"
    starters = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {starter.communicate(timeout=60)[0].strip() for starter in starters}
    assert len(answers) == 1
    assert answers == {str((control.running() or {})["pid"])}


def test_it_is_detached_and_inherits_no_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not-for-the-sandbox")
    state = control.start(speed=50)
    secret = Path(state["client_secret_file"]).read_text()
    process = Path(f"/proc/{state['pid']}")
    if not process.exists():
        pytest.skip("this system has no /proc to look into")
    assert os.getsid(state["pid"]) == state["pid"]
    for seen in ((process / "environ").read_bytes(), (process / "cmdline").read_bytes()):
        assert b"not-for-the-sandbox" not in seen
        assert secret.encode() not in seen
    folder = home / "sandbox"
    private = {"client-secret", "token.key", "server.key", "ca.key", "state.json", "state.sqlite", "sandbox.log"}
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert {name: modes[name] for name in private} == dict.fromkeys(private, 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_stale_state_is_not_a_running_sandbox(home: Path) -> None:
    state = control.start(speed=50)
    os.kill(state["pid"], 9)
    os.waitpid(state["pid"], 0)
    assert control.running() is None
    assert control.stop() is False
    assert control.start()["arm"] == state["arm"]


def test_one_of_another_release_is_started_anew_with_what_it_holds(home: Path) -> None:
    state = control.start(speed=50)
    control.state_file().write_text(json.dumps({**state, "version": "0.0.1"}))
    anew = control.start()
    assert anew["pid"] != state["pid"]
    assert anew == {**state, "pid": anew["pid"]}, "its address, its people and its speed stay"
    assert control.start() == anew


def test_a_failed_start_says_why(home: Path) -> None:
    (home / "sandbox").mkdir(mode=0o700)
    (home / "sandbox" / "state.sqlite").mkdir()
    with pytest.raises(WizardError) as caught:
        control.start()
    assert caught.value.why
    assert "sandbox.log" in caught.value.remedy


async def test_state_and_operations_survive_a_restart_at_the_same_address(home: Path) -> None:
    state = control.start(speed=10)
    path = "/resourceGroups/kept"

    async def begin(arm: Arm) -> tuple[str, str, str]:
        await arm("PUT", path, {"location": "westeurope"})
        shown = await arm.put(f"{path}{NETWORK}/publicIPAddresses/ip", bodies.public_ip())
        accepted = await arm("PUT", f"{path}{NETWORK}/natGateways/nat", bodies.nat_gateway(shown["id"]))
        assert accepted.status == 201
        return shown["properties"]["ipAddress"], accepted.headers["Azure-AsyncOperation"], arm.token

    public, operation, token = await with_arm(state, begin)
    control.stop()
    again = control.start(speed=10)
    assert {**again, "pid": 0} == {**state, "pid": 0}

    async def go_on(arm: Arm) -> None:
        arm.token = token  # signed by a key that was kept
        assert (await arm.ended(operation)).body["status"] == "Succeeded"
        shown = (await arm("GET", f"{path}{NETWORK}/natGateways/nat")).body
        assert shown["properties"]["provisioningState"] == "Succeeded"
        assert (await arm("GET", f"{path}{NETWORK}/publicIPAddresses/ip")).body["properties"]["ipAddress"] == public

    await with_arm(again, go_on)


def test_two_homes_have_networks_of_their_own(sandbox: dict[str, Any], home: Path) -> None:
    state = control.start(speed=50)
    assert state["subscription"] != sandbox["subscription"]
    if state["network"] != address.SHARED:
        assert state["network"] != sandbox["network"]
        with pytest.raises(WizardError, match="not free"):
            address.hold(home, sandbox["network"], must_keep=True)
        held = address.hold(home, sandbox["network"], must_keep=False)
        held.release()
        assert held.network != sandbox["network"]


def test_certificates_are_kept_and_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ca.prepare(tmp_path, "127.1.2.1")
    first = files.authority.read_bytes(), files.chain.read_bytes()
    ca.prepare(tmp_path, "127.1.2.1")
    assert (files.authority.read_bytes(), files.chain.read_bytes()) == first
    ca.prepare(tmp_path, "127.1.3.1")
    assert files.authority.read_bytes() == first[0]
    assert files.chain.read_bytes() != first[1]
    monkeypatch.setattr(ca, "RENEW_BEFORE", ca.SERVER_LIFE * 2)
    second = files.chain.read_bytes()
    ca.prepare(tmp_path, "127.1.3.1")
    assert files.authority.read_bytes() == first[0]
    assert files.chain.read_bytes() != second


def test_the_command(home: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(command, ["status"]).exit_code == 3
    refused = runner.invoke(command, ["start", "--faults", "x.toml", "--json"])
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["event"] == "error"
    started = runner.invoke(command, ["start", "--speed", "40", "--json"])
    assert started.exit_code == 0, started.output
    event = json.loads(started.stdout)
    assert (event["event"], event["speed"]) == ("sandbox", 40)
    keys = "arm authority tenant subscription client_id client_secret_file ca requests_log pid"
    assert set(keys.split()) <= set(event)
    assert json.loads(runner.invoke(command, ["status", "--json"]).stdout) == event
    script = runner.invoke(command, ["env"]).stdout
    assert Path(event["client_secret_file"]).read_text() not in script
    assert f"@{event['client_secret_file']}" in script
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert runner.invoke(command, ["stop"]).exit_code == 0
    assert runner.invoke(command, ["status"]).exit_code == 3
