"""Resets VMs' credentials and proves it: what Azure reports as success counts only once the VM's own server agrees.

The modes are those of the portal's blade, each a module of its own: `login` (a password or a key for a user),
`configuration` (sshd as the image had it), `removal` (of a user). VMs are reset side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard import ids
from wizard import keys as our_keys
from wizard.deploy import aftermath, endpoints, members
from wizard.deploy import record as records
from wizard.errors import InputError
from wizard.plan import rules
from wizard.plan.model import OsType
from wizard.plan.nearest import did_you_mean
from wizard.reset.configuration import ConfigurationReset
from wizard.reset.desktop import DesktopTarget
from wizard.reset.events import Mode, ResetDone
from wizard.reset.login import LoginReset
from wizard.reset.removal import UserRemoval
from wizard.reset.target import Target
from wizard.verify import hostkeys, readiness
from wizard.verify import machines as machines_of
from wizard.verify.events import Emit
from wizard.verify.machines import Machine
from wizard.verify.rdp_pins import Certificates
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record
    from wizard.reset.outcome import Outcome

New = Mapping[str, SecretStr] | str | None
"""Passwords by VM, the text of a public key, or None for the modes that give nobody a new login."""


BACK_S = 120.0
"""For the agent and the sign-in server of a VM that was started because a drill had left it stopped."""


async def reset(
    record: Record,
    azure: Azure,
    vms: Sequence[str],
    *,
    mode: Mode = "password",
    user: str | None = None,
    new: New = None,
    old: Mapping[str, SecretStr] | SecretStr | None = None,
    identity: Path | None = None,
    replace_keys: bool = False,
    admin_password: SecretStr | None = None,
    force: bool = False,
    emit: Emit,
) -> list[ResetDone]:
    """Reset the named VMs and prove each; one result per VM, in their order, each also told to `emit`.

    `user` is the VM's administrator when left out; "remove-user" must name who is to go.

    password        `new` maps VM names to passwords; `old` is what the VMs have now, one for all or by VM name
    ssh-key         `new` is the text of a public key, `identity` its private half (left out: the pair in HOME/keys, if
                    it is that); `replace_keys` takes all other keys of the user away
    configuration   `identity`, `old` (a password) or the pair in HOME/keys is the login that proves it
    remove-user     `old` is the password of who goes; `identity`, `admin_password` or the pair in HOME/keys is the
                    login of who stays; `force` removes also where nobody is known to get in afterwards

    VMs that a killed drill has left stopped are started first, and given up to 2 minutes until they can be asked.

    Raises InputError before anything is sent; AzureError and UnreachableError when the deployment cannot be read. What
    goes wrong with one VM is its result, and the others go on.
    """
    from wizard import blueprint

    check(record, vms, mode=mode, user=user, new=new, old=old)
    planned = await members.populated(blueprint.build(record.plan, record.subscription), azure)
    machines = {machine.name: machine for machine in machines_of.of(planned)}
    _known(record, vms, machines)
    reach = await endpoints.read(azure, planned)
    windows = record.plan.machines.os is OsType.WINDOWS
    doors = reach.rdp if windows else reach.ssh
    started = {ids.key(one) for one in await aftermath.put_right(record.folder, azure, emit)}
    await _until_asked(azure, [one for one in machines.values() if ids.key(one.id) in started], doors, windows, emit)
    keys = Certificates(azure, record.folder) if windows else hostkeys.HostKeys(azure, record.folder)
    if isinstance(new, str):
        identity = identity or our_keys.private_for(new)

    async def run(target: Target, vm: str) -> Outcome:
        known, before = administrator(record, vm), _old_of(old, vm)
        if mode == "remove-user":
            assert user is not None  # checked
            return await UserRemoval(target, user, known, before, identity, admin_password, force).run()
        who = user or known
        if mode == "configuration":
            ours = our_keys.private_for(record.plan.machines.ssh_key)
            return await ConfigurationReset(target, who, before or identity or ours).run()
        assert new is not None  # checked
        given = new if isinstance(new, str) else new[vm]
        return await LoginReset(target, mode, who, given, before, identity, replace_keys).run()

    async def one(vm: str) -> Outcome:
        kind = DesktopTarget if windows else Target
        target = kind(record, azure, machines[vm], doors.get(vm, ""), keys, emit)
        outcome = await run(target, vm)
        emit(outcome.done)
        return outcome

    record = records.note_uncertain(record, vms, since=True)  # durable before the first request leaves
    outcomes = await together(one(vm) for vm in vms)
    settled = [outcome.done.vm for outcome in outcomes if not outcome.unsettled]
    record = records.note_uncertain(record, settled, since=False)
    for outcome in outcomes:
        if outcome.administrator is not None:
            record = records.note_credential(record, outcome.done.vm, user=outcome.administrator)
    return [outcome.done for outcome in outcomes]


async def _until_asked(
    azure: Azure, started: Sequence[Machine], doors: Mapping[str, str], windows: bool, emit: Emit
) -> None:
    """Until VMs that were started a moment ago can be asked by their agents and at their doors, or the time is over."""
    if not started:
        return
    wanted = {one.name: _host_port(doors[one.name]) for one in started if one.name in doors}
    place = readiness.Place(started, None, {} if windows else wanted, wanted if windows else {})
    await readiness.wait(azure, place, BACK_S, emit)


def _host_port(at: str) -> tuple[str, int]:
    host, _, port = at.rpartition(":")
    return host, int(port)


def administrator(record: Record, vm: str) -> str:
    """The user whose credential was set last on a VM."""
    known = record.credentials.get(vm)
    return known.user if known is not None else record.plan.machines.admin_user


def _known(record: Record, vms: Sequence[str], machines: Mapping[str, object]) -> None:
    """InputError for a VM that is not there: of a scale set that is known only once it was asked."""
    for vm in vms:
        if vm not in machines:
            raise InputError(f"{record.name} has no VM {vm!r}.", "", did_you_mean(vm, list(machines)))


def check(
    record: Record,
    vms: Sequence[str],
    *,
    mode: Mode | None = None,
    user: str | None,
    new: New = None,
    old: Mapping[str, SecretStr] | SecretStr | None = None,
) -> None:
    """InputError unless this is a reset that can be asked for. Nothing of a password is in its words.

    `mode` left out is what `new` makes of it: a key, or passwords.
    """
    plan = record.plan
    mode = mode or ("ssh-key" if isinstance(new, str) else "password")
    if plan.machines.os is OsType.WINDOWS:
        _check_windows(mode)
    if not vms:
        raise InputError("No VM was named.", "", "Name VMs with --vm, or take --all.")
    for vm in vms:
        if plan.vm_names and vm not in plan.vm_names:
            raise InputError(f"{plan.name} has no VM {vm!r}.", "", did_you_mean(vm, plan.vm_names))
    if mode == "remove-user":
        _check_leaver(user, plan.machines.os)
    elif user is not None and (problem := rules.admin_user(user, plan.machines.os, "user")):
        raise InputError(problem.what, problem.why, problem.remedy)
    if mode == "ssh-key":
        if not isinstance(new, str):
            raise InputError("There is no key to add.", "", "Name it: --ssh-key FILE.pub")
        if problem := rules.ssh_key(new, "ssh_key"):
            raise InputError(problem.what, problem.why, problem.remedy)
    if mode == "password":
        _check_passwords(record, vms, new, old, user)


def _check_windows(mode: Mode) -> None:
    """VMAccess on Windows knows passwords and Remote Desktop's configuration."""
    if mode == "ssh-key":
        raise InputError(
            "Windows VMs have no SSH key to reset.",
            "Their administrators sign in by Remote Desktop, with a password.",
            "Reset that: --mode password.",
        )
    if mode == "remove-user":
        raise InputError(
            "VMAccess removes no user on Windows.",
            "Its Windows form knows passwords and the configuration of Remote Desktop.",
            "Run on the VM, by Run Command or signed in: Disable-LocalUser -Name USER",
        )


def _check_leaver(user: str | None, os: OsType) -> None:
    """Any name that can be a user's, also one that Azure would not take for an administrator's; never root."""
    if not user:
        raise InputError("Nobody was named to be removed.", "", "Name the user: --user U")
    problem = rules.admin_user(user, os, "user")
    if user == "root" or (problem is not None and not user.replace("-", "").replace("_", "").isalnum()):
        raise InputError(
            f"The user {user!r} cannot be removed.",
            "It is no name of a user whom somebody made.",
            "Name one who was given a login.",
        )


def _check_passwords(
    record: Record, vms: Sequence[str], new: New, old: Mapping[str, SecretStr] | SecretStr | None, who: str | None
) -> None:
    if not isinstance(new, Mapping):
        raise InputError("There is no new password.", "", "Give one with --password-stdin.")
    for vm in vms:
        if vm not in new:
            raise InputError(f"There is no new password for {vm}.", "", "Give one with --password-stdin.")
        password = new[vm].get_secret_value()
        if problem := rules.password(password, record.plan.machines.os):
            raise InputError(problem.what, problem.why, problem.remedy)
        if record.plan.machines.os is OsType.WINDOWS and (who or administrator(record, vm)).lower() in password.lower():
            raise InputError(
                "The password holds the user's name.", "The password policy of Windows refuses that.", "Choose another."
            )
        if (before := _old_of(old, vm)) is not None and before.get_secret_value() == password:
            raise InputError(
                "The new password is the old one.", "That resets nothing.", "Choose another, or --generate-password."
            )


def _old_of(old: Mapping[str, SecretStr] | SecretStr | None, vm: str) -> SecretStr | None:
    return old.get(vm) if isinstance(old, Mapping) else old
