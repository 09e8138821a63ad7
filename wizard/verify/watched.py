"""What Azure Monitor says of the balancer, held against what we saw ourselves: two witnesses must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.azure import monitor
from wizard.errors import AzureError, UnreachableError
from wizard.verify.control import Live
from wizard.verify.events import CheckDone
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

MINUTES = 5
"""How far back metrics are asked for. Azure Monitor is one to three minutes behind."""

NO_BACKENDS = "NoHealthyBackends"
WORKSPACE = "microsoft.operationalinsights/workspaces"


async def metrics(
    azure: Azure, balancer_id: str, machines: Sequence[Machine], live: Live, up: Mapping[str, bool]
) -> list[CheckDone]:
    """monitor.probes: the balancer's metric of each machine agrees with the health call. `up` is that call's answer."""
    try:
        found = await monitor.probe_status(azure, balancer_id, MINUTES)
    except (AzureError, UnreachableError) as error:
        return [CheckDone("monitor.probes", machine.name, "skipped", f"no metrics: {error}") for machine in machines]
    return [_agrees(machine, found.get(_address(machine, live), []), up[machine.name]) for machine in machines]


def _agrees(machine: Machine, values: Sequence[float], up: bool) -> CheckDone:
    name = "monitor.probes"
    if not values:
        return CheckDone(name, machine.name, "skipped", "Azure Monitor has no minute of it yet")
    told = f"DipAvailability {', '.join(f'{value:.0f}' for value in values)} % in the last minutes"
    if up and not any(values):
        return CheckDone(name, machine.name, "failed", f"{told}, and yet the health call says Up")
    if not up and all(value >= 100 for value in values):
        return CheckDone(name, machine.name, "failed", f"{told}, and yet the health call says Down")
    return CheckDone(name, machine.name, "passed", told)


def _address(machine: Machine, live: Live) -> str:
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
    place = ids.parse(place_id)
    target = place.name
    hours = list(dict.fromkeys(moment.replace(minute=0, second=0, microsecond=0) for moment in (began, ended)))
    try:
        if place.type.lower() == WORKSPACE:
            kept = await monitor.logged_events(azure, place_id, balancer_id, hours[0])
        else:
            kept = [one for hour in hours for one in await monitor.health_events(azure, place_id, balancer_id, hour)]
    except (AzureError, UnreachableError) as error:
        return CheckDone("monitor.events", target, "skipped", str(error))
    during = [one for one in _of(kept, NO_BACKENDS) if began <= _when(one) <= ended]
    if during and answered:
        detail = f"{NO_BACKENDS} at {during[0]['time']}, while {answered} requests were answered"
        return CheckDone("monitor.events", target, "failed", detail)
    last = f", the last {kept[-1]['properties']['HealthEventType']} at {kept[-1]['time']}" if kept else ""
    return CheckDone("monitor.events", target, "passed", f"none of an outage under load; {len(kept)} this hour{last}")


def _of(kept: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in kept if one.get("properties", {}).get("HealthEventType") == kind)


def _when(event: Mapping[str, Any]) -> datetime:
    moment = datetime.fromisoformat(str(event["time"]))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
