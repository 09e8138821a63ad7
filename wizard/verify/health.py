"""What Azure says about the machines: the balancer's probes by the rule's health call, and the VM agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.deploy import stopped
from wizard.errors import AzureError
from wizard.verify.machines import Holders, Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

NOT_IN_POOL = "not in the pool of this rule"


async def probes(
    azure: Azure, balancer_id: str, rule: str, machines: Sequence[Machine]
) -> Mapping[str, tuple[bool, str]]:
    """By VM name: whether the rule's probe finds it up, and Azure's reason. A VM that Azure leaves out is down.

    Raises AzureError, UnreachableError. (POST .../loadBalancingRules/RULE/health, a long-running call.)
    """
    balancer = ids.parse(balancer_id)
    begin = azure.network.load_balancer_load_balancing_rules.begin_health
    told = (await azure.act(balancer_id, lambda: begin(balancer.group, balancer.name, rule))).as_dict()
    found: dict[str, tuple[bool, str]] = {}
    holders = Holders(machines)
    for backend in told.get("loadBalancerBackendAddresses") or ():
        configuration = str(backend.get("networkInterfaceIPConfigurationId") or "")
        machine = holders.of(configuration)
        if machine is not None:
            state = str(backend.get("state") or "Unknown")
            reason = str(backend.get("reason") or "")
            found[machine.name] = (state.lower() == "up", f"{state}: {reason}" if reason else state)
    return {machine.name: found.get(machine.name, (False, NOT_IN_POOL)) for machine in machines}


async def instance(azure: Azure, machine: Machine) -> Mapping[str, Any]:
    """A VM's instance view as ARM spells it. Raises AzureError (404 where the VM is not there)."""
    call = azure.compute.virtual_machines.instance_view(machine.group, machine.vm_name)
    view: Mapping[str, Any] = (await azure.ask(call)).as_dict()
    return view


async def instance_if_there(azure: Azure, machine: Machine) -> Mapping[str, Any] | None:
    """As `instance`; None for a VM that is deleted."""
    try:
        return await instance(azure, machine)
    except AzureError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


async def gone(azure: Azure, machines: Iterable[Machine]) -> list[Machine]:
    """Those that are deleted, or are being deleted: autoscale and repairs do, and people. Raises AzureError."""
    asked = list(machines)
    found = await together(stopped.is_gone(azure, machine.id) for machine in asked)
    return [machine for machine, is_gone in zip(asked, found, strict=True) if is_gone]


def power_state(view: Mapping[str, Any]) -> str:
    """`running`, `deallocated`, ...; "" when the view does not say."""
    codes = [str(status.get("code") or "") for status in view.get("statuses") or ()]
    return next((code.partition("/")[2] for code in codes if code.lower().startswith("powerstate/")), "")


def agent_ready(view: Mapping[str, Any]) -> bool:
    """Whether the VM agent reports itself ready; Run Command and extensions need it."""
    statuses = (view.get("vmAgent") or {}).get("statuses") or ()
    return any(str(status.get("displayStatus") or "").lower() == "ready" for status in statuses)
