"""Which machine a new flow goes to: a hash over the flow's addresses, among the members whose probes are up.

As on Azure the choice is made once, when the flow begins; members that come and go later move no flow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wizard.sandbox.fabric.topology import FrontendRule, Interface

_TCP = 6


def flow_hash(rule: FrontendRule, client: tuple[str, int]) -> int:
    """The hash Azure's `loadDistribution` asks for: 5-tuple, source and destination address, or these and protocol."""
    match rule.distribution:
        case "sourceip":
            parts = f"{client[0]}>{rule.address}"
        case "sourceipprotocol":
            parts = f"{client[0]}>{rule.address}/{_TCP}"
        case _:
            parts = f"{client[0]}:{client[1]}>{rule.address}:{rule.port}/{_TCP}"
    return int.from_bytes(hashlib.blake2b(parts.encode(), digest_size=8).digest(), "big")


def choose(rule: FrontendRule, client: tuple[str, int], eligible: Sequence[Interface]) -> Interface | None:
    """The member for a new flow from `client`, or None when no member is eligible."""
    if not eligible:
        return None
    if len(eligible) == 1:
        return eligible[0]
    return eligible[flow_hash(rule, client) % len(eligible)]
