"""The administrative state of a pool's members: `Up` and `Down` override the probe, `None` leaves it to decide.

Down gets no new flow and keeps the flows it has; that is for maintenance (Microsoft, "Administrative state in Azure
Load Balancer"). It holds for every rule of the pool that has a probe, and for no NAT rule. It is written in the entry
that the balancer has for each member, where the NIC's membership itself is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard import ids
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.arm.network.resource import choice
from wizard.sandbox.store import Document, Json, Store

ADDRESSES = "loadBalancerBackendAddresses"
STATES = ("None", "Up", "Down")
_POOLS = "backendAddressPools"
_NIC = "networkinterfaces"
_KEPT = "adminStates"  # in the document's extra: pool name -> key of the IP configuration -> Up or Down


def check(pool: Json) -> None:
    """Each entry of a pool that is written says one of Azure's words, or none."""
    for entry in pool["properties"].get(ADDRESSES) or ():
        holder = entry.setdefault("properties", {}) if isinstance(entry, dict) else {}
        if holder.get("adminState") is not None:
            choice(holder, "adminState", STATES, f"{pool['id']}/{entry.get('name')}")


def of_member(balancer: Document, pool: str, member: str) -> str | None:
    """The state of an IP configuration in a pool (by name); None where the probe decides."""
    found: str | None = ((balancer.extra.get(_KEPT) or {}).get(pool.lower()) or {}).get(ids.key(member))
    return found


def of_pool(balancer: Document, pool: str) -> Mapping[str, str]:
    """Keys of IP configurations whose probe does not decide, with `Up` or `Down`."""
    found: Mapping[str, str] = (balancer.extra.get(_KEPT) or {}).get(pool.lower()) or {}
    return found


def entry_name(interface: Document, configuration: str) -> str:
    """What the balancer calls a member."""
    return f"{interface.name}-{configuration.rsplit('/', 1)[1]}"


def write(store: Store, balancer: Document, body: Json, uses: References) -> None:
    """Take over what a write of the balancer says. A pool whose entries it leaves out keeps its states.

    What Azure does with a pool of NICs that is written without its entries is not documented; that their membership
    stays is known, and the state is taken to stay with it.
    """
    kept = dict(balancer.extra.get(_KEPT) or {})
    for pool in (body.get("properties") or {}).get(_POOLS) or ():
        entries = (pool.get("properties") or {}).get(ADDRESSES)
        if entries is None:
            continue
        said = {**_said(entries, by_id=False), **_said(entries, by_id=True)}
        members = uses.to(f"{balancer.id}/{_POOLS}/{pool['name']}", _NIC)
        states = {ids.key(use.by): said.get(ids.key(use.by)) or said.get(_name(use)) for use in members}
        kept[pool["name"].lower()] = {member: state for member, state in states.items() if state in ("Up", "Down")}
    _keep(store, balancer, kept)


def settle(store: Store, balancer: Document, uses: References) -> None:
    """Who has left a pool has no state in it, and comes back without one."""
    kept = {}
    for pool, states in (balancer.extra.get(_KEPT) or {}).items():
        members = {ids.key(use.by) for use in uses.to(f"{balancer.id}/{_POOLS}/{pool}", _NIC)}
        kept[pool] = {member: state for member, state in states.items() if member in members}
    _keep(store, balancer, kept)


def _keep(store: Store, balancer: Document, states: Mapping[str, Mapping[str, str]]) -> None:
    states = {pool: dict(of) for pool, of in states.items() if of}
    if states != (balancer.extra.get(_KEPT) or {}):
        balancer.extra[_KEPT] = states
        store.put(balancer)


def _name(use: Any) -> str:
    return entry_name(use.owner, use.by).lower()


def _said(entries: Any, *, by_id: bool) -> dict[str, str]:
    """The states that entries say, by what they name their member with."""
    found = {}
    for entry in entries:
        holder = entry.get("properties") or {}
        reference = (holder.get("networkInterfaceIPConfiguration") or {}).get("id")
        key = (ids.key(reference) if reference else "") if by_id else str(entry.get("name") or "").lower()
        if key and holder.get("adminState"):
            found[key] = str(holder["adminState"])
    return found
