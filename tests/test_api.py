"""The front door for Python, walked through once in the sandbox."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

import pytest
from pydantic import SecretStr

from wizard import api, runs
from wizard.errors import InputError
from wizard.plan import files
from wizard.plan.model import Auth, Balancer, Machines, Plan
from wizard.runs import foreground
from wizard.runs.starting import UnderWay


@pytest.fixture
def plan(sandbox, tmp_path) -> Plan:
    """As a person would have it: written to a file and read from it."""
    made = Plan(
        name="api-rg",
        prefix="api-vm",
        machines=Machines(count=2, auth=Auth.PASSWORD),
        balancer=Balancer(frontend_port=18081, probe_interval_s=5),
    )
    files.write(made, tmp_path / "plan.toml")
    return api.read_plan(tmp_path / "plan.toml")


async def test_a_deployment_from_python(plan):
    first = SecretStr("from-Python-1")
    deployed = await api.deploy(plan, password=first)
    assert set(deployed.ssh) == {"api-vm1", "api-vm2"}
    try:
        checks: list[Any] = []
        verified = await api.verify(plan.name, password=first, wait_s=60, emit=checks.append)
        assert verified.failed == 0, checks
        page = await asyncio.to_thread(urllib.request.urlopen, deployed.http)
        with page:
            assert page.headers["X-Served-By"] in deployed.ssh
        new = {vm: SecretStr(f"from-Python-{vm}") for vm in deployed.ssh}
        resets = await api.reset_credentials(plan.name, new=new, old=first)
        assert [one.state for one in resets] == ["proved", "proved"]
        assert (await api.status(plan.name)).state == "deployed"
        with foreground.holding("scale", plan.name):
            for work in (
                api.deploy(plan, password=first),
                api.drill(plan.name),
                api.reset_credentials(plan.name, new=new),
                api.scale(plan.name, count=1),
                api.destroy(plan.name),
            ):
                with pytest.raises(UnderWay, match="scale, since"):
                    await work
            assert (await api.status(plan.name)).state == "deployed", "who only looks may go on"
    finally:
        deleted = await api.destroy(plan.name)
    assert deleted == deployed.resources
    assert sorted(run.kind for run in runs.history(plan.name)) == ["deploy", "destroy", "reset", "scale"]
    with pytest.raises(InputError):
        await api.status(plan.name)


def test_a_plan_with_mistakes_tells_them_all(tmp_path):
    (tmp_path / "plan.toml").write_text('location = ""\n[machines]\ncount = 0\nsise = "x"\n')
    with pytest.raises(InputError) as raised:
        api.read_plan(tmp_path / "plan.toml")
    fields = {problem.field for problem in raised.value.problems}  # type: ignore[attr-defined]
    assert fields == {"location", "machines.count", "machines.sise", "machines.ssh_key"}
