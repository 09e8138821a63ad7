"""Gives a user a new login, a password or a key, and proves it.

it runs, its agent reports, and who answers shows the VM's host key
-> does the old credential work now? (or its refusal later would mean nothing)
-> VMAccess
-> the new login works, on the right host; the old one is refused; what else still gets in is told
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from wizard import keys as our_keys
from wizard.errors import AzureError, WizardError
from wizard.reset import history, proof, vmaccess
from wizard.reset.events import Mode, ResetDone, Step
from wizard.reset.outcome import Outcome
from wizard.reset.remaining import remaining
from wizard.reset.target import Door, NotStartedError, Target
from wizard.verify import ssh

LIST_KEYS = "cat ~/.ssh/authorized_keys"


@dataclass(frozen=True)
class LoginReset:
    """One VM's new login. `new` is a password or the text of a public key, `identity` that key's private half."""

    target: Target
    mode: Mode
    user: str
    new: SecretStr | str
    old: SecretStr | None
    identity: Path | None
    replace_keys: bool = False

    async def run(self) -> Outcome:
        target = self.target
        try:
            unique_id = await target.ready()
            door = await target.door()
            logins = history.logins(target.record, target.machine.name, unique_id)
            before = await self._ask_old(door, "before")
            key_before = await self._ask_key(door, "before")
        except NotStartedError as error:
            return Outcome(self._failed(f"nothing was changed: {error.detail}", error.remedy))
        except WizardError as error:
            return Outcome(self._failed(f"nothing was changed: {error.what} {error.why}".strip(), error.remedy))
        try:
            await self._apply()
        except WizardError as error:
            done = await self._not_applied(error, door, unique_id)
            return Outcome(done, unsettled=isinstance(error, vmaccess.Unsettled) and not done.new_login)
        self._note(unique_id)
        new = await self._ask_new(door)
        verdict = proof.judge(
            proof.Findings(
                self.mode,
                self.user,
                new,
                before,
                await self._ask_old(door, "proving") if before is not None else None,
                had_password=logins.had_password(self.user),
                former=logins.other_users(self.user),
                replaced=self.replace_keys,
                key_before=key_before,
                key_after=await self._ask_key(door, "proving") if key_before is not None else None,
                keys_beside=await self._keys_beside(door, new),
            )
        )
        others = await self._remaining(door, logins)
        done = ResetDone(
            target.machine.name,
            self.user,
            self.mode,
            verdict.state,
            verdict.new_login,
            verdict.old_login_refused,
            others,
            verdict.detail,
            self._remedy(verdict, logins),
        )
        return Outcome(done, self.user if done.new_login else None)

    async def _ask_old(self, door: Door, step: Step) -> ssh.LoginResult | None:
        if self.old is None:
            return None
        self.target.tell(step, "is the old password let in?")
        return await self.target.ask(door, self.user, self.old)

    async def _ask_key(self, door: Door, step: Step) -> ssh.LoginResult | None:
        """The key the VM was made with, where it is to be replaced by another and lets this user in."""
        key = self._our_key() if self.replace_keys else None
        if key is None:
            return None
        self.target.tell(step, "is the old key let in?")
        asked = await self.target.ask(door, self.user, key)
        return asked if asked.ok or step == "proving" else None

    def _our_key(self) -> Path | None:
        """The private half of the key that the VM was made with, unless it is what is being given."""
        public = self.target.record.plan.machines.ssh_key
        just_given = isinstance(self.new, str) and self.new.split()[:2] == public.split()[:2]
        return our_keys.private_for(public) if public and not just_given else None

    async def _apply(self) -> None:
        azure, vm = self.target.azure, self.target.machine.id
        if isinstance(self.new, SecretStr):
            self.target.tell("resetting", f"VMAccess: a new password for {self.user}")
            await vmaccess.set_password(azure, vm, self.user, self.new, windows=self.target.windows)
            return
        what = "one key in place of all others" if self.replace_keys else "one more key"
        self.target.tell("resetting", f"VMAccess: {what} for {self.user}")
        await vmaccess.add_key(azure, vm, self.user, self.new, replace=self.replace_keys)

    def _note(self, unique_id: str) -> None:
        target = self.target
        history.note(target.record, target.machine.name, unique_id, self.user, self.mode, replaced=self.replace_keys)

    async def _not_applied(self, error: WizardError, door: Door, unique_id: str) -> ResetDone:
        """VMAccess failed. A refused request changed nothing; one that failed on the way may have: look."""
        why = f"{error.what} {error.why}".strip()
        if isinstance(error, AzureError) and error.status is not None:
            return self._failed(why, error.remedy)
        credential = self._credential
        login = await self.target.login(door, self.user, credential) if credential is not None else None
        if login is None or login.outcome != "refused":
            self._note(unique_id)
        if login is not None and login.ok:
            done = self._failed(f"{why} All the same the new login works.", error.remedy)
            return replace(done, new_login=True)
        return self._failed(why, error.remedy)

    @property
    def _credential(self) -> ssh.Credential | None:
        """What the new login is tried with; None when there is no private half of the new key."""
        return self.new if isinstance(self.new, SecretStr) else self.identity

    async def _ask_new(self, door: Door) -> ssh.LoginResult | None:
        """Try the new login until it works or has had its time."""
        credential = self._credential
        if credential is None:
            return None
        self.target.tell("proving", "is the new login let in?")
        return await self.target.settle(door, self.user, credential)

    async def _keys_beside(self, door: Door, new: ssh.LoginResult | None) -> int | None:
        """How many keys the user's authorized_keys holds beside the new one; None when nobody can look."""
        if not self.replace_keys or new is None or not new.ok or self.identity is None or not isinstance(self.new, str):
            return None
        listed = await self.target.login(door, self.user, self.identity, LIST_KEYS)
        if not listed.ok or listed.exit_status != 0:
            return None
        lines = [line.split() for line in listed.output.splitlines() if line.strip() and not line.startswith("#")]
        wanted = self.new.split()[:2]
        return sum(line[:2] != wanted for line in lines)

    async def _remaining(self, door: Door, logins: history.Logins) -> tuple[str, ...]:
        async def login(user: str, credential: ssh.Credential) -> ssh.LoginResult:
            return await self.target.ask(door, user, credential)

        return await remaining(
            logins,
            self.user,
            self.mode,
            our_key=self._our_key(),
            old=self.old,
            login=login,
            replaced=self.replace_keys,
        )

    def _remedy(self, verdict: proof.Verdict, logins: history.Logins) -> str:
        if verdict.state == "failed":
            return f"Look at the VM's {self.target.log} for what VMAccess did, and try again."
        if verdict.state == "unproved" and (former := logins.other_users(self.user)):
            named = f"--mode remove-user --user {former[0]}"
            if self.target.windows:
                named = f"run on the VM: Disable-LocalUser -Name {former[0]}"
            return f"If {', '.join(former)} should not sign in any more: {named}."
        if verdict.state == "unproved" and self.mode == "password":
            return "With the old password on standard input (--old-password-stdin) its refusal can be proved."
        return ""

    def _failed(self, detail: str, remedy: str) -> ResetDone:
        return self.target.failed(self.mode, self.user, detail, remedy)
