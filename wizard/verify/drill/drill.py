"""Runs a drill: a steady load, a stop, the balancer's reaction, a start, the return; then the judgement."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.deploy import endpoints
from wizard.errors import AzureError, InputError, WizardError
from wizard.verify import balance, control, evidence, health, readiness
from wizard.verify import machines as machines_of
from wizard.verify.drill import verdict
from wizard.verify.drill.events import DrillDone, Mark
from wizard.verify.drill.held import HeldConnections
from wizard.verify.drill.verdict import Probe, Timeline
from wizard.verify.events import Emit
from wizard.verify.load.engine import OnSnapshot, RunningLoad
from wizard.verify.load.job import Job
from wizard.verify.load.series import Snapshot
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

RATE = 100.0
"""Requests a second: one every 10 ms, so that gaps and the first failure are seen to a hundredth of a second."""

TIMEOUT_S = 3.0
"""A user's patience; a request sent to a dead VM before the balancer knows fails after this."""

HELD = 20
BEFORE_S = 5.0
AWAY_S = 3.0
AFTER_S = 5.0
WAIT_S = 120.0
RETURN_S = 600.0
LONGEST_S = 3600.0
TURN_S = 0.1

NAMED_WITHIN_S = 20.0
"""Until the VMs to be stopped have been heard of; at 100 requests a second that is 10 for each of 200 VMs."""

CONFLICT_TURN_S = 2.0
CONFLICTS = 30
"""How often a start is tried again while the stop, or somebody else's operation, still holds the VM."""


async def drill(
    record: Record,
    azure: Azure,
    *,
    vm: str | None = None,
    update_domain: int | None = None,
    fault_domain: int | None = None,
    rate: float = RATE,
    wait_s: float = WAIT_S,
    before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
    emit: Emit,
    on_snapshot: OnSnapshot | None = None,
) -> DrillDone:
    """Stop one VM (the first, or the one named), or all of an update or fault domain, under load; bring it back.

    The load is an open loop of `rate` requests a second, each on a new connection, beside 20 kept-alive connections.
    It begins once every VM is in rotation, for which `wait_s` seconds are given; `before_s` and `after_s` are how long
    the load runs undisturbed. The VM is started again in any case,
    also after an error or an interruption.

    Raises InputError for a VM that is not the deployment's and for a drill that would leave no VM; WizardError when the
    deployment is not healthy to begin with; AzureError and UnreachableError as Azure does.
    """
    running = _Drill(record, azure, emit, on_snapshot)
    await running.prepare(vm, wait_s, update_domain=update_domain, fault_domain=fault_domain)
    running.before_s, running.after_s = before_s, after_s
    return await running.run(rate)


class _Drill:
    """One drill and what it has seen so far."""

    def __init__(self, record: Record, azure: Azure, emit: Emit, on_snapshot: OnSnapshot | None) -> None:
        from wizard import blueprint

        self.record = record
        self.azure = azure
        self.emit = emit
        self.on_snapshot = on_snapshot
        self.blueprint = blueprint.build(record.plan, record.subscription)
        self.machines: Sequence[Machine] = machines_of.of(self.blueprint)
        self.victims: Sequence[Machine] = ()
        self.marks: list[Mark] = []
        self.rule = ("", "")
        self.http = ""
        self.reach = endpoints.Endpoints()
        self.began_at = datetime.now(UTC)
        self.began = 0.0
        self.before_s = BEFORE_S
        self.after_s = AFTER_S
        self._back: dict[str, float] = {}
        self._snapshots: list[Snapshot] = []
        self._started: float | None = None
        balancer = record.plan.balancer
        self.probe = Probe(balancer.probe_interval_s, balancer.probe_threshold, max(TURN_S, azure.cloud.poll_floor_s))

    async def prepare(
        self, vm: str | None, wait_s: float, *, update_domain: int | None = None, fault_domain: int | None = None
    ) -> None:
        """Choose who is stopped, and refuse what would prove nothing."""
        if update_domain is not None:
            self.victims = await self._in_domain("update", update_domain)
        elif fault_domain is not None:
            self.victims = await self._in_domain("fault", fault_domain)
        else:
            self.victims = self._named(vm)
        if len(self.victims) == len(self.machines):
            raise InputError(
                f"The drill would stop all {len(self.machines)} VMs of {self.record.name}.",
                "Then nobody is left to take over, and there is nothing to prove.",
                "Deploy two VMs or more, in more than one domain.",
            )
        live = await control.read(self.azure, self.blueprint)
        rule = control.balancing_rule(self.blueprint, live)
        reach = await endpoints.read(self.azure, self.blueprint)
        if rule is None or not reach.http:
            raise WizardError(
                f"{self.record.name} has no balancer that could take over.",
                "Its load balancer, its rule or its public address is missing.",
                f"See what is there: multivm-wizard verify {self.record.name}",
            )
        self.rule, self.http, self.reach = rule, f"{reach.http}/", reach
        await readiness.wait(self.azure, readiness.Place(self.machines, rule, {}), wait_s, self.emit)
        down = {name: reason for name, (up, reason) in (await self._probes()).items() if not up}
        if down:
            told = ", ".join(f"{name}: {reason}" for name, reason in down.items())
            raise WizardError(
                f"{self.record.name} is not healthy, and nothing was stopped.",
                f"A drill starts with every VM in rotation. {told}.",
                f"Find out why: multivm-wizard verify {self.record.name}",
            )

    async def run(self, rate: float) -> DrillDone:
        patience = max(50, round(rate * (TIMEOUT_S + 1)))
        job = Job(self.http, LONGEST_S, patience, rate, False, balance.HEADER, TIMEOUT_S, TIMEOUT_S)
        load = RunningLoad(job, on_snapshot=self._saw)
        held = HeldConnections(self.http, HELD, balance.HEADER)
        await load.start()
        self.began = time.perf_counter()
        finishing = asyncio.create_task(load.finish([machine.name for machine in self.machines]))
        held.start()
        story = asyncio.create_task(self._story(load))
        try:
            await asyncio.wait({story, finishing}, return_when=asyncio.FIRST_COMPLETED)
            if not story.done():  # nothing can be measured any more
                await _ended(story)
                await finishing
                raise WizardError("The drill's load ended too early.", f"It may last {LONGEST_S:g} s.", "Try again.")
            timeline = story.result()
        except BaseException:
            await _ended(story)
            await held.cancel()
            load.stop()
            await asyncio.gather(finishing, return_exceptions=True)
            if not story.cancelled():
                story.result()  # a VM that could not be started again is the worse news
            raise
        await held.end()
        load.stop()
        measured = await finishing
        return self._judge(load, timeline, held, measured, rate)

    async def _story(self, load: RunningLoad) -> Timeline:
        """Before, the stop, the reaction, the start, after. The VM is on its way back when this is left."""
        self._mark("the load runs")
        await asyncio.sleep(BEFORE_S)
        await self._until_named(load)
        detected: float | None = None
        stopping: asyncio.Task[None] | None = None
        try:
            self._mark(f"stopping {self._names}")
            stopping = asyncio.create_task(self._power("begin_power_off", skip_shutdown=True))
            detected = await self._until_down(stopping)
            await asyncio.wait([stopping])
            stopping.result()
            stopped = max(load.tally.last_by_vm.get(victim.name, 0.0) for victim in self.victims)
            if detected is not None:
                self._mark(f"{self._names} out of rotation")
            await asyncio.sleep(AWAY_S)
        except BaseException as error:
            if stopping is None:
                raise
            await self._bring_back(stopping, error)
            raise
        await self._bring_back(stopping)
        back = await self._until_back()
        if back is not None:
            self._mark(f"{self._names} answers again")
        await asyncio.sleep(AFTER_S)
        return Timeline(stopped, detected, self._started, back, self._now())

    async def _until_named(self, load: RunningLoad) -> None:
        """Until the load has heard of every VM that will be stopped; WizardError when their answers do not name them.

        Whose page does not say which VM it comes from cannot be told from the others', nor its return be seen.
        """
        deadline = self._now() + NAMED_WITHIN_S
        while nameless := [victim.name for victim in self.victims if not load.tally.by_vm.get(victim.name)]:
            if self._now() > deadline:
                raise WizardError(
                    f"No answer comes from {', '.join(nameless)}, and nothing was stopped.",
                    f"A drill tells VMs apart by the header {balance.HEADER} of their answers.",
                    f"Find out why: multivm-wizard load {self.record.name}",
                )
            await asyncio.sleep(TURN_S)

    async def _until_down(self, stopping: asyncio.Task[None]) -> float | None:
        """When Azure's health call said Down for every stopped VM; None when it did not within twice the time due."""
        deadline: float | None = None
        while deadline is None or self._now() < deadline:
            if stopping.done() and deadline is None:
                stopping.result()
                deadline = self._now() + 2 * self.probe.latest_s
            state = await self._probes()
            if not any(state[victim.name][0] for victim in self.victims):
                return self._now()
            await asyncio.sleep(self.probe.seen_every_s)
        return None

    async def _until_back(self) -> float | None:
        deadline = self._now() + RETURN_S
        while len(self._back) < len(self.victims) and self._now() < deadline:  # noqa: ASYNC110 - reports come in turns
            await asyncio.sleep(TURN_S)
        return max(self._back.values()) if len(self._back) == len(self.victims) else None

    async def _bring_back(self, stopping: asyncio.Task[None], interrupted: BaseException | None = None) -> None:
        """Start what was stopped, to the end, however often we are interrupted meanwhile; then raise `interrupted`."""
        starting = asyncio.create_task(self._start(stopping))
        try:
            self._mark(f"starting {self._names}")
        except Exception as error:  # whoever listens has gone; the VM comes first
            interrupted = interrupted or error
        while not starting.done():
            try:
                await asyncio.wait([starting])
            except asyncio.CancelledError as error:
                interrupted = interrupted or error
        try:
            starting.result()
        except WizardError as error:
            raise WizardError(
                f"{self._names} could not be started again.",
                str(error),
                "; ".join(f"az vm start --ids {victim.id}" for victim in self.victims),
            ) from None
        if interrupted is not None:
            with contextlib.suppress(Exception):
                self._mark(f"{self._names} was started again")
            raise interrupted

    async def _start(self, stopping: asyncio.Task[None]) -> None:
        """Start the VMs once they are stopped: while a VM is being stopped, Azure refuses to start it."""
        await asyncio.wait([stopping])
        self._started = self._now()
        for attempt in range(CONFLICTS):
            try:
                await self._power("begin_start")
            except AzureError as error:
                if error.status != HTTPStatus.CONFLICT or attempt == CONFLICTS - 1:
                    raise
                await asyncio.sleep(CONFLICT_TURN_S)
            else:
                return

    async def _power(self, operation: str, **options: Any) -> None:
        async def one(machine: Machine) -> None:
            begin = getattr(self.azure.compute.virtual_machines, operation)
            poller: Any = await self.azure.ask(begin(machine.group, machine.name, **options))
            await self.azure.ask(poller.result())

        await together(one(victim) for victim in self.victims)

    async def _probes(self) -> Any:
        return await health.probes(self.azure, *self.rule, self.machines)

    async def _in_domain(self, kind: str, number: int) -> Sequence[Machine]:
        """The VMs in a domain of the availability set: `update` (planned maintenance) or `fault` (a rack's power)."""
        views = await together(health.instance(self.azure, machine) for machine in self.machines)
        domains = [view.get(f"platform{kind.capitalize()}Domain") for view in views]
        chosen = [machine for machine, domain in zip(self.machines, domains, strict=True) if domain == number]
        if not chosen:
            raise InputError(
                f"No VM of {self.record.name} is in {kind} domain {number}.",
                f"Its VMs are in {', '.join(sorted({str(domain) for domain in domains}))}.",
                "Name one of these.",
            )
        return chosen

    def _named(self, vm: str | None) -> Sequence[Machine]:
        if vm is None:
            return self.machines[:1]
        for machine in self.machines:
            if machine.name == vm or ids.key(machine.id) == ids.key(vm):
                return [machine]
        names = [machine.name for machine in self.machines]
        near = difflib.get_close_matches(vm, names, n=1)
        raise InputError(
            f"{self.record.name} has no VM named {vm}.",
            f"It has {', '.join(names)}.",
            f"Did you mean {near[0]}?" if near else "Name one of them.",
        )

    def _saw(self, snapshot: Snapshot) -> None:
        self._snapshots.append(snapshot)
        if self._started is not None and snapshot.at > self._started:
            for victim in self.victims:
                if snapshot.tally.by_vm.get(victim.name):
                    self._back.setdefault(victim.name, snapshot.at)
        if self.on_snapshot is not None:
            self.on_snapshot(snapshot)

    def _judge(
        self, load: RunningLoad, timeline: Timeline, held: HeldConnections, measured: Any, rate: float
    ) -> DrillDone:
        others = [machine.name for machine in self.machines if machine not in self.victims]
        tally = load.tally
        during: dict[str, int] = {}
        until = timeline.started if timeline.started is not None else timeline.ended
        for snapshot in self._snapshots:
            if timeline.stopped < snapshot.at <= until:
                for vm, count in snapshot.tally.by_vm.items():
                    during[vm] = during.get(vm, 0) + count
        failed_at = {at / 100: count for at, count in sorted(tally.failed_at.items())}
        why = verdict.broken(timeline, self.probe, failed_at, during, others=others, reset=held.reset)
        done = DrillDone(
            vm=self._names,
            vms=[victim.name for victim in self.victims],
            survived=not why,
            promise=verdict.promise(self.probe),
            why=why,
            detected_s=_since(timeline.stopped, timeline.detected),
            expected_detection_s=self.probe.expected_s,
            requests=measured.requests,
            failed=measured.errors,
            longest_gap_s=measured.longest_gap_s,
            failing_for_s=round(max(failed_at) - min(failed_at), 2) if failed_at else 0.0,
            back_in_rotation_s=_since(timeline.started, timeline.back),
            offered_rps=rate,
            errors_by_kind=measured.errors_by_kind,
            phases=verdict.phases(self._snapshots, timeline),
            connections={"reset": sum(held.reset.values()), "survived": sum(held.survived.values())},
            connections_by_vm={"reset": dict(held.reset), "survived": dict(held.survived)},
            marks=[{"at": mark.at, "what": mark.what} for mark in self.marks],
            series=measured.series,
        )
        into = evidence.folder(self.record)
        evidence.keep(into, self.record, began=self.began_at, cloud=self.azure.cloud.name, reach=self.reach, drill=done)
        done = replace(done, evidence=str(into))
        self.emit(done)
        return done

    def _mark(self, what: str) -> None:
        mark = Mark(round(self._now(), 2), what)
        self.marks.append(mark)
        self.emit(mark)

    def _now(self) -> float:
        return time.perf_counter() - self.began

    @property
    def _names(self) -> str:
        return ", ".join(victim.name for victim in self.victims)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end, however often we are cancelled ourselves; its outcome stays in it."""
    task.cancel()
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 2)
