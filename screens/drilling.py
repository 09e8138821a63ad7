"""Which drills a deployment can be put to, as a list to choose from, and what each would do. No widgets in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from screens.widgets.choice import Choice

Drill = tuple[str, Any]
"""The request's key and its value: `("vm", "web1")`, `("update_domain", 0)`, `("rolling", True)`."""

RACK = "a rack is lost: all VMs in it stop"
TOGETHER = "all VMs that Azure restarts together stop"
CENTRE = "a data centre is lost: all VMs in it stop"


def choices(vms: Sequence[str], plan: Mapping[str, Any]) -> list[Choice]:
    """Each VM; each domain or zone that the plan spreads them over; planned maintenance where it has several."""
    found = [Choice(("vm", vm), f"VM {vm}", "stopped under load, and started again") for vm in vms]
    placement, parts = str(plan.get("machines.placement") or ""), 0
    if placement == "availability-set":
        racks = min(int(plan.get("machines.fault_domains") or 1), len(vms))
        parts = min(int(plan.get("machines.update_domains") or 1), len(vms))
        found += _several("fault_domain", range(racks), RACK)
        found += _several("update_domain", range(parts), TOGETHER)
    elif placement == "zones":
        zones = [str(zone) for zone in plan.get("machines.zones") or ()][: len(vms)]
        parts = len(zones)
        found += _several("zone", zones, CENTRE)
    if parts > 1:
        found.append(Choice(("rolling", True), "planned maintenance", "one domain after another is restarted"))
    return found


def _several(kind: str, named: Sequence[Any], detail: str) -> list[Choice]:
    """With only one of them nobody would be left: then it is none to choose."""
    if len(named) < 2:
        return []
    return [Choice((kind, each), f"{kind.replace('_', ' ')} {each}", detail) for each in named]


def question(drill: Drill) -> tuple[str, str]:
    """What is to happen, as a title and as a button."""
    kind, value = drill
    if kind == "rolling":
        return "Restart all VMs, one domain after another?", "Restart them"
    name = str(value) if kind == "vm" else f"{kind.replace('_', ' ')} {value}"
    return f"Stop {name}?", f"Stop {name} and start it again"
