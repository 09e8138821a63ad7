"""The front door for Python; the terminal wizard and the commands walk the same way through the same engine.

    from wizard import api

    plan = api.read_plan("plan.toml")
    deployed = await api.deploy(plan)
    verified = await api.verify(plan.name, wait_s=120)

What changes a deployment (deploy, scale, patch, reset, drill, destroy) holds it, as commands and runs do: beside
another one it raises UnderWay, an InputError that tells which. What only looks (status, verify) may go on beside it.

A module of its own because `wizard.deploy` and `wizard.verify` are packages. What is heavy is imported by the function
that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.plan.model import Plan

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.cost.estimate import Estimate
    from wizard.deploy.events import Deployed, Emit, Event, Scaled
    from wizard.deploy.status import Status
    from wizard.patch import Patched, Wanted
    from wizard.reset.events import Mode, ResetDone
    from wizard.verify.drill import DrillDone
    from wizard.verify.events import Verified

__all__ = [
    "Plan",
    "cost",
    "deploy",
    "destroy",
    "drill",
    "patch",
    "read_plan",
    "reset_credentials",
    "scale",
    "status",
    "verify",
]


def read_plan(path: str | Path) -> Plan:
    """The plan in a plan.toml. Raises PlanProblems (an InputError) with all its problems."""
    from wizard.plan import files

    return files.read(Path(path))


async def cost(plan: Plan) -> Estimate:
    """What a plan would cost at its cloud's retail prices: `monthly` and `hourly` in USD, and the `lines` of them.

    Where the price list cannot be asked, `why` says so, and `known` is false unless prices were kept. Raises
    InputError for a cloud that is none.
    """
    from wizard import cost as costs

    return await costs.of_plan(plan)


async def deploy(plan: Plan, *, password: SecretStr | None = None, emit: Emit | None = None) -> Deployed:
    """Create what the plan describes; calling it is the consent. What is there as planned is left alone.

    `password` is for a plan with `auth = "password"`, one for all VMs that are still to be created. `emit` is told
    every event. Raises WizardError and its kinds: preflight's problems, foreign resources, failed resources.
    """
    from wizard.deploy import journey
    from wizard.runs import foreground

    with foreground.holding("deploy", plan.name) as run:
        async with journey.open_cloud(plan.cloud) as azure:
            outlook = await journey.look(plan, azure)
            passwords = dict.fromkeys(outlook.needs_password, password) if password is not None else {}
            return await journey.carry_out(outlook, azure, passwords, run.watching(emit or _silent))


async def status(name: str | None = None) -> Status:
    """What is there of a deployment; `name` None is the one last worked on. Raises InputError when it is unknown."""
    from wizard.deploy import journey, record

    known = record.load(name)
    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await journey.read_status(known, azure)


async def verify(
    name: str | None = None,
    *,
    identity: Path | None = None,
    password: Mapping[str, SecretStr] | SecretStr | None = None,
    wait_s: float = 300.0,
    from_vm: str | None = None,
    emit: Emit | None = None,
) -> Verified:
    """Prove that a deployment works; failed checks are counted, not raised. See `wizard.verify.verification.verify`.

    `from_vm` is the id of a VM in another virtual network, from which nothing should be reached.

    It holds nothing: in Azure it writes nothing, and what it keeps here (evidence, host keys) it replaces in one step.
    Beside a deployment, a scaling or a drill it tells what it meets, which may be failures.
    """
    from wizard.deploy import journey, record
    from wizard.verify import verification

    known = record.load(name)
    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await verification.verify(
            known,
            azure,
            identity=identity,
            password=password,
            wait_s=wait_s,
            from_vm=from_vm,
            emit=emit or _silent,
        )


async def drill(name: str | None = None, *, vm: str | None = None, emit: Emit | None = None) -> DrillDone:
    """Stop a VM under load, measure what users see, and bring it back. See `wizard.verify.drill.drill`."""
    from wizard.deploy import journey, record
    from wizard.runs import foreground
    from wizard.verify import drill as drills

    known = record.load(name)
    with foreground.holding("drill", known.name) as run:
        async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
            return await drills.drill(known, azure, vm=vm, emit=run.watching(emit or _silent))


async def reset_credentials(
    name: str | None = None,
    *,
    vms: Sequence[str] | None = None,
    mode: Mode = "password",
    user: str | None = None,
    new: Mapping[str, SecretStr] | str | None = None,
    old: Mapping[str, SecretStr] | SecretStr | None = None,
    identity: Path | None = None,
    replace_keys: bool = False,
    admin_password: SecretStr | None = None,
    force: bool = False,
    emit: Emit | None = None,
) -> list[ResetDone]:
    """Reset the credentials of `vms` (None: all) and prove each by logging in.

    `new` is a password by VM, with mode "ssh-key" the text of a public key, and None with "configuration" and
    "remove-user". `user` None is each VM's administrator. What each mode takes: `wizard.reset.credentials.reset`.
    """
    from wizard.deploy import journey, members, record
    from wizard.reset import reset
    from wizard.runs import foreground

    known = record.load(name)
    with foreground.holding("reset", known.name) as run:
        async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
            return await reset(
                known,
                azure,
                list(vms if vms is not None else await members.vm_names(known, azure)),
                mode=mode,
                user=user,
                new=new,
                old=old,
                identity=identity,
                replace_keys=replace_keys,
                admin_password=admin_password,
                force=force,
                emit=run.watching(emit or _silent),
            )


async def scale(
    name: str | None = None,
    *,
    count: int,
    drain_s: float = 30.0,
    password: SecretStr | None = None,
    emit: Emit | None = None,
) -> Scaled:
    """Bring a deployment to `count` VMs; calling it is the consent, to deleting too. See `wizard.deploy.scale`.

    `password` is for a plan with `auth = "password"`, one for all VMs that are to be created; a VM that is to go has
    `drain_s` seconds out of the pool to end what it is answering.
    """
    from wizard.deploy import journey, record
    from wizard.deploy import scale as scaling
    from wizard.runs import foreground

    known = record.load(name)
    with foreground.holding("scale", known.name, {"count": count}) as run:
        async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
            outlook = await scaling.look(known, azure, count)
            passwords = dict.fromkeys(outlook.needs_password, password) if password is not None else {}
            tell = run.watching(emit or _silent)
            return await scaling.carry_out(outlook, azure, passwords, tell, drain_s=drain_s)


async def patch(name: str | None = None, *, wanted: Wanted | None = None, emit: Emit | None = None) -> Patched:
    """Install the updates that are due, one update domain after another; calling it is the consent.

    `wanted` is a `wizard.patch.Wanted`: which updates, when to restart, how long; None has its defaults.
    `wizard.patch.assess` tells what is due and installs nothing. See `wizard.patch.walk.patch`.
    """
    from wizard import patch as patching
    from wizard.deploy import journey, record
    from wizard.runs import foreground

    known = record.load(name)
    with foreground.holding("patch", known.name) as run:
        async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
            return await patching.patch(known, azure, wanted or patching.Wanted(), emit=run.watching(emit or _silent))


async def destroy(name: str | None = None, *, emit: Emit | None = None) -> int:
    """Delete everything the deployment created, and nothing else; calling it is the consent. Returns how many."""
    from wizard.deploy import journey, record
    from wizard.runs import foreground

    known = record.load(name)
    with foreground.holding("destroy", known.name) as run:
        async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
            return await journey.destroy(known, azure, run.watching(emit or _silent))


def _silent(event: Event) -> None:
    pass
