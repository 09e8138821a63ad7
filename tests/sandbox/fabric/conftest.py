"""What the fabric's tests share: a running deployment, outside clients, and waiting for a condition."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.fabric.azure_documents import HTTP_PORT, PASSWORD, Deployment, network_id, vm_id


@dataclass
class Ran:
    code: int
    out: str
    err: str


async def run(*argv: str, stdin: str = "", within: float = 20.0, environment: dict[str, str] | None = None) -> Ran:
    """A program of this computer, as an outsider to the fabric; a test that asks one which is not there is skipped."""
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is asked, and it is not installed")
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), within)
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def until(condition: Callable[[], Any], within: float = 30.0, what: str = "the condition") -> Any:
    """Wait until a condition (plain or awaitable) holds, and give what it gave."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true within {within} s"
        await asyncio.sleep(0.01)


async def curl(deployment: Deployment, *options: str, source: str = "127.0.0.1", path: str = "/") -> Ran:
    url = f"http://{deployment.address}:{HTTP_PORT}{path}"
    return await run("curl", "-s", "-i", "-m", "2", "--interface", source, *options, url)


def states(deployment: Deployment) -> list[str]:
    return [one.state for one in deployment.fabric.rule_health(network_id("loadBalancers", "lb"), "http")]


async def ready(deployment: Deployment) -> None:
    """Every member is up, and every agent reports."""
    await until(lambda: states(deployment) == ["Up"] * deployment.count, what="every member up")
    await until(lambda: all(deployment.fabric.agent_ready(vm_id(name)) for name in deployment.names))


async def ssh(
    deployment: Deployment,
    command: str,
    *,
    name: str = "web1",
    user: str = "azureuser",
    password: str | None = PASSWORD,
    key: Path | None = None,
    known_hosts: Path | None = None,
    source: str = "127.0.0.1",
    stdin: str = "",
) -> Ran:
    """OpenSSH's own client, with a key, or with a password that it asks a program for (SSH_ASKPASS)."""
    trust = ["-o", f"UserKnownHostsFile={known_hosts or '/dev/null'}"]
    trust += ["-o", f"StrictHostKeyChecking={'yes' if known_hosts else 'no'}", "-o", "LogLevel=ERROR"]
    how = ["-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no"]
    if key is not None:
        how = ["-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey"]
    asking = {"SSH_ASKPASS": str(_askpass(deployment)), "SSH_ASKPASS_REQUIRE": "force", "ASKED": password or ""}
    return await run(
        "ssh", "-F", "none", "-b", source, "-p", str(deployment.ssh_port(name)), *trust, *how,
        "-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=3", f"{user}@{deployment.address}", command,
        stdin=stdin, environment=asking,
    )  # fmt: skip


def _askpass(deployment: Deployment) -> Path:
    program = deployment.folder / "askpass"
    if not program.exists():
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$ASKED"\n')
        program.chmod(0o700)
    return program


@contextlib.asynccontextmanager
async def running(folder: Path, **choices: Any) -> AsyncIterator[Deployment]:
    """A deployment whose members are up."""
    deployment = Deployment(folder, **choices)
    await deployment.start()
    try:
        yield deployment
    finally:
        await deployment.close()


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with running(tmp_path, interval=0.1, speed=1000) as started:
        await ready(started)
        yield started
