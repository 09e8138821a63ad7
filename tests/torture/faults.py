"""Fault runs: every kind of fault on every operation of every command, each survived or explained.

A run is one command on a deployment of its own (one machine with all that it needs, ten resources), and one of its
requests meets a fault. Survived: it ends as it would have undisturbed, and what ARM then holds is what an undisturbed
run left. Explained: it fails, or tells, with words that fit the fault; and when the fault is cleared, the same command
completes, with the same end. What passes by itself has to be survived. Several runs go side by side, each in a
resource group of its own that its fault names.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import tomli_w

from tests.torture.acts import ACTS, CHANGING, Ended, Place
from tests.torture.matrix import Case, cases
from tests.torture.progress import Budget, Progress, open_cases
from tests.torture.stand import snapshot
from wizard import ids
from wizard.azure import clients, clouds
from wizard.azure.clients import Azure
from wizard.errors import WizardError
from wizard.sandbox import control, faults_channel
from wizard.sandbox.faults_file import KINDS

AT_ONCE = 10
SPEED = 1000.0
FLOOR_S = 0.02
"""What one operation is asked at most; a cloud as fast as this one takes it."""
TOLD_WITHIN_S = 0.5
"""The sandbox writes down twenty times a second which faults have struck."""

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
    "reset-in-body": "middle|connection",  # an answer without a body is lost as a whole
    "truncated-json": "cut off|connection",
    "throttled": "too many",
    "retryable": "retried|another",
    "superseded": "superseded",
    "stalled": "has not ended|concurrent",  # a start meets the stop that does not end
    "silent-agent": "agent",
    "vmaccess-unchanged": "new login|refused",
}
"""What a failure's words must hold, by the fault's kind; a kind that is not here must always be survived."""

BARE = re.compile(r"\b\w*(Error|Exception)\b(?!\s*\()|Traceback|None\b|object at 0x")
"""What no person wants to read. ARM's own codes are words with a capital in the middle, and are told as such."""

Verdict = tuple[str, str]
"""survived, explained, failed, or missed (the command made no such request); and why."""


class Stand:
    """A sandbox to disturb, how undisturbed commands end there, and what commands that change nothing are tried on."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.undisturbed: dict[str, Any] = {}
        self._numbers = itertools.count()
        self._standing: dict[str, list[Place]] = {}

    async def begin(self) -> None:
        """What ARM holds after a deployment of one machine, and of two."""
        place = self._place("plain")
        for phase, count in (("deploy", 1), ("scale-out", 2)):
            await (place.stand() if count == 1 else place.scale(count))
            self.undisturbed[phase] = await snapshot(self.azure, place.graph)
        self.undisturbed["look"] = self.undisturbed["scale-in"] = self.undisturbed["deploy"]
        await place.destroy()

    async def end(self) -> None:
        """Leave nothing behind."""
        await _all(place.destroy() for places in self._standing.values() for place in places)

    def _place(self, form: str) -> Place:
        return Place(self.azure, f"run{next(self._numbers)}-{os.urandom(2).hex()}", form)

    async def _places(self, phase: str, count: int) -> list[Place]:
        """So many deployments, as the command of a phase finds them."""
        form, act = ACTS[phase]
        if phase not in CHANGING:
            there = self._standing.setdefault(phase, [])
            new = [self._place(form) for _ in range(count - len(there))]
            if phase != "preflight":
                await _all(place.stand() for place in new)
            if new:
                ended = await _all(act(place) for place in new)
                self.undisturbed.setdefault(phase, ended[0].facts)
                assert all(one.facts == self.undisturbed[phase] for one in ended), ended
            there += new
            return there[:count]
        made = [self._place(form) for _ in range(count)]
        if phase != "deploy":
            await _all(place.stand() for place in made)
        if phase == "scale-in":
            await _all(place.scale(2) for place in made)
        return made

    async def batch(self, wanted: list[Case]) -> dict[str, Verdict]:
        """Run cases side by side; the verdicts by the cases' names."""
        runs: list[tuple[Case, Place]] = []
        for phase in dict.fromkeys(case.phase for case in wanted):
            some = [case for case in wanted if case.phase == phase]
            runs += zip(some, await self._places(phase, len(some)), strict=True)
        before = [await self._held(case, place) for case, place in runs]
        faults_channel.put(tomli_w.dumps({"fault": [case.fault(place.name) for case, place in runs]}))
        ended = await _all(_ending(ACTS[case.phase][1](place)) for case, place in runs)
        struck = _struck([case for case, _ in runs])
        faults_channel.put("")
        verdicts = {}
        judged = await _all(self._judged(case, place, end) for (case, place), end in zip(runs, ended, strict=True))
        for number, (case, place) in enumerate(runs):
            verdict = judged[number]
            if verdict[0] != "failed" and (now := await self._held(case, place)) != before[number]:
                verdict = "failed", f"it changed what stands: {different(before[number], now)}"
            verdicts[case.name] = verdict if struck[number] or verdict[0] != "survived" else ("missed", "")
        return verdicts

    async def _held(self, case: Case, place: Place) -> dict[str, Any]:
        """What ARM holds for a command that is to change none of it."""
        return {} if case.phase in CHANGING else await snapshot(self.azure, place.graph)

    async def _judged(self, case: Case, place: Place, ended: Ended | BaseException) -> Verdict:
        """After the fault was cleared: is everything as it should be, if need be after a second run?"""
        outcome, why = self._said(case, ended)
        try:
            if outcome == "explained":
                again = await _ending(ACTS[case.phase][1](place))
                if isinstance(again, BaseException) or again.facts != self._facts(case.phase):
                    outcome, why = "failed", f"the second run was no better: {again} (after: {why})"
            if case.phase not in CHANGING:
                return outcome, why
            if case.phase != "destroy":
                found, wanted = await snapshot(self.azure, place.graph_now()), self.undisturbed[case.phase]
                if outcome != "failed" and found != wanted:
                    outcome, why = "failed", f"it ended otherwise: {different(wanted, found)} (after: {why})"
            if case.phase != "destroy" or outcome == "failed":
                await place.destroy()
            if await self.azure.get(ids.group_id(self.azure.subscription_id, place.name)) is not None:
                return "failed", f"its group is still there (after: {why})"
        except WizardError as error:
            return "failed", f"judging it failed: {error} (after: {why})"
        return outcome, why

    def _facts(self, phase: str) -> Any:
        return None if phase in CHANGING else self.undisturbed[phase]

    def _said(self, case: Case, ended: Ended | BaseException) -> Verdict:
        """Survived, or explained in fitting words, or failed."""
        if isinstance(ended, Ended):
            if ended.facts == self._facts(case.phase):
                return "survived", ""
            why = ended.words or "it says nothing"
            unfit_words = unfit(case, ended.words)
        else:
            why = str(ended)
            unfit_words = unfit_error(case, ended)
        return ("failed", f"{unfit_words} ({why})") if unfit_words else ("explained", why)


def unfit_error(case: Case, failure: BaseException) -> str:
    """What is wrong with how a failure is told, or ""."""
    if not isinstance(failure, WizardError):
        return f"{type(failure).__name__} was raised: {failure}"
    if not (failure.what and failure.why and failure.remedy):
        return f"it tells no reason or no remedy: {failure.args}"
    return unfit(case, f"{failure.what} {failure.why}")


def unfit(case: Case, text: str) -> str:
    """What is wrong with the words for a fault, or ""."""
    if case.passing or case.kind not in TELLS:
        return "it should have been survived"
    if not re.search(TELLS[case.kind], text, re.IGNORECASE):
        return "its words do not fit"
    if bare := BARE.search(re.sub(r"refused [^:]*: \w+\.|failed: \w+\.", "", text)):
        return f"it tells {bare[0]!r}"
    return ""


def different(one: Any, other: Any, at: str = "") -> str:
    """Where two snapshots differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        inner = (different(one.get(key), other.get(key), f"{at} {key}") for key in sorted({*one, *other}))
        return "; ".join(part for part in inner if part)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        inner = (different(*pair, f"{at}[{number}]") for number, pair in enumerate(zip(one, other, strict=True)))
        return "; ".join(part for part in inner if part)
    return "" if one == other else f"{at.strip()}: {one} / {other}"


def _struck(wanted: list[Case]) -> list[bool]:
    """Which of the faults that stand now have struck; a silent agent is a state and strikes nobody."""

    def told() -> list[bool]:
        standing = faults_channel.standing()
        return [
            bool(one["strokes"]) or KINDS[case.kind].where == "guest"
            for case, one in zip(wanted, standing, strict=True)
        ]

    return control.wait_for(lambda: found if all(found := told()) else None, TOLD_WITHIN_S) or told()


async def _ending(work: Awaitable[Ended]) -> Ended | BaseException:
    try:
        return await work
    except asyncio.CancelledError:
        raise
    except Exception as error:
        return error


async def _all(work: Any) -> list[Any]:
    return list(await asyncio.gather(*work))


async def runs(wanted: list[Case], keep: Callable[[Case, str, str], None], more: Callable[[], bool]) -> None:
    """Run cases in batches, as long as `more()`: those whose fault goes on without an end all together, since each of
    them waits for minutes.
    """
    from wizard.verify import balance

    balance.LOAD_S = 0.5
    cloud = replace(clouds.find("sandbox"), poll_floor_s=FLOOR_S)
    async with clients.connect(cloud) as azure:
        stand = Stand(azure)
        await stand.begin()
        phases = sorted(ACTS, key=lambda phase: phase != "preflight")  # which looks at all networks there are
        passing = [_batches([one for one in wanted if one.phase == phase and not one.endless]) for phase in phases]
        endless = [one for one in wanted if one.endless]
        for some in itertools.chain(*passing, [endless] if endless else []):
            if not more():
                break
            verdicts = await stand.batch(some)
            for case in some:
                keep(case, *verdicts[case.name])
        await stand.end()


def _batches(wanted: list[Case]) -> Iterator[list[Case]]:
    """What goes side by side: only one of a batch may disturb what all share, and in preflight all share everything."""
    alone = [case for case in wanted if case.of_all]
    others = [case for case in wanted if not case.of_all]
    while alone or others:
        beside = [] if alone and alone[0].phase == "preflight" else others[: AT_ONCE - 1]
        yield [*alone[:1], *beside]
        alone, others = alone[1:], others[len(beside) :]


def run(progress: Progress, budget: Budget) -> int:
    by_name = {case.name: case for case in cases(progress.seed)}
    left = [by_name[name] for name in open_cases(progress, by_name, budget)]
    if left:
        control.start(speed=SPEED)
        try:
            asyncio.run(
                runs(
                    left,
                    lambda case, outcome, why: progress.keep(case.name, f"{case.phase} {case.kind}", outcome, why),
                    lambda: not budget.over(),
                )
            )
        finally:
            control.stop()
    return sum(not progress.has(name) for name in by_name)
