"""Microsoft.Authorization: management locks. Who may do what is not told apart here: there is one principal."""

from __future__ import annotations

from wizard.sandbox.arm.authorization.locks import Locks
from wizard.sandbox.arm.scopes import ScopeProvider

SCOPED: tuple[type[ScopeProvider], ...] = (Locks,)
