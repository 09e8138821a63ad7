"""A plan as a runbook really runs: in a process of its own, signed in by the identity of its place."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.azure.test_managed_identity import HEADER, endpoint
from wizard.azure import clients, clouds
from wizard.errors import InputError
from wizard.plan import files, runbook
from wizard.plan.model import Auth, Balancer, Machines, Plan

__all__ = ["endpoint"]


async def test_the_exported_runbook_deploys_and_verifies(
    sandbox: dict[str, Any], endpoint: str, ssh_key: str, group_name: str, tmp_path: Path
) -> None:
    plan = Plan(
        cloud=sandbox["arm"],
        name=group_name,
        prefix="run",
        machines=Machines(count=1, ssh_key=ssh_key),
        balancer=Balancer(frontend_port=8080),
    )
    files.write(plan, tmp_path / "plan.toml")
    command = [
        sys.executable,
        "-m",
        "wizard",
        "plan",
        "export",
        str(tmp_path / "plan.toml"),
        "-o",
        str(tmp_path / "out"),
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    environment |= {
        "IDENTITY_ENDPOINT": endpoint,
        "IDENTITY_HEADER": HEADER,
        "SSL_CERT_FILE": sandbox["ca_bundle"],
        "MULTIVM_HOME": str(tmp_path / "home"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(tmp_path / "out" / "runbook.py"),
        sandbox["subscription"],
        "patch",
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = (await asyncio.wait_for(process.communicate(), 150))[0].decode()
    async with clients.connect(clouds.find("sandbox")) as azure:
        listed = await azure.list_group(group_name)
        operation = await azure.begin_delete(f"/subscriptions/{sandbox['subscription']}/resourceGroups/{group_name}")
        if operation is not None:
            await operation.result()
    assert process.returncode == 0, told
    assert "0 failed" in told
    assert "patched 1 VMs: 2 updates, 1 restarted" in told
    assert "run1" in {item["name"] for item in listed or ()}


def test_what_only_a_person_can_deploy_makes_no_runbook(ssh_key: str) -> None:
    public = Plan(cloud="public", machines=Machines(ssh_key=ssh_key))
    assert set(runbook.export(public, "1")) == {"runbook.py", "README.md", "requirements.txt"}
    compile(runbook.export(public.model_copy(update={"tags": {"it's": "'''\\"}}), "1")["runbook.py"], "runbook", "exec")
    for change in (
        {"cloud": "sandbox"},
        {"machines": Machines(auth=Auth.PASSWORD)},
        {"machines": Machines(ssh_key=ssh_key, workload="mine.yaml")},
    ):
        with pytest.raises(InputError):
            runbook.export(public.model_copy(update=change), "1")
