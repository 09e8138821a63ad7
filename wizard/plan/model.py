"""The Plan: what a person asked for, and nothing else. Small, complete, no secrets, round-trips through plan.toml.

The shape lives here; what makes a plan legal lives in `rules`, so that a form, a command and a file share one rule.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class OsType(StrEnum):
    """The operating system family of the machines."""

    LINUX = "linux"
    WINDOWS = "windows"


class Placement(StrEnum):
    """How Azure spreads the machines over its hardware."""

    AVAILABILITY_SET = "availability-set"
    ZONES = "zones"
    SCALE_SET = "scale-set"


class Auth(StrEnum):
    """How the administrator signs in at first."""

    SSH_KEY = "ssh-key"
    PASSWORD = "password"  # noqa: S105 - the name of a choice


class Outbound(StrEnum):
    """How the machines reach the Internet; without a way, nothing can be installed on them."""

    NAT_GATEWAY = "nat-gateway"
    OUTBOUND_RULE = "outbound-rule"
    NONE = "none"


class ProbeProtocol(StrEnum):
    """What the balancer's health probe speaks."""

    HTTP = "http"
    TCP = "tcp"


class Nat(StrEnum):
    """One inbound NAT rule per machine, or one range over the pool."""

    PER_VM = "per-vm"
    RANGE = "range"


class _Section(BaseModel):
    # Unknown keys are reported by plan.files, each with the nearest valid name, before pydantic sees the document.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machines(_Section):
    count: int = 2
    os: OsType = OsType.LINUX
    image: str = "ubuntu-24.04"
    size: str = "Standard_D2s_v5"
    placement: Placement = Placement.AVAILABILITY_SET
    fault_domains: int = 2
    update_domains: int = 5
    admin_user: str = "azureuser"
    auth: Auth = Auth.SSH_KEY
    ssh_key: str = ""
    workload: str = "page"
    os_disk: str = "Premium_LRS"


class Network(_Section):
    address_space: str = "10.0.0.0/16"
    subnet_name: str = "web"
    subnet: str = "10.0.1.0/24"
    allow_http: tuple[str, ...] = ("Internet",)
    allow_admin: tuple[str, ...] = ("127.0.0.1/32",)
    outbound: Outbound = Outbound.NAT_GATEWAY


class Balancer(_Section):
    dns_label: str = ""
    frontend_port: int = 80
    backend_port: int = 80
    probe_protocol: ProbeProtocol = ProbeProtocol.HTTP
    probe_path: str = "/"
    probe_interval_s: int = 5
    probe_threshold: int = 2
    nat: Nat = Nat.PER_VM
    nat_first_port: int = 50001


class Diagnostics(_Section):
    boot: bool = True
    storage_account: bool = False


class Plan(_Section):
    """One deployment as a person asked for it. `name` is the resource group, and what commands know it by."""

    version: int = 1
    cloud: str = "sandbox"
    name: str = "ra-multi-vm-rg"
    location: str = "westeurope"
    prefix: str = "ra-multi-vm"
    tags: dict[str, str] = Field(default_factory=dict)
    machines: Machines = Field(default_factory=Machines)
    network: Network = Field(default_factory=Network)
    balancer: Balancer = Field(default_factory=Balancer)
    diagnostics: Diagnostics = Field(default_factory=Diagnostics)

    @property
    def vm_names(self) -> tuple[str, ...]:
        """`ra-multi-vm1`, `ra-multi-vm2`, ... in order; the order decides each machine's NAT port."""
        return tuple(f"{self.prefix}{number}" for number in range(1, self.machines.count + 1))
