"""What is open to whom: the security of a plan in a few lines, read from the same values that are deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from screens.systems import service

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
        *_own_rules(get),
        Exposure("Machines", "no public addresses of their own", "closed"),
        Exposure("All else", "what is not named here is refused", "closed"),
        Exposure("Way out", _WAYS_OUT.get(str(get("network.outbound")), str(get("network.outbound"))), "closed"),
        Exposure("Probes", f"168.63.129.16 (Azure's) → port {back}", "closed"),
        Exposure("Inside", "machines reach each other, all ports", "narrow"),
        _boot(get),
        Exposure("Disks", _encrypted(get), "closed"),
        *_guards(get),
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
    ranged = get("balancer.nat") == "range"
    number = get("balancer.nat_range") if ranged else count
    last = first + number - 1 if isinstance(first, int) and isinstance(number, int) else first
    ports = f"port {first}" if first == last else f"ports {first} to {last}"
    told = f"{ports}, dealt out by Azure" if ranged else ports
    allowed = get("network.allow_admin")
    return Exposure(service(get("machines.os")), f"{who(allowed)} → {told}", "risk" if anyone(allowed) else "narrow")


def _credentials(get: Callable[[str], Any]) -> Exposure:
    user = get("machines.admin_user")
    if get("machines.auth") == "password":
        return Exposure("Credentials", f"{user} by password: reset it soon", "narrow")
    return Exposure("Credentials", f"{user} by SSH key, no passwords", "closed")


def _own_rules(get: Callable[[str], Any]) -> Iterator[Exposure]:
    """A line for each rule of one's own that lets somebody in, and one for those that refuse."""
    rules = [read(rule) for rule in get("network.rules") or ()]
    for rule in rules:
        if rule("access") == "allow" and rule("direction") == "inbound":
            ports = ", ".join(rule("ports"))
            told = f"{who(rule('source'))} → {'all ports' if ports == '*' else f'port {ports}'} of the machines"
            yield Exposure("Own rule", f"{told} ({rule('name')})", "open" if anyone(rule("source")) else "narrow")
    refusing = [str(rule("name")) for rule in rules if rule("access") == "deny"]
    if refusing:
        yield Exposure("Own rules", f"refused by {', '.join(refusing)}", "closed")


def read(entry: Any) -> Callable[[str], Any]:
    """An entry's keys, be it a dict or the plan's own."""
    return entry.get if isinstance(entry, Mapping) else lambda key: getattr(entry, key)


def _boot(get: Callable[[str], Any]) -> Exposure:
    from wizard.plan.choices import is_own_image
    from wizard.plan.machines import trusted_launch
    from wizard.plan.model import Layout, SecurityType

    image = str(get("machines.image"))
    asked, layout = SecurityType(get("machines.security_type")), Layout(get("storage.layout"))
    if trusted_launch(asked, image, layout):
        return Exposure("Boot", "secure boot and a virtual TPM", "closed")
    whose = "an image of your own: " if is_own_image(image) and asked is SecurityType.AUTO else ""
    return Exposure("Boot", f"{whose}no secure boot, no virtual TPM", "narrow")


def _encrypted(get: Callable[[str], Any]) -> str:
    return "encrypted at rest and on the host" if get("machines.encryption_at_host") else "encrypted at rest"


def _guards(get: Callable[[str], Any]) -> Iterator[Exposure]:
    if get("management.lock") == "delete":
        yield Exposure("Lock", "nothing can be deleted until it is taken off", "closed")
