"""The stage of every drill: a deployment in good health, a steady load on it, and power for its machines.

What is done to the machines meanwhile, and how it is judged, is each drill's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wizard.deploy import aftermath, endpoints, members, stopped
from wizard.errors import AzureError, WizardError
from wizard.verify import balance, control, evidence, health, readiness, watched
from wizard.verify import machines as machines_of
from wizard.verify.drill import witness
from wizard.verify.drill.events import DrillDone, Mark
from wizard.verify.drill.held import HeldConnections
from wizard.verify.drill.verdict import Probe
from wizard.verify.drill.witness import Seen
from wizard.verify.events import CheckDone, Emit, Waiting
from wizard.verify.load.engine import OnSnapshot, RunningLoad
from wizard.verify.load.job import Job
from wizard.verify.load.series import Snapshot
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record
    from wizard.verify.load import LoadResult

T = TypeVar("T")

RATE = 100.0
"""Requests a second: one every 10 ms, so that gaps and the first failure are seen to a hundredth of a second."""

TIMEOUT_S = 3.0
"""A user's patience; a request sent to a dead VM before the balancer knows fails after this."""

HELD = 20
WAIT_S = 120.0
RETURN_S = 600.0
LONGEST_S = 3600.0
TURN_S = 0.1

NAMED_WITHIN_S = 20.0
"""Until the VMs to be stopped have been heard of; at 100 requests a second that is 10 for each of 200 VMs."""


@dataclass(frozen=True)
class Measured(Generic[T]):
    """What a story told, and what the load and the kept-alive connections beside it saw."""

    story: T
    load: LoadResult
    running: RunningLoad
    held: HeldConnections


class Stage:
    """One drill and what it has seen so far."""

    outlasts_its_load = False
    """Whether it goes on where it takes longer than the longest load: then the load tells of its first hour."""

    def __init__(self, record: Record, azure: Azure, emit: Emit, on_snapshot: OnSnapshot | None) -> None:
        from wizard import blueprint

        self.record = record
        self.azure = azure
        self.emit = emit
        self.on_snapshot = on_snapshot
        self.blueprint = blueprint.build(record.plan, record.subscription)
        self.machines: Sequence[Machine] = machines_of.of(self.blueprint)
        self.marks: list[Mark] = []
        self.rule = ("", "")
        self.http = ""
        self.reach = endpoints.Endpoints()
        self.began_at = datetime.now(UTC)
        self.began = time.perf_counter()
        self.ended = 0.0
        self.running = False
        self.gone: dict[str, float] = {}
        """When VMs were seen to be deleted, by name: a drill stops some and deletes none, so that others did it."""
        self.snapshots: list[Snapshot] = []
        self.live: control.Live = {}
        self.checks: list[CheckDone] = []
        self.stopping = stopped.Stopping(record.folder)
        balancer = record.plan.balancer
        self.probe = Probe(balancer.probe_interval_s, balancer.probe_threshold, max(TURN_S, azure.cloud.poll_floor_s))

    async def meet(self) -> None:
        """Read back the machines of a scale set. They go by what they call themselves, as the page tells it."""
        whole = await members.populated(self.blueprint, self.azure)
        if whole is not self.blueprint:
            self.blueprint = whole
            self.machines = [replace(machine, name=machine.page_name) for machine in machines_of.of(whole)]

    async def place(self) -> None:
        """Put right what a killed run has left, and find the balancer's rule and where it answers.

        Raises WizardError when there is none that could take over.
        """
        await aftermath.put_right(self.record.folder, self.azure, self.emit)
        self.live = await control.read(self.azure, self.blueprint)
        rule = control.balancing_rule(self.blueprint, self.live)
        reach = await endpoints.read(self.azure, self.blueprint)
        if rule is None or not reach.http:
            raise WizardError(
                f"{self.record.name} has no balancer that could take over.",
                "Its load balancer, its rule or its public address is missing.",
                f"See what is there: multivm-wizard verify {self.record.name}",
            )
        self.rule, self.http, self.reach = rule, f"{reach.http}/", reach

    async def ready(self, wait_s: float) -> None:
        """Wait until every VM is in rotation; WizardError when the deployment is not healthy to begin with."""
        await self.place()
        rule = self.rule
        await readiness.wait(self.azure, readiness.Place(self.machines, rule, {}), wait_s, self.emit)
        state = await self.probes()
        self.machines = self.there(self.machines)
        down = {one.name: state[one.name][1] for one in self.machines if not state[one.name][0]}
        if down:
            told = ", ".join(f"{name}: {reason}" for name, reason in down.items())
            raise WizardError(
                f"{self.record.name} is not healthy, and nothing was stopped.",
                f"A drill starts with every VM in rotation. {told}.",
                f"Find out why: multivm-wizard verify {self.record.name}",
            )

    async def under_load(self, rate: float, tell: Callable[[RunningLoad], Awaitable[T]]) -> Measured[T]:
        """Run `tell` beside the load and the kept-alive connections, to its end or an error's."""
        patience = max(50, round(rate * (TIMEOUT_S + 1)))
        job = Job(self.http, LONGEST_S, patience, rate, False, balance.HEADER, TIMEOUT_S, TIMEOUT_S)
        load = RunningLoad(job, on_snapshot=self.saw)
        held = HeldConnections(self.http, HELD, balance.HEADER)
        await load.start()
        self.began, self.running, self.began_at = time.perf_counter(), True, datetime.now(UTC)
        finishing = asyncio.create_task(load.finish([machine.name for machine in self.machines]))
        held.start()
        story = asyncio.ensure_future(tell(load))
        try:
            await asyncio.wait({story, finishing}, return_when=asyncio.FIRST_COMPLETED)
            if not story.done() and self.outlasts_its_load:
                await asyncio.wait({story})
            if not story.done():  # nothing can be measured any more
                await _ended(story)
                await finishing
                raise WizardError("The drill's load ended too early.", f"It may last {LONGEST_S:g} s.", "Try again.")
            told = story.result()
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
        self.ended = self.now()
        return Measured(told, await finishing, load, held)

    def saw(self, snapshot: Snapshot) -> None:
        """Take a report of the load, and hand it on."""
        self.snapshots.append(snapshot)
        if self.on_snapshot is not None:
            self.on_snapshot(snapshot)

    async def until_named(self, load: RunningLoad, victims: Sequence[Machine]) -> None:
        """Until the load has heard of every VM that will be stopped; WizardError when their answers do not name them.

        Whose page does not say which VM it comes from cannot be told from the others', nor its return be seen.
        """
        deadline = self.now() + NAMED_WITHIN_S
        while nameless := [one for one in self.there(victims) if not load.tally.by_vm.get(one.name)]:
            if self.now() > deadline:
                await self.look(nameless)
                if not (nameless := self.there(nameless)):
                    return
                raise WizardError(
                    f"No answer comes from {names(nameless)}, and nothing was stopped.",
                    f"A drill tells VMs apart by the header {balance.HEADER} of their answers.",
                    f"Find out why: multivm-wizard load {self.record.name}",
                )
            await asyncio.sleep(TURN_S)

    async def power(self, victims: Sequence[Machine], operation: str, **options: Any) -> None:
        """One operation of Azure's on several VMs side by side."""

        async def one(machine: Machine) -> None:
            begin = getattr(self.azure.compute.virtual_machines, operation)
            try:
                await self.azure.act(
                    machine.id,
                    lambda: begin(machine.group, machine.vm_name, **options),
                    again=operation != "begin_restart",  # twice would be a second outage
                )
            except AzureError:
                await self.look([machine])
                if machine.name not in self.gone:
                    raise

        await together(one(victim) for victim in victims)

    async def look(self, machines: Sequence[Machine]) -> None:
        """Notice which of these VMs are deleted, and tell it once: nothing is waited for from them any more."""
        for machine in await health.gone(self.azure, self.there(machines)):
            self.gone[machine.name] = round(self.now(), 2)
            told = f"{machine.name} is gone: it was deleted meanwhile, not by this command"
            if self.running:
                self.mark(told)
            else:
                self.emit(Waiting(self.gone[machine.name], told))

    def there(self, machines: Sequence[Machine]) -> list[Machine]:
        """Those that have not been seen to be deleted."""
        return [machine for machine in machines if machine.name not in self.gone]

    def explained(self, why: list[str]) -> list[str]:
        """What broke the promise, with the deletions that may have part in it: users saw it all the same."""
        if not why or not self.gone:
            return why
        told = ", ".join(f"{name} (seen {at:.1f} s after the load began)" for name, at in self.gone.items())
        return [*why, f"Deleted meanwhile, which lets no request end first: {told}."]

    def going(self, victims: Sequence[Machine]) -> None:
        """VMs are about to be stopped: from here on the next command knows, whatever happens to this process."""
        self.stopping.note(victim.id for victim in victims)

    def back(self, victims: Sequence[Machine]) -> None:
        """VMs run again."""
        self.stopping.settle(victim.id for victim in victims)

    async def start(self, victims: Sequence[Machine]) -> None:
        """Start VMs, also where another operation still holds them: Azure refuses to start what is being stopped."""
        await stopped.start(self.azure, [victim.id for victim in victims])

    async def insist(
        self, victims: Sequence[Machine], starting: Awaitable[None], interrupted: BaseException | None
    ) -> None:
        """See `starting` to its end, however often we are interrupted meanwhile; then raise `interrupted`."""
        task = asyncio.ensure_future(starting)
        interrupted = await outlasting(task, interrupted)
        try:
            task.result()
        except WizardError as error:
            raise WizardError(
                f"{names(victims)} could not be started again.",
                str(error),
                "; ".join(f"az vm start --ids {victim.id}" for victim in victims),
            ) from None
        self.back(victims)
        if interrupted is not None:
            with contextlib.suppress(Exception):
                self.mark(f"{names(victims)} was started again")
            raise interrupted

    async def probes(self) -> Any:
        """By VM name: whether its probe is up, and Azure's reason."""
        found = await health.probes(self.azure, *self.rule, self.machines)
        await self.look([machine for machine in self.machines if found[machine.name][1] == health.NOT_IN_POOL])
        return found

    async def witnessed(self, down: Sequence[Machine], nobody: bool, answered: int) -> None:
        """Hold Azure Monitor against the drill, where the plan keeps its events: `down` were seen out of rotation.

        `nobody`: all of the pool were, at once. `answered` requests were answered in all.
        """
        place = watched.place(self.record)
        if not place:
            return
        addresses = {one.name: watched.address(one, self.live) for one in self.there(down)}
        seen = Seen(self.rule[0], place, self.began_at, datetime.now(UTC), addresses, nobody, answered)
        self.checks = await witness.checks(self.azure, seen, self.emit)
        for check in self.checks:
            self.emit(check)

    def told(self, done: DrillDone) -> DrillDone:
        """Keep the evidence of a drill that is over, and tell of it."""
        into = evidence.folder(self.record)
        done = replace(done, checks=witness.told(self.checks))
        evidence.keep(
            into,
            self.record,
            began=self.began_at,
            cloud=self.azure.cloud.name,
            reach=self.reach,
            checks=self.checks,
            drill=done,
        )
        done = replace(done, evidence=str(into))
        self.emit(done)
        return done

    def mark(self, what: str) -> None:
        """Something happened now."""
        mark = Mark(round(self.now(), 2), what)
        self.marks.append(mark)
        self.emit(mark)

    def now(self) -> float:
        """Seconds since the load began."""
        return time.perf_counter() - self.began


async def outlasting(task: asyncio.Future[Any], interrupted: BaseException | None) -> BaseException | None:
    """See a task to its end, however often we are interrupted meanwhile; the first interruption, or None."""
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            interrupted = interrupted or error
    return interrupted


def names(victims: Sequence[Machine]) -> str:
    """VMs in a sentence."""
    return ", ".join(victim.name for victim in victims)


async def _ended(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait for its end, handing on how often we are cancelled ourselves; its outcome stays in it."""
    task.cancel()
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
