"""Which SDK operations read, write and delete each ARM type, behind three verbs that speak ARM's own JSON.

The SDK's clients differ by type in names, in what is long-running and in what they return. Here an id chooses the
operations, and what comes back is the wire's camelCase JSON, never a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wizard import ids
from wizard.azure import durations
from wizard.azure.errors import explained
from wizard.errors import AzureError, UnreachableError, WizardError

if TYPE_CHECKING:
    from azure.core.polling import AsyncLROPoller

    from wizard.azure.clients import Azure

T = TypeVar("T")


@dataclass(frozen=True)
class Calls:
    """One type's operations: the client, its group of operations, and which of them are not long-running."""

    client: str
    group: str
    put: str = "begin_create_or_update"
    delete: str = "begin_delete"
    get: str = "get"
    api_version: str = ""
    """Of a type that no client of ours has operations for: it is asked for by its id."""


def _by_id(api_version: str) -> Calls:
    return Calls(
        "resource",
        "resources",
        put="begin_create_or_update_by_id",
        delete="begin_delete_by_id",
        get="get_by_id",
        api_version=api_version,
    )


CALLS: Mapping[str, Calls] = {
    name.lower(): calls
    for name, calls in {
        "Microsoft.Resources/resourceGroups": Calls("resource", "resource_groups", put="create_or_update"),
        "Microsoft.Network/networkSecurityGroups": Calls("network", "network_security_groups"),
        "Microsoft.Network/networkSecurityGroups/securityRules": Calls("network", "security_rules"),
        "Microsoft.Network/publicIPAddresses": Calls("network", "public_ip_addresses"),
        "Microsoft.Network/natGateways": Calls("network", "nat_gateways"),
        "Microsoft.Network/virtualNetworks": Calls("network", "virtual_networks"),
        "Microsoft.Network/virtualNetworks/subnets": Calls("network", "subnets"),
        "Microsoft.Network/loadBalancers": Calls("network", "load_balancers"),
        "Microsoft.Network/loadBalancers/inboundNatRules": Calls("network", "inbound_nat_rules"),
        "Microsoft.Network/networkInterfaces": Calls("network", "network_interfaces"),
        "Microsoft.Compute/availabilitySets": Calls(
            "compute", "availability_sets", put="create_or_update", delete="delete"
        ),
        "Microsoft.Compute/virtualMachines": Calls("compute", "virtual_machines"),
        "Microsoft.Compute/virtualMachineScaleSets": Calls("compute", "virtual_machine_scale_sets"),
        "Microsoft.Insights/autoscaleSettings": _by_id("2022-10-01"),
        "Microsoft.Network/loadBalancers/providers/diagnosticSettings": _by_id("2021-05-01-preview"),
        "Microsoft.Authorization/locks": _by_id("2020-05-01"),
        "Microsoft.OperationalInsights/workspaces": _by_id("2023-09-01"),
        "Microsoft.Insights/dataCollectionRules": _by_id("2022-06-01"),
        "Microsoft.Compute/virtualMachines/providers/dataCollectionRuleAssociations": _by_id("2022-06-01"),
        "Microsoft.Compute/virtualMachineScaleSets/providers/dataCollectionRuleAssociations": _by_id("2022-06-01"),
        "Microsoft.ManagedIdentity/userAssignedIdentities": _by_id("2023-01-31"),
        "Microsoft.Compute/virtualMachines/extensions": Calls("compute", "virtual_machine_extensions"),
        "Microsoft.Compute/disks": Calls("compute", "disks"),
        "Microsoft.Compute/images": Calls("compute", "images"),
        "Microsoft.Compute/galleries": Calls("compute", "galleries"),
        "Microsoft.Compute/galleries/images": Calls("compute", "gallery_images"),
        "Microsoft.Compute/galleries/images/versions": Calls("compute", "gallery_image_versions"),
        "Microsoft.Storage/storageAccounts": Calls(
            "storage", "storage_accounts", put="begin_create", delete="delete", get="get_properties"
        ),
    }.items()
}
"""By lower-cased ARM type."""

_SUBSCRIPTION_CODES = frozenset({"SubscriptionNotFound", "InvalidSubscriptionId", "InvalidAuthenticationTokenTenant"})


class Operation:
    """A write or delete that Azure has accepted and works on."""

    def __init__(self, poller: AsyncLROPoller[Any], id: str, azure: Azure, *, deleting: bool = False) -> None:
        self._poller = poller
        self._azure = azure
        self._deleting = deleting
        self.id = id

    async def result(self) -> dict[str, Any] | None:
        """Wait for the end. Raises AzureError when it failed.

        It is asked when it should have ended, and then every `poll_floor_s` of the cloud, or as ARM's Retry-After says.
        When it cannot be asked any more, the resource tells how it ended, and is returned.
        """
        from wizard.azure import outcome

        try:
            document: dict[str, Any] | None = await explained(self._poller.result(), id=self.id)
            return document
        except (AzureError, UnreachableError) as error:
            if not outcome.is_open(error):
                raise
            lost: WizardError = error
        return await outcome.found_out(self._azure, self.id, deleting=self._deleting, error=lost)

    def done(self) -> bool:
        """Whether the end is known already."""
        return self._poller.done()

    def status(self) -> str:
        """ARM's word: InProgress, Succeeded, ..."""
        return str(self._poller.status())

    def continuation_token(self) -> str:
        """Text from which another process can go on waiting. Holds addresses and headers, no body and no token."""
        from wizard.azure import continuation

        return continuation.reduced(str(self._poller.continuation_token()))


@dataclass(frozen=True)
class _Target(Generic[T]):
    """An id with the operations of its type."""

    calls: Calls
    operations: T
    names: tuple[str, ...]
    options: Mapping[str, str]


def _target(azure: Azure, id: str) -> _Target[Any]:
    parsed = ids.parse(id)
    calls = CALLS.get(parsed.type.lower())
    if calls is None:
        raise NotImplementedError(f"no operations are known for {parsed.type}")
    if parsed.subscription.lower() != azure.subscription_id.lower():
        raise ValueError(f"{id} is not in subscription {azure.subscription_id}")
    operations = getattr(getattr(azure, calls.client), calls.group)
    if calls.api_version:
        return _Target(calls, operations, (id,), {"api_version": calls.api_version})
    return _Target(calls, operations, (parsed.group, *parsed.names), {})


def _polling(azure: Azure, kind: str) -> Any:
    from wizard.azure.polling import Polling

    return Polling(azure.cloud.poll_floor_s, azure.durations, kind)


def _wire(pipeline_response: Any, _model: Any, _headers: Any) -> Any:
    """What ARM sent, instead of the SDK's model of it."""
    return pipeline_response.http_response.json()


def _nothing_there(error: AzureError) -> bool:
    """Whether a 404 is about the resource. One about the subscription says nothing about what is in it: a wrong sign-in
    must not look like a deployment that has gone."""
    return error.status == 404 and error.code not in _SUBSCRIPTION_CODES


async def get(azure: Azure, id: str) -> dict[str, Any] | None:
    """See `Azure.get`."""
    target = _target(azure, id)
    try:
        document: dict[str, Any] = await explained(
            getattr(target.operations, target.calls.get)(*target.names, cls=_wire, **target.options), id=id
        )
    except AzureError as error:
        if _nothing_there(error):
            return None
        raise
    return document


async def begin_put(azure: Azure, id: str, body: Mapping[str, Any], if_match: str | None = None) -> Operation | None:
    """See `Azure.begin_put`."""
    target = _target(azure, id)
    headers = {"If-Match": if_match} if if_match else {}  # several of these writes take no `etag` argument
    call = getattr(target.operations, target.calls.put)
    options: dict[str, Any] = {"cls": _wire, "headers": headers, **target.options}
    if target.calls.put.startswith("begin_"):
        options["polling"] = _polling(azure, durations.kind_of(ids.parse(id).type, body))
    # As bytes, because the SDK's own encoder walks through every value in Python.
    answer = await explained(call(*target.names, json.dumps(body).encode(), **options), id=id)
    return Operation(answer, id, azure) if "polling" in options else None


async def begin_delete(azure: Azure, id: str) -> Operation | None:
    """See `Azure.begin_delete`. What is gone already counts as deleted."""
    target = _target(azure, id)
    call = getattr(target.operations, target.calls.delete)
    options: dict[str, Any] = dict(target.options)
    if target.calls.delete.startswith("begin_"):
        options["polling"] = _polling(azure, durations.kind_of(ids.parse(id).type, None, "delete"))
    try:
        answer = await explained(call(*target.names, **options), id=id)
    except AzureError as error:
        if _nothing_there(error):
            return None
        raise
    return Operation(answer, id, azure, deleting=True) if target.calls.delete.startswith("begin_") else None


async def resume(azure: Azure, id: str, token: str, *, deleting: bool) -> Operation:
    """See `Azure.resume`."""
    from wizard.azure import continuation

    client = getattr(azure, _target(azure, id).calls.client)._client
    return Operation(continuation.poller(azure, client, token), id, azure, deleting=deleting)


async def list_group(azure: Azure, group: str) -> list[dict[str, Any]] | None:
    """See `Azure.list_group`."""
    try:
        return await azure.rows(azure.resource.resources.list_by_resource_group(group))
    except AzureError as error:
        if _nothing_there(error):
            return None
        raise
