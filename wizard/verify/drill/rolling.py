"""Planned maintenance: every domain is restarted in turn, each once the one before is back in rotation, as Azure does.

Azure's own order: one update domain at a time, with time to recover before the next (Microsoft, "Availability sets
overview"), and one zone at a time. Here the next begins as soon as the last VM answers and its probe is up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.errors import WizardError
from wizard.verify import health
from wizard.verify.drill import domains, maintenance, verdict
from wizard.verify.drill.domains import Domain
from wizard.verify.drill.events import DrillDone
from wizard.verify.drill.maintenance import Round
from wizard.verify.drill.stage import RATE, RETURN_S, TIMEOUT_S, WAIT_S, Measured, Stage, names
from wizard.verify.events import Emit
from wizard.verify.load.engine import OnSnapshot, RunningLoad
from wizard.verify.load.series import Snapshot
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

BEFORE_S = 5.0
SETTLE_S = TIMEOUT_S + 0.5
"""Between a domain's return and the next one's restart: by then the last request that it cost has timed out."""
AFTER_S = 5.0


async def rolling(
    record: Record,
    azure: Azure,
    *,
    rate: float = RATE,
    wait_s: float = WAIT_S,
    emit: Emit,
    on_snapshot: OnSnapshot | None = None,
) -> DrillDone:
    """Restart all VMs, one update domain or zone after another, under the load of `drill`.

    A domain that holds every VM is restarted too: that nobody is left then is what the drill shows. When a VM does not
    come back within 10 minutes, the domains after it are left alone. A VM that is not running at the end, or after an
    error or an interruption, is started.

    Raises WizardError when the deployment is not healthy to begin with; AzureError and UnreachableError as Azure does.
    """
    running = _Rolling(record, azure, emit, on_snapshot)
    await running.meet()
    await running.ready(wait_s)
    running.turns = await domains.in_turn(azure, running.blueprint, running.machines)
    with running.stopping:
        measured = await running.under_load(rate, running.story)
    vms = {vm for each in measured.story if each.detected is not None for vm in each.vms}
    nobody = any(each.detected is not None and len(each.vms) == len(running.machines) for each in measured.story)
    try:
        if vms:
            down = [machine for machine in running.machines if machine.name in vms]
            await running.witnessed(down, nobody, measured.load.requests - measured.load.errors)
    finally:  # the verdict stands, also where nobody waits for Azure Monitor to the end
        done = running.judge(measured, rate)
    return done


class _Rolling(Stage):
    """The domains in their order, and the round that is under way."""

    def __init__(self, record: Record, azure: Azure, emit: Emit, on_snapshot: OnSnapshot | None) -> None:
        super().__init__(record, azure, emit, on_snapshot)
        self.turns: Sequence[Domain] = ()
        self._restarted: float | None = None
        self._answered: dict[str, float] = {}
        self._skipped = 0  # domains whose VMs were all deleted before their turn

    async def story(self, load: RunningLoad) -> Sequence[Round]:
        """A round for each domain, until one does not come back."""
        rounds: list[Round] = []
        self.mark("the load runs")
        await asyncio.sleep(BEFORE_S)
        await self.until_named(load, self.there(self.machines))
        for domain in self.turns:
            await self.look(domain.machines)
            if not self.there(domain.machines):
                self._skipped += 1
                continue
            told = await self._round(replace(domain, machines=self.there(domain.machines)), load)
            if told.missing:
                rounds.append(told)
                self.mark(f"{', '.join(told.missing)} did not come back; nothing further is restarted")
                break
            await asyncio.sleep(SETTLE_S)
            rounds.append(replace(told, ended=self.now()))
        if not rounds:
            raise WizardError(
                "Every VM was deleted meanwhile, and nothing was restarted.",
                "A drill shows what happens to VMs that stay.",
                f"See who is there: multivm-wizard status {self.record.name}",
            )
        await asyncio.sleep(AFTER_S)
        return rounds

    async def _round(self, domain: Domain, load: RunningLoad) -> Round:
        victims = domain.machines
        self._restarted, self._answered = None, {}
        restarting: asyncio.Task[None] | None = None
        try:
            self.going(victims)
            self.mark(f"restarting {domain.name}: {names(victims)}")
            ordered = self.now()
            restarting = asyncio.create_task(self.power(victims, "begin_restart"))
            gone, detected, back = await self._until_back(victims, restarting, load)
        except BaseException as error:
            if restarting is not None:
                await self.insist(victims, self._make_sure(victims, restarting), error)
            self.back(victims)
            raise
        if back is None:
            await self.insist(victims, self._make_sure(victims, restarting), None)
        else:
            self.back(victims)
            self.mark(f"{names(self.there(victims))} answers again")
        vms = [victim.name for victim in victims]
        lost = [vm for vm in vms if vm in self.gone]
        return Round(domain.name, vms, ordered, gone, detected, back, self.now(), lost)

    async def _until_back(
        self, victims: Sequence[Machine], restarting: asyncio.Task[None], load: RunningLoad
    ) -> tuple[float | None, float | None, float | None]:
        """When the VMs' last answer came, when the last of them was seen out of rotation, when all were back in it.

        A VM may boot before its probe has failed often enough: then nobody ever saw it out of rotation.
        """
        seen: set[str] = set()
        gone: dict[str, float] = {}
        detected: float | None = None
        deadline = self.now() + RETURN_S
        while self.now() < deadline:
            if restarting.done() and self._restarted is None:
                restarting.result()
                self._restarted = self.now()
            state = await self.probes()
            await self.look([victim for victim in victims if victim.name not in self._answered])
            for victim in victims:
                if not state[victim.name][0] and victim.name not in seen:
                    seen.add(victim.name)
                    gone[victim.name] = load.tally.last_by_vm.get(victim.name, 0.0)
                    if len(seen) == len(victims):
                        detected = self.now()
                        self.mark(f"{names(victims)} out of rotation")
            left = self.there(victims)
            if all(victim.name in self._answered and state[victim.name][0] for victim in left):
                return max(gone.values(), default=None), detected, self.now() if left else None
            await asyncio.sleep(self.probe.seen_every_s)
        return max(gone.values(), default=None), detected, None

    def saw(self, snapshot: Snapshot) -> None:
        if self._restarted is not None and snapshot.at > self._restarted:
            for vm in snapshot.tally.by_vm:
                self._answered.setdefault(vm, snapshot.at)
        super().saw(snapshot)

    async def _make_sure(self, victims: Sequence[Machine], restarting: asyncio.Task[None]) -> None:
        """Once the restart is over, however it ended, start what does not run."""
        await asyncio.wait([restarting])
        views = await together(health.instance_if_there(self.azure, victim) for victim in victims)
        off = [
            victim
            for victim, view in zip(victims, views, strict=True)
            if view is not None and health.power_state(view) != "running"
        ]
        if off:
            await self.start(off)

    def judge(self, measured: Measured[Sequence[Round]], rate: float) -> DrillDone:
        """The verdict over what was seen, with its evidence kept."""
        rounds, held = measured.story, measured.held
        failed_at = {at / 100: count for at, count in sorted(measured.running.tally.failed_at.items())}
        told = maintenance.told(rounds, self.snapshots, failed_at)
        why = maintenance.broken(
            rounds,
            self.probe,
            failed_at,
            snapshots=self.snapshots,
            vms=self.machine_names,
            planned=len(self.turns) - self._skipped,
        )
        done = DrillDone(
            vm=names(self.machines),
            vms=self.machine_names,
            survived=not why,
            promise=maintenance.promise(self.probe),
            why=self.explained(why),
            detected_s=maintenance.longest(each["detected_s"] for each in told),
            expected_detection_s=self.probe.expected_s,
            requests=measured.load.requests,
            failed=measured.load.errors,
            longest_gap_s=measured.load.longest_gap_s,
            failing_for_s=maintenance.longest(each["failing_for_s"] for each in told) or 0.0,
            back_in_rotation_s=maintenance.longest(each["back_in_rotation_s"] for each in told),
            offered_rps=rate,
            errors_by_kind=measured.load.errors_by_kind,
            phases={
                "before": verdict.phase(self.snapshots, 0.0, rounds[0].ordered),
                **{each.domain: verdict.phase(self.snapshots, each.ordered, each.ended) for each in rounds},
                "after": verdict.phase(self.snapshots, rounds[-1].ended, self.ended),
            },
            connections={"reset": sum(held.reset.values()), "survived": sum(held.survived.values())},
            connections_by_vm={"reset": dict(held.reset), "survived": dict(held.survived)},
            marks=[{"at": mark.at, "what": mark.what} for mark in self.marks],
            series=measured.load.series,
            kind="rolling",
            rounds=told,
            gone=list(self.gone),
        )
        return self.told(done)

    @property
    def machine_names(self) -> list[str]:
        return [machine.name for machine in self.machines]
