"""What the machines' Azure Monitor agents have reported to the workspace: a heartbeat and figures, since they are up.

An agent sends both about once a minute; Azure lets some minutes pass until they can be asked for, more of them the
first time. So it is waited for, but not for a machine whose silence has a cause that can be proved at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wizard import ids
from wizard.azure import monitor
from wizard.azure.monitor import Told
from wizard.blueprint import monitoring, names
from wizard.errors import AzureError, UnreachableError
from wizard.verify.events import CheckDone, Emit, Waiting
from wizard.verify.explain import gather, reporting
from wizard.verify.inside import Inside
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint
    from wizard.deploy.record import Record

NAME = "monitor.guest"
RECENT_S = 600.0
"""Of Azure's seconds, how far back a report counts: some of them, and the minutes that Azure needs to take one in."""
TURN_S = 15.0
"""Of Azure's seconds, between two questions."""
NO_RIGHT, NOT_THERE = 403, 404
CPU = "% Processor Time"


@dataclass(frozen=True)
class Asked:
    """Whose machines are asked about: `machines` are those that are there, `accounts` what they say of themselves."""

    record: Record
    blueprint: Blueprint
    machines: Sequence[Machine]
    accounts: Mapping[str, Inside] = field(default_factory=dict)

    @property
    def ids(self) -> names.Ids:
        return names.Ids(self.record.subscription, self.record.name, self.record.plan.prefix)

    @property
    def workspace(self) -> str:
        """The id of the workspace that the plan names or has made."""
        return monitoring.workspace(self.record.plan, self.ids)


async def check(azure: Azure, asked: Asked, wait_s: float, emit: Emit) -> list[CheckDone]:
    """monitor.guest, one for each machine. Waits up to `wait_s` for those that have not reported and could.

    Nothing is asked where the plan has no guest metrics. Raises UnreachableError when the cloud goes away meanwhile.
    """
    if not asked.record.plan.diagnostics.guest_metrics:
        return []
    began, pace = time.monotonic(), azure.cloud.pace
    turn_s = max(azure.cloud.poll_floor_s, TURN_S / pace)
    waited_for: set[str] | None = None
    while True:
        try:
            told = await monitor.told_by_guests(azure, asked.workspace, asked.ids.group, RECENT_S / pace)
        except (AzureError, UnreachableError) as error:
            return [_unknown(machine, asked, error) for machine in asked.machines]
        silent = [machine for machine in asked.machines if not _complete(_since_boot(machine, asked, told))]
        if silent and waited_for is None:
            lost = await _hopeless(azure, asked, silent)
            waited_for = {machine.name for machine in asked.machines} - lost
        awaited = [machine.name for machine in silent if machine.name in (waited_for or ())]
        passed_s = time.monotonic() - began
        if not awaited or passed_s + turn_s > wait_s:
            return [_judged(machine, _since_boot(machine, asked, told), passed_s) for machine in asked.machines]
        emit(Waiting(round(passed_s, 2), f"waiting for the figures of {', '.join(awaited)}"))
        await asyncio.sleep(turn_s)


async def _hopeless(azure: Azure, asked: Asked, silent: Sequence[Machine]) -> set[str]:
    """Those whose silence has a cause that can be proved already."""
    facts = await gather.facts(
        azure,
        asked.blueprint,
        asked.machines,
        failing={machine.name for machine in silent},
        target="",
        inside=asked.accounts,
    )
    return {machine.name for machine in silent if any(True for _cause in reporting.guest(facts, machine))}


def _since_boot(machine: Machine, asked: Asked, told: Mapping[str, Told]) -> Told:
    """What is told of a machine since it is up; nothing from before."""
    found = told.get(ids.key(machine.id), Told())
    account = asked.accounts.get(machine.name)
    try:
        # Its clock's zone is not told: UTC on Azure's images. One ahead of UTC can seem to boot in the future.
        up = datetime.fromisoformat(account.booted if account is not None else "").replace(tzinfo=UTC)
    except ValueError:  # it did not say, or not in a form that is known
        return found
    if up > datetime.now(UTC):
        return found
    fresh = found.at is not None and found.at >= up
    beat = found.heartbeat if found.heartbeat is not None and found.heartbeat >= up else None
    return Told(beat, found.at if fresh else None, found.figures if fresh else {})


def _complete(told: Told) -> bool:
    return told.heartbeat is not None and bool(told.figures)


def _judged(machine: Machine, told: Told, seconds: float) -> CheckDone:
    if told.heartbeat is None:
        return CheckDone(NAME, machine.name, "failed", f"no heartbeat after {seconds:.0f} s of waiting")
    beat = f"heartbeat at {told.heartbeat:%H:%M:%S} UTC"
    if not told.figures:
        return CheckDone(NAME, machine.name, "failed", f"{beat}, but no figures after {seconds:.0f} s of waiting")
    counters = len({counter for counter, _instance in told.figures})
    cpu = next((value for (counter, _instance), value in told.figures.items() if counter == CPU), None)
    processor = f", CPU {cpu:.1f} %" if cpu is not None else ""
    return CheckDone(NAME, machine.name, "passed", f"{beat}, {counters} counters{processor}")


def _unknown(machine: Machine, asked: Asked, error: AzureError | UnreachableError) -> CheckDone:
    name = ids.parse(asked.workspace).name
    if isinstance(error, AzureError) and error.status == NOT_THERE:
        return CheckDone(NAME, machine.name, "failed", f"there is no workspace {name} that it could report to")
    why = f"no right to read {name}: {error}" if getattr(error, "status", 0) == NO_RIGHT else str(error)
    remedy = " ".join(part for part in (error.remedy,) if part)
    return CheckDone(NAME, machine.name, "skipped", why, remedy=remedy)
