"""Questions about the deployments that this computer remembers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wizard.desk.session import Session, Tell
from wizard.errors import UnreachableError, WizardError

if TYPE_CHECKING:
    from wizard.deploy.record import Record

Json = dict[str, Any]

STATE_S = 10.0
"""For a list, a state that takes longer is unknown; `status` waits as long as it takes."""


async def deployments(session: Session, tell: Tell, *, states: bool = False) -> list[Json]:
    """All known deployments, with their states where they are asked for."""
    from wizard import runs
    from wizard.deploy import record
    from wizard.home import home

    living = {run.name.casefold(): {"id": run.id, "kind": run.kind} for run in await asyncio.to_thread(runs.active)}
    names = await asyncio.to_thread(record.names)
    last_file = home() / "last"
    last = last_file.read_text(encoding="utf-8").strip().casefold() if last_file.is_file() else ""

    async def one(name: str) -> Json:
        told: Json = {"name": name, "last": name.casefold() == last, "run": living.get(name.casefold())}
        try:
            known = await asyncio.to_thread(record.load, name)
        except WizardError as error:
            return {**told, **_NOTHING, "why": str(error)}
        state, why = await _state(session, known) if states else ("unknown", "")
        return {**told, **_facts(known), "state": state, "why": why}

    return await asyncio.gather(*(one(name) for name in names))


_NOTHING: Json = {
    "cloud": "",
    "subscription": "",
    "location": "",
    "prefix": "",
    "count": 0,
    "created": "",
    "credentials": {},
    "state": "unknown",
}


def _facts(known: Record) -> Json:
    return {
        "name": known.name,
        "cloud": known.plan.cloud,
        "subscription": known.subscription,
        "location": known.plan.location,
        "prefix": known.plan.prefix,
        "count": known.plan.machines.count,
        "created": known.created,
        "credentials": _credentials(known),
    }


def _credentials(known: Record) -> Json:
    return {vm: asdict(credential) for vm, credential in known.credentials.items()}


async def _state(session: Session, known: Record) -> tuple[str, str]:
    """A deployment's state and why it is unknown. A cloud that does not run is not started for a list."""
    from wizard.azure import clouds
    from wizard.deploy import journey

    try:
        async with asyncio.timeout(STATE_S):
            cloud = await asyncio.to_thread(clouds.find, known.plan.cloud)
            if cloud.start is not None:
                await clouds.current(cloud)
            async with session.at(known.plan.cloud, known.subscription) as azure:
                return (await journey.read_status(known, azure)).state, ""
    except TimeoutError:
        return "unknown", f"{known.plan.cloud} did not answer within {STATE_S:.0f} s."
    except UnreachableError as error:
        return "unknown", f"{error.what} {error.why}".strip()
    except WizardError as error:
        return "unknown", str(error)


async def status(session: Session, tell: Tell, *, name: str | None = None) -> Json:
    """What is there of a deployment, where it answers, and the plan it was made from."""
    from wizard.deploy import journey, record
    from wizard.plan import values

    known = await asyncio.to_thread(record.load, name)
    async with session.at(known.plan.cloud, known.subscription) as azure:
        found = await journey.read_status(known, azure)
    return {
        **asdict(found),
        "subscription": known.subscription,
        "created": known.created,
        "credentials": _credentials(known),
        "uncertain": list(known.uncertain),
        "plan": values.nested(known.plan),
    }


async def forget(session: Session, tell: Tell, *, name: str) -> Json:
    """Remove what is remembered of a deployment here; Azure is not asked."""
    from wizard.deploy import record

    known = await asyncio.to_thread(record.load, name)
    await asyncio.to_thread(record.forget, known.name)
    return {"name": known.name}
