"""What ARM says about a resource's own state: `properties.provisioningState`, in four words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Phase = Literal["ready", "busy", "leaving", "broken"]


def state(document: Mapping[str, Any]) -> str:
    """The state as ARM words it; types without one (availability sets) are there as soon as GET answers."""
    properties = document.get("properties")
    told = properties.get("provisioningState") if isinstance(properties, Mapping) else None
    return str(told or "Succeeded")


def phase(document: Mapping[str, Any]) -> Phase:
    """`busy` while a write runs, under whatever name a provider gives it (Creating, Updating, Accepted, ...)."""
    match state(document).lower():
        case "succeeded":
            return "ready"
        case "failed" | "canceled":
            return "broken"
        case "deleting":
            return "leaving"
        case _:
            return "busy"
