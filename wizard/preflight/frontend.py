"""The frontend's ports can be opened, on a cloud whose public addresses are addresses of this computer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from wizard import ids
from wizard.errors import Problem
from wizard.preflight.facts import Facts

BALANCERS = "Microsoft.Network/loadBalancers"


async def check(facts: Facts) -> list[Problem]:
    """An error for each planned port that cannot be opened and is not open for this deployment already."""
    conflict = facts.azure.cloud.frontend_conflict
    if conflict is None:
        return []
    problems = []
    for balancer in facts.blueprint.of_type(BALANCERS):
        live = await facts.azure.get(balancer.id) if ids.key(balancer.id) in await facts.live() else None
        ours = {port for _field, port in _ports(live or {})}
        for field, port in _ports(balancer.body):
            if port not in ours and (why := await asyncio.to_thread(conflict, port)):
                problems.append(_problem(field, port, why))
    return problems


def _ports(document: Any) -> Iterator[tuple[str, int]]:
    """The plan's field and the frontend port of each rule of a balancer's document."""
    properties = document.get("properties") or {}
    kinds = {"loadBalancingRules": "balancer.frontend_port", "inboundNatRules": "balancer.nat_first_port"}
    for kind, field in kinds.items():
        for rule in properties.get(kind) or ():
            properties_of = rule.get("properties") or {}
            if port := properties_of.get("frontendPort"):
                yield field, int(port)
            elif first := properties_of.get("frontendPortRangeStart"):
                for each in range(int(first), int(properties_of["frontendPortRangeEnd"]) + 1):
                    yield field, each


def _problem(field: str, port: int, why: str) -> Problem:
    remedy = (
        "Write frontend_port = 8080 under [balancer], or allow it (Linux: sysctl net.ipv4.ip_unprivileged_port_start)."
        if field == "balancer.frontend_port" and port < 1024
        else "Write frontend_port = 8080 under [balancer]."
        if field == "balancer.frontend_port" and port != 8080
        else "Choose another port, or stop the program that has it."
    )
    return Problem(field, f"Port {port} cannot be opened on this computer.", why, remedy)
