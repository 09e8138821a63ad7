"""Plans for the sandbox, and its request log as a witness of what was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wizard.plan.model import Auth, Balancer, Machines, Network, Plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFh1r3kyzm1R0rTzkfm7vEWzW2lkqPZzxJIz5Yk3OJq somebody"


@pytest.fixture
def plan(group_name: str) -> Plan:
    """One machine, so that a test does not wait for two; the frontend port is one that anybody may bind."""
    return Plan(
        name=group_name,
        prefix="web",
        machines=Machines(count=1, ssh_key=KEY),
        balancer=Balancer(frontend_port=8080),
        network=Network(allow_http=("Internet",), allow_admin=("127.0.0.1/32",)),
    )


@pytest.fixture
def password_plan(plan: Plan) -> Plan:
    """The same with two machines, signed in to by password."""
    return plan.model_copy(update={"machines": Machines(count=2, auth=Auth.PASSWORD)})


@pytest.fixture
def writes(sandbox: dict[str, Any], plan: Plan) -> Callable[[], list[str]]:
    """All that was asked of this test's resource group so far and was no read: `PUT path`."""

    def read() -> list[str]:
        with Path(sandbox["requests_log"]).open(encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines]
        ours = f"/resourcegroups/{plan.name}".lower()
        return [
            f"{entry['method']} {entry['path']}"
            for entry in entries
            if ours in entry["path"].lower() and entry["method"] not in ("GET", "HEAD")
        ]

    return read
