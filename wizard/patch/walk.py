"""The walk: one turn after another is taken out of rotation, patched, and put back once it runs and its probe holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.deploy.events import Interrupted
from wizard.deploy.rotation import Member, Rotation
from wizard.errors import WizardError
from wizard.patch import told
from wizard.patch.assess import assessed
from wizard.patch.events import Assessed, DomainBegun, Patched, PatchState, VmPatched, VmPatching
from wizard.patch.install import AGAIN, NotPatched, install, refuse_unknown
from wizard.patch.turns import Turn, turns
from wizard.patch.wanted import Wanted
from wizard.verify import health, readiness
from wizard.verify.drill.stage import RETURN_S, TURN_S, WAIT_S, Measured, Stage, names, outlasting
from wizard.verify.events import Emit
from wizard.verify.load.engine import OnSnapshot, RunningLoad
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

BEFORE_S = AFTER_S = 2.0
"""How long a load runs undisturbed before the first turn and after the last."""


async def patch(
    record: Record,
    azure: Azure,
    wanted: Wanted,
    *,
    wait_s: float = WAIT_S,
    emit: Emit,
    on_snapshot: OnSnapshot | None = None,
) -> Patched:
    """Install what is due on a deployment's VMs, update domain by update domain; calling it is the consent.

    All VMs are assessed first. A turn begins when every other VM is up by its probe, for which `wait_s` seconds are
    given before the first; its VMs are out of rotation until they run again, so that no new connection meets a restart.
    Where a turn holds every VM, nobody would answer: then they stay in rotation and the probe decides.

    Interrupted, it begins nothing more: VMs that Azure is patching are put back when that is over, told by
    `Interrupted`; a second interruption puts them back at once.

    Raises InputError for what cannot be asked; NotPatched when a VM cannot be assessed or its installation does not end
    well, and WizardError when the others are not healthy: then no further turn is begun; AzureError, UnreachableError.
    """
    wanted.check()
    walk = Walk(record, azure, wanted, emit, on_snapshot)
    await walk.assess()
    if not walk.order:
        return walk.account(None)
    await walk.settle(wait_s)
    with walk.rotation:
        if wanted.rate is None:
            walk.began = time.perf_counter()
            await walk.story(None)
            return walk.account(None)
        return walk.account(await walk.under_load(wanted.rate, walk.story))


class Walk(Stage):
    """One patching and how far it has come."""

    outlasts_its_load = True

    def __init__(
        self, record: Record, azure: Azure, wanted: Wanted, emit: Emit, on_snapshot: OnSnapshot | None
    ) -> None:
        super().__init__(record, azure, emit, on_snapshot)
        self.wanted = wanted
        self.order: Sequence[Turn] = ()
        self.found: Sequence[Assessed] = ()
        self.done: list[VmPatched] = []
        self.seconds: dict[str, float] = {}
        self.began = time.perf_counter()
        self._kept_out: set[str] = set()
        """The ids of VMs that somebody else has taken out of rotation: they stay so."""

    async def assess(self) -> None:
        """Assess every VM, and keep the turns of those with something to do. Nothing is written."""
        await self.meet()
        await self.place()
        every = await turns(self.azure, self.blueprint, self.machines, self.wanted.share)
        self.found = await assessed(self.record.name, self.azure, self.wanted, every, self.emit)
        refuse_unknown(self.record.name, self.found)
        concerned = {each.vm for each in self.found if self.wanted.concerns(each)}
        parts = [Turn(turn.name, [one for one in turn.machines if one.vm_name in concerned]) for turn in every]
        self.order = [turn for turn in parts if turn.machines]
        for each in self.found:
            self._tell(each.vm, each.domain, "waiting" if each.vm in concerned else "current")
        self.rotation = Rotation(self.record.folder, self.azure, self.rule[0], self.wanted.minutes * 60.0)

    async def settle(self, wait_s: float) -> None:
        """Give machines that have just booted the time to come up; whether they have is judged before each turn."""
        await readiness.wait(self.azure, readiness.Place(self.machines, self.rule, {}), wait_s, self.emit)

    async def story(self, load: RunningLoad | None) -> None:
        """Every turn; under load with a moment of calm at both ends."""
        await asyncio.sleep(BEFORE_S if load else 0)
        for number, turn in enumerate(self.order, 1):
            await self._refuse_unless_others_are_up(turn)
            began = self.now()
            await self._turn(turn, number)
            self.seconds[turn.name] = round(self.now() - began, 2)
        await asyncio.sleep(AFTER_S if load else 0)

    async def _refuse_unless_others_are_up(self, turn: Turn) -> None:
        probes = await self.probes()
        states = {machine.vm_name: probes[machine.name] for machine in self._others(turn)}
        down = {vm: reason for vm, (up, reason) in states.items() if not up}
        if not down:
            return
        reasons = ", ".join(f"{vm}: {reason}" for vm, reason in down.items())
        raise NotPatched(
            f"{turn.name} was not begun: {', '.join(down)} {told.is_or_are(len(down))} not healthy.",
            f"While a domain is patched the others answer, so that each must be up by its probe. {reasons}.",
            f"Find out why: multivm-wizard verify {self.record.name}. {AGAIN}",
        )

    async def _turn(self, turn: Turn, number: int) -> None:
        """Out of rotation, patched, and back in it whatever happens."""
        drained = bool(self._others(turn))
        vms = [machine.vm_name for machine in turn.machines]
        self.emit(DomainBegun(turn.name, vms, number, len(self.order), round(self.now(), 2), drained))
        installing: list[asyncio.Task[VmPatched]] = []
        error: BaseException | None = None
        try:
            await self._out_and_patched(turn, installing, drained=drained)
        except BaseException as raised:
            error = raised
            if isinstance(raised, asyncio.CancelledError):
                await self._until_over(turn, installing)
        error = await self._put_back(turn, error)
        if error is not None:
            raise error
        await self._judge(turn, [task.result() for task in installing])

    async def _out_and_patched(self, turn: Turn, installing: list[asyncio.Task[VmPatched]], *, drained: bool) -> None:
        """Until the VMs run again; what is being installed is in `installing`, should this be interrupted."""
        if drained:
            await self._drain(turn)
        self._tell_all(turn, "installing")
        installing += [asyncio.create_task(self._install(machine, turn)) for machine in turn.machines]
        await asyncio.wait(installing)
        await self._until_running(turn, [task.result() for task in installing])
        self._tell_all(turn, "returning")

    async def _drain(self, turn: Turn) -> None:
        """No new connection from now on, and time for what is being answered."""
        self._tell_all(turn, "draining", f"{self.wanted.drain_s:g} s")
        out = await self.rotation.take_out(_members(turn.machines))
        self._kept_out |= {vm for vm in out if vm not in self.rotation.out}
        if still := [machine.vm_name for machine in turn.machines if machine.id not in out]:
            for vm in still:
                self._tell(vm, turn.name, "draining", "this cloud cannot take it out of rotation: its probe decides")
        await asyncio.sleep(self.wanted.drain_s)

    async def _install(self, machine: Machine, turn: Turn) -> VmPatched:
        ended = await install(self.azure, machine, turn.name, self.wanted, self.now)
        self.done.append(ended)
        self.emit(ended)
        return ended

    async def _until_over(self, turn: Turn, installing: Sequence[asyncio.Task[VmPatched]]) -> None:
        """Interrupted: Azure goes on, and its end is waited for once; interrupted again, no longer."""
        ids = tuple(machine.id for machine, task in zip(turn.machines, installing, strict=False) if not task.done())
        try:
            self.emit(Interrupted(self.record.name, round(self.now(), 2), ids))
            if ids:
                await asyncio.wait(installing)
        except BaseException:
            for task in installing:
                task.cancel()
            await asyncio.gather(*installing, return_exceptions=True)

    async def _judge(self, turn: Turn, results: Sequence[VmPatched]) -> None:
        """Back in rotation they must be up; what Azure says went wrong stops the walk."""
        bad = [each for each in results if each.why]
        if not bad:
            await self._until_up(turn)
        failed = {each.vm for each in bad}
        for machine in turn.machines:
            self._tell(machine.vm_name, turn.name, "failed" if machine.vm_name in failed else "done")
        if bad:
            raise NotPatched.of(bad, left=len(self.order) - len(self.seconds) - 1)

    async def _put_back(self, turn: Turn, interrupted: BaseException | None) -> BaseException | None:
        """To its end, however often we are interrupted meanwhile; the interruption."""
        task = asyncio.ensure_future(self.rotation.put_back(self.rotation.out))
        interrupted = await outlasting(task, interrupted)
        try:
            task.result()
        except WizardError as error:
            raise WizardError(
                f"{names(turn.machines)} could not be put back into rotation.",
                str(error),
                f"The next command does: multivm-wizard verify {self.record.name}",
            ) from None
        return interrupted

    async def _until_running(self, turn: Turn, results: Sequence[VmPatched]) -> None:
        """Until the VMs run, and the probe has seen them as they are now: what it knew is of before the restart."""
        deadline = self.now() + RETURN_S
        while off := await self._off(turn):
            if self.now() > deadline:
                raise NotPatched(
                    f"{', '.join(off)} did not come back after the installation.",
                    f"Its power state was not running for {RETURN_S:g} s.",
                    f"Start it: az vm start --resource-group {self.record.name} --name {off[0]}. Then patch again.",
                )
            await asyncio.sleep(max(TURN_S, self.probe.seen_every_s))
        if any(each.reboot in told.RESTARTED for each in results):
            await asyncio.sleep(self.probe.latest_s)

    async def _off(self, turn: Turn) -> list[str]:
        views = await together(health.instance(self.azure, machine) for machine in turn.machines)
        paired = zip(turn.machines, views, strict=True)
        return [machine.vm_name for machine, view in paired if health.power_state(view) != "running"]

    async def _until_up(self, turn: Turn) -> None:
        deadline = self.now() + RETURN_S
        while down := await self._down(turn):
            if self.now() > deadline:
                raise NotPatched(
                    f"{names(down)} did not come back into rotation.",
                    f"Its probe did not hold within {RETURN_S:g} s of the installation.",
                    f"Find out why: multivm-wizard verify {self.record.name}. No further domain was begun.",
                )
            await asyncio.sleep(max(TURN_S, self.probe.seen_every_s))

    async def _down(self, turn: Turn) -> list[Machine]:
        probes = await self.probes()
        kept = self._kept_out
        return [one for one in self.there(turn.machines) if one.id not in kept and not probes[one.name][0]]

    def account(self, measured: Measured[None] | None) -> Patched:
        """What was done, with its evidence kept."""
        done = told.patched(self.record.name, self.found, self.order, self.done, self.seconds, self.now())
        return told.keep(self, done, measured)

    def _others(self, turn: Turn) -> Sequence[Machine]:
        return [machine for machine in self.there(self.machines) if machine not in turn.machines]

    def _tell_all(self, turn: Turn, state: PatchState, detail: str = "") -> None:
        for machine in turn.machines:
            self._tell(machine.vm_name, turn.name, state, detail)

    def _tell(self, vm: str, domain: str, state: PatchState, detail: str = "") -> None:
        self.emit(VmPatching(vm, domain, state, round(self.now(), 2), detail))


def _members(machines: Sequence[Machine]) -> Sequence[Member]:
    return [Member(machine.id, machine.nics) for machine in machines]
