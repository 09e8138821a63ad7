"""Proves that a deployment works: `verify` checks it all, `load` measures it, `ssh` and `hostkeys` are the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.verify.verification import verify

__all__ = ["verify"]


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: a load worker passes here on its way in, and needs none of the 0.4 s of it.
    if name == "verify":
        from wizard.verify.verification import verify

        return verify
    raise AttributeError(name)
