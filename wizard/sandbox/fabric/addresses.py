"""Sets of IPv4 addresses as sorted, disjoint intervals of integers.

Security rules, service tags and socket filters all speak of sets of addresses; with intervals a deny rule in the
middle of an allowed range costs one subtraction, and a filter program three instructions per interval.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Interval = tuple[int, int]
Addresses = tuple[Interval, ...]

EVERYTHING: Addresses = ((0, 2**32 - 1),)
NOTHING: Addresses = ()


@lru_cache(maxsize=4096)
def number(address: str) -> int:
    """`10.0.1.4` as an integer; ValueError when it is no IPv4 address."""
    return int(ipaddress.IPv4Address(address))


@lru_cache(maxsize=4096)
def prefix(text: str) -> Addresses:
    """The addresses of `10.0.0.0/16`, `10.0.0.4` or `10.0.0.4-10.0.0.9`; none for IPv6 and for what is no address."""
    try:
        if "-" in text:
            low, high = text.split("-", 1)
            return ((number(low.strip()), number(high.strip())),)
        network = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return NOTHING
    return ((int(network.network_address), int(network.broadcast_address)),)


def union(sets: Iterable[Addresses]) -> Addresses:
    merged: list[Interval] = []
    for low, high in sorted(interval for one in sets for interval in one):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def intersection(first: Addresses, second: Addresses) -> Addresses:
    if first == EVERYTHING:
        return second
    if second == EVERYTHING:
        return first
    found = [
        (max(a_low, b_low), min(a_high, b_high))
        for a_low, a_high in first
        for b_low, b_high in second
        if max(a_low, b_low) <= min(a_high, b_high)
    ]
    return tuple(sorted(found))


def difference(first: Addresses, second: Addresses) -> Addresses:
    left = list(first)
    for low, high in second:
        rest: list[Interval] = []
        for a_low, a_high in left:
            if a_high < low or a_low > high:
                rest.append((a_low, a_high))
                continue
            if a_low < low:
                rest.append((a_low, low - 1))
            if a_high > high:
                rest.append((high + 1, a_high))
        left = rest
    return tuple(left)


def contains(addresses: Addresses, address: int) -> bool:
    return any(low <= address <= high for low, high in addresses)
