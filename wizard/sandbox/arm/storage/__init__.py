"""Microsoft.Storage: accounts as ARM shows them. Behind their blob endpoints lies what the platform writes there."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Kind, Provider
from wizard.sandbox.arm.storage.accounts import StorageAccounts
from wizard.sandbox.arm.storage.provider import Storage

KINDS: tuple[type[Kind], ...] = (StorageAccounts,)
PROVIDERS: tuple[type[Provider], ...] = (Storage,)
