"""Which release this is."""

from __future__ import annotations


def version() -> str:
    """The installed version, as the package's metadata has it."""
    from importlib.metadata import version as installed

    return installed("multivm-wizard")
