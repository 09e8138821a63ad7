"""The kinds of runs: each calls what the command of its name calls, with the same events.

A kind takes a Job and returns the exit status of a run that came to its end: 1 when what it checked has failures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from wizard.errors import InputError, WizardError
from wizard.runs.job import Job

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.durations import Durations
    from wizard.blueprint.resource import Resource
    from wizard.deploy.journey import Outlook
    from wizard.deploy.record import Record
    from wizard.reset.events import Mode

E = TypeVar("E", bound=StrEnum)


async def deploy(job: Job) -> int:
    """Create what a plan describes; whoever starts it has consented to that."""
    from wizard.deploy import journey
    from wizard.plan import values as plans

    plan = plans.legal(job.request.get("plan") or {})
    if plan.name.casefold() != job.name.casefold():
        raise InputError(f"The plan is of {plan.name}, and the run of {job.name}.", "", "They must be the same.")
    secret_file = job.secret_file()
    async with job.cloud(plan.cloud, job.request.get("subscription")) as azure:
        outlook = await journey.look(plan, azure)
        _tell_outlook(job, outlook, azure.durations)
        vms = outlook.needs_password
        given = job.passwords(vms) if secret_file is None else job.generated(vms, plan.machines.os)
        await journey.carry_out(outlook, azure, given, job.emit, secret_file=secret_file)
    return 0


def _tell_outlook(job: Job, outlook: Outlook, durations: Durations) -> None:
    for problem in outlook.problems:
        job.tell(problem.as_event())
    for found in outlook.survey.findings:
        job.tell(_planned(found.resource, found.state, durations))


def _planned(resource: Resource, state: str, durations: Durations) -> dict[str, Any]:
    """`expected_s` is how long its write takes on this cloud, by what earlier runs have seen."""
    from wizard.azure.durations import kind_of

    return {
        "event": "planned",
        "id": resource.id,
        "type": resource.type,
        "name": resource.name,
        "after": list(resource.after),
        "state": state,
        "expected_s": round(durations.expected_s(kind_of(resource.type, resource.body)), 3),
    }


async def verify(job: Job) -> int:
    """Prove that a deployment works."""
    from wizard.deploy import members
    from wizard.verify import verification

    known = job.record()
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        passwords = job.passwords(await members.vm_names(known, azure))
        verified = await verification.verify(
            known,
            azure,
            identity=job.path("identity"),
            password=passwords or None,
            wait_s=float(job.request.get("wait_s", verification.WAIT_S)),
            from_vm=job.request.get("from_vm") or None,
            emit=job.emit,
        )
    return 1 if verified.failed else 0


async def reset(job: Job) -> int:
    """Reset VMs' credentials, with proof."""
    from wizard.deploy import secrets
    from wizard.reset import credentials

    known = job.record()
    vms = tuple(dict.fromkeys(job.request.get("vms") or known.plan.vm_names)) or await _machines(job)
    mode = cast("Mode", job.request.get("mode") or "password")
    user = job.request.get("user") or None
    secret_file = job.secret_file()
    new = _new(job, known, vms, mode, generate=secret_file is not None)
    old = job.passwords(vms, "old_password", "old_passwords") or None
    credentials.check(known, vms, mode=mode, user=user, new=new, old=old)
    if secret_file is not None and isinstance(new, Mapping):
        users = {vm: user or credentials.administrator(known, vm) for vm in vms}
        secrets.write_secret_file(secret_file, users, new)
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        results = await credentials.reset(
            known,
            azure,
            vms,
            mode=mode,
            user=user,
            new=new,
            old=old,
            identity=job.path("identity"),
            replace_keys=bool(job.request.get("replace_keys")),
            admin_password=job.secret("admin_password"),
            force=bool(job.request.get("force")),
            emit=job.emit,
        )
    return 1 if any(result.state == "failed" for result in results) else 0


def _new(
    job: Job, known: Record, vms: tuple[str, ...], mode: Mode, *, generate: bool
) -> Mapping[str, SecretStr] | str | None:
    """The new login: passwords by VM, a public key, or none in the modes that give nobody one."""
    from wizard.reset.events import Mode

    if mode not in get_args(Mode):
        raise InputError(f"There is no mode {mode!r}.", "", f"Modes are: {', '.join(get_args(Mode))}.")
    if mode == "password":
        return job.generated(vms, known.plan.machines.os) if generate else job.passwords(vms)
    if mode != "ssh-key":
        return None
    key = str(job.request.get("ssh_key") or "").strip()
    if not key or generate:
        raise InputError("There is no key to add.", "", "Choose a public key.")
    return key


async def scale(job: Job) -> int:
    """Bring a deployment to `count` VMs; whoever starts it has consented to what is created or deleted."""
    from wizard.deploy import scale as scaling

    known = job.record()
    secret_file = job.secret_file()
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        outlook = await scaling.look(known, azure, int(job.request.get("count") or 0))
        for problem in outlook.problems:
            job.tell(problem.as_event())
        touched = {each.resource.id for each in (*outlook.created, *outlook.removed)}
        touched |= {each.id for each in outlook.amended}
        for found in outlook.survey.findings:
            if found.resource.id in touched:
                state = "differs" if found.state == "same" else found.state
                job.tell(_planned(found.resource, state, azure.durations))
        vms = outlook.needs_password
        given = job.passwords(vms) if secret_file is None else job.generated(vms, known.plan.machines.os)
        drain_s = float(job.request.get("drain_s", scaling.DRAIN_S))
        await scaling.carry_out(outlook, azure, given, job.emit, drain_s=drain_s, secret_file=secret_file)
    return 0


async def destroy(job: Job) -> int:
    """Delete everything a deployment created; whoever starts it has consented to that."""
    from wizard.deploy import journey, record
    from wizard.deploy.events import Destroyed

    if not record.known(job.name):
        job.emit(Destroyed(job.name, 0))
        return 0
    known = record.load(job.name)
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        await journey.destroy(known, azure, job.emit, remove_lock=bool(job.request.get("remove_lock")))
    return 0


async def load(job: Job) -> int:
    """Send HTTP load to a deployment's page, or to a URL, and tell who answered."""
    from wizard.runs.progress import LoadProgress
    from wizard.verify import load as loads
    from wizard.verify.load import expect as expectations

    asked = job.request
    expected = [expectations.parse(text) for text in asked.get("expect") or ()]
    url, vms = (str(asked["url"]), ()) if asked.get("url") else await _page(job)
    duration_s = float(asked.get("duration_s", 10.0))
    job.tell({"event": "loading", "url": url, "duration_s": duration_s, "vms": list(vms)})
    done = await loads.run(
        url,
        duration_s=duration_s,
        connections=int(asked.get("connections", 50)),
        rate=float(asked["rate"]) if asked.get("rate") else None,
        keep_alive=bool(asked.get("keep_alive")),
        vms=vms,
        requests=int(asked["requests"]) if asked.get("requests") else None,
        warmup_s=float(asked.get("warmup_s", 0.0)),
        workers=int(asked.get("workers", 1)),
        timeout_s=float(asked.get("timeout_s", 10.0)),
        on_snapshot=LoadProgress(job.tell),
    )
    job.emit(done)
    judged = [expectations.judge(one, done) for one in expected]
    for verdict in judged:
        job.emit(verdict)
    return 1 if done.errors == done.requests or not all(verdict.met for verdict in judged) else 0


async def drill(job: Job) -> int:
    """Stop a VM under load, and see what its users see."""
    from wizard.runs.progress import LoadProgress
    from wizard.verify import drill as drills

    known = job.record()
    asked = job.request
    lost: dict[str, Any] = {
        "vm": asked.get("vm") or None,
        "update_domain": None if asked.get("update_domain") is None else int(asked["update_domain"]),
        "fault_domain": None if asked.get("fault_domain") is None else int(asked["fault_domain"]),
        "zone": asked.get("zone") or None,
    }
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        done = await (drills.rolling if asked.get("rolling") else drills.drill)(
            known,
            azure,
            **({} if asked.get("rolling") else lost),
            rate=float(asked.get("rate") or drills.RATE),
            wait_s=float(asked.get("wait_s") or drills.WAIT_S),
            emit=job.emit,
            on_snapshot=LoadProgress(job.tell),
        )
    return 0 if done.held else 1


async def patch(job: Job) -> int:
    """Tell which updates are due, or install them; whoever starts it without `assess` has consented to that."""
    from wizard import patch as patching
    from wizard.plan.patching import REBOOT, UPDATES, Reboot, Updates
    from wizard.runs.progress import LoadProgress

    known = job.record()
    asked = job.request
    default = patching.Wanted()
    wanted = patching.Wanted(
        updates=_one_of(Updates, asked.get("classification") or UPDATES),
        reboot=_one_of(Reboot, asked.get("reboot") or REBOOT),
        minutes=int(asked.get("minutes") or default.minutes),
        drain_s=float(asked.get("drain_s", default.drain_s)),
        share=int(asked.get("share") or 0),
        rate=float(asked["rate"]) if asked.get("rate") else None,
    )
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        if asked.get("assess"):
            found = await patching.assess(known, azure, wanted, emit=job.emit)
            return 1 if any(each.why for each in found) else 0
        done = await patching.patch(known, azure, wanted, emit=job.emit, on_snapshot=LoadProgress(job.tell))
    return 1 if done.failed_requests else 0


def _one_of(kind: type[E], given: Any) -> E:
    """The choice that a request names. InputError when it is none."""
    try:
        return kind(str(given))
    except ValueError:
        known = ", ".join(str(each) for each in kind)
        raise InputError(f"There is no choice {given!r}.", "", f"It is one of: {known}.") from None


async def ramp(job: Job) -> int:
    """Load a scale set until autoscale adds a machine, then let it take one away again."""
    from wizard.verify import ramp as ramps

    known = job.record()
    asked = job.request
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        done = await ramps.ramp(
            known,
            azure,
            low=float(asked.get("low") or ramps.LOW_RPS),
            peak=float(asked.get("peak") or ramps.PEAK_RPS),
            climb_s=float(asked.get("climb_s", ramps.CLIMB_S)),
            limit_s=float(asked.get("limit_s") or ramps.LIMIT_S),
            emit=job.emit,
        )
    return 0 if done.proved else 1


async def _machines(job: Job) -> tuple[str, ...]:
    """The VMs that a scale set has now."""
    from wizard.deploy import members

    known = job.record()
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        return await members.vm_names(known, azure)


async def _page(job: Job) -> tuple[str, tuple[str, ...]]:
    """A deployment's page and the VMs that should answer."""
    from wizard import blueprint
    from wizard.deploy import endpoints, members

    known = job.record()
    async with job.cloud(known.plan.cloud, known.subscription) as azure:
        http = (await endpoints.read(azure, blueprint.build(known.plan, known.subscription))).http
        vms = await members.page_names(known, azure)
    if not http:
        raise WizardError(
            f"{known.name} answers nowhere.",
            "Its load balancer is not there, or has no public address.",
            "See what is there in the deployment's home.",
        )
    return f"{http}/", vms


KINDS: Mapping[str, Callable[[Job], Awaitable[int]]] = {
    "deploy": deploy,
    "verify": verify,
    "load": load,
    "drill": drill,
    "patch": patch,
    "ramp": ramp,
    "reset": reset,
    "scale": scale,
    "destroy": destroy,
}
"""By the name of the command that does the same in the foreground."""


def fault(error: BaseException) -> dict[str, Any]:
    """What is told of an error that nobody foresaw: its type, and no word of its own, which may quote anything."""
    return {
        "what": f"The run met a fault of ours: {type(error).__name__}.",
        "why": "This was not foreseen, and where it happened is in the run's log.",
        "remedy": "What is there is kept. Run the same again: it continues from what is there.",
    }
