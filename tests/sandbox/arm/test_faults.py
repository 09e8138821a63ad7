"""Faults as a client of ARM meets them, how a file of them is read, and how they are set while the sandbox runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import tomli_w
from click.testing import CliRunner

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import Arm, sign_in
from wizard.commands.sandbox import command
from wizard.errors import InputError, UnreachableError
from wizard.sandbox import control, faults_channel, faults_file
from wizard.sandbox.faults import Asked, Faults
from wizard.sandbox.faults_file import KINDS, VM, Fault, parse

NETWORK = "/providers/Microsoft.Network"
NSG = "Microsoft.Network/networkSecurityGroups"


class Trouble:
    """Sets one fault for this test's group alone."""

    def __init__(self, group: str) -> None:
        self.group = group.rsplit("/", 1)[1]

    def __call__(self, kind: str, **keys: Any) -> None:
        keys = {"type": NSG, **keys} if KINDS[kind].where != "guest" else keys
        faults_channel.put(tomli_w.dumps({"fault": [{"kind": kind, "group": self.group, **keys}]}))

    def strokes(self) -> int:
        time.sleep(2 * faults_channel.TOLD_EVERY_S)  # what was struck is told that often
        return sum(int(one["strokes"]) for one in faults_channel.standing())


def logged(arm: Arm, method: str, path: str) -> list[str | None]:
    """What the request log tells of faults, one for each request."""
    lines = [json.loads(line) for line in Path(arm.state["requests_log"]).read_text().splitlines()]
    return [line.get("fault") for line in lines if line["path"].endswith(path) and line["method"] == method]


@pytest.fixture
def trouble(sandbox: dict[str, Any], group: str) -> Iterator[Trouble]:
    yield Trouble(group)
    faults_channel.put("")


@pytest.fixture
def nsg(group: str) -> str:
    return f"{group}{NETWORK}/networkSecurityGroups/a"


async def test_the_nth_and_so_many_are_refused_and_the_log_tells(arm: Arm, nsg: str, trouble: Trouble) -> None:
    trouble("throttled", method="PUT", nth=2, times=2, retry_after_s=300)
    await arm.put(nsg, bodies.nsg())
    for _ in range(2):
        refused = await arm("PUT", nsg, bodies.nsg())
        assert refused.status == 429
        assert refused.headers["Retry-After"] == "3"  # 300 s at a hundred times the speed
        assert refused.headers["retry-after-ms"] == "3000"
    await arm.put(nsg, bodies.nsg())
    assert logged(arm, "PUT", nsg) == [None, "throttled", "throttled", None]
    assert trouble.strokes() == 2


@pytest.mark.parametrize(
    ("kind", "status_and_code"),
    [
        ("in-progress", (409, "AnotherOperationInProgress")),
        ("retryable", (429, "RetryableError")),
        ("nic-reserved", (400, "NicReservedForAnotherVm")),
        ("quota", (409, "OperationNotAllowed")),
        ("sku-not-available", (409, "SkuNotAvailable")),
        ("policy", (403, "RequestDisallowedByPolicy")),
    ],
)
async def test_refusals_have_azures_status_and_code(
    arm: Arm, nsg: str, trouble: Trouble, kind: str, status_and_code: tuple[int, str]
) -> None:
    trouble(kind)
    refused = await arm("PUT", nsg, bodies.nsg())
    assert (refused.status, refused.code) == status_and_code
    assert (await arm("GET", nsg)).status == 404  # nothing was done
    if kind == "nic-reserved":  # 180 s at a hundred times the speed
        assert (await arm("PUT", nsg, bodies.nsg())).status == 400
        await asyncio.sleep(1.8)
    await arm.put(nsg, bodies.nsg())


async def test_server_errors_and_a_throttle_that_names_no_time(arm: Arm, nsg: str, trouble: Trouble) -> None:
    for status, kind in ((500, "application/json"), (502, "text/html"), (503, "application/json")):
        trouble("server-error", status=status)
        answer = await arm("GET", nsg)
        assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (status, kind)
    trouble("throttled", retry_after_s=0)
    answer = await arm("GET", nsg)
    assert answer.status == 429
    assert not {"Retry-After", "retry-after-ms"} & set(answer.headers)


async def test_connections_end_before_and_in_the_middle_of_an_answer(arm: Arm, nsg: str, trouble: Trouble) -> None:
    trouble("reset", method="PUT", times=0)  # aiohttp itself sends once more what a kept connection lost
    with pytest.raises(aiohttp.ClientError):
        await arm("PUT", nsg, bodies.nsg())
    assert (await arm("GET", nsg)).status == 404

    trouble("lost-answer", method="PUT", times=0)
    with pytest.raises(aiohttp.ClientError):
        await arm("PUT", nsg, bodies.nsg())
    assert (await arm("GET", nsg)).status == 200

    trouble("reset-in-body", method="GET")
    with pytest.raises(aiohttp.ClientPayloadError):
        await arm("GET", nsg)

    trouble("truncated-json", method="GET")
    with pytest.raises(json.JSONDecodeError):
        await arm("GET", nsg)
    assert (await arm("GET", nsg)).status == 200


async def test_operations_stall_fail_are_superseded_and_get_lost(arm: Arm, nsg: str, trouble: Trouble) -> None:
    trouble("stalled", method="PUT")
    accepted = await arm("PUT", nsg, bodies.nsg())
    await asyncio.sleep(0.2)  # an NSG takes 0.04 s here
    polled = await arm("GET", accepted.headers["Azure-AsyncOperation"])
    assert polled.body["status"] == "InProgress"
    faults_channel.put("")
    assert (await arm.done(accepted)).body["status"] == "Succeeded"

    for kind, status, code in (
        ("failed-operation", "Failed", "InternalOperationError"),
        ("allocation-failed", "Failed", "AllocationFailed"),
        ("superseded", "Canceled", "CanceledAndSupersededDueToAnotherOperation"),
    ):
        trouble(kind)
        ended = await arm.done(await arm("PUT", nsg, bodies.nsg()))
        assert (ended.body["status"], ended.body["error"]["code"]) == (status, code)
        assert (await arm("GET", nsg)).body["properties"]["provisioningState"] == status

    trouble("lost-operation", method="PUT")
    accepted = await arm("PUT", nsg, bodies.nsg())
    assert (await arm("GET", accepted.headers["Azure-AsyncOperation"])).status == 404
    deadline = time.monotonic() + 5
    while (await arm("GET", nsg)).body["properties"]["provisioningState"] != "Succeeded":
        assert time.monotonic() < deadline


async def test_a_question_about_an_operation_is_told_by_its_resource(arm: Arm, nsg: str, trouble: Trouble) -> None:
    trouble("server-error", method="POLL", name="a", status=503)
    accepted = await arm("PUT", nsg, bodies.nsg())
    assert accepted.status == 201
    assert (await arm("GET", accepted.headers["Azure-AsyncOperation"])).status == 503
    assert (await arm.done(accepted)).status == 200


async def test_an_expired_token_stays_so_and_a_new_one_holds(arm: Arm, nsg: str, trouble: Trouble) -> None:
    trouble("expired-token")
    for path in (nsg, "/resourceGroups"):
        refused = await arm("GET", path)
        assert (refused.status, refused.code) == (401, "ExpiredAuthenticationToken")
        assert "claims" not in refused.headers["WWW-Authenticate"]
    arm.token = await sign_in(arm.session, arm.state)
    assert (await arm("GET", nsg)).status == 404


@pytest.mark.parametrize("seconds", [7200, -7200])
async def test_the_clock_jumps_and_tokens_with_it(arm: Arm, nsg: str, trouble: Trouble, seconds: int) -> None:
    trouble("clock-jump", seconds=seconds)
    old = arm.token
    assert (await arm("PUT", nsg, bodies.nsg())).status == 201
    assert (await arm("GET", nsg)).status == 401
    arm.token = await sign_in(arm.session, arm.state)
    assert (await arm("GET", nsg)).status == 200
    faults_channel.put("")
    arm.token = old
    assert (await arm("GET", nsg)).status == 200


def test_draws_come_from_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults()
        faults.set(parse(f'seed = {seed}\n[[fault]]\nkind = "reset"\nprobability = 0.3'))
        return [faults.meet(Asked("GET", NSG, ("a",), "g"), "", 1) is not None for _ in range(200)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 30 <= sum(struck(1)) <= 90


def test_a_silent_agent_is_one_machines() -> None:
    faults = Faults()
    faults.set((Fault("silent-agent", "*", VM, name="web1"),))
    vm = f"/subscriptions/s/resourceGroups/g/providers/{VM}/"
    assert faults.silent(f"{vm}web1", 1)
    assert not faults.silent(f"{vm}web2", 1)
    assert faults.meet(Asked("PUT", f"{VM}/extensions", ("WEB1", "x"), "g"), "", 1) is not None
    faults.set(())
    assert not faults.silent(f"{vm}web1", 1)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[[fault", "is not TOML"),
        ("speed = 3", "speed is no key"),
        ("seed = 1.5", "seed is 1.5"),
        ("[fault]", "is not a list of tables"),
        ("[[fault]]", "fault 1: kind is missing"),
        ('[[fault]]\nkind = "rain"', "fault 1: kind is 'rain'"),
        ('[[fault]]\nkind = "reset"\n[[fault]]\nkind = "reset"\nnht = 1', "fault 2: nht is no key"),
        ('[[fault]]\nkind = "reset"\nnth = 0', "nth is 0"),
        ('[[fault]]\nkind = "reset"\ntimes = true', "times is True"),
        ('[[fault]]\nkind = "reset"\nprobability = 0', "probability is 0"),
        ('[[fault]]\nkind = "reset"\nmethod = "FETCH"', "method is 'FETCH'"),
        ('[[fault]]\nkind = "server-error"\nstatus = 418', "status is 418"),
        ('[[fault]]\nkind = "throttled"\nretry_after_s = nan', "retry_after_s is nan"),
        ('[[fault]]\nkind = "stalled"\nseconds = "long"', "seconds is 'long'"),
        ('[[fault]]\nkind = "policy"\nname = ""', "name is ''"),
    ],
)
def test_a_bad_file_is_told_by_its_place_and_rule(text: str, where: str) -> None:
    with pytest.raises(InputError) as told:
        parse(text)
    assert where in told.value.what
    assert told.value.why
    assert told.value.remedy


def test_the_example_of_the_documentation_is_read() -> None:
    first, second = parse(faults_file.EXAMPLE)
    assert (first.kind, first.nth, first.times, first.seed) == ("throttled", 2, 2, 7)
    assert (second.kind, second.times, second.probability) == ("reset-in-body", 0, 0.05)


def test_the_command_sets_lists_and_clears(sandbox: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nkind = "reset"\nname = "nobody"')
    run = CliRunner().invoke

    def told(*arguments: str) -> list[dict[str, Any]]:
        result = run(command, ["faults", *arguments, "--json"])
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    assert told("set", str(path))[0]["kind"] == "reset"
    assert [one["event"] for one in told("list")] == ["fault", "faults"]
    path.write_text("[[fault]]")
    refused = run(command, ["faults", "set", str(path), "--json"])
    assert (refused.exit_code, json.loads(refused.stdout)["event"]) == (2, "error")
    assert told("list")[0]["kind"] == "reset"  # what stood stands
    assert told("clear") == [{"event": "faults", "standing": 0}]
    assert {one["kind"] for one in told("kinds")} == set(KINDS)


def test_without_a_sandbox_there_is_nothing_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "running", lambda: None)
    with pytest.raises(UnreachableError):
        faults_channel.put("")


def test_a_sandbox_starts_with_faults_and_takes_on_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path / "home"))
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('[[fault]]\nkind = "rain"')
    with pytest.raises(InputError):
        control.start(faults=first)
    assert control.running() is None
    first.write_text('[[fault]]\nkind = "reset"')
    second.write_text('[[fault]]\nkind = "quota"')
    state = control.start(speed=1000, faults=first)
    try:
        assert [one["kind"] for one in faults_channel.standing()] == ["reset"]
        assert control.start(faults=second)["pid"] == state["pid"]
        assert [one["kind"] for one in faults_channel.standing()] == ["quota"]
        assert control.start()["pid"] == state["pid"]
        assert [one["kind"] for one in faults_channel.standing()] == ["quota"]  # not asked for is not changed
    finally:
        control.stop()
