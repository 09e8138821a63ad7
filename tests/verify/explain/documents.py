"""A deployment's documents without a cloud: as planned, with what ARM adds to them."""

from __future__ import annotations

import copy
from typing import Any

from wizard import blueprint, ids
from wizard.plan.model import Machines, Plan
from wizard.verify import machines
from wizard.verify.explain.facts import Document, Facts

CHILDREN: tuple[str, ...] = (
    "frontendIPConfigurations", "backendAddressPools", "probes", "loadBalancingRules", "inboundNatRules",
    "subnets", "ipConfigurations",
)  # fmt: skip


def facts(count: int, rules: tuple[Document, ...] = (), stopped: tuple[str, ...] = (), **more: Any) -> Facts:
    """As planned; `rules` stand beside the planned ones, the VMs in `stopped` are deallocated."""
    planned = blueprint.build(Plan(prefix="web", machines=Machines(count=count, ssh_key="ssh-ed25519 AAAA")), "s")
    documents: dict[str, Document | None] = {}
    for resource in planned:
        body = copy.deepcopy(dict(resource.body)) | {"id": resource.id, "name": resource.name, "type": resource.type}
        properties = body.setdefault("properties", {})
        for key in CHILDREN:
            for child in properties.get(key) or ():
                child["id"] = f"{resource.id}/{key}/{child['name']}"
        if resource.type.endswith("/networkSecurityGroups"):
            properties["securityRules"] = [*rules, *properties["securityRules"]]
        if resource.type.endswith("/networkInterfaces"):
            number = int(resource.name.removeprefix("web").removesuffix("-nic"))
            properties["ipConfigurations"][0]["properties"]["privateIPAddress"] = f"10.0.1.{3 + number}"
        if resource.type.endswith("/publicIPAddresses"):
            properties["ipAddress"] = "20.50.60.70"
        documents[ids.key(resource.id)] = body
    views = {vm: {"statuses": [{"code": "PowerState/deallocated"}]} for vm in stopped}
    return Facts(machines.of(planned), planned, documents, **({"views": views} | more))


def document(known: Facts, name: str) -> dict[str, Any]:
    """The properties of the document of that name: to be changed."""
    found = next(one for one in known.documents.values() if one is not None and one.get("name") == name)
    properties: dict[str, Any] = found["properties"]
    return properties
