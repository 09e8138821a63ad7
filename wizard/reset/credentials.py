"""Resets VMs' credentials and proves it: what Azure reports as success counts only once an SSH server agrees.

For each VM, side by side:

    it runs, its agent reports, and whoever answers at its NAT port shows a host key that the VM itself told of
    -> does the old password work now? (or its refusal later would mean nothing)
    -> VMAccess
    -> the new login works, on the right host; the old password is refused; what else still gets in is told

Nothing is changed on a VM that cannot be asked, and no password goes to a server that is not known to be the VM.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard import keys as our_keys
from wizard.deploy import endpoints
from wizard.deploy import record as records
from wizard.errors import AzureError, InputError, WizardError
from wizard.plan import rules
from wizard.plan.model import OsType
from wizard.plan.nearest import did_you_mean
from wizard.reset import history, proof, vmaccess
from wizard.reset.events import Mode, ResetDone, ResetStep, Step
from wizard.reset.remaining import remaining
from wizard.verify import health, hostkeys, ssh
from wizard.verify import machines as machines_of
from wizard.verify.events import Emit
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

SETTLE_S = 20.0
"""How long a new login may take to work after VMAccess reported success: sshd is restarted when password login is
turned on, and on a busy VM that takes a few seconds. [M] The number is ours; Azure promises none."""

TURN_S = 1.0


async def reset(
    record: Record,
    azure: Azure,
    vms: Sequence[str],
    *,
    mode: Mode = "password",
    user: str | None = None,
    new: Mapping[str, SecretStr] | str,
    old: Mapping[str, SecretStr] | SecretStr | None = None,
    identity: Path | None = None,
    emit: Emit,
) -> list[ResetDone]:
    """Reset the named VMs' credentials and prove each; one result per VM, in their order, each also told to `emit`.

    `new` maps VM names to passwords, or is the text of one public key. `user` is the VM's administrator when left out.
    `old` is the password that the VMs have now, one for all or by VM name. `identity` is the private half of a new
    key; without it, the pair in HOME/keys is tried if the key is its other half.

    Raises InputError before anything is sent; AzureError and UnreachableError when the deployment cannot be read. What
    goes wrong with one VM is its result, and the others go on.
    """
    from wizard import blueprint

    if (mode == "ssh-key") != isinstance(new, str):
        raise ValueError(f"{mode} takes {'the text of a key' if mode == 'ssh-key' else 'passwords by VM'}")
    check(record, vms, user=user, new=new, old=old)
    planned = blueprint.build(record.plan, record.subscription)
    machines = {machine.name: machine for machine in machines_of.of(planned)}
    doors = (await endpoints.read(azure, planned)).ssh
    keys = hostkeys.HostKeys(azure, record.folder)
    if isinstance(new, str):
        identity = identity or our_keys.private_for(new)

    async def one(vm: str) -> ResetDone:
        who = user or administrator(record, vm)
        job = _Job(
            record,
            azure,
            machines[vm],
            doors.get(vm, ""),
            keys,
            mode,
            who,
            _for(new, vm),
            _old_of(old, vm),
            identity,
            emit,
        )
        done = await job.run()
        emit(done)
        return done

    results = await together(one(vm) for vm in vms)
    for result in results:
        if result.new_login:
            record = records.note_credential(record, result.vm, user=result.user)
    return results


def administrator(record: Record, vm: str) -> str:
    """The user whose credential was set last on a VM."""
    known = record.credentials.get(vm)
    return known.user if known is not None else record.plan.machines.admin_user


def check(
    record: Record,
    vms: Sequence[str],
    *,
    user: str | None,
    new: Mapping[str, SecretStr] | str,
    old: Mapping[str, SecretStr] | SecretStr | None,
) -> None:
    """InputError unless this is a reset that can be asked for. Nothing of a password is in its words."""
    plan = record.plan
    if plan.machines.os != OsType.LINUX:
        raise InputError(
            "Only Linux VMs can be reset so far.", "VMAccess for Windows is not yet supported.", "Use the Azure portal."
        )
    if not vms:
        raise InputError("No VM was named.", "", "Name VMs with --vm, or take --all.")
    for vm in vms:
        if vm not in plan.vm_names:
            raise InputError(f"{plan.name} has no VM {vm!r}.", "", did_you_mean(vm, plan.vm_names))
    if user is not None and (problem := rules.admin_user(user, plan.machines.os, "user")):
        raise InputError(problem.what, problem.why, problem.remedy)
    if isinstance(new, str):
        if problem := rules.ssh_key(new, "ssh_key"):
            raise InputError(problem.what, problem.why, problem.remedy)
        return
    for vm in vms:
        if vm not in new:
            raise InputError(f"There is no new password for {vm}.", "", "Give one with --password-stdin.")
        password = new[vm].get_secret_value()
        if problem := rules.password(password, plan.machines.os):
            raise InputError(problem.what, problem.why, problem.remedy)
        if (before := _old_of(old, vm)) is not None and before.get_secret_value() == password:
            raise InputError(
                "The new password is the old one.", "That resets nothing.", "Choose another, or --generate-password."
            )


def _old_of(old: Mapping[str, SecretStr] | SecretStr | None, vm: str) -> SecretStr | None:
    return old.get(vm) if isinstance(old, Mapping) else old


def _for(new: Mapping[str, SecretStr] | str, vm: str) -> SecretStr | str:
    return new if isinstance(new, str) else new[vm]


class _NotStartedError(Exception):
    """This VM cannot be reset, and nothing was changed."""

    def __init__(self, detail: str, remedy: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


@dataclass(frozen=True)
class _Job:
    """One VM's reset."""

    record: Record
    azure: Azure
    machine: Machine
    door: str
    keys: hostkeys.HostKeys
    mode: Mode
    user: str
    new: SecretStr | str
    old: SecretStr | None
    identity: Path | None
    emit: Emit

    async def run(self) -> ResetDone:
        try:
            host, port, pinned, unique_id = await self._ready()
            logins = history.logins(self.record, self.machine.name, unique_id)
            before = await self._ask_old(host, port, pinned, "before")
        except _NotStartedError as error:
            return self._failed(f"nothing was changed: {error.detail}", error.remedy)
        except WizardError as error:
            return self._failed(f"nothing was changed: {error.what} {error.why}".strip(), error.remedy)
        try:
            await self._apply()
        except WizardError as error:
            return await self._not_applied(error, host, port, pinned, unique_id)
        history.note(self.record, self.machine.name, unique_id, self.user, self.mode)
        new = await self._ask_new(host, port, pinned)
        after = await self._ask_old(host, port, pinned, "proving") if before is not None else None
        verdict = proof.judge(
            proof.Findings(
                self.mode,
                self.user,
                new,
                before,
                after,
                had_password=logins.had_password(self.user),
                former=logins.other_users(self.user),
            )
        )
        others = await self._remaining(host, port, pinned, logins)
        return ResetDone(
            self.machine.name,
            self.user,
            self.mode,
            verdict.state,
            verdict.new_login,
            verdict.old_login_refused,
            others,
            verdict.detail,
            self._remedy(verdict, logins),
        )

    async def _ready(self) -> tuple[str, int, list[ssh.HostKey], str]:
        """Where the VM answers, its host key, and its `vmId`; _NotStartedError when it cannot be asked."""
        name = self.machine.name
        self._tell("asking", "does it run, and who answers at its NAT port?")
        live = await self.azure.get(self.machine.id)
        if live is None:
            raise _NotStartedError(f"there is no VM {name}", "Deploy the plan again.")
        view = await health.instance(self.azure, self.machine)
        power = health.power_state(view)
        if power != "running":
            raise _NotStartedError(
                f"{name} is {power or 'in an unknown power state'}, and VMAccess needs a running VM",
                f"Start {name} first.",
            )
        if not health.agent_ready(view):
            raise _NotStartedError(
                f"the VM agent of {name} does not report, and VMAccess works through it",
                "Wait until it is ready (verify --wait), or restart the VM.",
            )
        if not self.door:
            raise _NotStartedError(f"no NAT port of the balancer leads to {name}", "Deploy the plan again.")
        host, _, port = self.door.rpartition(":")
        found = await hostkeys.identify(self.keys, self.machine.id, host, int(port))
        if found.state != "ok":
            raise _NotStartedError(
                f"at {self.door} {found.detail}",
                "Let this computer's address in (network.allow_admin), and see that sshd runs on the VM.",
            )
        return host, int(port), found.pinned, str(live.get("properties", {}).get("vmId") or "")

    async def _ask_old(self, host: str, port: int, pinned: list[ssh.HostKey], step: Step) -> ssh.LoginResult | None:
        if self.old is None:
            return None
        self._tell(step, "is the old password let in?")
        return await ssh.login(host, port, self.user, self.old, pinned=pinned)

    async def _apply(self) -> None:
        what = "a new password" if self.mode == "password" else "one more key"
        self._tell("resetting", f"VMAccess: {what} for {self.user}")
        if isinstance(self.new, SecretStr):
            await vmaccess.set_password(self.azure, self.machine.id, self.user, self.new)
        else:
            await vmaccess.add_key(self.azure, self.machine.id, self.user, self.new)

    async def _not_applied(
        self, error: WizardError, host: str, port: int, pinned: list[ssh.HostKey], unique_id: str
    ) -> ResetDone:
        """VMAccess failed. A refused request changed nothing; one that failed on the way may have: look."""
        why = f"{error.what} {error.why}".strip()
        if isinstance(error, AzureError) and error.status is not None:
            return self._failed(why, error.remedy)
        login = await self._try_new(host, port, pinned)
        if login is None or login.outcome != "refused":
            history.note(self.record, self.machine.name, unique_id, self.user, self.mode)
        if login is not None and login.ok:
            done = self._failed(f"{why} All the same the new login works.", error.remedy)
            return replace(done, new_login=True)
        return self._failed(why, error.remedy)

    async def _try_new(self, host: str, port: int, pinned: list[ssh.HostKey]) -> ssh.LoginResult | None:
        """One try of the new login; None when there is no private key to try it with."""
        credential = self.new if isinstance(self.new, SecretStr) else self.identity
        if credential is None:
            return None
        login = await ssh.login(host, port, self.user, credential, pinned=pinned)
        if login.ok and login.output != self.machine.hostname:
            return ssh.LoginResult("unclear", f"logged in, but hostname prints {login.output!r}", login.host_key)
        return login

    async def _ask_new(self, host: str, port: int, pinned: list[ssh.HostKey]) -> ssh.LoginResult | None:
        """Try the new login until it works or has had its time."""
        self._tell("proving", "is the new login let in?")
        until = time.perf_counter() + SETTLE_S
        while True:
            login = await self._try_new(host, port, pinned)
            if login is None or login.ok or login.outcome == "wrong-host-key" or time.perf_counter() > until:
                return login
            await asyncio.sleep(TURN_S)

    async def _remaining(
        self, host: str, port: int, pinned: list[ssh.HostKey], logins: history.Logins
    ) -> tuple[str, ...]:
        async def login(user: str, credential: ssh.Credential) -> ssh.LoginResult:
            return await ssh.login(host, port, user, credential, pinned=pinned)

        public = self.record.plan.machines.ssh_key
        just_added = isinstance(self.new, str) and self.new.split()[:2] == public.split()[:2]
        key = our_keys.private_for(public) if public and not just_added else None
        return await remaining(logins, self.user, self.mode, our_key=key, old=self.old, login=login)

    def _remedy(self, verdict: proof.Verdict, logins: history.Logins) -> str:
        if verdict.state == "failed":
            return "Look at the VM's /var/log/azure for what VMAccess did, and try again."
        if verdict.state == "unproved" and (former := logins.other_users(self.user)):
            return f"If {', '.join(former)} should not sign in any more, remove the user on the VM."
        if verdict.state == "unproved" and self.mode == "password":
            return "With the old password on standard input (--old-password-stdin) its refusal can be proved."
        return ""

    def _failed(self, detail: str, remedy: str) -> ResetDone:
        return ResetDone(
            self.machine.name, self.user, self.mode, "failed", False, None, (), " ".join(detail.split()), remedy
        )

    def _tell(self, step: Step, detail: str) -> None:
        self.emit(ResetStep(self.machine.name, step, detail))
