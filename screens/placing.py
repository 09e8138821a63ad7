"""What each placement promises and limits, in words; pure, so that the form and its tests agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SET, ZONES, SCALE_SET = "availability-set", "zones", "scale-set"
NOTES = {
    SET: "Different racks; 200 VMs at most.",
    ZONES: "Different datacenters; 1,000 at most.",
    SCALE_SET: "Azure makes and counts them; to 1,000.",
}
MOST = {SET: 200, ZONES: 1000, SCALE_SET: 1000}
"""Machines of a placement; wizard.plan.limits judges, and is not imported before the first frame."""

Get = Callable[[str], Any]


def zonal(get: Get) -> bool:
    """Whether the plan's zones count."""
    placement = get("machines.placement")
    return bool(placement == ZONES or (placement == SCALE_SET and get("scale_set.zones")))


def promise(get: Get) -> str:
    """Microsoft's SLA for virtual machines: 99.99 % over two or more zones, 99.95 % for two or more in a set."""
    count = get("machines.count")
    if not isinstance(count, int):
        return ""
    if count < 2:
        return "no SLA of a set: one machine alone"
    if zonal(get):
        return "SLA 99.99 % over zones" if len(get("machines.zones") or ()) >= 2 else "one zone: no 99.99 %"
    return "SLA 99.95 % from two on"
