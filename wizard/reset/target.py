"""One VM while it is reset: what has to hold first, who answers at its NAT port, and what it says to a login.

Nothing is changed on a VM that cannot be asked, and no secret goes to a server that is not known to be the VM.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from wizard.reset.events import Mode, ResetDone, ResetStep, Step
from wizard.verify import health, hostkeys, ssh
from wizard.verify.events import Emit
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

SETTLE_S = 20.0
"""How long a new login may take to work after VMAccess reported success: sshd is restarted when its configuration
changes, and on a busy VM that takes a few seconds. [M] The number is ours; Azure promises none."""

TURN_S = 1.0


class NotStartedError(Exception):
    """This VM cannot be reset, and nothing was changed."""

    def __init__(self, detail: str, remedy: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


@dataclass(frozen=True)
class Door:
    """Where a VM answers, and the host key it showed: nothing is sent to a server that shows another."""

    host: str
    port: int
    pinned: list[ssh.HostKey]


@dataclass(frozen=True)
class Target:
    """One VM of a deployment, and who wants to hear of it. `at` is `ADDRESS:PORT` of its NAT rule, or "".

    The words are of a Linux VM; `desktop.DesktopTarget` is a Windows one.
    """

    windows: ClassVar[bool] = False
    answers: ClassVar[str] = "SSH answers with the VM's own host key"
    silence: ClassVar[str] = "SSH does not answer as the VM"
    log: ClassVar[str] = "/var/log/azure"
    no_door: ClassVar[str] = (
        "Let this computer's address in (network.allow_admin), and see that sshd runs on the VM; "
        "--mode configuration brings the SSH configuration back."
    )

    record: Record
    azure: Azure
    machine: Machine
    at: str
    keys: hostkeys.HostKeys
    emit: Emit

    async def ready(self) -> str:
        """The VM's `vmId`; NotStartedError unless it runs and its agent reports, which VMAccess works through."""
        name = self.machine.name
        self.tell("asking", "does it run, and does its agent report?")
        live = await self.azure.get(self.machine.id)
        if live is None:
            raise NotStartedError(f"there is no VM {name}", "Deploy the plan again.")
        view = await health.instance(self.azure, self.machine)
        power = health.power_state(view)
        if power != "running":
            raise NotStartedError(
                f"{name} is {power or 'in an unknown power state'}, and VMAccess needs a running VM",
                f"Start {name} first.",
            )
        if not health.agent_ready(view):
            raise NotStartedError(
                f"the VM agent of {name} does not report, and VMAccess works through it",
                "Wait until it is ready (verify --wait), or restart the VM.",
            )
        if not self.at:
            raise NotStartedError(f"no NAT port of the balancer leads to {name}", "Deploy the plan again.")
        return str(live.get("properties", {}).get("vmId") or "")

    async def meet(self) -> hostkeys.Identified:
        """Who answers at the VM's NAT port, compared with the host keys that the VM told of."""
        self.tell("asking", "who answers at its NAT port?")
        host, _, port = self.at.rpartition(":")
        return await hostkeys.identify(self.keys, self.machine.id, host, int(port))

    async def door(self) -> Door:
        """The VM's own server; NotStartedError when somebody else, or nobody, answers."""
        found = await self.meet()
        if found.state != "ok":
            raise NotStartedError(f"at {self.at} {found.detail}", self.no_door)
        return self.through(found)

    def through(self, found: hostkeys.Identified) -> Door:
        host, _, port = self.at.rpartition(":")
        return Door(host, int(port), found.pinned)

    async def ask(
        self, door: Door, user: str, credential: ssh.Credential, command: str = "hostname"
    ) -> ssh.LoginResult:
        """What the server says to one login."""
        return await ssh.login(door.host, door.port, user, credential, pinned=door.pinned, command=command)

    async def login(
        self, door: Door, user: str, credential: ssh.Credential, command: str = "hostname"
    ) -> ssh.LoginResult:
        """One login, and what `command` prints there; a `hostname` that is another's is no login at this VM."""
        result = await self.ask(door, user, credential, command)
        if command == "hostname" and result.ok and result.output != self.machine.hostname:
            return ssh.LoginResult("unclear", f"logged in, but hostname prints {result.output!r}", result.host_key)
        return result

    async def settle(self, door: Door, user: str, credential: ssh.Credential) -> ssh.LoginResult:
        """Try a login until it works or has had its time."""
        return await until(lambda: self.login(door, user, credential))

    def tell(self, step: Step, detail: str) -> None:
        self.emit(ResetStep(self.machine.name, step, detail))

    def failed(self, mode: Mode, user: str, detail: str, remedy: str) -> ResetDone:
        """The result of a reset that did not come to its proof."""
        return ResetDone(self.machine.name, user, mode, "failed", False, None, (), " ".join(detail.split()), remedy)


async def until(ask: Callable[[], Awaitable[ssh.LoginResult]]) -> ssh.LoginResult:
    """Ask until the answer is a login that works, or one that no waiting changes, or the time is over."""
    deadline = time.perf_counter() + SETTLE_S
    while True:
        result = await ask()
        if result.ok or result.outcome == "wrong-host-key" or time.perf_counter() > deadline:
            return result
        await asyncio.sleep(TURN_S)
