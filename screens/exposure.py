"""What is open to whom: the security of a plan in a few lines, read from the same values that are deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["closed", "narrow", "open", "risk"]
SIGNS: dict[Level, str] = {"closed": "✓", "narrow": "✓", "open": "○", "risk": "!"}
MOST = 3
"""Sources named one by one; more are told by their number."""


@dataclass(frozen=True)
class Exposure:
    """One line: what it is about, who may do what, and whether that deserves a second look."""

    subject: str
    told: str
    level: Level


def exposures(get: Callable[[str], Any]) -> list[Exposure]:
    """The lines for the answers that `get` knows by plan key."""
    front, back = get("balancer.frontend_port"), get("balancer.backend_port")
    page = Exposure("Page", f"{who(get('network.allow_http'))} → port {front}, not encrypted (HTTP)", "open")
    if not anyone(get("network.allow_http")):
        page = Exposure("Page", f"{who(get('network.allow_http'))} → port {front}, not encrypted (HTTP)", "narrow")
    return [
        page,
        _sign_in(get),
        _credentials(get),
        Exposure("Machines", "no public address; everything not named here is refused", "closed"),
        Exposure("Way out", "through the NAT gateway to anywhere; nothing comes in by it", "closed"),
        Exposure("Probes", f"Azure's 168.63.129.16 → port {back} on each machine", "closed"),
        Exposure("Between them", "machines of the network reach each other at every port", "narrow"),
        Exposure("Boot", "secure boot and virtual TPM (Trusted Launch) on", "closed"),
    ]


def summary(lines: list[Exposure]) -> str:
    """All lines in half a line."""
    risks = sum(line.level == "risk" for line in lines)
    if risks:
        return f"! {risks} to look at again"
    return (
        "the page is open to all, nothing else"
        if any(line.level == "open" for line in lines)
        else "nothing open to all"
    )


def anyone(entries: Any) -> bool:
    """Whether an allow-list lets the whole Internet in."""
    from wizard.plan.addresses import ANYONE

    return any(str(entry).lower() in ANYONE for entry in entries or ())


def who(entries: Any) -> str:
    """An allow-list in words."""
    listed = [str(entry) for entry in entries or ()]
    if not listed:
        return "nobody"
    if anyone(listed):
        return "anyone"
    shown = [entry.removesuffix("/32") for entry in listed[:MOST]]
    rest = len(listed) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _sign_in(get: Callable[[str], Any]) -> Exposure:
    first, count = get("balancer.nat_first_port"), get("machines.count")
    service = "RDP" if get("machines.os") == "windows" else "SSH"
    last = first + count - 1 if isinstance(first, int) and isinstance(count, int) else first
    ports = f"port {first}" if first == last else f"ports {first} to {last}"
    allowed = get("network.allow_admin")
    return Exposure(service, f"{who(allowed)} → {ports}, one for each machine", "risk" if anyone(allowed) else "narrow")


def _credentials(get: Callable[[str], Any]) -> Exposure:
    user = get("machines.admin_user")
    if get("machines.auth") == "password":
        return Exposure("Credentials", f"{user} by password: reset it after the deployment", "narrow")
    return Exposure("Credentials", f"{user} by SSH key alone; passwords are refused", "closed")
