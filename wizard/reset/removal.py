"""Removes a user from a VM, and proves that the user is out and the administrator who stays is not.

Somebody who stays has to get in before anybody is removed: a VM that nobody can sign in to is mended by a reset alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from wizard import keys as our_keys
from wizard.errors import AzureError, WizardError
from wizard.reset import history, proof, vmaccess
from wizard.reset.events import Mode, ResetDone
from wizard.reset.outcome import Outcome
from wizard.reset.target import Door, NotStartedError, Target
from wizard.verify import ssh

MODE: Mode = "remove-user"


@dataclass(frozen=True)
class UserRemoval:
    """One VM's. `old` is the password of who is removed; `identity` and `admin_password` are of who stays.

    `force` removes also where nobody is known to get in afterwards.
    """

    target: Target
    user: str
    administrator: str  # as the deployment's record has it
    old: SecretStr | None
    identity: Path | None
    admin_password: SecretStr | None
    force: bool
    _found: dict[str, ssh.Credential] = field(default_factory=dict)

    async def run(self) -> Outcome:
        target = self.target
        try:
            unique_id = await target.ready()
            door = await target.door()
            logins = history.logins(target.record, target.machine.name, unique_id)
            stays = await self._who_stays(door, logins)
            held = await self._held(door)
        except NotStartedError as error:
            return Outcome(self._failed(f"nothing was changed: {error.detail}", error.remedy))
        except WizardError as error:
            return Outcome(self._failed(f"nothing was changed: {error.what} {error.why}".strip(), error.remedy))
        target.tell("resetting", f"VMAccess: {self.user} is removed")
        failure: WizardError | None = None
        try:
            await vmaccess.remove_user(target.azure, target.machine.id, self.user)
        except WizardError as error:
            failure = error
            if isinstance(error, AzureError) and error.status is not None:  # refused, so that nothing was begun
                return Outcome(self._failed(f"{error.what} {error.why}", error.remedy))
        done, gone = await self._proved(door, stays, held)
        if gone:
            history.note(target.record, target.machine.name, unique_id, self.user, MODE)
        if failure is not None:
            return Outcome(self._failed(f"{failure.what} {failure.why}", failure.remedy))
        return Outcome(done, stays if gone and stays and self.user == self.administrator else None)

    async def _who_stays(self, door: Door, logins: history.Logins) -> str:
        """The administrator who gets in now and stays; "" when none does and that was consented to."""
        target = self.target
        target.tell("before", "who else gets in?")
        known = (self.administrator, *logins.other_users(self.user))
        others = [user for user in dict.fromkeys(known) if user != self.user]
        for user in others:
            for credential in self._credentials():
                if (await target.login(door, user, credential)).ok:
                    self._found[user] = credential
                    if await self._is_there(door, user) is False:
                        raise NotStartedError(f"there is no user {self.user} on {target.machine.name}")
                    return user
        if self.force:
            return ""
        if not others:
            raise NotStartedError(
                f"{self.user} is the only administrator that is known of {target.machine.name}",
                "Give another one a login first (--user ANOTHER), or add --force.",
            )
        raise NotStartedError(
            f"nobody but {self.user} is known to get in: {', '.join(others)} could not be tried, or was refused",
            "Give the key of who stays (--identity) or the password (--password-stdin), or add --force.",
        )

    def _credentials(self) -> Sequence[ssh.Credential]:
        """What is held of whoever stays."""
        ours = our_keys.private_for(self.target.record.plan.machines.ssh_key)
        return [one for one in (self.admin_password, self.identity, ours) if one is not None]

    async def _held(self, door: Door) -> dict[str, ssh.Credential]:
        """What lets the user in now, so that its refusal later means something."""
        ours = our_keys.private_for(self.target.record.plan.machines.ssh_key)
        tried: dict[str, ssh.Credential | None] = {"the password": self.old, "the SSH key": ours}
        return {
            name: credential
            for name, credential in tried.items()
            if credential is not None and (await self.target.login(door, self.user, credential)).ok
        }

    async def _is_there(self, door: Door, asker: str) -> bool | None:
        """Whether the VM has the user, as whoever stays is told by it; None when it says neither."""
        asked = await self.target.login(door, asker, self._found[asker], f"id -u {shlex.quote(self.user)}")
        if asked.ok and asked.exit_status == 0 and asked.output.isdigit():
            return True
        return False if asked.ok and asked.exit_status == 1 else None

    async def _proved(self, door: Door, stays: str, held: dict[str, ssh.Credential]) -> tuple[ResetDone, bool]:
        """The result, and whether the user can be taken to have gone."""
        target = self.target
        target.tell("proving", f"is {self.user} refused, and does {stays or 'anybody'} get in?")
        answers = {name: await target.login(door, self.user, credential) for name, credential in held.items()}
        admin = await target.settle(door, stays, self._found[stays]) if stays else None
        there = await self._is_there(door, stays) if admin is not None and admin.ok else None
        found = proof.Removal(
            self.user,
            sum(answer.outcome == "refused" for answer in answers.values()),
            tuple(name for name, answer in answers.items() if answer.ok),
            tuple(name for name, answer in answers.items() if not answer.ok and answer.outcome != "refused"),
            None if there is None else not there,
            stays,
            admin,
        )
        verdict = proof.judge_removal(found)
        done = ResetDone(
            target.machine.name,
            self.user,
            MODE,
            verdict.state,
            verdict.new_login,
            verdict.old_login_refused,
            (f"{stays} ({_kind(self._found[stays])})",) if stays and verdict.new_login else (),
            verdict.detail,
            "Look at the VM's /var/log/azure for what VMAccess did." if verdict.state == "failed" else "",
        )
        return done, verdict.state != "failed" or (found.gone is True and not found.let_in)

    def _failed(self, detail: str, remedy: str) -> ResetDone:
        return self.target.failed(MODE, self.user, detail, remedy)


def _kind(credential: ssh.Credential) -> str:
    return "password" if isinstance(credential, SecretStr) else "SSH key"
