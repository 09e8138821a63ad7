"""Where a deployment answers, while a scale set takes machines out of the pool."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plan.strategies import ED25519
from wizard import blueprint
from wizard.blueprint import names
from wizard.deploy import endpoints
from wizard.errors import AzureError
from wizard.plan.model import Balancer, Machines, Nat, Plan

GRAPH = blueprint.build(Plan(prefix="web", machines=Machines(ssh_key=ED25519), balancer=Balancer(nat=Nat.RANGE)), "sub")
BALANCER = GRAPH.of_type(names.BALANCER)[0]
MEMBERS = [f"{nic.id}/ipConfigurations/ipconfig1" for nic in GRAPH.of_type(names.NIC)]
POOL = f"{BALANCER.id}/backendAddressPools/be"


class Leaving:
    """An ARM whose pool loses its second member between two questions, or keeps it and does not tell its port."""

    def __init__(self, then: list[str]) -> None:
        self.pools = [MEMBERS, then]

    async def get(self, id: str) -> dict[str, Any] | None:
        if id != BALANCER.id:
            return {"id": id, "properties": {"ipAddress": "192.0.2.1"}}
        held = self.pools.pop(0) if len(self.pools) > 1 else self.pools[0]
        body = {**BALANCER.body["properties"]}
        body["backendAddressPools"] = [
            {"id": POOL, "name": "be", "properties": {"backendIPConfigurations": [{"id": one} for one in held]}}
        ]
        return {"id": id, "properties": body}

    async def port_mappings(self, pool: str, member: str) -> list[dict[str, Any]]:
        if member == MEMBERS[1]:
            raise AzureError("No such member.", "", "", code="Gone", status=400)
        (rule,) = BALANCER.body["properties"]["inboundNatRules"]
        return [{"inboundNatRuleName": rule["name"], "frontendPort": 50001, "backendPort": 22}]


async def test_a_member_that_has_left_meanwhile_has_no_port() -> None:
    reach = await endpoints.read(Leaving(MEMBERS[:1]), GRAPH)  # type: ignore[arg-type]
    assert reach.ssh == {"web1": "192.0.2.1:50001"}


async def test_one_that_is_there_and_whose_port_is_not_told_is_an_error() -> None:
    with pytest.raises(AzureError, match="No such member"):
        await endpoints.read(Leaving(MEMBERS), GRAPH)  # type: ignore[arg-type]
