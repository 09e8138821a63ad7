"""The desk's process: many questions at once, its end, its death, and what is found without asking anybody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from screens.desk import Desk
from wizard import children
from wizard.desk import who
from wizard.desk.session import Session, Tell
from wizard.errors import UnreachableError, WizardError


@pytest.fixture(autouse=True)
def state(own_home: Path) -> Path:
    return own_home


@pytest.fixture
async def mute() -> AsyncIterator[str]:
    """The address of a cloud that takes connections and never says a word."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for writer in held:
        writer.transport.abort()
    server.close()
    await server.wait_closed()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def pid_of(desk: Desk) -> int:
    assert desk._process is not None
    return desk._process.pid


async def test_a_slow_question_holds_no_other_up_and_can_be_taken_back(desk: Desk, mute: str):
    await desk.ask("generate_password")
    slow = asyncio.create_task(desk.ask("sign_in", cloud=mute))
    await asyncio.sleep(0)
    began = time.monotonic()
    for _ in range(5):
        assert await desk.ask("my_address", cloud="sandbox")
    assert time.monotonic() - began < 3
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await desk.ask("keys") == []


async def test_it_ends_with_its_input_whatever_is_open(desk: Desk, mute: str):
    await desk.ask("keys")
    slow = asyncio.create_task(desk.ask("sign_in", cloud=mute))
    await asyncio.sleep(0)
    pid = pid_of(desk)
    began = time.monotonic()
    await desk.close()
    assert time.monotonic() - began < 5
    assert not is_alive(pid)
    slow.cancel()
    with pytest.raises((asyncio.CancelledError, WizardError)):
        await slow


async def test_it_ends_when_the_wizard_is_killed():
    script = (
        "import asyncio, time\nfrom screens.desk import Desk\n"
        "async def main():\n    desk = Desk()\n    await desk.ask('keys')\n"
        "    print(desk._process.pid, flush=True)\n    await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    wizard = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=children.environment()
    )
    assert wizard.stdout is not None
    pid = int(await wizard.stdout.readline())
    assert is_alive(pid)
    wizard.kill()
    await wizard.wait()
    await until(lambda: not is_alive(pid))


async def test_it_is_started_anew_when_it_died(desk: Desk):
    await desk.ask("keys")
    first = pid_of(desk)
    os.kill(first, signal.SIGKILL)
    await until(lambda: not is_alive(first))
    assert await desk.ask("keys") == []
    assert pid_of(desk) != first


async def test_one_that_died_takes_no_question_of_the_next_one_with_it(desk: Desk, mute: str):
    await desk.ask("keys")
    first = desk._process
    assert first is not None
    first.kill()
    await first.wait()
    slow = asyncio.create_task(desk.ask("sign_in", cloud=mute))
    await until(lambda: any(asked is not first for asked, _ in desk._waiting.values()))
    await desk._read(first)  # its end is noticed only now
    assert not any(future.done() for _, future in desk._waiting.values())
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


async def test_a_question_under_which_it_dies_is_asked_once_more(desk: Desk, mute: str):
    await desk.ask("keys")
    slow = asyncio.create_task(desk.ask("sign_in", cloud=mute))
    for _ in range(2):
        pid = pid_of(desk)
        assert await desk.ask("keys") == []
        os.kill(pid, signal.SIGKILL)
        await until(lambda pid=pid: not is_alive(pid) and (slow.done() or pid_of(desk) != pid))  # type: ignore[misc]
    with pytest.raises(WizardError, match="could not be answered"):
        await slow


async def test_a_persons_sign_in_is_not_replaced_by_another_one_that_is_found(desk: Desk):
    desk._remember("sign_in", {"cloud": "public", "method": "device-code"}, {"cloud": "public"})
    await desk.ask("keys")
    os.kill(pid_of(desk), signal.SIGKILL)
    await until(lambda: desk._process is not None and desk._process.returncode is not None)
    for _ in range(2):
        with pytest.raises(UnreachableError, match="sign-in to public is gone"):
            await desk.ask("regions", cloud="public")
    assert await desk.ask("keys") == []  # nobody's business


async def test_a_choice_is_made_again_after_a_death(desk: Desk):
    from wizard.sandbox import control

    try:
        signed = await desk.ask("sign_in", cloud="sandbox", method="own")
        os.kill(pid_of(desk), signal.SIGKILL)
        await until(lambda: desk._process is not None and desk._process.returncode is not None)
        assert [entry["chosen"] for entry in await desk.ask("subscriptions")] == [True]
        assert (await desk.ask("clouds"))[0]["account"] == signed["account"]
    finally:
        control.stop()


async def test_what_else_prints_does_not_break_the_lines_and_nonsense_is_passed_over():
    process = await asyncio.create_subprocess_exec(
        *children.command("wizard.desk"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(b'no json\n[1]\n{"id": "x"}\n{"cancel": 9}\n{"id": 1, "ask": "keys"}\n')
    assert process.stdout is not None
    lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
    assert {"id": 1, "answer": []} in lines
    assert {"tell": "ready"} in lines
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert await process.stdout.read() == b""


# What is found without asking anybody


async def clouds() -> dict[str, dict[str, Any]]:
    tell = Tell(lambda line: None)
    return {cloud["name"]: cloud for cloud in await who.clouds(Session(tell), tell)}


async def test_without_a_sign_in_the_sandbox_is_preselected():
    found = await clouds()
    assert [name for name, cloud in found.items() if cloud["preselected"]] == ["sandbox"]
    assert found["public"]["methods"] == [
        "azure-cli",
        "browser",
        "device-code",
        "service-principal",
        "managed-identity",
    ]


async def test_the_azure_clis_sign_in_is_found_in_its_profile(nobody: Path, monkeypatch: pytest.MonkeyPatch):
    folder = nobody / ".azure"
    folder.mkdir()
    entries = [
        {"id": "s1", "environmentName": "AzureChinaCloud", "isDefault": False, "user": {"name": "you@china"}},
        {"id": "s2", "environmentName": "AzureUSGovernment", "isDefault": False, "user": {"name": "other@gov"}},
        {"id": "s3", "environmentName": "AzureUSGovernment", "isDefault": True, "user": {"name": "you@gov"}},
        {"id": "s4", "environmentName": "MyStack", "isDefault": False},
    ]
    (folder / "azureProfile.json").write_text(json.dumps({"subscriptions": entries}), encoding="utf-8-sig")
    monkeypatch.setenv("PATH", str(nobody))
    assert not (await clouds())["usgov"]["signed_in"]  # a profile without the program signs nobody in
    program = nobody / "az"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    found = await clouds()
    assert (found["usgov"]["how"], found["usgov"]["account"]) == ("azure-cli", "you@gov")
    assert found["usgov"]["preselected"]
    assert found["china"]["signed_in"]
    assert not found["public"]["signed_in"]
    assert not found["sandbox"]["preselected"]
    (folder / "azureProfile.json").write_text("[broken")
    assert (await clouds())["sandbox"]["preselected"]


async def test_a_principal_in_the_environment_is_found_for_its_cloud(monkeypatch: pytest.MonkeyPatch):
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, f"the-{name}")
    found = await clouds()
    assert (found["public"]["how"], found["public"]["account"]) == ("environment", "the-AZURE_CLIENT_ID")
    assert found["public"]["preselected"]
    assert found["public"]["methods"][0] == "environment"
    assert not found["usgov"]["signed_in"]
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")
    assert (await clouds())["usgov"]["how"] == "environment"
