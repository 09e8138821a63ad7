"""The way from a plan to a deployment and back, as every front door walks it: commands, wizard, Python.

open_cloud -> look (may it be? what would be written?) -> consent, asked by the front door -> carry_out
open_cloud -> destroy
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wizard import ids
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import aftermath, members, record, rotation, secrets, stopped, teardown
from wizard.deploy.events import Deployed, Emit, Event, ResourceChanged
from wizard.deploy.record import Record
from wizard.deploy.secrets import Secrets
from wizard.deploy.status import Status
from wizard.deploy.survey import Survey
from wizard.errors import InputError, Problem, WizardError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure
    from wizard.plan.model import Plan


class NotReady(WizardError):  # noqa: N818 - told as a fact, as the events are
    """Preflight found errors; `problems` holds them and the warnings beside them."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = sum(problem.severity == "error" for problem in problems)
        super().__init__(
            f"{name} cannot be deployed: {count} {'problem stands' if count == 1 else 'problems stand'} in the way.",
            "Nothing was written.",
            "Each problem names its remedy.",
        )


@dataclass(frozen=True)
class Outlook:
    """What deploying a plan would meet and do. `problems` are preflight's; without errors among them it may begin."""

    plan: Plan
    blueprint: Blueprint
    problems: tuple[Problem, ...]
    survey: Survey

    @property
    def complete(self) -> bool:
        """Everything is there as planned: deploying writes nothing."""
        return self.survey.complete

    @property
    def needs_password(self) -> tuple[str, ...]:
        """The VMs whose creation needs a password."""
        return tuple(resource.name for resource in self.survey.to_create if resource.secrets)

    @property
    def new_vms(self) -> tuple[str, ...]:
        """The VMs that do not exist yet."""
        return tuple(resource.name for resource in self.survey.to_create if _is_vm(resource))


@asynccontextmanager
async def open_cloud(name: str, subscription: str | None = None) -> AsyncIterator[Azure]:
    """The cloud a plan names, running and signed in to. Raises InputError, UnreachableError."""
    from wizard.azure import clients, clouds

    cloud = await clouds.ensure_running(clouds.find(name))
    async with clients.connect(cloud, subscription) as azure:
        yield azure


async def look(plan: Plan, azure: Azure, *, refuse: bool = True) -> Outlook:
    """Read whether the plan can be deployed and what it would write; nothing is written.

    Raises NotReady with all of preflight's problems, and WizardError when resources of the planned names belong to
    somebody else or cannot be changed in place; without `refuse` these are among the findings, to be shown first, and
    `outlook.survey.refuse()` raises it.
    """
    from wizard import blueprint as blueprints
    from wizard import preflight
    from wizard.deploy import survey

    _refuse_namesake(plan, azure.subscription_id)
    blueprint = blueprints.build(plan, azure.subscription_id)
    problems = tuple(await preflight.check(plan, blueprint, azure))
    if any(problem.severity == "error" for problem in problems):
        raise NotReady(plan.name, problems)
    found = await survey.take(blueprint, azure)
    if refuse:
        found.refuse()
    return Outlook(plan, blueprint, problems, found)


async def carry_out(
    outlook: Outlook,
    azure: Azure,
    passwords: Mapping[str, SecretStr],
    emit: Emit,
    *,
    secret_file: Path | None = None,
) -> Deployed:
    """Deploy what was looked at and consented to; what is there is read anew. `passwords` is by VM name.

    The record is kept and `secret_file` written before the first request. The file is removed again when no VM's
    creation began, because then no password in it is used anywhere. Raises as `engine.deploy` does.
    """
    from wizard.deploy import engine, resuming

    given = Secrets.passwords(passwords)
    given.require(outlook.survey.to_create)
    if secret_file is not None and passwords:
        user = outlook.plan.machines.admin_user
        secrets.write_secret_file(secret_file, dict.fromkeys(passwords, user), passwords)
    used = False

    def watch(event: Event) -> None:
        nonlocal used
        if isinstance(event, ResourceChanged) and event.state == "started":
            used = used or bool(outlook.blueprint[event.id].secrets)
        emit(event)

    try:
        kept = record.save(outlook.plan, azure.subscription_id, new_vms=outlook.new_vms)
        await aftermath.put_right(kept.folder, azure, emit)
        with resuming.journal(kept.folder, kept.name, emit) as journal:
            return await engine.deploy(outlook.blueprint, azure, given, watch, journal=journal)
    except BaseException:
        if secret_file is not None and passwords and not used:
            secrets.remove_secret_file(secret_file)
        raise


async def read_status(known: Record, azure: Azure) -> Status:
    """What is there of a deployment that this computer remembers."""
    from wizard import blueprint as blueprints
    from wizard.deploy import status

    planned = blueprints.build(known.plan, known.subscription)
    found = await status.read(azure, await members.populated(planned, azure))
    left = [one for one in stopped.left(known.folder) if not await stopped.is_gone(azure, one)]
    out = rotation.left(known.folder)
    names, out_names = (tuple(ids.parse(one).name for one in of) for of in (left, out))
    return replace(found, left_stopped=names, left_out=out_names)


async def destroy(known: Record, azure: Azure, emit: Emit, *, remove_lock: bool = False) -> int:
    """Tear a deployment down, and forget it once it is gone. Returns and raises as `teardown.destroy` does.

    A lock on the group stops it before anything is deleted; our own is taken off with `remove_lock`.
    """
    from wizard.deploy import locks, resuming

    await locks.clear(azure, known.name, remove_ours=remove_lock)
    with resuming.journal(known.folder, known.name, emit) as journal:
        deleted = await teardown.destroy(
            azure, known.name, emit, existing_group=known.plan.existing_group, journal=journal
        )
    record.forget(known.name)
    return deleted


def _refuse_namesake(plan: Plan, subscription: str) -> None:
    """One name is one deployment: a second one elsewhere would make this computer forget how to reach the first."""
    if not record.known(plan.name):
        return
    try:
        known = record.load(plan.name)
    except InputError:
        return  # damaged: it is made anew
    if (known.plan.cloud, known.subscription.lower()) != (plan.cloud, subscription.lower()):
        raise InputError(
            f"A deployment named {plan.name} is known already, in {known.plan.cloud}, "
            f"subscription {known.subscription}.",
            "Commands know a deployment by its name alone.",
            f"Destroy that one first, choose another name, or remove {known.folder} if it exists no more.",
        )


def _is_vm(resource: Resource) -> bool:
    return resource.type.lower() == teardown.VM
