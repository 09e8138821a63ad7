"""What will be created, as a tree that a person reads: by what it is for, not by the order it is written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.content import Content

STATES: dict[str, str] = {
    "absent": "+ new",
    "leaving": "+ new, when the old one has gone",
    "same": "= as it is",
    "differs": "~ changes",
    "broken": "~ made again",
    "busy": "… busy",
    "fixed": "✗ cannot change in place",
    "foreign": "✗ somebody else's",
}
WORDS = {
    "resourcegroups": "resource group",
    "networksecuritygroups": "network security group",
    "publicipaddresses": "public address",
    "natgateways": "NAT gateway",
    "virtualnetworks": "virtual network",
    "loadbalancers": "load balancer",
    "networkinterfaces": "NIC",
    "availabilitysets": "availability set",
    "virtualmachines": "VM",
    "virtualmachinescalesets": "scale set",
    "autoscalesettings": "autoscale",
    "extensions": "extension",
    "disks": "disk",
    "storageaccounts": "storage account",
    "workspaces": "Log Analytics workspace",
    "diagnosticsettings": "diagnostic setting",
    "datacollectionrules": "data collection rule",
    "datacollectionruleassociations": "association with the data collection rule",
    "userassignedidentities": "identity of the agents",
    "locks": "lock",
}
_STYLES = {
    "same": "$text-success",
    **dict.fromkeys(("differs", "broken", "busy"), "$text-warning"),
    **dict.fromkeys(("fixed", "foreign"), "$text-error"),
}
_NETWORK = ("virtualnetworks", "networksecuritygroups")
_IN = ("loadbalancers",)
_OUT = ("natgateways",)
_SET = ("availabilitysets", "virtualmachinescalesets")
_VM = ("virtualmachines",)
_ON = ("extensions", "autoscalesettings", "datacollectionruleassociations")
"""What waits for its owner, and stands with it."""
_KEPT = (
    "storageaccounts",
    "workspaces",
    "diagnosticsettings",
    "datacollectionrules",
    "userassignedidentities",
    "locks",
)


@dataclass
class Branch:
    """A line of the tree: a name, what it is, its state there (`""` when unknown), and what hangs on it."""

    name: str
    words: str = ""
    state: str = ""
    children: list[Branch] = field(default_factory=list)

    def walk(self) -> Iterator[Branch]:
        """This branch and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def kind(type: str) -> str:
    """`Microsoft.Network/loadBalancers` to `loadbalancers`."""
    return type.rpartition("/")[2].lower()


def branches(resources: Iterable[Mapping[str, Any]], states: Mapping[str, str] | None = None) -> Branch:
    """The tree of a blueprint's resources (`id`, `type`, `name`, `after`): each resource stands in it once.

    What only one other resource waits for hangs on that one: a public address on its balancer, a NIC on its VM.
    `states` by lower-case id, as the desk's `outlook` tells.
    """
    listed = list(resources)
    told = states or {}

    def branch(resource: Mapping[str, Any]) -> Branch:
        words = WORDS.get(kind(str(resource["type"])), str(resource["type"]))
        return Branch(str(resource["name"]), words, told.get(str(resource["id"]).lower(), ""))

    def of(kinds: tuple[str, ...]) -> list[Mapping[str, Any]]:
        return [each for each in listed if kind(str(each["type"])) in kinds]

    placed: set[str] = set()
    by_id = {str(each["id"]).lower(): each for each in listed}
    on: dict[str, list[Mapping[str, Any]]] = {}
    for each in of(_ON):
        for after in each.get("after", ()):
            on.setdefault(str(after).lower(), []).append(each)

    def with_own(resource: Mapping[str, Any], kinds: tuple[str, ...] = ()) -> Branch:
        made = branch(resource)
        placed.add(str(resource["id"]).lower())
        below = (by_id.get(str(after).lower()) for after in resource.get("after", ()))
        own = [under for under in below if under is not None and kind(str(under["type"])) in kinds]
        for under in (*own, *on.get(str(resource["id"]).lower(), ())):
            if str(under["id"]).lower() not in placed:
                made.children.append(with_own(under))
        return made

    groups = of(("resourcegroups",))
    root = with_own(groups[0]) if groups else Branch(*_group_of(listed))
    address = ("publicipaddresses",)
    parts = (
        Branch("Network", children=[with_own(each) for each in of(_NETWORK)]),
        Branch("Way in", children=[with_own(each, address) for each in of(_IN)]),
        Branch("Way out", children=[with_own(each, address) for each in of(_OUT)]),
        Branch(
            "Machines",
            children=[
                *(with_own(each) for each in of(_SET)),
                *(with_own(each, ("networkinterfaces", "disks")) for each in of(_VM)),
            ],
        ),
        Branch("Kept and guarded", children=[with_own(each) for each in of(_KEPT)]),
    )
    rest = Branch("Other", children=[branch(each) for key, each in by_id.items() if key not in placed])
    root.children = [part for part in (*parts, rest) if part.children]
    return root


def _group_of(resources: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """The name of a group that is not among the resources: it is there already."""
    parts = next((str(each["id"]).split("/") for each in resources), [])
    if len(parts) > 4 and parts[3].lower() == "resourcegroups":
        return parts[4], "resource group that is there, left as it is"
    return "", "nothing"


def headline(resources: Iterable[Mapping[str, Any]], states: Mapping[str, str] | None = None) -> str:
    """`12 resources, all new`, or how many stop it, are new, changed and as they are."""
    ids = [str(each["id"]).lower() for each in resources]
    told = states or {}
    number = f"{len(ids)} resource{'s' * (len(ids) != 1)}"
    if not told:
        return number
    new = sum(told.get(each, "absent") in ("absent", "leaving") for each in ids)
    same = sum(told.get(each) == "same" for each in ids)
    stops = sum(told.get(each) in ("fixed", "foreign") for each in ids)
    changed = len(ids) - new - same - stops
    if new == len(ids):
        return f"{number}, all new"
    if same == len(ids):
        return f"{number}, all there already"
    parts = [
        f"{stops} in the way" * bool(stops),
        f"{new} new" * bool(new),
        f"{changed} to change" * bool(changed),
        f"{same} as they are" * bool(same),
    ]
    return f"{number}: " + ", ".join(part for part in parts if part)


def tree_lines(root: Branch) -> list[Content]:
    """The tree as lines with guides; what hangs on one resource alone stands in its line."""
    mixed = len({branch.state for branch in root.walk() if branch.words and branch.state}) > 1
    lines = [_line("", root, mixed)]
    for place, part in enumerate(root.children):
        last = place == len(root.children) - 1
        lines.append(Content.assemble(("└ " if last else "├ ", "$text-muted"), (part.name, "$primary")))
        for inner, child in enumerate(part.children):
            guide = ("  " if last else "│ ") + ("└ " if inner == len(part.children) - 1 else "├ ")
            lines.append(_line(guide, child, mixed))
    return lines


def _line(guide: str, branch: Branch, mixed: bool) -> Content:
    own = ", ".join(child.name for child in branch.children if guide)
    state = STATES.get(branch.state, branch.state) if mixed else ""  # what is true of all stands in the headline
    return Content.assemble(
        (guide, "$text-muted"),
        (branch.name, "bold"),
        (f"  {state}" if state else "", _STYLES.get(branch.state, "")),
        (f"  {branch.words}", "$text-muted"),
        (f" with {own}" if own else "", "$text-muted"),
    )
