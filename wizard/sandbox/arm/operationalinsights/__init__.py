"""Microsoft.OperationalInsights: Log Analytics workspaces, and the query service that answers what lies in them."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Kind, Provider
from wizard.sandbox.arm.operationalinsights.workspaces import Workspaces

KINDS: tuple[type[Kind], ...] = (Workspaces,)
PROVIDERS: tuple[type[Provider], ...] = ()
