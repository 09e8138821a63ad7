"""One connection to one cloud: a TLS context, a pool of connections, a token and the SDK's clients on top of them.

azure-core builds a TLS context for every request when it is given a CA file (2.9 ms of CPU for a GET, against 0.4), so
all clients and the credential share one aiohttp session that knows whom to trust.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from wizard import ids
from wizard.azure import clouds, resources, signin, trust
from wizard.azure.clouds import Cloud
from wizard.azure.durations import Durations
from wizard.azure.errors import explained
from wizard.azure.pacing import Pacer
from wizard.azure.resources import Operation
from wizard.blueprint.resource import Resource

if TYPE_CHECKING:
    import aiohttp
    from azure.core.async_paging import AsyncItemPaged
    from azure.core.credentials import AccessTokenInfo
    from azure.core.pipeline import AsyncPipeline
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.mgmt.compute.aio import ComputeManagementClient
    from azure.mgmt.network.aio import NetworkManagementClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient
    from azure.mgmt.resource.subscriptions.aio import SubscriptionClient
    from azure.mgmt.storage.aio import StorageManagementClient

T = TypeVar("T")

# azure-identity warns of each sign-in that fails, on standard error where nobody has set up logging: beside our own
# message that is noise. Whoever sets up logging still gets it.
logging.getLogger("azure").addHandler(logging.NullHandler())


class Azure:
    """A signed-in connection. The clients are made when first used (importing all of them takes a second)."""

    def __init__(self, cloud: Cloud, transport: AioHttpTransport, credential: signin.Credential) -> None:
        self.cloud = cloud
        self.subscription_id = ""
        self.tenant_id: str | None = None
        self.durations = Durations.load(cloud)
        self.pacer = Pacer(cloud.paced_limits)
        self._transport = transport
        self._credential = credential

    # The SDK's own clients, for what the methods below do not cover. Wrap calls in `ask` and lists in `rows`.

    @cached_property
    def compute(self) -> ComputeManagementClient:
        from azure.mgmt.compute.aio import ComputeManagementClient

        return ComputeManagementClient(self._credential, self.subscription_id, **self._options())

    @cached_property
    def network(self) -> NetworkManagementClient:
        from azure.mgmt.network.aio import NetworkManagementClient

        return NetworkManagementClient(self._credential, self.subscription_id, **self._options())

    @cached_property
    def resource(self) -> ResourceManagementClient:
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return ResourceManagementClient(self._credential, self.subscription_id, **self._options())

    @cached_property
    def storage(self) -> StorageManagementClient:
        from azure.mgmt.storage.aio import StorageManagementClient

        return StorageManagementClient(self._credential, self.subscription_id, **self._options())

    @cached_property
    def subscriptions(self) -> SubscriptionClient:
        from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

        return SubscriptionClient(self._credential, **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "base_url": self.cloud.arm,
            "credential_scopes": [self.cloud.scope],
            "polling_interval": self.cloud.poll_floor_s,
            "transport": self._transport,
            "policies": self._policies(),
        }

    def _policies(self) -> list[Any]:
        """The SDK's pipeline with our own way of sending (see `sending`), and without two kinds of policies.

        Those that log requests, because bodies carry passwords. And the one that registers resource providers by
        itself: it waits 10 s a time, does not retry what `begin_*` sends (azure-mgmt-core 1.6), and registering is
        a change of the subscription, which preflight offers instead.
        """
        from azure.core.pipeline import policies

        from wizard.azure.sending import Paced, Persistent, SignedIn

        return [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(base_user_agent="multivm-wizard"),
            policies.ContentDecodePolicy(),
            policies.AsyncRedirectPolicy(),
            Persistent(self.cloud.poll_floor_s),
            Paced(self.pacer),
            SignedIn(self._credential, self.cloud.scope),
            policies.SensitiveHeaderCleanupPolicy(),
        ]

    def pipeline(self, scope: str) -> AsyncPipeline[Any, Any]:
        """For single requests to another audience than ARM, over the same transport."""
        from azure.core.pipeline import AsyncPipeline, policies

        from wizard.azure.sending import Persistent, SignedIn

        chain: list[Any] = [
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy(base_user_agent="multivm-wizard"),
            Persistent(self.cloud.poll_floor_s),
            SignedIn(self._credential, scope),
            policies.SensitiveHeaderCleanupPolicy(),
        ]
        return AsyncPipeline(self._transport, chain)

    async def token(self) -> AccessTokenInfo:
        """The token that requests carry now. It is a secret. Raises UnreachableError."""
        return await explained(self._credential.get_token_info(self.cloud.scope))

    async def ask(self, call: Awaitable[T]) -> T:
        """Await one call of a client; what fails is raised as a WizardError."""
        return await explained(call)

    async def act(self, id: str, begin: Callable[[], Awaitable[Any]], **options: Any) -> Any:
        """Begin an action on a resource and wait for its end; see `actions.ended`."""
        from wizard.azure import actions

        return await actions.ended(self, id, begin, **options)

    async def rows(self, pages: AsyncItemPaged[Any]) -> list[dict[str, Any]]:
        """All items of a client's paged list, as ARM spells them; what fails is raised as a WizardError."""

        async def read() -> list[dict[str, Any]]:
            return [item.as_dict() async for item in pages]

        return await explained(read())

    async def get(self, id: str) -> dict[str, Any] | None:
        """What ARM holds under a resource's id, or None when there is nothing. Raises AzureError, UnreachableError."""
        return await resources.get(self, id)

    async def begin_put(
        self, resource: Resource, body: dict[str, Any], *, if_match: str | None = None
    ) -> Operation | None:
        """Write a resource. None: it is done; else `await operation.result()` waits for its end.

        `body` is the resource's body with its secrets. `if_match` is the etag that the live resource must still have
        (412 otherwise). Raises AzureError, UnreachableError.
        """
        return await resources.begin_put(self, resource.id, body, if_match)

    async def begin_delete(self, id: str) -> Operation | None:
        """Delete a resource or a group. None: it is gone; else `await operation.result()` waits. Raises AzureError."""
        return await resources.begin_delete(self, id)

    async def resume(self, id: str, token: str, *, deleting: bool = False) -> Operation:
        """Go on with a write or delete that another process began; `token` is its `Operation.continuation_token()`.

        Raises WizardError when it does not lead to an operation of this cloud.
        """
        return await resources.resume(self, id, token, deleting=deleting)

    async def port_mappings(self, pool: str, ip_configuration: str) -> list[dict[str, Any]]:
        """Which frontend ports of NAT rules with a range lead to one member of a backend pool; both are ids.

        `inboundNatRuleName`, `protocol`, `frontendPort`, `backendPort` of each. Raises AzureError.
        """
        parsed = ids.parse(pool)
        balancer, name = parsed.names
        asked: Any = {"ipConfiguration": {"id": ip_configuration}}
        begin = self.network.load_balancers.begin_list_inbound_nat_rule_port_mappings
        told: dict[str, Any] = (await self.act(pool, lambda: begin(parsed.group, balancer, name, asked))).as_dict()
        return list(told.get("inboundNatRulePortMappings") or ())

    async def instances(self, scale_set: str) -> list[str]:
        """The ids of the VMs that a scale set with Flexible orchestration has. Raises AzureError."""
        parsed = ids.parse(scale_set)
        rows = await self.rows(self.compute.virtual_machine_scale_set_vms.list(parsed.group, parsed.name))
        kind = "Microsoft.Compute/virtualMachines"
        return [ids.resource_id(parsed.subscription, parsed.group, kind, str(row["name"])) for row in rows]

    async def locks(self, group: str) -> list[dict[str, Any]]:
        """The management locks of a resource group and of what is in it: `id`, `name`, `properties`."""
        from wizard.azure import locks

        return await locks.of_group(self, group)

    async def list_group(self, group: str) -> list[dict[str, Any]] | None:
        """Id, type, name, location and tags of everything in a group; None when there is no such group."""
        return await resources.list_group(self, group)


@asynccontextmanager
async def connect(cloud: Cloud, subscription: str | None = None, *, choose: bool = True) -> AsyncIterator[Azure]:
    """Sign in and yield the connection; on leaving, everything is closed.

    `subscription` is an id; None leaves the choice to `signin.choose_subscription`, or with `choose` false leaves it
    open (`subscription_id` is "" then): only the list of subscriptions can be asked for. Raises UnreachableError when
    nobody is signed in or the cloud does not answer, InputError when the choice of subscription is open.
    """
    cloud = await clouds.current(cloud)
    from azure.core.pipeline.transport import AioHttpTransport

    async with _session(cloud) as session:
        transport = AioHttpTransport(session=session, session_owner=False)
        credential, principal = signin.credential(cloud, transport, subscription)
        async with credential:
            azure = Azure(cloud, transport, credential)
            azure.tenant_id = await signin.sign_in(cloud, credential, principal)
            azure.subscription_id = subscription or ""
            if choose:
                azure.subscription_id = await signin.choose_subscription(
                    cloud, subscription, principal, lambda: azure.subscriptions
                )
            try:
                yield azure
            finally:
                azure.durations.save()


def _session(cloud: Cloud) -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust.context(cloud), limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # azure-core decodes for itself
        trust_env=not trust.is_loopback(cloud.arm),
    )
