"""One Windows VM while it is reset: Remote Desktop answers in SSH's place, and its certificate is who the VM is."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import SecretStr

from wizard.reset.target import Door, Target
from wizard.verify import rdp_login, ssh

TRIES = 4
TURN_S = 3.0
"""Windows locks an account after 10 wrong passwords in 10 minutes (images since October 2022): a new password that
does not work yet is asked for a few times, not every second. The numbers are ours."""


class DesktopTarget(Target):
    """As a Target, by network-level authentication; `keys` are the VMs' certificates."""

    windows: ClassVar[bool] = True
    answers: ClassVar[str] = "Remote Desktop answers with the VM's own certificate"
    silence: ClassVar[str] = "Remote Desktop does not answer as the VM"
    log: ClassVar[str] = r"C:\WindowsAzure\Logs\Plugins\Microsoft.Compute.VMAccessAgent"
    no_door: ClassVar[str] = (
        "Let this computer's address in (network.allow_admin), and see that Remote Desktop runs on the VM; "
        "--mode configuration turns it on again."
    )

    async def ask(
        self, door: Door, user: str, credential: ssh.Credential, command: str = "hostname"
    ) -> ssh.LoginResult:
        """Whether a password is let in. Nothing runs there: the certificate has said whose machine it is."""
        if not isinstance(credential, SecretStr):
            return ssh.LoginResult("unclear", "a Windows VM takes a password")
        return await rdp_login.login(
            door.host, door.port, user, credential, pinned=door.pinned, computer=self.machine.hostname
        )

    async def login(
        self, door: Door, user: str, credential: ssh.Credential, command: str = "hostname"
    ) -> ssh.LoginResult:
        """As `ask`."""
        return await self.ask(door, user, credential)

    async def settle(self, door: Door, user: str, credential: ssh.Credential) -> ssh.LoginResult:
        """Try a password a few times; a locked account is asked no more."""
        for turn in range(TRIES):
            if turn:
                await asyncio.sleep(TURN_S)
            result = await self.ask(door, user, credential)
            if result.outcome not in {"refused", "unreachable"}:
                break
        return result
