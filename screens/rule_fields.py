"""A security rule of one's own: its fields, and a line for the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from screens.widgets.choice import Choice, RadioRow
from screens.widgets.entries import Entry
from screens.widgets.field import Field, Help
from screens.widgets.text import ListControl, NumberControl, TextControl

RULES = Help(
    "Rules of your own in the network security group, beside ours for the page and the sign-in. Enter adds or edits "
    "one, F8 takes one out.",
    "Asked in the order of their priorities, the lowest first; the first that fits decides. Azure lets in its own "
    "probes (168.63.129.16) and the network itself after all of them, and then refuses the rest.",
    "None to begin with: only the page and the sign-in are open. Keep priorities apart by tens, so that one fits "
    "between.",
    "They can be changed at any time; connections that stand are kept, new ones are judged anew.",
)
NAME = Help(
    "What the rule is called in the group.",
    "1 to 80 letters, digits, . _ and -; unique in the group.",
    "What it does: deny-scanner.",
    "It cannot be renamed.",
)
PRIORITY = Help(
    "When it is asked: the lowest number first.",
    "100 to 4096, each once for a direction. Ours begin at 100, and make room for yours.",
    "Below 100 there is nothing: take 100 to come before ours, 200 and more to come after.",
    "It can be changed at any time.",
)
ACCESS = Help(
    "What becomes of what it matches.",
    "Deny drops it without an answer.",
    "Allow little; everything that is not allowed from outside is refused anyway.",
    "It can be changed at any time.",
)
DIRECTION = Help(
    "Whether it judges what comes to the machines, or what they send.",
    "Answers to what was let in are let out, and the other way round.",
    "Inbound. Outbound rules can keep machines from their packages.",
    "It cannot be changed: it is another rule then.",
)
PROTOCOL = Help(
    "What it is for.",
    "tcp, udp, icmp, or any of them. ICMP has no ports.",
    "tcp for pages and sign-ins.",
    "It can be changed at any time.",
)
SOURCE = Help(
    "Where it comes from.",
    "IPv4 addresses and ranges, separated by commas; or one service tag, such as Internet, VirtualNetwork or "
    "AzureLoadBalancer; or * for any.",
    "As few as can be. The balancer does not hide clients: it is their own address.",
    "It can be changed at any time.",
)
DESTINATION = Help(
    "Where it goes to.",
    "As the source.",
    "*: the group stands at the subnet, and judges nothing else.",
    "It can be changed at any time.",
)
PORTS = Help(
    "The ports of the destination.",
    "Numbers and ranges such as 8000-8080, separated by commas; * for all. It is the machine's port, behind the "
    "balancer: 22 or 3389, never 50001.",
    "As few as can be.",
    "It can be changed at any time.",
)
_FRESH = {"access": "deny", "direction": "inbound", "protocol": "tcp", "source": ["*"], "destination": ["*"]}
STEP = 10


def fields() -> Iterable[Field]:
    """The fields of one rule."""
    from wizard.plan import limits

    within = limits.RULE_PRIORITY
    yield Field("name", "Name", TextControl(placeholder="deny-scanner"), help=NAME)
    yield Field("priority", "Priority", NumberControl(within.low, within.high), help=PRIORITY, note="lowest first")
    yield Field("access", "It", RadioRow([Choice("allow", "allows"), Choice("deny", "denies")]), help=ACCESS)
    yield Field(
        "direction", "What goes", RadioRow([Choice("inbound", "in"), Choice("outbound", "out")]), help=DIRECTION
    )
    kinds = RadioRow([Choice(each) for each in ("tcp", "udp", "icmp", "any")])
    yield Field("protocol", "Protocol", kinds, help=PROTOCOL)
    yield Field("source", "From", ListControl(placeholder="203.0.113.0/24, or Internet"), help=SOURCE)
    yield Field("ports", "To ports", ListControl(placeholder="80, 8000-8080, or *"), help=PORTS)
    yield Field("destination", "Of", ListControl(placeholder="*"), help=DESTINATION)


def new(others: Sequence[Entry]) -> Entry:
    """A rule that is asked after those that are there."""
    from wizard.plan import limits

    taken = [int(each["priority"]) for each in others if isinstance(each["priority"], int)]
    place = max(taken, default=200 - STEP) + STEP
    return {"name": "", "priority": min(place, limits.RULE_PRIORITY.high), **_FRESH, "ports": ["*"]}


def ordered(entries: Sequence[Entry]) -> Sequence[Entry]:
    """In the order they are asked in."""
    return sorted(entries, key=lambda each: (str(each["direction"]), _number(each["priority"])))


def line(entry: Entry) -> str:
    """` 200 in  deny  tcp 80 ← 203.0.113.0/24  deny-scanner`: what is cut first matters least."""
    inbound = entry["direction"] == "inbound"
    far = entry["source"] if inbound else entry["destination"]
    ports = "" if entry["protocol"] == "icmp" else f" {','.join(entry['ports'])}"
    told = f"{entry['protocol']}{ports} {'←' if inbound else '→'} {', '.join(far)}"
    return f"{entry['priority']:>4} {'in ' if inbound else 'out'} {entry['access']:<5} {told}  {entry['name']}"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
