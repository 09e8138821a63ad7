"""Whether Azure holds what was planned: a comparison of a planned body with a live document, and nothing else.

ARM adds defaults, read-only values and a spelling of its own to what it was sent, so the plan is compared as a subset:
what it says must hold, what it leaves out may be anything. Deploying never removes, so a rule, a tag or a pool that
somebody added beside ours is no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wizard import ids
from wizard.blueprint.resource import AtFirst

WRITE_ONLY = frozenset({"adminPassword", "customData", "protectedSettings"})
"""ARM takes these and never tells them again; nothing can be said about whether they are as planned."""

CASELESS = frozenset({"protocol", "access", "direction"})
"""Choices that network api-versions have answered in different case: `Tcp`, `TCP`."""


class Difference(NamedTuple):
    """One planned value that is not there. `path` leads to it; an item of a list is named by its name or place."""

    path: tuple[str, ...]
    desired: Any
    live: Any

    @property
    def where(self) -> str:
        """`properties.securityRules.allow-http.properties.priority`"""
        return ".".join(self.path)


def same(desired: Any, live: Any) -> list[Difference]:
    """What the live document lacks of the desired body; empty when it holds all of it."""
    return _differences(desired, live, ())


def location(name: str) -> str:
    """`West Europe` and `westeurope` are one place."""
    return "".join(name.split()).lower()


def identity_kinds(type: object) -> set[str]:
    """The kinds that an identity's `type` names: `SystemAssigned, UserAssigned` is both, `None` is none."""
    return {kind.strip() for kind in str(type or "").split(",") if kind.strip() not in ("", "None")}


def _differences(desired: Any, live: Any, path: tuple[str, ...]) -> list[Difference]:
    if _says_nothing(desired, live):
        return []
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            return [Difference(path, desired, live)]
        return [
            difference
            for key, value in desired.items()
            if key not in WRITE_ONLY
            for difference in _differences(value, live.get(key), (*path, str(key)))
        ]
    if _is_list(desired):
        return _list_differences(desired, live, path)
    if path == ("identity", "type") and identity_kinds(desired) <= identity_kinds(live):
        return []
    return [] if _scalar(desired, live, path[-1] if path else "") else [Difference(path, desired, live)]


def _list_differences(desired: Sequence[Any], live: Any, path: tuple[str, ...]) -> list[Difference]:
    if not _is_list(live):
        return [Difference(path, desired, live)]
    if (label := _label(desired)) is None:
        return [] if _same_items(desired, live, path) else [Difference(path, desired, live)]
    there = {
        _name(item[label], label): item for item in live if isinstance(item, Mapping) and item.get(label) is not None
    }
    differences: list[Difference] = []
    for item in desired:
        step = (*path, str(item[label]))
        found = there.get(_name(item[label], label))
        rest = {key: value for key, value in item.items() if key != label}  # the label has matched, case or no case
        differences += [Difference(step, item, None)] if found is None else _differences(rest, found, step)
    return differences


def _label(items: Sequence[Any]) -> str | None:
    """What tells the items of a list apart: their names, the ids they refer to, or where they are plugged in."""
    for label, kind in (("name", str), ("id", str), ("lun", int)):
        if items and all(isinstance(item, Mapping) and isinstance(item.get(label), kind) for item in items):
            return label
    return None


def _name(value: object, label: str) -> str:
    return ids.key(str(value)) if label == "id" else str(value).casefold()


def _same_items(desired: Sequence[Any], live: Sequence[Any], path: tuple[str, ...]) -> bool:
    """As many items, each with a partner of its own: ARM does not keep the order of prefixes, zones or keys."""
    if len(desired) != len(live):
        return False
    partner_of: dict[int, int] = {}  # place in live -> place in desired

    def pair(place: int, tried: set[int]) -> bool:
        # A bipartite matching by augmenting paths: what one item could take, another may need.
        for there, candidate in enumerate(live):
            if there in tried or _differences(desired[place], candidate, path):
                continue
            tried.add(there)
            if there not in partner_of or pair(partner_of[there], tried):
                partner_of[there] = place
                return True
        return False

    return all(pair(place, set()) for place in range(len(desired)))


def _scalar(desired: Any, live: Any, key: str) -> bool:
    if isinstance(desired, AtFirst):
        return live is not None
    if isinstance(desired, bool) or isinstance(live, bool):
        return str(desired).lower() == str(live).lower()
    if isinstance(desired, (int, float)) or isinstance(live, (int, float)):
        return _number(desired) is not None and _number(desired) == _number(live)
    if not isinstance(desired, str) or not isinstance(live, str):
        return bool(desired == live)
    if desired.startswith("/subscriptions/"):
        return ids.key(desired) == ids.key(live)
    if key == "location":
        return location(desired) == location(live)
    if key in CASELESS:
        return desired.lower() == live.lower()
    return desired.strip() == live.strip()  # a key file's last line end is not always kept


def _number(value: Any) -> float | None:
    """Some providers answer numbers as text: autoscale's capacities, ports."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _says_nothing(desired: Any, live: Any) -> bool:
    """Nulls, and containers of nothing else: ARM leaves such values out of its answers.

    An empty list of objects asks for none of ours, and those of others may stay; an empty list beside plain values
    (prefixes, zones) is an answer of its own.
    """
    if desired is None or desired == "":
        return desired is None or live is None
    if isinstance(desired, Mapping):
        return not isinstance(live, Mapping) and all(
            key in WRITE_ONLY or _says_nothing(inner, None) for key, inner in desired.items()
        )
    if _is_list(desired) and not desired:
        return live is None or (_is_list(live) and all(isinstance(item, Mapping) for item in live))
    return False
