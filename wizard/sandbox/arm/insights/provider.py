"""What Microsoft.Insights answers below a resource."""

from __future__ import annotations

from wizard.sandbox.arm.scopes import ScopeProvider


class Insights(ScopeProvider):
    namespace = "Microsoft.Insights"
