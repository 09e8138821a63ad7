"""Azure resource ids: composed, taken apart and compared in one place.

ARM treats ids without regard to case, and answers with a case of its own (`resourcegroups`, `RESOURCEGROUPS`), so two
ids are the same when `key()` of both is.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""Stands in ids where no subscription is known yet; the graph is the same."""


def group_id(subscription: str, group: str) -> str:
    """`/subscriptions/S/resourceGroups/G`"""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def resource_id(subscription: str, group: str, type: str, *names: str) -> str:
    """A resource's id. `type` is `Microsoft.Network/loadBalancers[/inboundNatRules]`; one name per type segment."""
    namespace, *types = type.split("/")
    if len(types) != len(names):
        raise ValueError(f"{type} takes {len(types)} names, got {len(names)}")
    path = "/".join(f"{kind}/{name}" for kind, name in zip(types, names, strict=True))
    return f"{group_id(subscription, group)}/providers/{namespace}/{path}"


def child_id(parent: str, type: str, name: str) -> str:
    """The id of a child inside its parent: `PARENT/inboundNatRules/ssh-vm1`."""
    return f"{parent}/{type}/{name}"


def key(id: str) -> str:
    """What two spellings of one id have in common."""
    return "/" + "/".join(filter(None, id.lower().split("/")))


@dataclass(frozen=True)
class ResourceId:
    """The parts of an id. A resource group has no namespace, no types and no names."""

    subscription: str
    group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """`Microsoft.Network/loadBalancers`, or `Microsoft.Resources/resourceGroups` for a group."""
        return "/".join((self.namespace, *self.types)) if self.namespace else "Microsoft.Resources/resourceGroups"

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else self.group


def parse(id: str) -> ResourceId:
    """Take an id of a group or of anything inside one apart; ValueError when it is neither."""
    parts = [part for part in id.split("/") if part]
    if len(parts) < 4 or parts[0].lower() != "subscriptions" or parts[2].lower() != "resourcegroups":
        raise ValueError(f"not the id of a resource in a resource group: {id}")
    subscription, group, rest = parts[1], parts[3], parts[4:]
    if not rest:
        return ResourceId(subscription, group, "", (), ())
    if len(rest) < 4 or len(rest) % 2 or rest[0].lower() != "providers":
        raise ValueError(f"not the id of a resource: {id}")
    return ResourceId(subscription, group, rest[1], tuple(rest[2::2]), tuple(rest[3::2]))
