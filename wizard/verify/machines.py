"""Which machines a deployment has, as the checks need them: read off the blueprint, where names and ids live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


class Holders:
    """Which machine an IP configuration belongs to: looked up, since a pool may have a thousand members."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        self._by_nic = {ids.key(nic): machine for machine in machines for nic in machine.nics}

    def of(self, ip_configuration: str) -> Machine | None:
        """By the id of an IP configuration of one of its NICs."""
        return self._by_nic.get(ids.key(ip_configuration).rpartition("/ipconfigurations/")[0])


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
