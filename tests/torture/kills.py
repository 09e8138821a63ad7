"""Kills: a deployment, a teardown and a scaling are ended with SIGKILL at every turn of every kind of resource.

What is killed is a process of its own (a fork, so that the SDK is imported once). The next process goes on with what
the journal holds, or without it, in a group of its own or of others; and is killed too, in the double ones. At the end
ARM must hold exactly what was planned, or nothing; the sandbox's request log tells what was written twice, or to
others.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.torture.progress import Budget, Progress, open_cases
from tests.torture.stand import FORMS, PASSWORD, plan_in_form, plan_of
from wizard import blueprint as blueprints
from wizard import ids
from wizard.blueprint import names
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import engine, journal, members, record, scale, survey, teardown
from wizard.deploy.journal import Kept
from wizard.deploy.secrets import Secrets
from wizard.home import home
from wizard.plan.model import Plan
from wizard.sandbox import control

SPEED = 300.0
FLOOR_S = 0.02
POINTS = ("before-intent", "in-write", "after-intent", "sent", "answered", "polling", "terminal")
COUNTED = ("killed", "lost", "duplicate", "foreign")
OTHERS = "twice-in-a-group-of-others"
WAYS = ("once", "twice", OTHERS, "twice-without-journal")
SCALED = ("loadBalancers", "networkInterfaces", "virtualMachines")
THEIRS = "Microsoft.Network/publicIPAddresses"


@dataclass(frozen=True)
class Case:
    way: str
    verbs: str  # PUT, DELETE: a deployment is killed, and its teardown; SCALE: a scaling out
    point: str
    type: str

    @property
    def form(self) -> str:
        return FORMS.get(self.type, "plain")

    @property
    def key(self) -> str:
        return f"{self.way} {self.verbs} {self.point} {self.type}"


def cases() -> list[Case]:
    types = [resource.type.rpartition("/")[2] for resource in graph_of(plan_of("x"), "s")]
    found = []
    for point in POINTS:
        for kind in dict.fromkeys((*types, *FORMS)):
            if point == "polling" and kind in _AT_ONCE:
                continue
            ways = WAYS if kind != "resourceGroups" else [way for way in WAYS if way != OTHERS]
            found += [Case(way, "PUT, DELETE", point, kind) for way in ways]
            if kind in SCALED and (point, kind) not in _LATER:
                found.append(Case("once", "SCALE", point, kind))
    return found


_AT_ONCE = ("availabilitySets", "autoscalesettings")
"""ARM has written and deleted these when it answers: there is no operation to be asked for."""

_LATER = {("answered", "loadBalancers"), ("polling", "loadBalancers")}
"""A document that stays is read and written until it holds: its answer is no turn of its own."""


def graph_of(plan: Plan, subscription: str) -> Blueprint:
    return blueprints.build(plan, subscription)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Kept):
    """A journal that ends its process at a point of a type's turns."""

    def __init__(self, folder: Path, name: str, point: str, type: str) -> None:
        self.point, self.type, self.hit = point, type, False
        super().__init__(folder, name)

    def __enter__(self) -> Deadly:
        return self

    def due(self, point: str, id: str) -> bool:
        return self.point == point and ids.parse(id).type.rpartition("/")[2].lower() == self.type.lower()

    def intent(self, id: str, verb: str = "PUT") -> None:
        if self.due("before-intent", id):
            killed()
        self.hit = self.due("in-write", id)
        super().intent(id, verb)
        if self.due("after-intent", id):
            killed()

    def answered(self, id: str, poller: Any) -> None:
        if self.due("answered", id):
            killed()
        super().answered(id, poller)

    def ended(self, id: str, code: str) -> None:
        if self.due("terminal", id):
            killed()
        super().ended(id, code)

    def _insert(self, row: tuple[int, str, str, str, str, str]) -> None:
        if self.hit:
            self._connection.execute("BEGIN")
            super()._insert(row)
            killed()
        super()._insert(row)


class DeadlyArm:
    """A connection that ends its process when a request has left, or while its operation is asked for."""

    def __init__(self, azure: Any, kept: Deadly) -> None:
        self._azure, self._kept = azure, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._azure, name)

    async def begin_put(self, resource: Resource, body: Any, *, if_match: str | None = None) -> Any:
        return await self._begun(resource.id, self._azure.begin_put(resource, body, if_match=if_match))

    async def begin_delete(self, id: str) -> Any:
        return await self._begun(id, self._azure.begin_delete(id))

    async def _begun(self, id: str, call: Awaitable[Any]) -> Any:
        sent = asyncio.ensure_future(call)
        if self._kept.due("sent", id):
            await asyncio.wait({sent}, timeout=random.uniform(0.002, 0.01))
            killed()
        poller = await sent
        if poller is not None and self._kept.due("polling", id):
            asking = asyncio.ensure_future(poller.result())
            await asyncio.wait({asking}, timeout=random.uniform(0.0, 0.03))
            killed()
        return poller


def forked(work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    """What `work` returns, done in a process of its own; None when that was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            told: dict[str, Any] = asyncio.run(work())  # type: ignore[arg-type]
        except BaseException as error:
            told = {"error": f"{type(error).__name__}: {error}"[:500]}
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(pid, 0)
    return None if os.WIFSIGNALED(status) else json.loads(content)


async def connected(work: Callable[[Any], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    from wizard.azure import clients, clouds

    async with clients.connect(clouds.find("sandbox")) as azure:
        azure.cloud = replace(azure.cloud, poll_floor_s=FLOOR_S)
        return await work(azure)


class Stand:
    """One sandbox, its log, and a resource group of somebody else."""

    def __init__(self, facts: dict[str, Any], seed: int) -> None:
        self.log = Path(facts["requests_log"])
        self.subscription = str(facts["subscription"])
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.others = plan_of(f"theirs-{seed}").model_copy(update={"existing_group": True})
        self.theirs = ids.resource_id(self.subscription, self.others.name, THEIRS, "theirs")
        self.before = forked(lambda: connected(self._furnish))

    async def _furnish(self, azure: Any) -> dict[str, Any]:
        group = graph_of(plan_of(self.others.name), self.subscription).resources[0]
        await azure.begin_put(group, {"location": "westeurope", "tags": {"owner": "somebody"}})
        body = {
            "location": "westeurope",
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        }
        await (await azure.begin_put(Resource(self.theirs, THEIRS, "theirs", {}), body)).result()
        return await self._of_others(azure)

    async def _of_others(self, azure: Any) -> dict[str, Any]:
        group = ids.group_id(self.subscription, self.others.name)
        return {"group": await azure.get(group), "address": await azure.get(self.theirs)}

    def run(self, case: Case) -> tuple[str, str]:
        """Kill, go on, judge: the outcome and why."""
        draw = random.Random(f"{self.seed} {case.key}")
        others = case.way == OTHERS
        plan = plan_in_form(self.others.name if others else f"kill-{draw.getrandbits(40):x}", case.form)
        if others:
            plan = plan.model_copy(update={"existing_group": True})
        folder = home() / "deployments" / plan.name
        types = [resource.type.rpartition("/")[2] for resource in graph_of(plan, self.subscription)]
        faults = self._to_the_end("PUT", plan, folder) if case.verbs == "SCALE" else []
        deaths = 0
        for verb in case.verbs.split(", "):
            mark = self.log.stat().st_size
            turns = [(case.point, case.type)]
            if case.way != "once":
                turns.append((draw.choice(POINTS), draw.choice(types)))
            for point, kind in turns:
                told = forked(partial(self._work, verb, plan, folder, point, kind))
                deaths += told is None
                faults += [told["error"]] if told and "error" in told else []
                if case.way == "twice-without-journal":
                    (folder / journal.FILE).unlink(missing_ok=True)
                    (folder / f"{journal.FILE}-wal").unlink(missing_ok=True)
            faults += self._to_the_end(verb, plan, folder)
            faults += self._from_the_log(verb, plan, mark)
        if case.verbs == "SCALE":
            faults += self._to_the_end("DELETE", plan, folder)
        if others and forked(lambda: connected(self._of_others)) != self.before:
            faults.append("foreign: what is others' was changed")
        self.counts["killed"] += deaths
        for word in COUNTED[1:]:
            self.counts[word] += sum(fault.startswith(word) for fault in faults)
        return ("failed" if faults else "survived" if deaths else "not reached"), "; ".join(faults)

    async def _work(self, verb: str, plan: Plan, folder: Path, point: str, type: str) -> dict[str, Any]:
        async def work(azure: Any) -> dict[str, Any]:
            with Deadly(folder, plan.name, point, type) as kept:
                arm: Any = DeadlyArm(azure, kept)
                if verb == "PUT":
                    record.save(plan, self.subscription)
                    graph = graph_of(plan, self.subscription)
                    given = Secrets.passwords({one.name: PASSWORD for one in graph if one.secrets})
                    await engine.deploy(graph, arm, given, _silent, journal=kept)
                elif verb == "DELETE":
                    await teardown.destroy(arm, plan.name, _silent, existing_group=plan.existing_group, journal=kept)
                else:
                    from wizard.deploy.scaling import Scaling

                    outlook = await scale.look(record.load(plan.name), azure, 2)
                    scaling = Scaling(outlook, arm, Secrets(), _silent, 0.0)
                    scaling.journal = kept
                    await scaling.to_the_end()
            told: dict[str, Any] = {"set_aside": str(kept.set_aside or "")}
            if not point:
                told |= await self._held(azure, scale.with_count(plan, 2) if verb == "SCALE" else plan)
            return told

        return await connected(work)

    def _to_the_end(self, verb: str, plan: Plan, folder: Path) -> list[str]:
        """Once more, undisturbed, and what ARM holds then."""
        told = forked(lambda: self._work(verb, plan, folder, "", ""))
        if told is None or "error" in told:
            return [f"lost: {verb} did not end: {told}"]
        if told["set_aside"]:
            return [f"lost: the journal was taken for damaged: {told['set_aside']}"]
        held = told
        if verb == "DELETE":
            return [f"lost: {held['listed']} is left"] if held["listed"] or held["group"] else []
        faults = [f"lost: {held['not_same']}"] if held["not_same"] else []
        return faults + ([f"duplicate: {held['more']}"] if held["more"] else [])

    async def _held(self, azure: Any, plan: Plan) -> dict[str, Any]:
        graph = graph_of(plan, self.subscription)
        found = await survey.take(graph, azure)
        listed = [str(item["id"]) for item in await azure.list_group(plan.name) or []]
        ours = [one for one in listed if ids.key(one) != ids.key(self.theirs)]
        whole = await members.populated(graph, azure) if ours and graph.of_type(names.SCALE_SET) else graph
        own = tuple(f"{ids.key(vm.id)}/" for vm in whole.of_type(names.VM) if vm.id not in graph)  # the set's own
        disks = [one for one in ours if "/disks/" in one.lower()]
        more = [one for one in ours if one not in whole and one not in disks and not ids.key(one).startswith(own)]
        if len(whole) > len(graph) and len(whole.of_type(names.VM)) > plan.machines.count:
            more += [one.id for one in whole.of_type(names.VM)]
        return {
            "listed": ours,
            "group": not plan.existing_group
            and await azure.get(ids.group_id(self.subscription, plan.name)) is not None,
            "not_same": [f"{one.resource.name} {one.state}" for one in found.findings if one.state != "same"],
            "more": more + disks[plan.machines.count :],
        }

    def _from_the_log(self, verb: str, plan: Plan, mark: int) -> list[str]:
        """Writes that ARM accepted twice, and writes to what is not planned."""
        with self.log.open("rb") as stream:
            stream.seek(mark)
            lines = [json.loads(line) for line in stream.read().splitlines()]
        graph = graph_of(scale.with_count(plan, 2) if verb == "SCALE" else plan, self.subscription)
        group = f"{ids.key(ids.group_id(self.subscription, plan.name))}/providers/"
        ours = [f"{group}microsoft.compute/disks/"]
        if graph.of_type(names.SCALE_SET):  # names them itself
            ours += [f"{group}{names.VM.lower()}/", f"{group}{names.NIC.lower()}/"]
        faults, accepted = [], Counter[str]()
        for line in lines:
            path = ids.key(str(line["path"]).split("?")[0].rstrip("/"))
            if line["method"] in ("GET", "HEAD", "POST") or "/resourcegroups/" not in path:
                continue
            if path not in {ids.key(resource.id) for resource in graph} and not path.startswith(tuple(ours)):
                faults.append(f"foreign: {line['method']} {path}")
            if line["method"] == "PUT" and line["status"] < 300:
                accepted[path] += 1
        again = [path for path, times in accepted.items() if times > 1]
        return faults + [f"duplicate: {path} was written {accepted[path]} times" for path in again]


def _silent(_: object) -> None:
    pass


def imported() -> None:
    """What every fork is to find imported."""
    import aiohttp
    import azure.core.polling
    import azure.identity.aio
    import azure.mgmt.compute.aio
    import azure.mgmt.core.polling.async_arm_polling
    import azure.mgmt.network.aio
    import azure.mgmt.resource.resources.aio
    import azure.mgmt.resource.subscriptions.aio  # noqa: F401

    assert aiohttp


def runs(wanted: list[Case], keep: Callable[[Case, str, str], None], seed: int) -> Counter[str]:
    """Run cases against a sandbox that is started here; the counts: killed, lost, duplicate, foreign."""
    imported()
    stand = Stand(control.start(speed=SPEED), seed)
    try:
        for case in wanted:
            keep(case, *stand.run(case))
    finally:
        control.stop()
    return stand.counts


def _open(progress: Progress, budget: Budget) -> Iterator[Case]:
    by_key = {case.key: case for case in cases()}
    for key in open_cases(progress, by_key, budget):
        yield by_key[key]


def run(progress: Progress, budget: Budget) -> int:
    imported()
    stand: Stand | None = None
    try:
        for case in _open(progress, budget):
            stand = stand or Stand(control.start(speed=SPEED), progress.seed)
            before = stand.counts.copy()
            outcome, why = stand.run(case)
            counted = {name: stand.counts[name] - before[name] for name in COUNTED}
            progress.keep(case.key, f"{case.verbs} {case.point}", outcome, why, **counted)
    finally:
        if stand is not None:
            control.stop()
    sums = {
        name: sum(case.get(name, 0) for case in progress.cases.values())
        for name in ("killed", "lost", "duplicate", "foreign")
    }
    sys.stdout.write(f"kills: {sums}\n")
    return sum(not progress.has(case.key) for case in cases())
