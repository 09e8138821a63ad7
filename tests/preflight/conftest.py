"""A plan that has nothing wrong with it, and what preflight says of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wizard import blueprint, preflight
from wizard.azure.clients import Azure
from wizard.errors import Problem
from wizard.plan.model import Plan

Checked = Callable[..., Awaitable[list[Problem]]]


@pytest.fixture
def plan(group_name: str, ssh_key: str, unused_tcp_port: int) -> Plan:
    """The default plan in a group of the test's own. Its frontend port is free, whoever else runs on this computer."""
    return Plan.model_validate(
        {
            "name": group_name,
            "machines": {"ssh_key": ssh_key},
            "network": {"address_space": "10.0.0.0/16"},
            "balancer": {"frontend_port": unused_tcp_port},
        }
    )


def changed(plan: Plan, **sections: Any) -> Plan:
    """The plan with some keys set: `changed(plan, location="eastus", machines={"count": 3})`."""
    document = plan.model_dump()
    for name, value in sections.items():
        document[name] = {**document[name], **value} if isinstance(value, dict) and name != "tags" else value
    return Plan.model_validate(document)


@pytest.fixture
def checked(azure: Azure) -> Checked:
    """Preflight of a plan against the sandbox."""

    async def run(plan: Plan) -> list[Problem]:
        return await preflight.check(plan, blueprint.build(plan, azure.subscription_id), azure)

    return run
