"""What the engine needs of a cloud, as a type: `wizard.azure.clients.Azure` is one, an in-memory one can be another."""

from __future__ import annotations

from typing import Any, Protocol

from wizard.azure.clouds import Cloud
from wizard.blueprint.resource import Resource

Document = dict[str, Any]
"""A resource as ARM tells it, with the wire's names."""


class Poller(Protocol):
    """An operation that ARM has accepted."""

    async def result(self) -> Any:
        """Wait until it has ended; raise when it ended badly."""


class Arm(Protocol):
    """One subscription of one cloud."""

    @property
    def cloud(self) -> Cloud: ...

    @property
    def subscription_id(self) -> str: ...

    async def get(self, id: str) -> Document | None:
        """The resource, or None when there is none of that id."""

    async def begin_put(self, resource: Resource, body: Document, *, if_match: str | None = None) -> Poller | None:
        """Send the write; None when ARM answered with the end at once. `if_match`: the etag it must still have."""

    async def begin_delete(self, id: str) -> Poller | None:
        """Send the delete; None when it is done at once, or there was nothing."""

    async def resume(self, id: str, token: str, *, deleting: bool = False) -> Poller:
        """Go on with an operation that another process began; raises WizardError when that cannot be."""

    async def port_mappings(self, pool: str, ip_configuration: str) -> list[Document]:
        """Which frontend ports of NAT rules with a range lead to one member of a backend pool.

        `inboundNatRuleName`, `protocol`, `frontendPort`, `backendPort` of each.
        """

    async def instances(self, scale_set: str) -> list[str]:
        """The ids of a scale set's VMs."""

    async def list_group(self, group: str) -> list[Document] | None:
        """`id`, `type`, `name` and `tags` of everything in a resource group; None when there is no such group."""
