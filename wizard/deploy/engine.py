"""The deploy engine: from a Blueprint to what Azure holds, as parallel as the graph allows.

Everything is read first; what is there and as planned is left alone, what somebody else owns stops the run before any
write. Then each resource is a task that starts as soon as what it waits for has succeeded. A failure stops only what
depends on it. Names and tags are deterministic, so a second run continues; the journal tells it how to wait for what is
under way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from wizard import ids
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import changes, endpoints, provisioning, resuming, survey, waiting
from wizard.deploy.arm import Arm, Poller
from wizard.deploy.events import Deployed, Emit, Interrupted, ResourceChanged, ResourceRetried, ResourceStalled
from wizard.deploy.journal import Journal, NoJournal
from wizard.deploy.retry import Patience
from wizard.deploy.secrets import Secrets
from wizard.deploy.survey import Found, Survey
from wizard.errors import AzureError, UnreachableError, WizardError

ADOPT_LIMIT_S = 3600.0
"""How long a write that somebody else began is waited for; no resource of ours takes Azure more than minutes."""


@dataclass(frozen=True)
class Failure:
    """One resource that could not be brought to what was planned. Holds words only, never a request."""

    id: str
    what: str
    why: str
    remedy: str
    code: str = ""


class DeployFailed(WizardError):  # noqa: N818 - told as a fact, as the events are
    """Some resources failed. `failed` tells each; `waiting` are the ids that were not started because of them."""

    def __init__(
        self, deployment: str, failed: tuple[Failure, ...], waiting: tuple[str, ...], *, reached: bool
    ) -> None:
        self.failed = failed
        self.waiting = waiting
        if not reached:
            self.exit_status = UnreachableError.exit_status
        first = failed[0]
        names = ", ".join(ids.parse(failure.id).name for failure in failed)
        kept = f" Not started because of it: {len(waiting)}." if waiting else ""
        super().__init__(
            f"{deployment} was not deployed: {names} failed.",
            f"{first.what} {first.why}".strip() + kept,
            f"{first.remedy} Then deploy the same plan again: it continues with what is missing. "
            "Or remove what was created: multivm-wizard destroy.".lstrip(),
        )


async def deploy(
    blueprint: Blueprint,
    azure: Arm,
    secrets: Secrets,
    emit: Emit,
    *,
    found: Survey | None = None,
    journal: Journal | None = None,
) -> Deployed:
    """Bring Azure to what the blueprint describes; emits every fact, `Deployed` last, and returns that one.

    `found` is a survey just taken; without it one is taken here. Raises WizardError before any write when resources of
    the planned names belong to somebody else or cannot be changed in place, InputError when a secret is missing,
    DeployFailed when resources failed. Cancelled, it sends nothing more and tells what is still running.
    """
    began = time.monotonic()
    found = found or await survey.take(blueprint, azure)
    found.refuse()
    secrets.require(found.to_create)
    await _Run(blueprint, azure, secrets, found, emit, journal or NoJournal(), began).to_the_end()
    reach = await endpoints.read(azure, blueprint)
    deployed = Deployed(
        name=blueprint.name,
        seconds=round(time.monotonic() - began, 3),
        resources=len(blueprint),
        http=reach.http,
        ssh=reach.ssh,
        rdp=reach.rdp,
    )
    emit(deployed)
    return deployed


@dataclass
class _Run:
    blueprint: Blueprint
    azure: Arm
    secrets: Secrets
    survey: Survey
    emit: Emit
    journal: Journal
    began: float

    def __post_init__(self) -> None:
        self._found = {found.resource.id: found for found in self.survey.findings}
        self._started: dict[str, float] = {}  # what has begun and not ended
        self._failed: list[Failure] = []
        self._reached = False

    async def to_the_end(self) -> None:
        sorter = self.blueprint.sorter()
        sorter.prepare()
        finished: set[str] = set()
        tasks: dict[asyncio.Task[bool], str] = {}
        try:
            while True:
                for ready in sorter.get_ready():
                    tasks[asyncio.create_task(self._bring(self.blueprint[ready]))] = ready
                if not tasks:
                    break
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    ended = tasks.pop(task)
                    if task.result():
                        finished.add(ended)
                        sorter.done(ended)
        except asyncio.CancelledError:
            self.emit(Interrupted(self.blueprint.name, self._at(), tuple(self._started)))
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._failed:
            tried = {failure.id for failure in self._failed} | finished
            waiting = tuple(resource.id for resource in self.blueprint if resource.id not in tried)
            raise DeployFailed(self.blueprint.name, tuple(self._failed), waiting, reached=self._reached)

    async def _bring(self, resource: Resource) -> bool:
        """Bring one resource to what is planned. False when it failed; only errors of our own making are raised."""
        try:
            await self._decide(self._found[resource.id])
        except WizardError as error:
            self._reached = self._reached or not isinstance(error, UnreachableError)
            code = error.code if isinstance(error, AzureError) else ""
            self._failed.append(Failure(resource.id, error.what, error.why, error.remedy, code))
            why = f"{error.what} {error.why}".strip()
            self._tell(resource, "failed", why=why, remedy=error.remedy)
            return False
        return True

    async def _decide(self, found: Found) -> None:
        resource = found.resource
        if found.state in ("busy", "leaving"):
            self._tell(resource, "adopted")
            await resuming.wait(self.azure, self.journal, resource.id, partial(self._stalled, resource))
            found = await self._settled(resource)
        if self.journal.open(resource.id):
            self.journal.ended(resource.id, found.state)  # what an earlier run began is over
        if found.state == "same" and resource.id in self._started:
            self._tell(resource, "done")
            return
        if found.state == "same":
            self._tell(resource, "same")
        elif found.state == "absent":
            await self._write(resource, self._new)
        elif found.state in ("differs", "broken"):
            await self._write(resource, self._changed)
        else:  # it became so while we waited
            Survey(self.blueprint.name, (found,)).refuse()

    async def _settled(self, resource: Resource) -> Found:
        """Wait for the write or delete that is running on it, and judge what came of it."""
        began, told = time.monotonic(), False
        while True:
            found = survey.find(resource, await self.azure.get(resource.id), self.blueprint.name)
            if found.state not in ("busy", "leaving"):
                return found
            waited = time.monotonic() - began
            if not told and waited > waiting.stalled_after_s(self.azure.cloud.poll_floor_s):
                self._stalled(resource, round(waited, 1))
                told = True
            if waited > ADOPT_LIMIT_S:
                raise WizardError(
                    f"{resource.name} is still {provisioning.state(found.live or {})}.",
                    f"An operation that was already running has not ended in {ADOPT_LIMIT_S / 60:.0f} minutes.",
                    "Look at the resource's activity log.",
                )
            await asyncio.sleep(self.azure.cloud.poll_floor_s)

    async def _new(self, resource: Resource) -> Poller | None:
        return await self.azure.begin_put(resource, self.secrets.body_with(resource))

    async def _changed(self, resource: Resource) -> Poller | None:
        """Read again right before writing, so that nobody's change is lost in between."""
        live: Mapping[str, Any] | None = await self.azure.get(resource.id)
        if live is None:
            return await self._new(resource)
        body = changes.update_body(resource, live)
        return await self.azure.begin_put(resource, body, if_match=live.get("etag"))

    async def _write(self, resource: Resource, send: Callable[[Resource], Awaitable[Poller | None]]) -> None:
        self._tell(resource, "started")
        patience = Patience.with_writes(self.azure.cloud.poll_floor_s)
        while True:
            try:
                self.journal.intent(resource.id)
                poller = await send(resource)
                self.journal.answered(resource.id, poller)
                if poller is not None:
                    await self._ended(resource, poller)
                break
            except AzureError as error:
                wait = patience.next_wait_s(error)
                self.journal.ended(resource.id, error.code)
                if wait is None:
                    raise
                self.emit(ResourceRetried(resource.id, self._at(), error.code, round(wait, 3)))
                await asyncio.sleep(wait)
            # The refusal can be about our own write, whose answer was lost, or about somebody else's: look first.
            found = await self._settled(resource)
            if found.state == "same":
                break
            Survey(self.blueprint.name, (found,)).refuse()
            send = self._new if found.state == "absent" else self._changed
        self.journal.ended(resource.id, "")
        self._tell(resource, "done")

    async def _ended(self, resource: Resource, poller: Poller) -> None:
        await waiting.ended(poller, resource.name, self.azure.cloud.poll_floor_s, partial(self._stalled, resource))

    def _stalled(self, resource: Resource, seconds: float) -> None:
        self.emit(ResourceStalled(resource.id, self._at(), seconds))

    def _at(self) -> float:
        return round(time.monotonic() - self.began, 3)

    def _tell(self, resource: Resource, state: Any, *, why: str = "", remedy: str = "") -> None:
        at = self._at()
        seconds = None
        if state in ("started", "adopted"):
            self._started.setdefault(resource.id, at)
        elif (start := self._started.pop(resource.id, None)) is not None:
            seconds = round(at - start, 3)
        self.emit(ResourceChanged(resource.id, state, at, seconds, why, remedy))
