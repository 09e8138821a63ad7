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
    windows: bool = False

    @property
    def page_name(self) -> str:
        """What our page calls it: nginx writes the host name in lower case, IIS as it is."""
        return self.hostname if self.windows else self.hostname.lower()

    @property
    def vm_name(self) -> str:
        """Its name in Azure. `name` is that too, but where a drill goes by what the page tells."""
        return ids.parse(self.id).name

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
        windows = "windowsConfiguration" in properties.get("osProfile", {})
        machines.append(Machine(vm.name, vm.id, hostname, tuple(str(nic["id"]) for nic in nics), windows))
    return tuple(machines)
