"""A running Windows machine: its page, its Remote Desktop as FreeRDP sees it, its extensions, and its next boot."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.fabric.azure_documents import HTTP_PORT, PASSWORD, vm_id
from tests.sandbox.fabric.conftest import curl, run, states, until
from tests.sandbox.fabric.windows.conftest import WindowsDeployment, windows
from wizard import ids
from wizard.blueprint.windows import command_line, page_script
from wizard.plan.model import Balancer, Plan
from wizard.sandbox.fabric.fabric import ExtensionResult
from wizard.sandbox.fabric.network import Dropped

NEW = "Another-staple-8"
CUSTOM_SCRIPT, VMACCESS = "microsoft.compute.customscriptextension", "microsoft.compute.vmaccessagent"


async def install(deployment: WindowsDeployment, plan: Plan, name: str = "web1") -> ExtensionResult:
    settings = {"commandToExecute": command_line(page_script(plan))}
    return await deployment.fabric.run_extension(vm_id(name), CUSTOM_SCRIPT, settings, {})


async def access(deployment: WindowsDeployment, settings: Any, protected: Any) -> ExtensionResult:
    return await deployment.fabric.run_extension(vm_id("web1"), VMACCESS, settings, protected)


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[WindowsDeployment]:
    async with windows(tmp_path) as deployment:
        yield deployment


async def powershell(deployment: WindowsDeployment, script: str, name: str = "web1") -> str:
    return (await deployment.fabric.run_script(vm_id(name), script)).stdout


async def test_the_page_comes_through_the_balancer_and_survives_a_restart(tmp_path: Path) -> None:
    async with windows(tmp_path, probe_path="/healthz") as deployment:
        await until(lambda: states(deployment) == ["Down"])
        assert (await install(deployment, Plan(balancer=Balancer(probe_path="/healthz")))).code == 0
        await until(lambda: states(deployment) == ["Up"])
        answer = await curl(deployment)
        assert "HTTP/1.1 200 OK" in answer.out
        assert "X-Served-By: web1" in answer.out
        assert "<h1>web1</h1>" in answer.out
        await deployment.fabric.restart(vm_id("web1"))
        await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
        await until(lambda: states(deployment) == ["Up"])
        assert "X-Served-By: web1" in (await curl(deployment)).out
        kept = deployment.store.read("guest", ids.key(vm_id("web1")))
        assert kept is not None
        assert kept["boots"] == 2


async def test_another_port_needs_its_binding_and_its_firewall_rule(one: WindowsDeployment) -> None:
    assert (await install(one, Plan(balancer=Balancer(backend_port=8080)))).code == 0
    ask = "curl.exe -s -o NUL -w '%{http_code}' -m 2 http://127.0.0.1:PORT/; \"$LASTEXITCODE\""
    assert await powershell(one, ask.replace("PORT", "8080")) == "200\n0\n"
    assert await powershell(one, ask.replace("PORT", "80")) == "000\n7\n"
    machine = one.fabric._machine(vm_id("web1"))
    assert machine.accept(8080, ("10.0.1.9", 5), "10.0.1.4", asyncio.Protocol()) is not None
    for closed in (80, 445, 5985):
        with pytest.raises(Dropped):
            machine.accept(closed, ("10.0.1.9", 5), "10.0.1.4", asyncio.Protocol())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "commandToExecute"),
        ({"commandToExecute": "notepad.exe"}, "powershell.exe"),
        ({"commandToExecute": "powershell -File x.ps1"}, "-Command or -EncodedCommand"),
        ({"commandToExecute": "powershell -Command exit 5"}, "exit code of: '5'"),
        ({"commandToExecute": "powershell -EncodedCommand %%"}, "not valid"),
        ({"commandToExecute": 'powershell -Command "Invoke-Magic"'}, "Invoke-Magic"),
        ({"commandToExecute": "powershell -Command " + "x" * 8191}, "too long"),
        ({"commandToExecute": "powershell -Command hostname", "fileUris": ["https://x/y"]}, "downloads no files"),
    ],
)
async def test_a_command_that_fails_is_told(one: WindowsDeployment, settings: dict[str, Any], why: str) -> None:
    result = await one.fabric.run_extension(vm_id("web1"), CUSTOM_SCRIPT, settings, {})
    assert result.code == 1
    assert why in result.message


@contextlib.asynccontextmanager
async def display() -> AsyncIterator[str]:
    """FreeRDP wants one even to sign in alone."""
    process = await asyncio.create_subprocess_exec(
        "Xvfb", "-displayfd", "1", "-screen", "0", "640x480x16",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield f":{(await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()}"
    finally:
        process.terminate()
        await process.wait()


async def freerdp(deployment: WindowsDeployment, at: str, user: str, password: str, *more: str) -> str:
    """What FreeRDP says of a sign-in."""
    where = f"/v:{deployment.address}:{deployment.ssh_port('web1')}"
    options = ["/cert:ignore", "+auth-only", "/log-level:WARN", *more]
    ran = await run(
        "env", f"DISPLAY={at}", f"HOME={deployment.folder}", "xfreerdp", where, f"/u:{user}", f"/p:{password}", *options
    )
    return ran.out + ran.err


needs_freerdp = pytest.mark.skipif(
    not (shutil.which("xfreerdp") and shutil.which("Xvfb")), reason="xfreerdp and Xvfb are not installed"
)


@needs_freerdp
async def test_freerdp_is_let_in_with_the_right_password_alone(one: WindowsDeployment) -> None:
    async with display() as at:
        assert "LOGON_FAILURE" in await freerdp(one, at, "azureuser", NEW)
        good = await freerdp(one, at, "azureuser", PASSWORD)
        assert "LOGON_FAILURE" not in good
        assert "CONNECT_TRANSPORT_FAILED" in good, "behind the sign-in there is no desktop"
        assert (await access(one, {"username": "azureuser"}, {"password": NEW})).code == 0
        assert "LOGON_FAILURE" in await freerdp(one, at, "azureuser", PASSWORD)
        assert "LOGON_FAILURE" not in await freerdp(one, at, "azureuser", NEW)
        assert "protocol security negotiation" in await freerdp(one, at, "azureuser", NEW, "/sec:tls")


async def test_vmaccess_adds_an_administrator_of_another_name(one: WindowsDeployment) -> None:
    assert (await access(one, {"UserName": "second"}, {"Password": NEW})).code == 0  # as the Azure CLI spells them
    users = await powershell(one, "Get-LocalGroupMember Administrators | Select-Object -ExpandProperty Name")
    assert users == "WEB1\\azureuser\nWEB1\\second\n"
    refused = await access(one, {"username": "third"}, {"password": "simple"})
    assert refused.code == 1
    assert "password policy" in refused.message
    assert "third" not in await powershell(one, "Get-LocalUser")
    assert (await access(one, {"username": "third"}, {})).code == 1


async def test_vmaccess_without_a_name_opens_remote_desktop_again(one: WindowsDeployment) -> None:
    await powershell(
        one,
        "Stop-Service TermService; Set-Service TermService -StartupType Disabled\n"
        "Remove-NetFirewallRule -Name RemoteDesktop-UserMode-In-TCP",
    )
    machine = one.fabric._machine(vm_id("web1"))
    with pytest.raises(Dropped):
        machine.accept(3389, ("10.0.1.9", 5), "10.0.1.4", asyncio.Protocol())
    assert (await access(one, {}, {})).code == 0
    assert machine.accept(3389, ("10.0.1.9", 5), "10.0.1.4", asyncio.Protocol()) is not None
    assert "Running" in await powershell(one, "(Get-Service TermService).Status")


async def test_a_machine_is_the_same_after_the_sandbox_was_restarted(tmp_path: Path) -> None:
    async with windows(tmp_path) as deployment:
        await install(deployment, Plan())
        await access(deployment, {"username": "azureuser"}, {"password": NEW})
        before = await powershell(deployment, r"(Get-ChildItem -Recurse Cert:\LocalMachine).Thumbprint")
        await deployment.fabric.close()
        deployment.store.close()
        assert NEW not in (tmp_path / "state.sqlite").read_bytes().decode("latin-1")
        deployment.open_store()
        await deployment.fabric.start()
        await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
        assert await powershell(deployment, r"(Get-ChildItem -Recurse Cert:\LocalMachine).Thumbprint") == before
        assert len(before.strip()) == 40
        await until(lambda: states(deployment) == ["Up"])
        assert "<h1>web1</h1>" in (await curl(deployment)).out


async def test_machines_ask_each_other(tmp_path: Path) -> None:
    async with windows(tmp_path, count=2) as deployment:
        await install(deployment, Plan(), "web2")
        ask = "curl.exe -s -m 1 -o NUL -w '%{http_code}' http://10.0.1.5:PORT/; \"$LASTEXITCODE\""
        assert await powershell(deployment, ask.replace("PORT", "80")) == "200\n0\n"
        assert await powershell(deployment, ask.replace("PORT", "81")) == "000\n28\n"  # no answer: the firewall
        assert HTTP_PORT != 80
