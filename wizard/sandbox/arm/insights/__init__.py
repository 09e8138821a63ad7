"""Microsoft.Insights: Azure Monitor's part of ARM. Diagnostic settings hang on the resources that they are about."""

from __future__ import annotations

from wizard.sandbox.arm.insights.autoscale import AutoscaleSettings
from wizard.sandbox.arm.insights.collection import Associations, DataCollectionRules
from wizard.sandbox.arm.insights.metrics import Metrics
from wizard.sandbox.arm.insights.settings import DiagnosticSettings
from wizard.sandbox.arm.kind import Kind, Provider
from wizard.sandbox.arm.scopes import ScopeProvider

KINDS: tuple[type[Kind], ...] = (AutoscaleSettings, DataCollectionRules)
PROVIDERS: tuple[type[Provider], ...] = ()
SCOPED: tuple[type[ScopeProvider], ...] = (Associations, DiagnosticSettings, Metrics)
