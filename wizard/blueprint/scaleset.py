"""A scale set with Flexible orchestration: one resource for all machines, and beside it what autoscale does with it.

Its machines are Azure's to name; the rest of the program reads them back (`wizard.deploy.members`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.blueprint import compute, disks, guests, names, userdata, windows
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import AtFirst, Resource
from wizard.plan import limits, workload
from wizard.plan.model import Auth, OsType, Placement, Plan, ProbeProtocol

NETWORK_API_VERSION = "2022-11-01"
"""What the machines' interfaces are made by; Azure asks for it with Flexible orchestration."""

PASSWORD_SLOT = (("properties", "virtualMachineProfile", "osProfile", "adminPassword"), "password")

EXTENSION_HEALTH, EXTENSION_PAGE = "health", "page"
METRIC = "Percentage CPU"


def chosen(plan: Plan) -> bool:
    """Whether the machines are placed in a scale set."""
    return plan.machines.placement is Placement.SCALE_SET


def resources(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> Iterator[Resource]:
    """The scale set and, where it is asked for, its autoscale setting. `common` is location and tags."""
    if not chosen(plan):
        return
    choice, name = plan.scale_set, names.scale_set(plan.prefix)
    properties: dict[str, Any] = {
        "orchestrationMode": "Flexible",
        # 1 is Azure's "max spreading": as many racks as there are (Microsoft, "Orchestration modes").
        "platformFaultDomainCount": 1,
        "singlePlacementGroup": False,
        "virtualMachineProfile": _profile(plan, ids, common),
    }
    if choice.repairs:
        grace = f"PT{choice.repairs_grace_min}M"
        properties["automaticRepairsPolicy"] = {"enabled": True, "gracePeriod": grace, "repairAction": "Replace"}
    capacity = AtFirst(plan.machines.count) if choice.autoscale else plan.machines.count
    body: dict[str, Any] = {
        **common,
        **guests.identity(plan, ids),
        "sku": {"name": plan.machines.size, "tier": "Standard", "capacity": capacity},
        "properties": properties,
    }
    if choice.zones:
        body["zones"] = list(plan.machines.zones)
    secrets = (PASSWORD_SLOT,) if plan.machines.auth is Auth.PASSWORD else ()
    after: tuple[str, ...] = (ids.vnet, ids.balancer)
    if plan.diagnostics.guest_metrics:
        after += (ids.agent_identity,)
    yield Resource(ids.scale_set, names.SCALE_SET, name, body, after=after, secrets=secrets)
    yield from guests.on_scale_set(plan, ids)
    if choice.autoscale:
        setting = {**common, "properties": _autoscale(plan, ids)}
        yield Resource(ids.autoscale, names.AUTOSCALE, names.autoscale(plan.prefix), setting, after=(ids.scale_set,))


def _profile(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> dict[str, Any]:
    """What each machine is made of: the parts of a single machine's body, without names."""
    image = compute.image_of(plan)
    linux = plan.machines.os is OsType.LINUX
    custom_data = userdata.custom_data(plan) if linux else ""
    profile: dict[str, Any] = {
        "storageProfile": disks.storage_profile(plan, image),
        "osProfile": {
            "computerNamePrefix": computer_name_prefix(plan),
            "adminUsername": plan.machines.admin_user,
            **({"customData": custom_data} if custom_data else {}),
            **compute.system_profile(plan, image),
        },
        "networkProfile": {
            "networkApiVersion": NETWORK_API_VERSION,
            "networkInterfaceConfigurations": [_interface(plan, ids, common)],
        },
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": plan.diagnostics.boot}},
    }
    if security := disks.security_profile(plan):
        profile["securityProfile"] = security
    if extensions := list(_extensions(plan, ids)):
        profile["extensionProfile"] = {"extensions": extensions}
    return profile


def _interface(plan: Plan, ids: Ids, common: Mapping[str, Any]) -> dict[str, Any]:
    configuration = {
        "primary": True,
        "subnet": {"id": ids.subnet(plan.network.subnet_name)},
        "loadBalancerBackendAddressPools": [{"id": ids.pool}],
    }
    return {
        "name": names.nic(plan.prefix),
        "tags": common["tags"],
        "properties": {
            "primary": True,
            "deleteOption": "Delete",
            "ipConfigurations": [{"name": names.IP_CONFIGURATION, "properties": configuration}],
        },
    }


def _extensions(plan: Plan, ids: Ids) -> Iterator[dict[str, Any]]:
    """What makes a Windows machine serve the page, what asks the workload from inside, and what tells its figures."""
    linux = plan.machines.os is OsType.LINUX
    page = not linux and plan.machines.workload == workload.PAGE
    if page:
        yield {"name": EXTENSION_PAGE, "properties": windows.page_properties(plan)}
    after = {"provisionAfterExtensions": [EXTENSION_PAGE]} if page else {}
    if plan.scale_set.health:
        yield {"name": EXTENSION_HEALTH, "properties": {**_health(plan), **after}}
    if plan.diagnostics.guest_metrics:
        yield {"name": guests.IN_PROFILE, "properties": {**guests.agent_properties(plan, ids), **after}}


def _health(plan: Plan) -> dict[str, Any]:
    choice, linux = plan.balancer, plan.machines.os is OsType.LINUX
    settings: dict[str, Any] = {"protocol": "tcp", "port": choice.backend_port}
    if choice.probe_protocol is ProbeProtocol.HTTP and plan.machines.workload != workload.NONE:
        settings = {"protocol": "http", "port": choice.backend_port, "requestPath": choice.probe_path}
    if plan.machines.workload == workload.NONE:  # nothing serves: that it can be signed in to is what can be asked
        settings["port"] = limits.SSH_PORT if linux else limits.RDP_PORT
    return {
        "publisher": "Microsoft.ManagedServices",
        "type": "ApplicationHealthLinux" if linux else "ApplicationHealthWindows",
        "typeHandlerVersion": "1.0",
        "autoUpgradeMinorVersion": True,
        "settings": settings,
    }


def computer_name_prefix(plan: Plan) -> str:
    """Azure adds six letters or digits to it; a Windows computer name has 15 characters in all."""
    most = limits.WINDOWS_INSTANCE_PREFIX if plan.machines.os is OsType.WINDOWS else limits.VM_NAME - 6
    return plan.prefix[:most].rstrip("-")


def _autoscale(plan: Plan, ids: Ids) -> dict[str, Any]:
    choice = plan.scale_set
    return {
        "enabled": True,
        "targetResourceUri": ids.scale_set,
        "profiles": [
            {
                "name": "cpu",
                # Azure takes these as text.
                "capacity": {
                    "minimum": str(choice.minimum),
                    "maximum": str(choice.maximum),
                    "default": str(plan.machines.count),
                },
                "rules": [
                    _rule(plan, ids, "GreaterThan", choice.cpu_out_percent, "Increase"),
                    _rule(plan, ids, "LessThan", choice.cpu_in_percent, "Decrease"),
                ],
            }
        ],
    }


def _rule(plan: Plan, ids: Ids, operator: str, threshold: int, direction: str) -> dict[str, Any]:
    return {
        "metricTrigger": {
            "metricName": METRIC,
            "metricResourceUri": ids.scale_set,
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": f"PT{plan.scale_set.window_min}M",
            "timeAggregation": "Average",
            "operator": operator,
            "threshold": threshold,
        },
        "scaleAction": {
            "direction": direction,
            "type": "ChangeCount",
            "value": "1",
            "cooldown": f"PT{plan.scale_set.cooldown_min}M",
        },
    }
