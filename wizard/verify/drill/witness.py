"""Azure Monitor as a drill's second witness: whether it tells of what the drill has done.

What it tells, by Microsoft's "Load balancer health event logs" and "Standard load balancer diagnostics": a stopped VM
shows in the metric DipAvailability of its address, and in no event, since DataPathAvailabilityWarning and -Critical are
of the platform's own trouble and their pings go to healthy VMs alone. The event NoHealthyBackends is for a pool in
which no VM is left, as a rolling restart of a single domain leaves it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.azure import monitor
from wizard.errors import AzureError, UnreachableError
from wizard.verify import watched
from wizard.verify.events import CheckDone, Emit, Waiting

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

METRICS_S = 300.0
"""Azure Monitor is one to three minutes behind with metrics."""
EVENTS_S = 600.0
"""Resource logs take three to ten minutes to an account or a workspace (Microsoft, "Log data ingestion time")."""
LOOK_S = 10.0


@dataclass(frozen=True)
class Seen:
    """What the drill itself has seen, for Azure Monitor to agree with.

    `place` keeps the events. `down` are the private addresses by VM of those whose probe was seen Down; `nobody` says
    that all of the pool's were, at once; `answered` counts the requests that were answered from `began` to `ended`.
    """

    balancer: str
    place: str
    began: datetime
    ended: datetime
    down: Mapping[str, str]
    nobody: bool
    answered: int


async def checks(azure: Azure, seen: Seen, emit: Emit) -> list[CheckDone]:
    """monitor.probes for each VM that went down, and monitor.events. Waits up to 10 minutes for what must come."""
    found = await _probes(azure, seen, emit)
    if seen.nobody:
        return [*found, await _outage(azure, seen, emit)]
    loaded = (seen.began, seen.ended)
    return [*found, await watched.events(azure, seen.place, seen.balancer, loaded, seen.answered)]


async def _probes(azure: Azure, seen: Seen, emit: Emit) -> list[CheckDone]:
    """A minute since the drill began in which not all probes of the VM were answered."""
    name = "monitor.probes"
    begun, told = time.monotonic(), False
    while True:
        try:
            minutes = await monitor.probe_status(azure, seen.balancer, seen.began)
        except (AzureError, UnreachableError) as error:
            return [CheckDone(name, vm, "skipped", f"no metrics: {error}") for vm in seen.down]
        lowest = {vm: _lowest(minutes.get(address, ())) for vm, address in seen.down.items()}
        late = time.monotonic() - begun
        if all(value is not None and value < 100 for value in lowest.values()) or late >= METRICS_S:
            return [_noticed(vm, value) for vm, value in lowest.items()]
        if not told:
            emit(Waiting(0.0, f"waiting up to {METRICS_S / 60:.0f} minutes for the probes' metric of Azure Monitor"))
            told = True
        await asyncio.sleep(LOOK_S)


def _lowest(minutes: Sequence[tuple[datetime, float]]) -> float | None:
    return min((value for _, value in minutes), default=None)


def _noticed(vm: str, lowest: float | None) -> CheckDone:
    if lowest is None:
        return CheckDone("monitor.probes", vm, "skipped", f"no minute of it after {METRICS_S / 60:.0f} minutes")
    if lowest >= 100:
        detail = f"DipAvailability stayed at {lowest:.0f} %, and yet the health call had said Down"
        return CheckDone("monitor.probes", vm, "failed", detail)
    return CheckDone("monitor.probes", vm, "passed", f"DipAvailability fell to {lowest:.0f} % in a minute of the drill")


async def _outage(azure: Azure, seen: Seen, emit: Emit) -> CheckDone:
    """NoHealthyBackends since the drill began, which is to come."""
    name, target = "monitor.events", ids.parse(seen.place).name
    begun, told = time.monotonic(), False
    while True:
        now = datetime.now(UTC)
        try:
            kept = await watched.kept_events(azure, seen.place, seen.balancer, seen.began, now)
        except (AzureError, UnreachableError) as error:
            return CheckDone(name, target, "skipped", str(error))
        if during := watched.outages(kept, seen.began, now):
            return CheckDone(name, target, "passed", f"{watched.NO_BACKENDS} at {during[0]['time']}, as no VM was left")
        if time.monotonic() - begun >= EVENTS_S:
            detail = f"no VM was left, and yet there is no {watched.NO_BACKENDS} after {EVENTS_S / 60:.0f} minutes"
            return CheckDone(name, target, "failed", detail)
        if not told:
            emit(Waiting(0.0, f"waiting up to {EVENTS_S / 60:.0f} minutes for the event of Azure Monitor"))
            told = True
        await asyncio.sleep(LOOK_S)


def told(checks: Sequence[CheckDone]) -> list[dict[str, Any]]:
    """As a drill's event has them."""
    return [check.as_event() for check in checks]
