"""What tells a machine's figures from inside: the Azure Monitor agent, the rule it goes by, and how it signs in.

It took the place of the diagnostics extension that the architecture of 2016 had. The agent asks with a managed identity
for the rules that its machine is associated with, counts what they say, and sends it to their workspace, a Heartbeat
beside it. Source: Microsoft, "Azure Monitor Agent overview", "Install and manage Azure Monitor Agent", "Structure of a
data collection rule in Azure Monitor".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.blueprint import monitoring, names
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan import management
from wizard.plan.model import OsType, Placement, Plan

STREAM = "Microsoft-Perf"
"""Goes to the table Perf."""
DESTINATION = "workspace"
EVERY_S = 60
"""Microsoft's own rules sample once a minute; ingestion is what a workspace bills."""

LINUX = (
    "Processor(*)\\% Processor Time",
    "Memory(*)\\Available MBytes Memory",
    "Memory(*)\\% Used Memory",
    "Logical Disk(*)\\Free Megabytes",
    "Logical Disk(*)\\% Used Space",
    "Network(*)\\Total Bytes Transmitted",
    "Network(*)\\Total Bytes Received",
)
WINDOWS = (
    "\\Processor Information(_Total)\\% Processor Time",
    "\\Memory\\Available Bytes",
    "\\Memory\\% Committed Bytes In Use",
    "\\LogicalDisk(*)\\Free Megabytes",
    "\\LogicalDisk(*)\\% Free Space",
    "\\Network Interface(*)\\Bytes Sent/sec",
    "\\Network Interface(*)\\Bytes Received/sec",
)
"""Counters by the names that the agent of each system knows them by: CPU, memory, free disk, network."""

PUBLISHER = "Microsoft.Azure.Monitor"
TYPES = {OsType.LINUX: ("AzureMonitorLinuxAgent", "1.33"), OsType.WINDOWS: ("AzureMonitorWindowsAgent", "1.30")}
"""The extension's type, and its lowest version; minor ones and later ones come by themselves. Versions from memory."""

IN_PROFILE = "agent"
"""What the extension is called in a scale set's profile."""


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The rule, and of a scale set the identity that its machines' agents sign in with."""
    if not plan.diagnostics.guest_metrics:
        return
    rule = {**common, "kind": _kind(plan), "properties": _rule(plan, ids)}
    # A workspace of somebody else's is there before us.
    place = ids.workspace if plan.diagnostics.workspace == management.NEW else ids.group
    yield Resource(ids.collection_rule, names.COLLECTION_RULE, names.collection_rule(plan.prefix), rule, after=(place,))
    if plan.machines.placement is Placement.SCALE_SET:
        name = names.agent_identity(plan.prefix)
        yield Resource(ids.agent_identity, names.IDENTITY, name, common, after=(ids.group,))


def on_vm(plan: Plan, ids: Ids, vm: str, common: Mapping[str, Any], *, last: str) -> Iterator[Resource]:
    """A machine's association with the rule, and its agent, after the machine's `last` extension or itself.

    A machine works on its extensions one after the other.
    """
    if not plan.diagnostics.guest_metrics:
        return
    yield _association(ids, ids.vm(vm), names.VM_ASSOCIATION, vm)
    name = names.agent_extension(vm)
    body = {**common, "properties": agent_properties(plan, ids)}
    yield Resource(ids.extension(vm, name), names.EXTENSION, name, body, after=(last,))


def on_scale_set(plan: Plan, ids: Ids) -> Iterator[Resource]:
    """A scale set's association, which holds for its machines as they come and go (from memory, of Flexible ones)."""
    if plan.diagnostics.guest_metrics:
        yield _association(ids, ids.scale_set, names.SCALE_SET_ASSOCIATION, names.scale_set(plan.prefix))


def identity(plan: Plan, ids: Ids) -> dict[str, Any]:
    """The part of a machine's or a scale set's body that names its identity; empty where no agent needs one.

    A Flexible scale set takes user-assigned ones alone (Microsoft, "Orchestration modes": Managed Identity).
    """
    if not plan.diagnostics.guest_metrics:
        return {}
    if plan.machines.placement is Placement.SCALE_SET:
        return {"identity": {"type": "UserAssigned", "userAssignedIdentities": {ids.agent_identity: {}}}}
    return {"identity": {"type": "SystemAssigned"}}


def agent_properties(plan: Plan, ids: Ids) -> dict[str, Any]:
    """The extension's `properties`, on one machine or in a scale set's profile."""
    kind, version = TYPES[plan.machines.os]
    settings: dict[str, Any] = {}
    if plan.machines.placement is Placement.SCALE_SET:
        # Which identity, where it is not the machine's own (Microsoft, "Install and manage Azure Monitor Agent").
        chosen = {"identifier-name": "mi_res_id", "identifier-value": ids.agent_identity}
        settings = {"authentication": {"managedIdentity": chosen}}
    return {
        "publisher": PUBLISHER,
        "type": kind,
        "typeHandlerVersion": version,
        "autoUpgradeMinorVersion": True,
        "enableAutomaticUpgrade": True,
        "settings": settings,
    }


def _association(ids: Ids, scope: str, type: str, of: str) -> Resource:
    body = {"properties": {"dataCollectionRuleId": ids.collection_rule}}
    return Resource(ids.association(scope, of), type, names.association(of), body, after=(ids.collection_rule, scope))


def _kind(plan: Plan) -> str:
    return "Linux" if plan.machines.os is OsType.LINUX else "Windows"


def _rule(plan: Plan, ids: Ids) -> dict[str, Any]:
    counters = {
        "name": "counters",
        "streams": [STREAM],
        "samplingFrequencyInSeconds": EVERY_S,
        "counterSpecifiers": list(LINUX if plan.machines.os is OsType.LINUX else WINDOWS),
    }
    place = {"name": DESTINATION, "workspaceResourceId": monitoring.workspace(plan, ids)}
    return {
        "dataSources": {"performanceCounters": [counters]},
        "destinations": {"logAnalytics": [place]},
        "dataFlows": [{"streams": [STREAM], "destinations": [DESTINATION]}],
    }
