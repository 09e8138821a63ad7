"""The commands that meet faults: what stands before each, what it does, and what is to be equal in two good runs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from tests.torture.stand import destroying, plan_in_form
from wizard import blueprint as blueprints
from wizard.azure.clients import Azure
from wizard.blueprint.resource import Blueprint
from wizard.deploy import engine, journey, record, scale
from wizard.deploy.secrets import Secrets
from wizard.plan.model import Plan
from wizard.verify import hostkeys

FIRST = SecretStr("Disturbed-Horse-1")


@dataclass(frozen=True)
class Ended:
    """How a command ended: `facts` are equal for two good runs; `words` tell of what did not go well."""

    facts: Any = None
    words: str = ""


class Place:
    """A deployment that a command is tried on, and the password that its VM has."""

    def __init__(self, azure: Azure, name: str, form: str) -> None:
        self.azure = azure
        self.plan: Plan = plan_in_form(name, form)
        self.password = FIRST
        self._resets = 0

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def graph(self) -> Blueprint:
        return blueprints.build(self.plan, self.azure.subscription_id)

    def graph_now(self) -> Blueprint:
        """With as many machines as the last scaling left, where there was one."""
        if not record.known(self.name):
            return self.graph
        return blueprints.build(record.load(self.name).plan, self.azure.subscription_id)

    async def deploy(self) -> Ended:
        graph = self.graph
        given = Secrets.passwords({one.name: self.password for one in graph if one.secrets})
        await engine.deploy(graph, self.azure, given, _silent)
        return Ended()

    async def destroy(self) -> Ended:
        await destroying(self.azure, self.graph)
        record.forget(self.name)
        return Ended()

    async def stand(self) -> None:
        """Deployed and on record, so that commands know it by its name."""
        record.save(self.plan, self.azure.subscription_id)
        await self.deploy()

    async def scale(self, count: int) -> Ended:
        outlook = await scale.look(record.load(self.name), self.azure, count)
        await scale.carry_out(outlook, self.azure, {}, _silent, drain_s=0)
        return Ended()

    async def preflight(self) -> Ended:
        from wizard import preflight

        problems = await preflight.check(self.plan, self.graph, self.azure)
        facts = tuple(self._plain(f"{one.severity} {one.field}: {one.what}") for one in problems)
        return Ended(facts, "\n".join(f"{one.what} {one.why} {one.remedy}" for one in problems))

    async def status(self) -> Ended:
        told = await journey.read_status(record.load(self.name), self.azure)
        states = tuple((self._plain(one.id), one.state) for one in told.resources)
        return Ended((told.state, states, bool(told.http), tuple(told.ssh)))

    async def power(self) -> Ended:
        """Stop the machine as a drill does, and bring it back."""
        from wizard.verify import health
        from wizard.verify import machines as machines_of
        from wizard.verify.drill.stage import Stage

        stage = Stage(record.load(self.name), self.azure, _silent, None)
        (machine,) = machines_of.of(self.graph)
        try:
            await stage.power([machine], "begin_power_off", skip_shutdown=True)
        finally:
            await stage.start([machine])
        return Ended(health.power_state(await health.instance(self.azure, machine)))

    async def verify(self) -> Ended:
        from wizard.verify import verify

        checks: list[Any] = []
        self._unpin()
        await verify(
            record.load(self.name),
            self.azure,
            password=self.password,
            wait_s=60,
            emit=lambda event: checks.append(event) if event.event == "check" else None,
        )
        facts = sorted((one.name, one.state) for one in checks)
        # What could not be asked is skipped, with its reason.
        told = (f"{one.name}: {one.detail}" for one in checks if one.state != "passed")
        return Ended(tuple(facts), "\n".join(told))

    async def reset(self) -> Ended:
        from wizard.reset import reset

        uncertain = record.load(self.name).uncertain
        self._resets += 1
        self._unpin()
        (vm,) = self.plan.vm_names
        new = SecretStr(f"Disturbed-Horse-{self._resets + 1}")
        (done,) = await reset(record.load(self.name), self.azure, [vm], new={vm: new}, old=self.password, emit=_silent)
        if done.new_login:
            self.password = new
        if uncertain and done.state == "unproved":  # what an earlier reset left open, none can refute: the next one can
            return await self.reset()
        return Ended((done.state, done.new_login), f"{done.detail} {done.remedy}")

    def _unpin(self) -> None:
        """Have the VM asked anew by Run Command who it is."""
        (record.load(self.name).folder / hostkeys.FILE).unlink(missing_ok=True)

    def _plain(self, text: str) -> str:
        return re.sub(re.escape(self.name), "GROUP", text, flags=re.IGNORECASE)


ACTS: Mapping[str, tuple[str, Callable[[Place], Awaitable[Ended]]]] = {
    "deploy": ("plain", Place.deploy),
    "look": ("plain", Place.deploy),
    "scale-out": ("plain", lambda place: place.scale(2)),
    "scale-in": ("plain", lambda place: place.scale(1)),
    "destroy": ("plain", Place.destroy),
    "preflight": ("account", Place.preflight),
    "status": ("range", Place.status),
    "power": ("plain", Place.power),
    "verify": ("password", Place.verify),
    "reset": ("password", Place.reset),
}
"""By phase: in which form of a deployment, and the command. The first five change what stands, the others do not."""

CHANGING = ("deploy", "look", "scale-out", "scale-in", "destroy")


def _silent(_: object) -> None:
    pass
