"""Which machines a deployment has, as the checks need them: read off the blueprint, where names and ids live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard import ids
from wizard.blueprint.resource import Blueprint

VIRTUAL_MACHINES = "Microsoft.Compute/virtualMachines"
LOAD_BALANCERS = "Microsoft.Network/loadBalancers"


@dataclass(frozen=True)
class Machine:
    """One planned VM. `hostname` is what `hostname` prints on it, `nics` are ids."""

    name: str
    id: str
    hostname: str
    nics: tuple[str, ...]

    @property
    def group(self) -> str:
        return ids.parse(self.id).group

    def holds(self, ip_configuration: str) -> bool:
        """Whether an IP configuration (an id) belongs to one of this machine's NICs."""
        return any(ids.key(ip_configuration).startswith(f"{ids.key(nic)}/") for nic in self.nics)


def of(blueprint: Blueprint) -> tuple[Machine, ...]:
    """All planned VMs, in the plan's order."""
    machines = []
    for vm in blueprint.of_type(VIRTUAL_MACHINES):
        properties: Mapping[str, Any] = vm.body["properties"]
        nics: Sequence[Mapping[str, Any]] = properties.get("networkProfile", {}).get("networkInterfaces", ())
        hostname = properties.get("osProfile", {}).get("computerName", vm.name)
        machines.append(Machine(vm.name, vm.id, hostname, tuple(str(nic["id"]) for nic in nics)))
    return tuple(machines)
