"""A small deployment with one of everything, and what ARM holds of it in a form that two runs can be compared in."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import SecretStr

from wizard.azure.clients import Azure
from wizard.blueprint.resource import Blueprint
from wizard.deploy import engine, teardown
from wizard.deploy.secrets import Secrets
from wizard.plan.choices import DEFAULT_IMAGES
from wizard.plan.model import (
    Auth,
    Balancer,
    Diagnostics,
    Machines,
    Nat,
    Network,
    OsType,
    Placement,
    Plan,
    ScaleSet,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFh1r3kyzm1R0rTzkfm7vEWzW2lkqPZzxJIz5Yk3OJq somebody"

OWN = frozenset(
    {
        *("etag", "resourceGuid", "vmId", "uniqueId", "timeCreated", "ipAddress", "macAddress"),
        *("createdTime", "changedTime", "forceUpdateTag"),
    }
)
"""What Azure makes up anew each time."""


PASSWORD = SecretStr("Killed-Horse-31")

FORMS = {
    "storageAccounts": "windows",
    "extensions": "windows",
    "virtualMachineScaleSets": "scale-set",
    "autoscalesettings": "scale-set",
}
"""The kinds of resources that `plan_of` has none of, and in which form of a deployment they are."""


def plan_in_form(name: str, form: str) -> Plan:
    """`plan_of`, or one of a VM that an extension configures, with an account of its own, or of a scale set; one that
    signs in with a password, with a range of NAT ports, or with an account for its diagnostics.
    """
    plan = plan_of(name)
    if form == "password":
        machines = Machines(count=1, auth=Auth.PASSWORD)
        quick = plan.balancer.model_copy(update={"probe_threshold": 1})
        return plan.model_copy(update={"machines": machines, "balancer": quick})
    if form == "range":
        return plan.model_copy(update={"balancer": plan.balancer.model_copy(update={"nat": Nat.RANGE})})
    if form == "account":
        return plan.model_copy(update={"diagnostics": Diagnostics(storage_account=True)})
    if form == "windows":
        image = DEFAULT_IMAGES[OsType.WINDOWS]
        machines = Machines(count=1, os=OsType.WINDOWS, image=image, auth=Auth.PASSWORD)
        return plan.model_copy(update={"machines": machines, "diagnostics": Diagnostics(storage_account=True)})
    if form == "scale-set":
        machines = plan.machines.model_copy(update={"count": 2, "placement": Placement.SCALE_SET})
        return plan.model_copy(
            update={
                "machines": machines,
                "scale_set": ScaleSet(autoscale=True, maximum=3),
                "balancer": plan.balancer.model_copy(update={"nat": Nat.RANGE}),
            }
        )
    return plan


def plan_of(name: str, machines: int = 1) -> Plan:
    return Plan(
        name=name,
        prefix="web",
        machines=Machines(count=machines, ssh_key=KEY),
        balancer=Balancer(frontend_port=8080),
        network=Network(allow_http=("Internet",), allow_admin=("127.0.0.1/32",)),
    )


async def deploying(azure: Azure, graph: Blueprint) -> None:
    await engine.deploy(graph, azure, Secrets(), lambda event: None)


async def destroying(azure: Azure, graph: Blueprint) -> None:
    await teardown.destroy(azure, graph.name, lambda event: None)


async def snapshot(azure: Azure, graph: Blueprint) -> dict[str, Any]:
    """Everything in the group and the group itself, by type and name, without what is made up anew each time."""
    listed = await azure.list_group(graph.name) or []
    found = [await azure.get(str(item["id"])) for item in listed if _asked(str(item["type"]))]
    found.append(await azure.get(graph.resources[0].id))
    told: dict[str, Any] = {
        str(item["type"]): sorted(_plain(i["name"]) for i in listed if i["type"] == item["type"]) for item in listed
    }
    for document in found:
        if document is not None:
            named = re.sub(re.escape(graph.name), "GROUP", json.dumps(_without(document)), flags=re.IGNORECASE)
            shown = json.loads(named)
            told[f"{shown['type']}/{shown['name']}"] = shown
    return told


def _asked(type: str) -> bool:
    """Disks have names of Azure's making: they are compared by their number."""
    return type.lower() != "microsoft.compute/disks"


def _plain(name: str) -> str:
    return re.sub(r"[0-9a-f]{8,}", "*", name)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in OWN}
    if isinstance(value, list):
        return [_without(inner) for inner in value]
    return _plain(value) if isinstance(value, str) else value
