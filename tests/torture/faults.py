"""Fault runs: every kind of fault on every operation of a deployment, each survived or explained.

A run deploys one machine with all that it needs (ten resources), looks at it again and destroys it; one of these three
meets a fault. Survived: it ends as it would have undisturbed, and what ARM then holds is what an undisturbed deployment
left. Explained: it fails with words that fit the fault; and when the fault is cleared, the same command completes, with
the same end. Several runs go side by side, each in a resource group of its own that its fault names.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import tomli_w

from tests.torture.progress import Budget, Progress, open_cases
from tests.torture.stand import deploying, destroying, plan_of, snapshot
from wizard import blueprint as blueprints
from wizard import ids
from wizard.azure import clients, clouds
from wizard.azure.clients import Azure
from wizard.blueprint.resource import Blueprint
from wizard.errors import WizardError
from wizard.sandbox import control, faults_channel
from wizard.sandbox.faults_file import KINDS

RUNS = 1000
AT_ONCE = 10
SPEED = 1000.0
FLOOR_S = 0.02
"""What one operation is asked at most; a cloud as fast as this one takes it."""

NSG = "Microsoft.Network/networkSecurityGroups"
NIC, VM = "Microsoft.Network/networkInterfaces", "Microsoft.Compute/virtualMachines"
SERVER_ERRORS = tuple(("server-error", {"status": status}) for status in (500, 502, 503))
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("throttled", {}),
    ("throttled", {"retry_after_s": 0}),
    *SERVER_ERRORS,
    ("reset", {}),
    ("expired-token", {}),
    ("lost-answer", {}),
    ("reset-in-body", {}),
    ("truncated-json", {}),
)
WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    *QUESTIONS,
    ("in-progress", {}),
    ("retryable", {}),
    ("stalled", {"seconds": 1500}),
    ("failed-operation", {}),
    ("lost-operation", {}),
    ("clock-jump", {"seconds": 7200}),
    ("clock-jump", {"seconds": -7200}),
)
CREATES: tuple[tuple[str, dict[str, Any]], ...] = (*WRITES, ("superseded", {}), ("policy", {}))
MACHINES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("quota", {}),
    ("sku-not-available", {}),
    ("allocation-failed", {}),
    ("nic-reserved", {}),
    ("silent-agent", {"seconds": 1500}),
)

ENDLESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("in-progress", {}),
    ("retryable", {}),
    ("throttled", {}),
    ("server-error", {"status": 503}),
    ("reset", {}),
    ("truncated-json", {}),
    ("superseded", {}),
    ("stalled", {}),
)
"""What no patience outlives."""

TELLS = {
    "quota": "quota",
    "sku-not-available": "size",
    "allocation-failed": "capacity",
    "policy": "policy",
    "failed-operation": "internal",
    "in-progress": "another operation",
    "server-error": "internal|unavailable|gateway|not arm's",
    "lost-answer": "answer",
    "reset": "connection",
    "reset-in-body": "middle",
    "truncated-json": "cut off",
    "throttled": "too many",
    "retryable": "retried|another",
    "superseded": "superseded",
    "stalled": "has not ended",
}
"""What a failure's words must hold, by the fault's kind; a kind that is not here must always be survived."""

BARE = re.compile(r"\b\w*(Error|Exception)\b(?!\s*\()|Traceback|None\b|object at 0x")
"""What no person wants to read. ARM's own codes are words with a capital in the middle, and are told as such."""


@dataclass(frozen=True)
class Case:
    """One run: which of its phases meets which fault, how often."""

    phase: str  # deploy, look, destroy
    kind: str
    method: str
    type: str
    keys: dict[str, Any] = field(hash=False)

    @property
    def name(self) -> str:
        told = "".join(f" {key}={value}" for key, value in sorted(self.keys.items()))
        return f"{self.phase} {self.kind} {self.method} {self.type}{told}"

    def fault(self, group: str) -> dict[str, Any]:
        fault = {"kind": self.kind, "group": group, **self.keys}
        if KINDS[self.kind].where != "guest":
            fault |= {"method": self.method, "type": self.type}
        return fault


def cases(types: list[str], seed: int, runs: int = RUNS) -> list[Case]:
    """The whole matrix once, then draws of it with other counts, until there are as many as `runs`; in drawn order."""
    once = list(_matrix(types))
    drawing = random.Random(seed)
    more: dict[str, Case] = {case.name: case for case in once}
    while len(more) < runs:
        case = drawing.choice(once)
        if case.keys.get("times") == 0:
            continue
        varied = replace(case, keys={**case.keys, **_variation(case, drawing)})
        more.setdefault(varied.name, varied)
    drawn = list(more.values())
    drawing.shuffle(drawn)
    return drawn[:runs]


def _matrix(types: list[str]) -> Iterator[Case]:
    for of in types:
        for kind, keys in CREATES:
            yield Case("deploy", kind, "PUT", of, keys)
        for kind, keys in QUESTIONS:
            yield Case("deploy", kind, "POLL", of, keys)
            yield Case("look", kind, "GET", of, keys)
            yield Case("destroy", kind, "POLL", of, keys)
        for kind, keys in WRITES:
            yield Case("destroy", kind, "DELETE", of, keys)
    for kind, keys in MACHINES:
        yield Case("deploy", kind, "PUT", VM, keys)
    yield Case("destroy", "nic-reserved", "DELETE", NIC, {})
    for kind, keys in ENDLESS:
        yield Case("deploy", kind, "PUT", NSG, {**keys, "times": 0})


def _variation(case: Case, drawing: random.Random) -> dict[str, Any]:
    """Later, or more often: up to what sending again does not outlive."""
    if KINDS[case.kind].where in ("guest", "clock"):
        return {"seconds": case.keys["seconds"] + drawing.randrange(1, 500)}
    if case.kind == "expired-token":  # a token that is refused once more right after it was renewed is no passing fault
        return {"nth": drawing.randrange(2, 9)}
    return drawing.choice(
        [
            {"nth": 2},
            {"times": 2},
            {"times": 3},
            {"times": 9},
            {"probability": 0.3, "times": 20, "seed": drawing.randrange(99)},
        ]
    )


class Stand:
    """A sandbox to disturb, and how an undisturbed deployment ends there."""

    def __init__(self, azure: Azure, undisturbed: dict[str, Any]) -> None:
        self.azure = azure
        self.undisturbed = undisturbed
        self._numbers = itertools.count()

    def graph(self) -> Blueprint:
        name = f"run{next(self._numbers)}-{os.urandom(2).hex()}"
        return blueprints.build(plan_of(name), self.azure.subscription_id)

    async def batch(self, wanted: list[Case]) -> dict[str, tuple[str, str]]:
        """Run cases of one phase side by side. By case: outcome (survived, explained, failed) and why."""
        runs = [(case, self.graph()) for case in wanted]
        phase = wanted[0].phase
        if phase != "deploy":
            await _all(deploying(self.azure, graph) for _, graph in runs)
        faults_channel.put(tomli_w.dumps({"fault": [case.fault(graph.name) for case, graph in runs]}))
        acts: dict[str, Callable[[Blueprint], Awaitable[Any]]] = {
            "deploy": lambda graph: deploying(self.azure, graph),
            "look": lambda graph: deploying(self.azure, graph),
            "destroy": lambda graph: destroying(self.azure, graph),
        }
        failures = await _all(_failing(acts[phase](graph)) for _, graph in runs)
        faults_channel.put("")
        judged = await _all(
            self._judged(case, graph, failure) for (case, graph), failure in zip(runs, failures, strict=True)
        )
        return {case.name: verdict for (case, _), verdict in zip(runs, judged, strict=True)}

    async def _judged(self, case: Case, graph: Blueprint, failure: BaseException | None) -> tuple[str, str]:
        """After the fault was cleared: is everything as it should be, if need be after a second run?"""
        outcome, why = "survived", ""
        if failure is not None:
            if told := unfit(case, failure):
                outcome, why = "failed", told
            else:
                outcome, why = "explained", str(failure)
        try:
            if case.phase != "destroy":
                if failure is not None:
                    await deploying(self.azure, graph)
                if (found := await snapshot(self.azure, graph)) != self.undisturbed:
                    return "failed", f"it ended otherwise: {different(self.undisturbed, found)}"
            if case.phase != "destroy" or failure is not None:
                await destroying(self.azure, graph)
            if await self.azure.get(ids.group_id(self.azure.subscription_id, graph.name)) is not None:
                return "failed", "its group is still there"
        except WizardError as error:
            return "failed", f"the second run failed, too: {error} (after: {why})"
        return outcome, why


def unfit(case: Case, failure: BaseException) -> str:
    """What is wrong with how a failure is told, or ""."""
    if not isinstance(failure, WizardError):
        return f"{type(failure).__name__} was raised: {failure}"
    text = f"{failure.what} {failure.why}"
    if not (failure.what and failure.why and failure.remedy):
        return f"it tells no reason or no remedy: {failure.args}"
    if case.kind not in TELLS:
        return f"it should have been survived: {failure}"
    if not re.search(TELLS[case.kind], text, re.IGNORECASE):
        return f"its words do not fit: {failure}"
    if bare := BARE.search(re.sub(r"refused [^:]*: \w+\.|failed: \w+\.", "", text)):
        return f"it tells {bare[0]!r}: {failure}"
    return ""


def different(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Where two snapshots differ."""
    names = sorted({*one, *other})
    return "; ".join(
        f"{name}: {one.get(name)} / {other.get(name)}" for name in names if one.get(name) != other.get(name)
    )


async def _failing(work: Awaitable[Any]) -> BaseException | None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Exception as error:
        return error
    return None


async def _all(work: Any) -> list[Any]:
    return list(await asyncio.gather(*work))


async def runs(wanted: list[Case], keep: Callable[[Case, str, str], None], more: Callable[[], bool]) -> None:
    """Run cases in batches of one phase, as long as `more()`."""
    cloud = replace(clouds.find("sandbox"), poll_floor_s=FLOOR_S)
    async with clients.connect(cloud) as azure:
        graph = blueprints.build(plan_of("undisturbed"), azure.subscription_id)
        await deploying(azure, graph)
        stand = Stand(azure, await snapshot(azure, graph))
        await destroying(azure, graph)
        for phase in ("deploy", "look", "destroy"):
            for some in _batches([case for case in wanted if case.phase == phase]):
                if not more():
                    return
                verdicts = await stand.batch(some)
                for case in some:
                    keep(case, *verdicts[case.name])


def _batches(wanted: list[Case]) -> Iterator[list[Case]]:
    """What goes side by side: all share the sign-in and the clock, so that only one of a batch may disturb these."""
    if endless := [case for case in wanted if case.keys.get("times") == 0]:  # each takes a minute or two
        yield endless
    alone = [case for case in wanted if case.kind in ("expired-token", "clock-jump")]
    others = [case for case in wanted if case not in (*alone, *endless)]
    while alone or others:
        yield [*alone[:1], *others[: AT_ONCE - 1]]
        alone, others = alone[1:], others[AT_ONCE - 1 :]


def types_of() -> list[str]:
    graph = blueprints.build(plan_of("any"), "11111111-2222-3333-4444-555555555555")
    return list(dict.fromkeys(resource.type for resource in graph))


def run(progress: Progress, budget: Budget) -> int:
    by_name = {case.name: case for case in cases(types_of(), progress.seed)}
    left = [by_name[name] for name in open_cases(progress, by_name, budget)]
    if left:
        control.start(speed=SPEED)
        try:
            asyncio.run(
                runs(
                    left,
                    lambda case, outcome, why: progress.keep(case.name, case.kind, outcome, why),
                    lambda: not budget.over(),
                )
            )
        finally:
            control.stop()
    return sum(not progress.has(name) for name in by_name)
