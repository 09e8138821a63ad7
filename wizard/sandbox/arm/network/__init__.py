"""Microsoft.Network: one module for each resource type."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Kind, Provider

KINDS: tuple[type[Kind], ...] = ()
PROVIDERS: tuple[type[Provider], ...] = ()
