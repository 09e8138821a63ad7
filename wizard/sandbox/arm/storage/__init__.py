"""Microsoft.Storage: accounts as ARM shows them. There is nothing behind their endpoints here."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Kind, Provider
from wizard.sandbox.arm.storage.accounts import StorageAccounts
from wizard.sandbox.arm.storage.provider import Storage

KINDS: tuple[type[Kind], ...] = (StorageAccounts,)
PROVIDERS: tuple[type[Provider], ...] = (Storage,)
