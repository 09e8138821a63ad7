"""The closed-world pass: property names that the installed SDK's models do not have. Azure's schemas let them pass."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from azure.mgmt.compute import models as compute
from azure.mgmt.network import models as network
from azure.mgmt.resource.resources import models as resources
from azure.mgmt.storage import models as storage

MODELS: Mapping[str, tuple[types.ModuleType, str]] = {
    "Microsoft.Resources/resourceGroups": (resources, "ResourceGroup"),
    "Microsoft.Network/networkSecurityGroups": (network, "NetworkSecurityGroup"),
    "Microsoft.Network/publicIPAddresses": (network, "PublicIPAddress"),
    "Microsoft.Network/natGateways": (network, "NatGateway"),
    "Microsoft.Network/virtualNetworks": (network, "VirtualNetwork"),
    "Microsoft.Network/loadBalancers": (network, "LoadBalancer"),
    "Microsoft.Network/networkInterfaces": (network, "NetworkInterface"),
    "Microsoft.Compute/availabilitySets": (compute, "AvailabilitySet"),
    "Microsoft.Compute/virtualMachines": (compute, "VirtualMachine"),
    "Microsoft.Compute/virtualMachineScaleSets": (compute, "VirtualMachineScaleSet"),
    "Microsoft.Storage/storageAccounts": (storage, "StorageAccountCreateParameters"),
    "Microsoft.Compute/virtualMachines/extensions": (compute, "VirtualMachineExtension"),
}

ANYTHING = object()

_ASSOCIATION = {"properties": dict.fromkeys(("dataCollectionRuleId", "dataCollectionEndpointId", "description"))}

SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Microsoft.Network/loadBalancers/providers/diagnosticSettings": {
        "properties": {
            **dict.fromkeys(("storageAccountId", "workspaceId", "logAnalyticsDestinationType")),
            "logs": dict.fromkeys(("category", "categoryGroup", "enabled")),
            "metrics": dict.fromkeys(("category", "enabled", "timeGrain")),
        }
    },
    "Microsoft.OperationalInsights/workspaces": {
        "location": None,
        "tags": ANYTHING,
        "properties": {"sku": {"name": None}, "retentionInDays": None},
    },
    "Microsoft.Insights/dataCollectionRules": {
        **dict.fromkeys(("location", "kind")),
        "tags": ANYTHING,
        "properties": {
            "description": None,
            "dataSources": {
                "performanceCounters": dict.fromkeys(
                    ("name", "streams", "samplingFrequencyInSeconds", "counterSpecifiers")
                )
            },
            "destinations": {"logAnalytics": dict.fromkeys(("name", "workspaceResourceId"))},
            "dataFlows": dict.fromkeys(("streams", "destinations", "transformKql", "outputStream")),
        },
    },
    "Microsoft.Compute/virtualMachines/providers/dataCollectionRuleAssociations": _ASSOCIATION,
    "Microsoft.Compute/virtualMachineScaleSets/providers/dataCollectionRuleAssociations": _ASSOCIATION,
    "Microsoft.ManagedIdentity/userAssignedIdentities": {"location": None, "tags": ANYTHING},
    "Microsoft.Authorization/locks": {"properties": dict.fromkeys(("level", "notes", "owners"))},
}
"""What no installed SDK has a model of (Microsoft, "Diagnostic Settings - Create Or Update", "Workspaces - Create Or
Update", "Management Locks - Create Or Update By Scope", "User Assigned Identities - Create Or Update"; the swagger
dataCollectionRules_API and dataCollectionRuleAssociations_API, 2022-06-01). What hangs on another resource has no tags
nor location."""


def unknown(type: str, body: Mapping[str, Any]) -> list[str]:
    """The dotted places of properties that the model of an ARM type does not have, or only reads."""
    if type in SHAPES:
        return list(_outside(SHAPES[type], body, ""))
    module, name = MODELS[type]
    return list(_unknown(module, getattr(module, name), body, ""))


def _outside(shape: Mapping[str, Any], value: Mapping[str, Any], place: str) -> Iterator[str]:
    for key, item in value.items():
        here = f"{place}.{key}".lstrip(".")
        if key not in shape:
            yield here
        if shape.get(key, ANYTHING) is ANYTHING:
            continue
        for inner in item if isinstance(item, list | tuple) else (item,):
            if isinstance(inner, Mapping):
                yield from _outside(shape[key] or {}, inner, here)


def _unknown(module: types.ModuleType, model: Any, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _unknown(module, _item_type(model), item, f"{place}[{index}]")
        return
    fields = _fields(module, model) if getattr(model, "_is_model", False) else None
    if not isinstance(value, Mapping):
        if fields is not None:
            yield f"{place}: {value!r} where {model.__name__} is due"
        return
    if fields is None:
        if typing.get_origin(model) is not dict and model is not Any:
            yield f"{place}: an object where {model} is due"
        return
    for key, item in value.items():
        here = f"{place}.{key}".lstrip(".")
        if key not in fields:
            yield here
        else:
            yield from _unknown(module, fields[key], item, here)


@cache
def _fields(module: types.ModuleType, model: Any) -> dict[str, Any]:
    """A model's writable properties by their name on the wire, with the type each holds."""
    model({})  # the SDK names a model's fields when the first of its kind is made
    names = {"_models": module, "_types": module}
    hints = typing.get_type_hints(model, localns=names)
    return {
        field._rest_name: _plain(hints[attribute])
        for attribute, field in _attributes(model)
        if field._visibility != ["read"]
    }


def _attributes(model: Any) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for owner in model.__mro__:
        for attribute, field in vars(owner).items():
            if hasattr(field, "_rest_name") and attribute not in seen:
                seen.add(attribute)
                yield attribute, field


def _plain(hint: Any) -> Any:
    """Without Optional, and of a union the model in it."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
        models = [choice for choice in choices if getattr(choice, "_is_model", False)]
        return (models or choices)[0]
    return hint


def _item_type(hint: Any) -> Any:
    arguments = typing.get_args(hint)
    return _plain(arguments[0]) if arguments else hint
