"""A deployment that stands in the sandbox while a module's tests run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from pydantic import SecretStr

from wizard import blueprint, keys
from wizard.azure import clients, clouds
from wizard.deploy import endpoints, journey, record
from wizard.plan.choices import DEFAULT_IMAGES
from wizard.plan.model import Auth, Balancer, Diagnostics, Machines, Nat, OsType, Placement, Plan
from wizard.verify import health, machines, readiness, verify
from wizard.verify.events import CheckDone, Verified

PORT = 8081
"""One that anybody may bind, and not in the sample of ports that should be closed."""


@dataclass(frozen=True)
class Stand:
    """A deployment and what it was made with."""

    name: str
    plan: Plan
    passwords: Mapping[str, SecretStr]

    @property
    def record(self) -> record.Record:
        return record.load(self.name)


@contextmanager
def standing(
    auth: Auth,
    count: int,
    *,
    page: bool,
    os: OsType = OsType.LINUX,
    diagnostics: Diagnostics | None = None,
    placement: Placement = Placement.AVAILABILITY_SET,
) -> Iterator[Stand]:
    """Deploy into the running sandbox and wait for the sign-ins, and for `page`, too; destroyed at the end.

    The key is the one in HOME/keys. One probe decides, since their 5 s are not shortened by any speed.
    """
    key = keys.ensure().public if auth == Auth.SSH_KEY else ""
    plan = Plan(
        name=f"stand-{token_hex(3)}",
        prefix="web",
        machines=Machines(os=os, image=DEFAULT_IMAGES[os], count=count, auth=auth, ssh_key=key, placement=placement),
        balancer=Balancer(
            frontend_port=PORT, probe_threshold=1, nat=Nat.RANGE if placement is Placement.SCALE_SET else Nat.PER_VM
        ),
        diagnostics=diagnostics or Diagnostics(),
    )
    passwords = {vm: SecretStr(f"first-Horse-{token_hex(4)}") for vm in plan.vm_names}
    try:
        asyncio.run(_deploy(plan, passwords if auth == Auth.PASSWORD else {}, page))
        yield Stand(plan.name, plan, passwords)
    finally:
        asyncio.run(_destroy(plan.name))


@contextmanager
def deployed(plan: Plan) -> Iterator[Plan]:
    """Deploy a plan without passwords into the running sandbox; destroyed at the end."""
    try:
        asyncio.run(_carry_out(plan))
        yield plan
    finally:
        asyncio.run(_destroy(plan.name))


async def _carry_out(plan: Plan) -> None:
    async with clients.connect(clouds.find("sandbox")) as azure:
        await journey.carry_out(await journey.look(plan, azure), azure, {}, lambda event: None)


async def _deploy(plan: Plan, passwords: Mapping[str, SecretStr], page: bool) -> None:
    async with clients.connect(clouds.find("sandbox")) as azure:
        outlook = await journey.look(plan, azure)
        await journey.carry_out(outlook, azure, dict(passwords), lambda event: None)
        planned = blueprint.build(plan, azure.subscription_id)
        reach = await endpoints.read(azure, planned)
        balancer = next(iter(planned.of_type(machines.LOAD_BALANCERS)))
        rule = (balancer.id, balancer.body["properties"]["loadBalancingRules"][0]["name"])
        place = readiness.Place(machines.of(planned), rule if page else None, _hosts(reach.ssh), _hosts(reach.rdp))
        assert await readiness.wait(azure, place, 120, lambda event: None)


def _hosts(doors: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    return {vm: (at.rpartition(":")[0], int(at.rpartition(":")[2])) for vm, at in doors.items()}


async def _destroy(name: str) -> None:
    async with clients.connect(clouds.find("sandbox")) as azure:
        await journey.destroy(record.load(name), azure, lambda event: None)


async def verified_by(azure: clients.Azure, name: str, **options: Any) -> tuple[Verified, list[CheckDone]]:
    """Verify, and return what was told."""
    told: list[Any] = []
    verified = await verify(record.load(name), azure, emit=told.append, **options)
    return verified, [event for event in told if isinstance(event, CheckDone)]


def planned(stand: Stand, azure: clients.Azure) -> tuple[Any, str, list[machines.Machine]]:
    """The balancer, its rule's name and the VMs, as they are planned."""
    graph = blueprint.build(stand.plan, azure.subscription_id)
    balancer = next(iter(graph.of_type(machines.LOAD_BALANCERS)))
    return balancer, balancer.body["properties"]["loadBalancingRules"][0]["name"], list(machines.of(graph))


async def until_probes(azure: clients.Azure, stand: Stand, **wanted: bool) -> None:
    balancer, rule, vms = planned(stand, azure)
    until = time.monotonic() + 30
    while True:
        found = await health.probes(azure, balancer.id, rule, vms)
        if all(found[vm][0] == up for vm, up in wanted.items()):
            return
        assert time.monotonic() < until, found
        await asyncio.sleep(0.1)
