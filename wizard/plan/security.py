"""Security rules of one's own: legal by themselves, in their place among ours, and no end of the health probe.

Sources: Microsoft, "Network security groups" and the REST reference of security rules. The probe comes from
168.63.129.16, whose tag is AzureLoadBalancer; Azure's own rule 65001 lets it in after all others were asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from wizard.errors import Problem
from wizard.plan import addresses, limits
from wizard.plan.model import Access, Direction, OsType, Rule, RuleProtocol

FIELD = "network.rules"
PROBE_SOURCE = ipaddress.IPv4Address("168.63.129.16")

_OURS = re.compile(r"allow-(http|ssh|rdp)(-\d+)?", re.IGNORECASE)
_OURS_AT_MOST = 50  # as many as the allow-lists have tags, and one for the ranges of each
_FETCHING = (80, 443)  # package archives


def rules(entries: Sequence[Rule]) -> Iterator[Problem]:
    """Every rule by itself, and that no two share a name or a place."""
    names: set[str] = set()
    places: dict[tuple[Direction, int], str] = {}
    for number, entry in enumerate(entries, start=1):
        called = entry.name or f"entry {number}"
        yield from _one(entry, called)
        if entry.name and entry.name.lower() in names:
            yield _problem(
                f"Two rules are named {entry.name}.", "A name is unique in its group.", "Rename one of them."
            )
        names.add(entry.name.lower())
        place = (entry.direction, entry.priority)
        if entry.priority and place in places:
            yield _problem(
                f"{called} and {places[place]} have the priority {entry.priority}.",
                f"Of {entry.direction} rules each has its own: which one decides would not be told.",
                "Give one of them another.",
            )
        places[place] = called
    if len(entries) > limits.RULES_OF_A_GROUP - _OURS_AT_MOST:
        yield _problem(
            f"{len(entries)} rules are too many.",
            f"A group has {limits.RULES_OF_A_GROUP} at most, and up to {_OURS_AT_MOST} of them are ours.",
            "Join some.",
        )


def _one(entry: Rule, called: str) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?", entry.name):
        yield _problem(
            f"{called} has no proper name.",
            "A rule's name has 1 to 80 letters, digits, ., _ and -, begins with a letter or digit, ends with one or _.",
            'Write one such as "deny-scanner".',
        )
    elif _OURS.fullmatch(entry.name):
        yield _problem(f"{called} is the name of a rule of ours.", "They would replace each other.", "Choose another.")
    if entry.priority not in limits.RULE_PRIORITY:
        yield _problem(
            f"{called} has the priority {entry.priority}.",
            "It decides the order in which rules are asked, and must be given.",
            f"Use {limits.RULE_PRIORITY}; ours begin at {limits.RULE_PRIORITY.low} and make room.",
        )
    for side, values in (("source", entry.source), ("destination", entry.destination)):
        yield from _end(called, side, values)
    for text in entry.ports or ("",):
        if _range(text) is None:
            yield _problem(
                f'{called}: "{text}" is not a port.',
                "Ports are numbers from 0 to 65535, ranges of them, or * for all.",
                'Write them like ["80", "8000-8080"].',
            )
    if entry.protocol is RuleProtocol.ICMP and entry.ports != ("*",):
        yield _problem(f"{called} names ports.", "ICMP has none.", 'Write ports = ["*"], or leave it out.')


def _end(called: str, side: str, values: tuple[str, ...]) -> Iterator[Problem]:
    if not values:
        yield _problem(f"{called} has no {side}.", "A rule has both ends.", f'Write {side} = ["*"] for any.')
    for value in values:
        if found := addresses.source(value, FIELD):
            yield replace(found, what=f"{called}, {side}: {found.what}")
    if len(values) > 1 and any(addresses.is_tag(value) for value in values):
        yield _problem(
            f"{called} has a service tag beside other entries as its {side}.",
            "Azure takes a tag alone, or several addresses and ranges.",
            "Make it two rules.",
        )


def probe_lives(entries: Sequence[Rule], allow_http: Iterable[str], port: int, subnet: str) -> Problem | None:
    """The balancer's probe reaches the machines: the first rule that matches it does not deny it.

    `port` is the probe's. Both the rules and the addresses are legal by themselves.
    """
    # Of our rules only one that lets in everybody, the platform's address too, could come before.
    if any(entry in ("*", "0.0.0.0/0") or entry.lower() == "azureloadbalancer" for entry in allow_http) and not any(
        entry.priority == limits.RULE_PRIORITY.low for entry in entries if entry.direction is Direction.INBOUND
    ):
        return None
    for entry in _asked(entries, Direction.INBOUND):
        if not (_tcp(entry) and _holds(entry.source, PROBE_SOURCE) and _meets(entry.destination, subnet)):
            continue
        if not any(port in found for text in entry.ports if (found := _range(text)) is not None):
            continue
        if entry.access is Access.ALLOW:
            return None
        return _problem(
            f"{entry.name} keeps out the balancer's health probe at port {port}.",
            f"Probes come from {PROBE_SOURCE} (the tag AzureLoadBalancer), which Azure lets in only after all other"
            " rules. Every machine would be taken out of the balancer, and nobody be answered.",
            f'Before it, allow source = ["AzureLoadBalancer"] at port {port} with a lower priority, or deny less.',
        )
    return None


def guests_live(  # noqa: PLR0917 - one value a key
    entries: Sequence[Rule],
    allow_http: Sequence[str],
    allow_admin: Sequence[str],
    port: int,
    os: OsType,
    subnet: str,
) -> Iterator[Problem]:
    """A warning where a rule that is asked before ours keeps out somebody whom the allow-lists let in."""
    visitors, admins = _rules_for(allow_http), _rules_for(allow_admin)
    priorities = ours(entries, visitors + admins)
    admin_port = limits.RDP_PORT if os is OsType.WINDOWS else limits.SSH_PORT
    for allowed, at, listed, may in (
        (allow_http, port, priorities[:visitors], "may reach the page"),
        (allow_admin, admin_port, priorities[visitors:], "may sign in"),
    ):
        for guest in allowed:
            if (entry := _refuser(entries, guest, at, subnet)) and entry.priority < max(listed):
                yield Problem(
                    FIELD,
                    f"{entry.name} keeps out {guest} at port {at}, who {may}.",
                    f"It is asked before our own rule, which lets them in with priority {max(listed)}.",
                    f"Give it a priority above {max(listed)}, or deny less.",
                    "warning",
                )
                break


def _rules_for(allowed: Sequence[str]) -> int:
    """How many rules an allow-list becomes: one for all its ranges, one for each tag."""
    tags = {entry.lower() for entry in allowed if addresses.is_tag(entry)}
    return len(tags) + any(not addresses.is_tag(entry) for entry in allowed)


def _refuser(entries: Sequence[Rule], guest: str, port: int, subnet: str) -> Rule | None:
    """The rule of one's own that decides about a guest, if it refuses."""
    for entry in _asked(entries, Direction.INBOUND):
        if not (_tcp(entry) and _covers(entry.source, guest) and _meets(entry.destination, subnet)):
            continue
        if any(port in found for text in entry.ports if (found := _range(text)) is not None):
            return entry if entry.access is Access.DENY else None
    return None


def _covers(values: Iterable[str], guest: str) -> bool:
    """Whether addresses, ranges or tags hold all of a guest: an address, a range or a tag."""
    for value in values:
        if value.lower() == guest.lower() or value in ("*", "0.0.0.0/0"):
            return True
        if value.lower() == "internet" and (guest == "*" or not addresses.is_tag(guest)):
            return True
        if addresses.is_tag(value) or addresses.is_tag(guest):
            continue
        if ipaddress.IPv4Network(guest, strict=False).subnet_of(ipaddress.IPv4Network(value, strict=False)):
            return True
    return False


def fetching_lives(entries: Sequence[Rule]) -> Problem | None:
    """A warning where a rule keeps the machines from package archives."""
    for entry in _asked(entries, Direction.OUTBOUND):
        anywhere = any(value == "*" or value.lower() in ("internet", "0.0.0.0/0") for value in entry.destination)
        ports = [port for port in _FETCHING if any(port in (_range(text) or ()) for text in entry.ports)]
        if not (_tcp(entry) and anywhere and ports):
            continue
        if entry.access is Access.ALLOW:
            return None
        return Problem(
            FIELD,
            f"{entry.name} keeps the machines from the Internet at port {ports[0]}.",
            "Packages are fetched there: what is not in the image could not be installed.",
            "Allow what the machines fetch with a lower priority, or use an image that holds all it needs.",
            "warning",
        )
    return None


def ours(entries: Sequence[Rule], count: int) -> list[int]:
    """Priorities of our own inbound rules: 100, 110, ...; those that a rule of the plan has are left to it."""
    taken = {entry.priority for entry in entries if entry.direction is Direction.INBOUND}
    free = (number for number in range(limits.RULE_PRIORITY.low, limits.RULE_PRIORITY.high, 10) if number not in taken)
    return [next(free) for _ in range(count)]


def _asked(entries: Sequence[Rule], direction: Direction) -> list[Rule]:
    return sorted((entry for entry in entries if entry.direction is direction), key=lambda entry: entry.priority)


def _tcp(entry: Rule) -> bool:
    return entry.protocol in (RuleProtocol.TCP, RuleProtocol.ANY)


def _holds(values: Iterable[str], address: ipaddress.IPv4Address) -> bool:
    """Whether addresses, ranges or tags hold the probe's source."""
    for value in values:
        if value == "*" or value.lower() == "azureloadbalancer":
            return True
        if not addresses.is_tag(value) and address in ipaddress.IPv4Network(value, strict=False):
            return True
    return False


def _meets(values: Iterable[str], subnet: str) -> bool:
    """Whether a destination has addresses of the subnet."""
    own = ipaddress.IPv4Network(subnet)
    return any(
        value == "*" or value.lower() == "virtualnetwork"
        if addresses.is_tag(value)
        else own.overlaps(ipaddress.IPv4Network(value, strict=False))
        for value in values
    )


def _range(text: str) -> range | None:
    if text == "*":
        return range(65536)
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    if not found:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    return range(first, last + 1) if first <= last <= 65535 else None


def _problem(what: str, why: str, remedy: str) -> Problem:
    return Problem(FIELD, what, why, remedy)
