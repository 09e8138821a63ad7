"""What a plan says otherwise than our defaults: every such key with its value, so that nothing chosen goes unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PLAIN = ("version", "machines.ssh_key", "network.allow_admin")
"""Keys that have no default worth the name: each is told elsewhere in Review."""


def differing(get: Callable[[str], Any]) -> list[tuple[str, str, str]]:
    """`(key, value, default)` in the order of a plan file's keys."""
    from screens.answers import defaults

    return [
        (key, shown(get(key)), shown(default))
        for key, default in defaults().items()
        if key not in PLAIN and get(key) is not None and _plain(get(key)) != _plain(default)
    ]


def shown(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return "; ".join(_entry(each) for each in value) or "none"
    return str(value) if value != "" else "none"


def _entry(value: Any) -> str:
    return " ".join(shown(each) for each in value.values()) if isinstance(value, dict) else str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
