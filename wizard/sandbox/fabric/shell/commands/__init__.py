"""The programs a machine has, by theme. Each module registers its own with `interpreter.command`."""

from __future__ import annotations

from functools import cache
from importlib import import_module

_THEMES = ("builtins", "conditions", "files", "listing", "text", "identity", "system", "services", "redhat", "reach")


@cache
def load() -> None:
    """Import every theme once."""
    for theme in _THEMES:
        import_module(f"{__name__}.{theme}")
