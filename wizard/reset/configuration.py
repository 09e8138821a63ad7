"""Brings a VM's SSH or Remote Desktop back as the image had it. The VM that lets nobody in need not answer before."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from wizard.errors import WizardError
from wizard.reset import target as targets
from wizard.reset import vmaccess
from wizard.reset.events import Mode, ResetDone, State
from wizard.reset.outcome import Outcome
from wizard.reset.target import NotStartedError, Target
from wizard.verify import hostkeys, ssh

MODE: Mode = "configuration"


@dataclass(frozen=True)
class ConfigurationReset:
    """One VM's. `credential` is a login that works once sshd is as it was: it is the proof. None: nothing to try."""

    target: Target
    user: str
    credential: ssh.Credential | None

    async def run(self) -> Outcome:
        target = self.target
        try:
            await target.ready()
            before = await target.meet()
        except NotStartedError as error:
            return Outcome(target.failed(MODE, self.user, f"nothing was changed: {error.detail}", error.remedy))
        except WizardError as error:
            why = f"nothing was changed: {error.what} {error.why}"
            return Outcome(target.failed(MODE, self.user, why, error.remedy))
        was_in = before.state == "ok" and await self._login(before)
        try:
            what = "Remote Desktop on, and let in" if target.windows else "the image's own SSH configuration"
            target.tell("resetting", f"VMAccess: {what}")
            await vmaccess.reset_configuration(target.azure, target.machine.id, windows=target.windows)
            return Outcome(await self._proved(before, was_in=bool(was_in and was_in.ok)))
        except WizardError as error:
            return Outcome(target.failed(MODE, self.user, f"{error.what} {error.why}", error.remedy))

    async def _login(self, found: hostkeys.Identified) -> ssh.LoginResult | None:
        if self.credential is None:
            return None
        return await self.target.login(self.target.through(found), self.user, self.credential)

    async def _proved(self, before: hostkeys.Identified, *, was_in: bool) -> ResetDone:
        """The server answers as the VM, and the login gets in."""
        target = self.target
        target.tell("proving", "does it answer, and is the login let in?")
        found = await self._answering()
        if found.state != "ok":
            remedy = "See the VM's serial log, and whether the network security group lets you in."
            return target.failed(MODE, self.user, f"{target.silence}: {found.detail}", remedy)
        since = "" if before.state == "ok" else ", which it did not before"
        if self.credential is None:
            detail = f"{target.answers}{since}; there was no login to try"
            remedy = "Give the password (--old-password-stdin) or a key (--identity) to see whether it is let in."
            return self._done("unproved", False, detail, remedy)
        login = await target.settle(target.through(found), self.user, self.credential)
        if not login.ok:
            remedy = "The configuration is the image's own; if the credential is wrong, reset that: --mode password."
            detail = f"{target.answers}{since}, but the login is not let in: {login.detail}"
            return self._done("failed", False, detail, remedy)
        again = " as before" if was_in else ", which it was not before"
        return self._done("proved", True, f"{target.answers}, and the login is let in{again}", "")

    async def _answering(self) -> hostkeys.Identified:
        """Until sshd, which was restarted, answers; as it is after that long otherwise."""
        deadline = time.perf_counter() + targets.SETTLE_S
        while (found := await self.target.meet()).state != "ok" and time.perf_counter() < deadline:  # noqa: ASYNC110 - a server answers when it does
            await asyncio.sleep(targets.TURN_S)
        return found

    def _done(self, state: State, new_login: bool, detail: str, remedy: str) -> ResetDone:
        return ResetDone(
            self.target.machine.name, self.user, MODE, state, new_login, None, detail=detail, remedy=remedy
        )
