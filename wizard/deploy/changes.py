"""What Azure can change in place, and how the changed resource is written.

Only what is known to change without replacing the resource and without restarting a machine is written; everything
else is refused before any write. Removing is not deploying: what others added beside ours stays in the written body.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from wizard.blueprint.resource import AtFirst, Resource
from wizard.deploy.compare import WRITE_ONLY, Difference, identity_kinds, location

Pattern = tuple[str, ...]

# A path's steps, `*` for the name of a list's item; a pattern covers all that lies below it.
_IN_PLACE: Mapping[str, tuple[Pattern, ...]] = {
    "microsoft.network/networksecuritygroups": (("properties", "securityRules"),),
    "microsoft.network/loadbalancers": (
        ("properties", "backendAddressPools"),
        ("properties", "probes"),
        ("properties", "loadBalancingRules"),
        ("properties", "inboundNatRules"),
        ("properties", "outboundRules"),
    ),
    "microsoft.network/virtualnetworks": (
        ("properties", "addressSpace"),
        ("properties", "subnets", "*", "properties", "networkSecurityGroup"),
        ("properties", "subnets", "*", "properties", "natGateway"),
    ),
    "microsoft.network/publicipaddresses": (
        ("properties", "dnsSettings"),
        ("properties", "idleTimeoutInMinutes"),
    ),
    "microsoft.network/natgateways": (
        ("properties", "idleTimeoutInMinutes"),
        ("properties", "publicIpAddresses"),
    ),
    "microsoft.network/networkinterfaces": (
        ("properties", "networkSecurityGroup"),
        ("properties", "ipConfigurations", "*", "properties", "loadBalancerBackendAddressPools"),
        ("properties", "ipConfigurations", "*", "properties", "loadBalancerInboundNatRules"),
    ),
    "microsoft.compute/virtualmachinescalesets": (  # a profile that changed is for machines to come
        ("sku", "capacity"),
        ("properties", "automaticRepairsPolicy"),
    ),
    "microsoft.insights/autoscalesettings": (("properties",),),
    "microsoft.storage/storageaccounts": (("properties",), ("sku",)),
    "microsoft.operationalinsights/workspaces": (("properties", "retentionInDays"),),
    "microsoft.insights/datacollectionrules": (("properties",),),
    "microsoft.compute/virtualmachines/providers/datacollectionruleassociations": (("properties",),),
    "microsoft.compute/virtualmachinescalesets/providers/datacollectionruleassociations": (("properties",),),
    "microsoft.compute/virtualmachines": (
        ("identity",),
        ("properties", "diagnosticsProfile"),
        # Microsoft, "Delete a VM and attached resources": of a VM that is there, too.
        ("properties", "storageProfile", "osDisk", "deleteOption"),
        ("properties", "storageProfile", "dataDisks", "*", "deleteOption"),
    ),
    "microsoft.compute/virtualmachines/extensions": (  # settings that changed run once more
        ("properties", "settings"),
        ("properties", "typeHandlerVersion"),
        ("properties", "autoUpgradeMinorVersion"),
        ("properties", "enableAutomaticUpgrade"),
    ),
}

_ALWAYS: tuple[Pattern, ...] = (("tags",),)


def cannot_change(resource: Resource, differences: Iterable[Difference]) -> list[Difference]:
    """The differences that Azure refuses, or that would cost the resource or its uptime."""
    patterns = (*_ALWAYS, *_IN_PLACE.get(resource.type.lower(), ()))
    return [difference for difference in differences if not any(_covers(p, difference.path) for p in patterns)]


def _covers(pattern: Pattern, path: tuple[str, ...]) -> bool:
    return len(path) >= len(pattern) and all(step in ("*", there) for step, there in zip(pattern, path, strict=False))


def update_body(resource: Resource, live: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a PUT over an existing resource: the plan's values, and what the live one has beside them.

    A PUT replaces, so whatever is not sent is lost. Values that ARM takes only once (passwords, cloud-init) are left
    out: to send another password is an error (`PropertyChangeNotAllowed`), and none is sent again unasked.
    """
    body = _over(_without_write_only(resource.body), copy.deepcopy(dict(live)))
    for told in ("id", "name", "type", "etag", "resources", "systemData"):
        body.pop(told, None)
    # ARM compares a location as text in some providers; what is there is what it wants to hear again.
    if "location" in live and location(str(body["location"])) == location(str(live["location"])):
        body["location"] = live["location"]
    return body


def _over(desired: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(live)
    for key, value in desired.items():
        there = merged.get(key)
        if isinstance(value, AtFirst) and there is not None:
            continue
        if key == "identity" and isinstance(value, Mapping) and isinstance(there, Mapping):
            merged[key] = _both(value, there)
        elif key in ("tags", "properties", "sku") and isinstance(value, Mapping) and isinstance(there, Mapping):
            merged[key] = _over(value, there)
        elif _named(value) and _named(there):
            # Rules, pools, subnets: ours replace theirs whole, so that no old value stays beside the new ones.
            ours = {str(item["name"]).casefold() for item in value}
            merged[key] = [*value, *(i for i in there if str(i["name"]).casefold() not in ours)]
        else:
            merged[key] = value
    return merged


def _both(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """An identity of each kind that either names: to leave one out would take it from the machine."""
    kinds = identity_kinds(theirs.get("type")) | identity_kinds(ours.get("type"))
    return {**theirs, **ours, "type": ", ".join(sorted(kinds))}


def _named(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) and "name" in item for item in value)


def _without_write_only(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_write_only(inner) for key, inner in value.items() if key not in WRITE_ONLY}
    if isinstance(value, (list, tuple)):
        return [_without_write_only(item) for item in value]
    return value
