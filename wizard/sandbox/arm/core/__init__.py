"""What ARM itself answers: subscriptions, providers, resource groups, listings and operations."""

from __future__ import annotations

from wizard.sandbox.arm.core.groups import GroupRoutes, ResourceGroup
from wizard.sandbox.arm.core.polling import Polling
from wizard.sandbox.arm.core.providers import Providers
from wizard.sandbox.arm.core.resources import Resources
from wizard.sandbox.arm.core.subscriptions import Subscriptions
from wizard.sandbox.arm.kind import Kind, Provider

KINDS: tuple[type[Kind], ...] = (ResourceGroup,)
PROVIDERS: tuple[type[Provider], ...] = (Subscriptions, Providers, GroupRoutes, Resources, Polling)
