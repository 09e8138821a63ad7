"""SSH to one VM through its NAT port: the host key, then a login, then who it is.

The credential is whatever we have been given or know: it goes to a server only whose key the VM itself told of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard import keys as our_keys
from wizard.errors import WizardError
from wizard.verify import hostkeys, ssh
from wizard.verify.events import CheckDone, CheckState
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.deploy.record import Record


@dataclass(frozen=True)
class Credentials:
    """What may be tried at each VM: `users` by VM name (the most likely first), and a key file or passwords.

    `why_none` says why there is neither.
    """

    users: Mapping[str, tuple[str, ...]]
    identity: Path | None = None
    passwords: Mapping[str, SecretStr] = field(default_factory=dict)
    why_none: str = ""
    others: tuple[str, ...] = ()
    """The users of a VM that is not named in `users`: one of a scale set, whose names Azure makes."""
    every: SecretStr | None = None
    """A password for all VMs."""

    @classmethod
    def of(
        cls, record: Record, identity: Path | None, password: Mapping[str, SecretStr] | SecretStr | None
    ) -> Credentials:
        """What was given; else the key in HOME/keys if the plan's public key is its other half.

        Raises InputError when a key file was named that cannot be used.
        """
        machines = record.plan.machines
        # After a reset with a new user name a key may still be the former user's only.
        users = {
            vm: tuple(
                dict.fromkeys((*((known.user,) if (known := record.credentials.get(vm)) else ()), machines.admin_user))
            )
            for vm in (*record.plan.vm_names, *record.credentials)
        }
        others = (machines.admin_user,)
        if identity is not None:
            ssh.load_key(identity)
            return cls(users, identity=identity, others=others)
        if isinstance(password, SecretStr):
            return cls(users, every=password, others=others)
        if password is not None:
            return cls(users, passwords=password, why_none="no password was given for this VM", others=others)
        if machines.ssh_key and (private := our_keys.private_for(machines.ssh_key)) is not None:
            return cls(users, identity=private, others=others)
        if machines.ssh_key:
            why = "the plan's SSH key is not one of ours: name its private half with --identity FILE"
        else:
            why = "passwords are not kept: give it with --password-stdin"
        return cls(users, why_none=why, others=others)

    def at(self, vm: str) -> tuple[tuple[str, ...], ssh.Credential | None]:
        """The users to try at a VM, and the credential. A password belongs to one user, so it is tried with one."""
        users = self.users.get(vm, self.others)
        if self.identity is not None:
            return users, self.identity
        return users[:1], self.passwords.get(vm, self.every)


async def check(
    machine: Machine, door: tuple[str, int], keys: hostkeys.HostKeys, credentials: Credentials
) -> list[CheckDone]:
    """ssh.hostkey, ssh.login and ssh.hostname."""
    try:
        found = await hostkeys.identify(keys, machine.id, *door)
    except WizardError as error:
        # Unverified is no proof of an impostor, and no proof of the VM: it never passes, and nothing is sent.
        return _rest(machine, "ssh.hostkey", "warned", f"unverified: {error}")
    if found.state != "ok":
        return _rest(machine, "ssh.hostkey", "failed", found.detail)
    identified = CheckDone("ssh.hostkey", machine.name, "passed", found.detail)
    users, credential = credentials.at(machine.name)
    if credential is None or not users:
        why = credentials.why_none or "no credential is known"
        return [identified, *_rest(machine, "ssh.login", "skipped", why)]
    for user in users:
        login = await ssh.login(*door, user, credential, pinned=found.pinned)
        if login.outcome != "refused":
            break
    if not login.ok:
        return [identified, *_rest(machine, "ssh.login", "failed", f"{user}: {login.detail}")]
    seconds = f"{login.detail} in {login.seconds:.1f} s"
    is_it = login.output == machine.hostname
    hostname = f"hostname prints {login.output!r}" + ("" if is_it else f", planned is {machine.hostname!r}")
    return [
        identified,
        CheckDone("ssh.login", machine.name, "passed", f"{user} at {door[0]}:{door[1]}: {seconds}"),
        CheckDone("ssh.hostname", machine.name, "passed" if is_it else "failed", hostname),
    ]


def _rest(machine: Machine, first: str, state: CheckState, detail: str) -> list[CheckDone]:
    """One check's end, and the skipping of those that need it."""
    order = ("ssh.hostkey", "ssh.login", "ssh.hostname")
    later = order[order.index(first) + 1 :]
    because = (
        "it needs the login" if first == "ssh.login" else "nothing is sent to a server that is not known to be the VM"
    )
    return [
        CheckDone(first, machine.name, state, detail),
        *(CheckDone(name, machine.name, "skipped", because) for name in later),
    ]
