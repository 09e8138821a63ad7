"""The loss of a VM, or of all VMs of a domain: a stop, the balancer's reaction, a start, the return; the judgement."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard import ids
from wizard.errors import AzureError, InputError, WizardError
from wizard.verify.drill import domains, verdict
from wizard.verify.drill.events import DrillDone
from wizard.verify.drill.stage import RATE, RETURN_S, TURN_S, WAIT_S, Measured, Stage, names
from wizard.verify.drill.verdict import Timeline
from wizard.verify.events import Emit
from wizard.verify.load.engine import OnSnapshot, RunningLoad
from wizard.verify.load.series import Snapshot
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

BEFORE_S = 5.0
AWAY_S = 3.0
AFTER_S = 5.0


async def drill(
    record: Record,
    azure: Azure,
    *,
    vm: str | None = None,
    update_domain: int | None = None,
    fault_domain: int | None = None,
    zone: str | None = None,
    rate: float = RATE,
    wait_s: float = WAIT_S,
    before_s: float | None = None,
    after_s: float | None = None,
    emit: Emit,
    on_snapshot: OnSnapshot | None = None,
) -> DrillDone:
    """Stop one VM (the first, or the one named), or all of an update domain, fault domain or zone, under load; bring it
    back.

    The load is an open loop of `rate` requests a second, each on a new connection, beside 20 kept-alive connections.
    It begins once every VM is in rotation, for which `wait_s` seconds are given; `before_s` and `after_s` (5 s each)
    are how long the load runs undisturbed. The VM is started again in any case, also after an error or an interruption.

    Raises InputError for a VM that is not the deployment's and for a drill that would leave no VM; WizardError when the
    deployment is not healthy to begin with; AzureError and UnreachableError as Azure does.
    """
    running = _Loss(record, azure, emit, on_snapshot)
    await running.meet()
    if update_domain is not None:
        running.victims = await domains.of_set(azure, record.name, running.machines, "update", update_domain)
    elif fault_domain is not None:
        running.victims = await domains.of_set(azure, record.name, running.machines, "fault", fault_domain)
    elif zone is not None:
        running.victims = domains.of_zone(running.blueprint, running.machines, zone)
    else:
        running.victims, running.whichever = running.named(vm), vm is None
    running.before_s = BEFORE_S if before_s is None else before_s
    running.after_s = AFTER_S if after_s is None else after_s
    await running.prepare(wait_s)
    with running.stopping:
        measured = await running.under_load(rate, running.story)
    try:
        if measured.story.detected is not None:
            await running.witnessed(running.victims, False, measured.load.requests - measured.load.errors)
    finally:  # the verdict stands, also where nobody waits for Azure Monitor to the end
        done = running.judge(measured, rate)
    return done


class _Loss(Stage):
    """The machines that are lost, and what was seen of them."""

    def __init__(self, record: Record, azure: Azure, emit: Emit, on_snapshot: OnSnapshot | None) -> None:
        super().__init__(record, azure, emit, on_snapshot)
        self.victims: Sequence[Machine] = ()
        self.whichever = False  # any VM is as good
        self.before_s = self.after_s = 0.0
        self._back: dict[str, float] = {}
        self._started: float | None = None

    async def prepare(self, wait_s: float) -> None:
        """Refuse what would prove nothing."""
        self._leave_somebody()
        await self.ready(wait_s)
        await self._still_there()

    async def _still_there(self) -> None:
        """Turn to the VMs that were not deleted meanwhile; WizardError when none of those to be stopped is left."""
        await self.look(self.machines)
        self.machines, chosen = self.there(self.machines), self.victims
        self.victims = self.there(chosen) or (self.machines[:1] if self.whichever else ())
        if not self.victims:
            raise WizardError(
                f"{names(chosen)} {'was' if len(chosen) == 1 else 'were'} deleted meanwhile, and nothing was stopped.",
                "Autoscale and repairs take VMs as they see fit.",
                f"See who is there: multivm-wizard status {self.record.name}",
            )
        self._leave_somebody()

    def _leave_somebody(self) -> None:
        if len(self.victims) == len(self.machines):
            raise InputError(
                f"The drill would stop all {len(self.machines)} VMs of {self.record.name}.",
                "Then nobody is left to take over, and there is nothing to prove.",
                "Deploy two VMs or more, in more than one domain.",
            )

    async def story(self, load: RunningLoad) -> Timeline:
        """Before, the stop, the reaction, the start, after. The VM is on its way back when this is left."""
        self.mark("the load runs")
        await asyncio.sleep(self.before_s)
        await self._still_there()
        await self.until_named(load, self.victims)
        detected: float | None = None
        stopping: asyncio.Task[None] | None = None
        try:
            self.going(self.victims)
            self.mark(f"stopping {names(self.victims)}")
            stopping = asyncio.create_task(self.power(self.victims, "begin_power_off", skip_shutdown=True))
            detected = await self._until_down(stopping)
            await asyncio.wait([stopping])
            stopping.result()
            stopped = max(load.tally.last_by_vm.get(victim.name, 0.0) for victim in self.victims)
            if detected is not None:
                self.mark(f"{names(self.victims)} out of rotation")
            await asyncio.sleep(AWAY_S)
        except BaseException as error:
            if stopping is None:
                self.back(self.victims)
                raise
            await self._bring_back(stopping, error)
            raise
        await self._bring_back(stopping)
        back = await self._until_back()
        if back is not None:
            self.mark(f"{names(self.there(self.victims))} answers again")
        await asyncio.sleep(self.after_s)
        return Timeline(stopped, detected, self._started, back, self.now())

    async def _until_down(self, stopping: asyncio.Task[None]) -> float | None:
        """When Azure's health call said Down for every stopped VM; None when it did not within twice the time due."""
        deadline: float | None = None
        while deadline is None or self.now() < deadline:
            if stopping.done() and deadline is None:
                stopping.result()
                deadline = self.now() + 2 * self.probe.latest_s
            state = await self.probes()
            if not any(state[victim.name][0] for victim in self.victims):
                return self.now()
            await asyncio.sleep(self.probe.seen_every_s)
        return None

    async def _until_back(self) -> float | None:
        """When the last of the stopped VMs answered again; None when one did not, or none is left to answer."""
        deadline, look_at = self.now() + RETURN_S, 0.0
        while (away := self._away()) and self.now() < deadline:
            if self.now() >= look_at:
                with contextlib.suppress(AzureError):  # asked again at the next turn
                    await self.look(away)
                look_at = self.now() + self.probe.seen_every_s
            await asyncio.sleep(TURN_S)
        left = [self._back[victim.name] for victim in self.there(self.victims) if victim.name in self._back]
        return max(left, default=None) if not away else None

    def _away(self) -> list[Machine]:
        return [victim for victim in self.there(self.victims) if victim.name not in self._back]

    async def _bring_back(self, stopping: asyncio.Task[None], interrupted: BaseException | None = None) -> None:
        """Start what was stopped, to the end, however often we are interrupted meanwhile; then raise `interrupted`."""
        starting = asyncio.create_task(self._start(stopping))
        try:
            if self.there(self.victims):
                self.mark(f"starting {names(self.there(self.victims))}")
        except Exception as error:  # whoever listens has gone; the VM comes first
            interrupted = interrupted or error
        await self.insist(self.victims, starting, interrupted)

    async def _start(self, stopping: asyncio.Task[None]) -> None:
        await asyncio.wait([stopping])
        self._started = self.now()
        await self.start(self.victims)

    def named(self, vm: str | None) -> Sequence[Machine]:
        """The VM of that name or id; the first where none is named."""
        if vm is None:
            return self.machines[:1]
        for machine in self.machines:
            if vm in (machine.name, ids.parse(machine.id).name) or ids.key(machine.id) == ids.key(vm):
                return [machine]
        known = [machine.name for machine in self.machines]
        near = difflib.get_close_matches(vm, known, n=1)
        raise InputError(
            f"{self.record.name} has no VM named {vm}.",
            f"It has {', '.join(known)}.",
            f"Did you mean {near[0]}?" if near else "Name one of them.",
        )

    def saw(self, snapshot: Snapshot) -> None:
        if self._started is not None and snapshot.at > self._started:
            for victim in self.victims:
                if snapshot.tally.by_vm.get(victim.name):
                    self._back.setdefault(victim.name, snapshot.at)
        super().saw(snapshot)

    def judge(self, measured: Measured[Timeline], rate: float) -> DrillDone:
        """The verdict over what was seen, with its evidence kept."""
        timeline, held = measured.story, measured.held
        others = [machine.name for machine in self.there(self.machines) if machine not in self.victims]
        until = timeline.started if timeline.started is not None else timeline.ended
        during = verdict.answers(self.snapshots, timeline.stopped, until)
        failed_at = {at / 100: count for at, count in sorted(measured.running.tally.failed_at.items())}
        returning = [victim.name for victim in self.there(self.victims)]
        why = verdict.broken(
            timeline, self.probe, failed_at, during, others=others, reset=held.reset, returning=returning
        )
        done = DrillDone(
            vm=names(self.victims),
            vms=[victim.name for victim in self.victims],
            survived=not why,
            promise=verdict.promise(self.probe),
            why=self.explained(why),
            detected_s=verdict.since(timeline.stopped, timeline.detected),
            expected_detection_s=self.probe.expected_s,
            requests=measured.load.requests,
            failed=measured.load.errors,
            longest_gap_s=measured.load.longest_gap_s,
            failing_for_s=round(max(failed_at) - min(failed_at), 2) if failed_at else 0.0,
            back_in_rotation_s=verdict.since(timeline.started, timeline.back),
            offered_rps=rate,
            errors_by_kind=measured.load.errors_by_kind,
            phases=verdict.phases(self.snapshots, timeline),
            connections={"reset": sum(held.reset.values()), "survived": sum(held.survived.values())},
            connections_by_vm={"reset": dict(held.reset), "survived": dict(held.survived)},
            marks=[{"at": mark.at, "what": mark.what} for mark in self.marks],
            series=measured.load.series,
            gone=list(self.gone),
        )
        return self.told(done)
