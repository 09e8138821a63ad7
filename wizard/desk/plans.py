"""Questions about plans: their problems, their resources, what deploying would meet and do; and their files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.desk.session import Session, Tell
from wizard.errors import InputError, Problem, WizardError
from wizard.ids import NO_SUBSCRIPTION

if TYPE_CHECKING:
    from wizard.blueprint.resource import Resource
    from wizard.deploy.compare import Difference
    from wizard.deploy.journey import Outlook

Json = dict[str, Any]


def told(problems: Iterable[Problem]) -> list[Json]:
    """Problems as JSON."""
    from dataclasses import asdict

    return [asdict(problem) for problem in problems]


def _stops(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


async def plan_problems(session: Session, tell: Tell, *, plan: Mapping[str, Any]) -> list[Json]:
    """What is wrong with a plan by itself."""
    from wizard.plan import values

    return told(values.check(plan)[1])


async def blueprint(session: Session, tell: Tell, *, plan: Mapping[str, Any], bodies: bool = False) -> list[Json]:
    """The resources that a plan means. Nothing is asked of a cloud."""
    from wizard import blueprint as blueprints
    from wizard.plan import values

    legal = values.legal(plan)
    graph = blueprints.build(legal, await asyncio.to_thread(_subscription, session, legal.cloud))
    return [{**_resource(each), **({"body": dict(each.body)} if bodies else {})} for each in graph]


def _subscription(session: Session, cloud: str) -> str:
    """The chosen subscription, or the one that comes with the cloud, as far as it is known without asking."""
    from wizard.azure import clouds

    return session.subscriptions.get(cloud) or clouds.find(cloud).subscription or NO_SUBSCRIPTION


def _resource(resource: Resource) -> Json:
    return {"id": resource.id, "type": resource.type, "name": resource.name, "after": list(resource.after)}


async def preflight(session: Session, tell: Tell, *, plan: Mapping[str, Any], subscription: str | None = None) -> Json:
    """What would stop the deployment, asked of the cloud; a plan that is wrong by itself is not asked about."""
    from wizard import blueprint as blueprints
    from wizard import preflight as preflights
    from wizard.plan import values

    began = time.monotonic()
    legal, problems = values.check(plan)
    if legal is not None:
        async with session.at(legal.cloud, subscription) as azure:
            problems = await preflights.check(legal, blueprints.build(legal, azure.subscription_id), azure)
    seconds = round(time.monotonic() - began, 3)
    return {"ready": not _stops(problems), "problems": told(problems), "seconds": seconds}


async def outlook(session: Session, tell: Tell, *, plan: Mapping[str, Any], subscription: str | None = None) -> Json:
    """What deploying would meet and write."""
    from wizard.deploy import journey
    from wizard.plan import values

    empty: Json = {"ready": False, "complete": False, "resources": [], "new_vms": [], "needs_password": []}
    legal, problems = values.check(plan)
    if legal is None:
        return {**empty, "problems": told(problems)}
    async with session.at(legal.cloud, subscription) as azure:
        try:
            found = await journey.look(legal, azure, refuse=False)
        except journey.NotReady as error:
            return {**empty, "problems": told(error.problems)}
    refused = _refused(found)
    return {
        "ready": not refused,
        "complete": found.complete,
        "problems": told((*refused, *found.problems)),
        "resources": [
            {
                **_resource(each.resource),
                "state": each.state,
                "differences": [_difference(one) for one in each.differences],
            }
            for each in found.survey.findings
        ],
        "new_vms": list(found.new_vms),
        "needs_password": list(found.needs_password),
    }


def _refused(found: Outlook) -> tuple[Problem, ...]:
    """What stands in the way of writing, where something is somebody else's or cannot be changed in place."""
    try:
        found.survey.refuse()
    except WizardError as error:
        return (Problem("", error.what, error.why, error.remedy),)
    return ()


def _difference(found: Difference) -> str:
    return f"{found.where}: {_short(found.live)}, planned {_short(found.desired)}"


def _short(value: Any) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


async def default_plan(session: Session, tell: Tell, *, cloud: str | None = None, os: str = "linux") -> Json:
    """A plan of our defaults for a cloud and a system; addresses as far as they are known."""
    from wizard import origin
    from wizard.plan import draft, values

    public = await asyncio.to_thread(origin.public_range)
    made = draft.draft(cloud=cloud or session.cloud, os=os, admin_from=(public,) if public else ())
    return {"plan": values.nested(made)}


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


async def save_plan(
    session: Session, tell: Tell, *, plan: Mapping[str, Any], path: str, overwrite: bool = False
) -> Json:
    """Write plan.toml."""
    from wizard.plan import files, values

    legal = values.legal(plan)
    target = _absolute(path)

    def write() -> None:
        if target.exists() and not overwrite:
            raise InputError(f"{target} exists.", "It was not touched.", "Name another file, or replace this one.")
        if target.is_dir() or not target.parent.is_dir():
            raise InputError(f"{target} cannot be written.", "A file in a folder that exists is needed.", "Name one.")
        try:
            files.write(legal, target)
        except OSError as error:
            raise InputError(f"{target} cannot be written.", f"{error.strerror}.", "Name another file.") from None

    await asyncio.to_thread(write)
    return {"path": str(target)}


async def load_plan(session: Session, tell: Tell, *, path: str) -> Json:
    """Read plan.toml, also a faulty one: what stands in it rightly is worth keeping."""
    import tomllib

    from wizard.plan import document, files, rules, values, workload

    target = _absolute(path)
    text = await asyncio.to_thread(files.read_text, target)
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise files.PlanProblems(f"{target} cannot be used.", files.check(text)[1]) from None
    found = document.read(tree)
    if isinstance(named := found.values.get(workload.FIELD), str):
        found.values[workload.FIELD] = workload.resolve(named, target.parent)
    problems = rules.in_order([*found.problems, *rules.check_values(found.values)])
    return {"path": str(target), "plan": values.nested(found.values), "problems": told(problems)}
