"""What Azure Monitor says of the balancer, held against what we saw ourselves: two witnesses must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.azure import monitor
from wizard.errors import AzureError, UnreachableError
from wizard.verify.control import Live
from wizard.verify.events import CheckDone
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.deploy.record import Record

MINUTES = 5
"""How far back metrics are asked for. Azure Monitor is one to three minutes behind."""

NO_BACKENDS = "NoHealthyBackends"
WORKSPACE = "microsoft.operationalinsights/workspaces"


async def metrics(
    azure: Azure, balancer_id: str, machines: Sequence[Machine], live: Live, up: Mapping[str, bool]
) -> list[CheckDone]:
    """monitor.probes: the balancer's metric of each machine agrees with the health call. `up` is that call's answer."""
    try:
        found = await monitor.probe_status(azure, balancer_id, datetime.now(UTC) - timedelta(minutes=MINUTES))
    except (AzureError, UnreachableError) as error:
        return [CheckDone("monitor.probes", machine.name, "skipped", f"no metrics: {error}") for machine in machines]
    return [_agrees(machine, found.get(address(machine, live), []), up[machine.name]) for machine in machines]


def _agrees(machine: Machine, minutes: monitor.Minutes, up: bool) -> CheckDone:
    name, values = "monitor.probes", [value for _, value in minutes]
    if not values:
        return CheckDone(name, machine.name, "skipped", "Azure Monitor has no minute of it yet")
    told = f"DipAvailability {', '.join(f'{value:.0f}' for value in values)} % in the last minutes"
    if up and not any(values):
        return CheckDone(name, machine.name, "failed", f"{told}, and yet the health call says Up")
    if not up and all(value >= 100 for value in values):
        return CheckDone(name, machine.name, "failed", f"{told}, and yet the health call says Down")
    return CheckDone(name, machine.name, "passed", told)


def address(machine: Machine, live: Live) -> str:
    """A VM's private address, by which the balancer's metrics know it; "" when it has none."""
    for nic in machine.nics:
        document = live.get(ids.key(nic)) or {}
        for configuration in document.get("properties", {}).get("ipConfigurations") or ():
            return str(configuration.get("properties", {}).get("privateIPAddress") or "")
    return ""


async def events(
    azure: Azure, place_id: str, balancer_id: str, loaded: tuple[datetime, datetime], answered: int
) -> CheckDone:
    """monitor.events: no event says that no machine was healthy while our load was answered.

    `place_id` is the storage account or the workspace that keeps the events. `loaded` is when the load began and
    ended, `answered` how many of its requests were answered.
    """
    began, ended = loaded
    target = ids.parse(place_id).name
    try:
        kept = await kept_events(azure, place_id, balancer_id, began, ended)
    except (AzureError, UnreachableError) as error:
        return CheckDone("monitor.events", target, "skipped", str(error))
    during = outages(kept, began, ended)
    if during and answered:
        detail = f"{NO_BACKENDS} at {during[0]['time']}, while {answered} requests were answered"
        return CheckDone("monitor.events", target, "failed", detail)
    last = f", the last {kept[-1]['properties']['HealthEventType']} at {kept[-1]['time']}" if kept else ""
    return CheckDone("monitor.events", target, "passed", f"none of an outage under load; {len(kept)} this hour{last}")


def place(record: Record) -> str:
    """The id of the account or workspace that keeps the balancer's health events; "" where the plan keeps none."""
    from wizard.blueprint import monitoring, names

    diagnostics = record.plan.diagnostics
    if not (diagnostics.health_events and (diagnostics.storage_account or diagnostics.workspace)):
        return ""
    ours = names.Ids(record.subscription, record.name, record.plan.prefix)
    return monitoring.workspace(record.plan, ours) or ours.diagnostics_account


async def kept_events(
    azure: Azure, place_id: str, balancer_id: str, began: datetime, ended: datetime
) -> Sequence[Mapping[str, Any]]:
    """What a storage account or a workspace keeps of the hours from `began` to `ended`. Raises as `monitor` does."""
    first = began.replace(minute=0, second=0, microsecond=0)
    if ids.parse(place_id).type.lower() == WORKSPACE:
        return await monitor.logged_events(azure, place_id, balancer_id, first)
    hours = [first + timedelta(hours=hour) for hour in range(int((ended - first).total_seconds() // 3600) + 1)]
    return [one for hour in hours for one in await monitor.health_events(azure, place_id, balancer_id, hour)]


def outages(kept: Sequence[Mapping[str, Any]], began: datetime, ended: datetime) -> list[Mapping[str, Any]]:
    """The events from `began` to `ended` that say that no machine was healthy."""
    named = [one for one in kept if one.get("properties", {}).get("HealthEventType") == NO_BACKENDS]
    return [one for one in named if began <= _when(one) <= ended]


def _when(event: Mapping[str, Any]) -> datetime:
    moment = datetime.fromisoformat(str(event["time"]))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
