"""What is open to whom: the security of a plan in a few lines, read from the same values that are deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["closed", "narrow", "open", "risk"]
SIGNS: dict[Level, str] = {"closed": "✓", "narrow": "✓", "open": "○", "risk": "!"}
_WAYS_OUT = {
    "nat-gateway": "NAT gateway, to anywhere; nothing in",
    "outbound-rule": "by a rule, to anywhere; nothing in",
    "none": "none: they reach nothing outside",
}
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
    front, back, visitors = get("balancer.frontend_port"), get("balancer.backend_port"), get("network.allow_http")
    return [
        Exposure("Page", f"{who(visitors)} → port {front}, not encrypted", "open" if anyone(visitors) else "narrow"),
        _sign_in(get),
        _credentials(get),
        Exposure("Machines", "no public addresses of their own", "closed"),
        Exposure("All else", "what is not named here is refused", "closed"),
        Exposure("Way out", _WAYS_OUT.get(str(get("network.outbound")), str(get("network.outbound"))), "closed"),
        Exposure("Probes", f"168.63.129.16 (Azure's) → port {back}", "closed"),
        Exposure("Inside", "machines reach each other, all ports", "narrow"),
        Exposure("Boot", "secure boot and a virtual TPM", "closed"),
    ]


def summary(lines: list[Exposure]) -> str:
    """All lines in half a line."""
    risks = sum(line.level == "risk" for line in lines)
    if risks:
        return f"! {risks} to look at again"
    return "only the page is open to all" if any(line.level == "open" for line in lines) else "nothing open to all"


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
    return Exposure(service, f"{who(allowed)} → {ports}", "risk" if anyone(allowed) else "narrow")


def _credentials(get: Callable[[str], Any]) -> Exposure:
    user = get("machines.admin_user")
    if get("machines.auth") == "password":
        return Exposure("Credentials", f"{user} by password: reset it soon", "narrow")
    return Exposure("Credentials", f"{user} by SSH key, no passwords", "closed")
