"""The proof of autoscale: a load that grows until the scale set does, and falls until it shrinks again.

The load is an open loop, each request on a new connection, so that machines which come get their share at once. Nobody
knows beforehand how much fills a machine, so the rate climbs from `low` to `peak` over `climb_s` and stays there until
a machine was added, then is `low` until one has gone. In Azure a step out takes the window, the mean's delay and a
start: ten minutes and more. What failed meanwhile is told and is no part of the verdict: Azure drains nothing when it
scales in.

Beside it stands the CPU by which autoscale goes, as Azure Monitor tells it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from wizard.deploy import aftermath, endpoints
from wizard.deploy.events import Event
from wizard.errors import InputError, WizardError
from wizard.home import write_atomically
from wizard.plan.model import Placement
from wizard.verify import balance, evidence, load
from wizard.verify.processor import Processor

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record
    from wizard.verify.events import Emit

LOW_RPS, PEAK_RPS = 10.0, 400.0
CLIMB_S = 60.0
LIMIT_S = 1800.0
TURN_S = 3.0
CONNECTIONS = 64


@dataclass(frozen=True)
class Turn(Event):
    """Some seconds of the ramp: what was offered and what came of it, and how many machines there were at its end."""

    event: ClassVar[str] = "turn"
    at: float
    offered_rps: float
    requests: int
    errors: int
    p99_ms: float | None
    instances: int
    served_rps: float


@dataclass(frozen=True)
class Cpu(Event):
    """What Azure Monitor told of the machines' mean CPU; `at` is when it held, which may be minutes ago."""

    event: ClassVar[str] = "cpu"
    at: float
    percent: float


@dataclass(frozen=True)
class RampDone(Event):
    """What autoscale did. Times in seconds since the ramp began; None for what did not happen.

    out_at, in_at     when the scale set's capacity first grew, and when it first shrank after the load had fallen
    instances         at the beginning, at most, at the end
    cpu, cpu_untold   the `cpu` events, by their time; or why Azure Monitor told none
    thresholds        percent of mean CPU over `window_min` minutes: above `out` a machine is added, below `in` one goes
    """

    event: ClassVar[str] = "ramp"
    proved: bool
    why: Sequence[str]
    out_at: float | None
    in_at: float | None
    low_from: float | None
    instances: Mapping[str, int]
    peak_rps: float
    requests: int
    errors: int
    errors_by_kind: Mapping[str, int]
    by_vm: Mapping[str, int]
    timeline: Sequence[Mapping[str, Any]]
    cpu: Sequence[Mapping[str, float]]
    cpu_untold: str
    thresholds: Mapping[str, int]
    evidence: str = ""


async def ramp(
    record: Record,
    azure: Azure,
    *,
    low: float = LOW_RPS,
    peak: float = PEAK_RPS,
    climb_s: float = CLIMB_S,
    limit_s: float = LIMIT_S,
    emit: Emit,
) -> RampDone:
    """Drive a deployment's autoscale out and in again; `limit_s` bounds each way. Emits turns, and RampDone last.

    What a killed drill or patching has left is put right first.

    Raises InputError where the plan has no autoscale or nothing to serve, WizardError when the deployment answers
    nowhere or has all machines already, AzureError and UnreachableError as Azure does.
    """
    _refuse(record, low, peak)
    return await _Ramp(record, azure, low, peak, emit).run(climb_s, limit_s)


class _Ramp:
    def __init__(self, record: Record, azure: Azure, low: float, peak: float, emit: Emit) -> None:
        from wizard import blueprint
        from wizard.blueprint import names

        self.record, self.azure, self.low, self.peak, self.emit = record, azure, low, peak, emit
        self.blueprint = blueprint.build(record.plan, record.subscription)
        self.scale_set = self.blueprint.of_type(names.SCALE_SET)[0].id
        self.turns: list[Turn] = []
        self.errors: Counter[str] = Counter()
        self.by_vm: Counter[str] = Counter()
        self.began = 0.0
        self.began_at = datetime.now(UTC)
        self.reach = endpoints.Endpoints()
        self.processor = Processor(azure, self.scale_set)

    async def run(self, climb_s: float, limit_s: float) -> RampDone:
        await aftermath.put_right(self.record.folder, self.azure, self.emit)
        self.reach = await endpoints.read(self.azure, self.blueprint)
        first = await self._capacity()
        if not self.reach.http:
            raise WizardError(f"{self.record.name} answers nowhere.", "Its balancer has no public address.", "")
        if first >= self.record.plan.scale_set.maximum:
            raise WizardError(
                f"{self.record.name} has {first} machines already, its maximum.",
                "Autoscale has no room to add one.",
                "Wait until it has scaled in, or raise scale_set.maximum.",
            )
        self.began, self.began_at = time.monotonic(), datetime.now(UTC)
        self.processor = Processor(self.azure, self.scale_set)
        out_at = low_from = in_at = None
        while self._now() < limit_s + climb_s:
            share = min(1.0, self._now() / climb_s) if climb_s > 0 else 1.0
            if await self._turn(self.low + (self.peak - self.low) * share) > first:
                out_at = self._now()
                break
        if out_at is not None:
            most, low_from = self.turns[-1].instances, self._now()
            while self._now() < low_from + limit_s:
                count = await self._turn(self.low)
                if count < most:
                    in_at = self._now()
                    break
                most = max(most, count)
        await self._look(now=True)
        return self._end(first, out_at, low_from, in_at)

    async def _turn(self, rate: float) -> int:
        """Some seconds of load; how many machines there are after it."""
        at = self._now()
        measured = await load.run(
            f"{self.reach.http}/",
            duration_s=TURN_S,
            connections=CONNECTIONS,
            rate=round(rate, 1),
            keep_alive=False,
            header=balance.HEADER,
        )
        self.errors.update(measured.errors_by_kind)
        self.by_vm.update(measured.by_vm)
        count = await self._capacity()
        turn = Turn(
            at=round(at, 1),
            offered_rps=round(rate, 1),
            requests=measured.requests,
            errors=measured.errors,
            p99_ms=measured.p99_ms,
            instances=count,
            served_rps=round(measured.rps, 1),
        )
        self.turns.append(turn)
        self.emit(turn)
        await self._look()
        return count

    async def _look(self, *, now: bool = False) -> None:
        if reading := await self.processor.look(now=now):
            self.emit(Cpu(*reading))

    async def _capacity(self) -> int:
        live = await self.azure.get(self.scale_set)
        if live is None:
            raise WizardError(f"{self.record.name} has no scale set.", "It is not there.", "Deploy the plan again.")
        return int(live["sku"]["capacity"])

    def _now(self) -> float:
        return time.monotonic() - self.began

    def _end(self, first: int, out_at: float | None, low_from: float | None, in_at: float | None) -> RampDone:
        why = []
        if out_at is None:
            why.append(f"No machine was added, though {self.peak:g} requests a second were offered at last.")
        elif in_at is None:
            why.append("A machine was added, and none was taken away again after the load had fallen.")
        into, rules = evidence.folder(self.record), self.record.plan.scale_set
        counts = [turn.instances for turn in self.turns] or [first]
        done = RampDone(
            proved=not why,
            why=why,
            out_at=_rounded(out_at),
            in_at=_rounded(in_at),
            low_from=_rounded(low_from),
            instances={"first": first, "most": max(counts), "last": counts[-1]},
            peak_rps=self.peak,
            requests=sum(turn.requests for turn in self.turns),
            errors=sum(turn.errors for turn in self.turns),
            errors_by_kind=dict(self.errors),
            by_vm=dict(self.by_vm),
            timeline=[asdict(turn) for turn in self.turns],
            cpu=[{"at": at, "percent": value} for at, value in sorted(self.processor.readings.items())],
            cpu_untold=self.processor.untold,
            thresholds={"out": rules.cpu_out_percent, "in": rules.cpu_in_percent, "window_min": rules.window_min},
            evidence=str(into),
        )
        write_atomically(into / "ramp.json", json.dumps(done.as_event(), indent=2) + "\n", 0o600)
        cloud = self.azure.cloud.name
        evidence.keep(into, self.record, began=self.began_at, cloud=cloud, reach=self.reach, ramp=done)
        self.emit(done)
        return done


def _rounded(at: float | None) -> float | None:
    return None if at is None else round(at, 1)


def _refuse(record: Record, low: float, peak: float) -> None:
    plan = record.plan
    if plan.machines.placement is not Placement.SCALE_SET or not plan.scale_set.autoscale:
        raise InputError(
            f"{plan.name} does not scale by itself.",
            "A ramp proves autoscale, which a scale set has where its plan says so.",
            'Deploy a plan with placement = "scale-set" and autoscale = true.',
        )
    if plan.machines.workload == "none":
        raise InputError(f"{plan.name} serves nothing.", "Its plan has no workload that a load could fill.", "")
    if not 0 < low < peak:
        raise InputError(f"A ramp from {low:g} to {peak:g} requests a second goes nowhere.", "", "--low 10 --peak 400")
