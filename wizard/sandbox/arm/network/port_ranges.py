"""The second form of inbound NAT rules: a range of frontend ports, of which each member of a pool gets one.

Azure gives a port when an interface joins the pool and takes it back when it leaves; which one is Azure's to choose.
Here it is the lowest that is free, so that it follows the order of joining, not that of names. What is given is kept
with the balancer's document: nobody is ever renumbered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.arm.network.references import References

NAT_RULES = "inboundNatRules"
_KEPT = "natPorts"  # in the document's extra: rule name -> key of the IP configuration -> port


def is_range(facts: Json) -> bool:
    """Whether a NAT rule's properties are of this form."""
    return bool(facts.get("frontendPortRangeStart") or facts.get("frontendPortRangeEnd"))


def ports(facts: Json) -> range:
    """The frontend ports of a rule of either form."""
    if is_range(facts):
        return range(facts["frontendPortRangeStart"], facts["frontendPortRangeEnd"] + 1)
    return range(facts["frontendPort"], facts["frontendPort"] + 1)


def given(balancer: Document) -> Iterator[tuple[Json, str, int]]:
    """What members have: the rule, the key of the IP configuration, the port."""
    kept = balancer.extra.get(_KEPT) or {}
    for rule in balancer.body["properties"].get(NAT_RULES) or ():
        for member, port in (kept.get(rule["name"].lower()) or {}).items():
            yield rule, member, port


def of_member(balancer: Document, member: str) -> list[Json]:
    """The mappings of one IP configuration, as Azure answers them."""
    kept, key = balancer.extra.get(_KEPT) or {}, ids.key(member)
    return [
        {
            "inboundNatRuleName": rule["name"],
            "protocol": rule["properties"]["protocol"],
            "frontendPort": kept[rule["name"].lower()][key],
            "backendPort": rule["properties"]["backendPort"],
        }
        for rule in balancer.body["properties"].get(NAT_RULES) or ()
        if key in (kept.get(rule["name"].lower()) or {})
    ]


def check_room(balancer: Document, pool: str, members: int) -> None:
    """A pool can have so many members only as its ranges have ports."""
    for rule in balancer.body["properties"].get(NAT_RULES) or ():
        facts = rule["properties"]
        if is_range(facts) and ids.key(facts["backendAddressPool"]["id"]) == ids.key(pool):
            check_size(rule, members)


def check_size(rule: Json, members: int) -> None:
    """The rule's range has a port for each member."""
    facts = rule["properties"]
    if members > len(ports(facts)):
        raise ArmError(
            400,
            "InboundNatRulePortRangeExhausted",  # code and wording from memory
            f"Inbound NAT rule {rule['id']} has {len(ports(facts))} frontend ports "
            f"({facts['frontendPortRangeStart']}-{facts['frontendPortRangeEnd']}), and its backend pool would have "
            f"{members} members.",
        )


def settle(store: Store, balancer: Document, uses: References) -> None:
    """Give ports to those who joined, take back those of who left. The document is stored when anything changed."""
    before = balancer.extra.get(_KEPT) or {}
    after: Json = {}
    for rule in balancer.body["properties"].get(NAT_RULES) or ():
        facts = rule["properties"]
        if is_range(facts):
            members = [ids.key(use.by) for use in uses.to(facts["backendAddressPool"]["id"], "networkinterfaces")]
            after[rule["name"].lower()] = _shared_out(before.get(rule["name"].lower()) or {}, members, ports(facts))
    if after != before:
        balancer.extra[_KEPT] = after
        store.put(balancer)


def _shared_out(before: Json, members: Iterable[str], range_of: range) -> Json:
    kept = {member: before[member] for member in members if before.get(member) in range_of}
    taken = set(kept.values())
    free = (port for port in range_of if port not in taken)
    for member in members:
        if member not in kept and (port := next(free, None)) is not None:
            kept[member] = port
    return kept
