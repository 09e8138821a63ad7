"""A scale set with a password, over the sandbox's own end: it grows, and its new machines take the old password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from pydantic import SecretStr

from tests.conftest import SPEED
from tests.sandbox.compute.test_restart import _start, _stop
from wizard.azure import clients, clouds
from wizard.deploy import journey, members, record, scale
from wizard.plan.choices import DEFAULT_IMAGES
from wizard.plan.model import Auth, Balancer, Machines, Nat, OsType, Placement, Plan, ScaleSet
from wizard.verify import balance, ports, verify
from wizard.verify.events import CheckDone

PORT = 8085
LOGIN = {OsType.LINUX: "ssh.login", OsType.WINDOWS: "rdp.login"}


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    monkeypatch.setattr(balance, "LOAD_S", 0.5)
    monkeypatch.setattr(ports, "LISTEN_S", 0.3)
    yield tmp_path
    _stop()


@pytest.mark.parametrize("os", [OsType.LINUX, OsType.WINDOWS])
async def test_it_grows_after_a_restart_of_the_sandbox(own_home: Path, os: OsType) -> None:
    assert SPEED > 1
    secret = f"first-Horse-{token_hex(6)}"
    plan = Plan(
        name="grown",
        prefix="web",
        machines=Machines(os=os, image=DEFAULT_IMAGES[os], count=1, auth=Auth.PASSWORD, placement=Placement.SCALE_SET),
        scale_set=ScaleSet(autoscale=False, zones=False, repairs=False),
        balancer=Balancer(frontend_port=PORT, probe_threshold=1, nat=Nat.RANGE),
    )
    await asyncio.to_thread(_start)
    async with clients.connect(clouds.find("sandbox")) as azure:
        outlook = await journey.look(plan, azure)
        passwords = dict.fromkeys(outlook.needs_password, SecretStr(secret))
        await journey.carry_out(outlook, azure, passwords, lambda event: None)
    await asyncio.to_thread(_stop)
    await asyncio.to_thread(_start)
    async with clients.connect(clouds.find("sandbox")) as azure:
        known = record.load(plan.name)
        first = await members.vm_names(known, azure)
        grow = await scale.look(known, azure, 2)
        await scale.carry_out(grow, azure, {}, lambda event: None, drain_s=0)
        (new,) = set(await members.vm_names(known, azure)) - set(first)
        told: list[object] = []
        await verify(record.load(plan.name), azure, password=SecretStr(secret), wait_s=60, emit=told.append)
        logins = {e.target: e.state for e in told if isinstance(e, CheckDone) and e.name == LOGIN[os]}
        assert logins == {first[0]: "passed", new: "passed"}
        told.clear()
        await verify(record.load(plan.name), azure, password=SecretStr(f"other-{secret}"), wait_s=0, emit=told.append)
        refused = {e.target: e.state for e in told if isinstance(e, CheckDone) and e.name == LOGIN[os]}
        assert refused[new] == "failed", "it takes that password and no other"
    await asyncio.to_thread(_stop)
    _nowhere(own_home, secret)


def _nowhere(folder: Path, secret: str) -> None:
    files = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert any(file.name.startswith("state") for file in files), "what the sandbox keeps is looked at, too"
    for spelled in (secret.encode(), secret.encode("utf-16-le"), secret.encode().hex().encode()):
        assert [file for file, content in files.items() if spelled in content] == []
