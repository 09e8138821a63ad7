"""What ARM says exists, exists: this is the fabric as the ARM side sees it.

The fabric reads network documents (public IPs, balancers, NICs, subnets, NSGs) from the store and makes listeners,
pools, probes and filters of them; machines are told to it by id and live by their guest record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PowerState = Literal["starting", "running", "stopping", "stopped", "deallocating", "deallocated"]


@dataclass(frozen=True)
class GuestSpec:
    """What a new machine is born with. The password is hashed when the guest record is made, and then forgotten."""

    os: Literal["Linux", "Windows"]
    computer_name: str
    admin_user: str
    admin_password: str | None
    password_login: bool
    ssh_keys: Sequence[str]
    custom_data: bytes
    image: str  # publisher:offer:sku:version


@dataclass(frozen=True)
class ScriptResult:
    """What a script run inside a machine left: text as Run Command reports it."""

    stdout: str
    stderr: str
    exit_code: int


@dataclass(frozen=True)
class ExtensionResult:
    """How a VM extension ended: `code` 0 is success; `message` is what its handler reports."""

    code: int
    message: str


@dataclass(frozen=True)
class BackendHealth:
    """One pool member as the rule's health call shows it."""

    nic_ip_configuration: str  # id
    ip_address: str
    state: Literal["Up", "Down", "Unknown"]
    reason: str


class Fabric:
    """See fabric's modules for how each promise is kept."""

    async def start(self) -> None:
        """Open what the stored documents ask for and boot machines that were running."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    def network_changed(self) -> None:
        """Some network document or machine changed: bring listeners, pools, probes and filters in line, soon."""
        raise NotImplementedError

    def create_machine(self, vm_id: str, spec: GuestSpec) -> None:
        """Make the guest record (disk, users, hashed password, fresh host keys); the machine is still off."""
        raise NotImplementedError

    async def power_on(self, vm_id: str) -> None:
        """Begin to boot; returns at once. Boot, cloud-init and agent take their time, divided by speed."""
        raise NotImplementedError

    async def power_off(self, vm_id: str, *, skip_shutdown: bool = False, deallocate: bool = False) -> None:
        raise NotImplementedError

    async def restart(self, vm_id: str) -> None:
        raise NotImplementedError

    async def remove_machine(self, vm_id: str) -> None:
        """Close it and forget its disk."""
        raise NotImplementedError

    def power_state(self, vm_id: str) -> PowerState:
        raise NotImplementedError

    def agent_ready(self, vm_id: str) -> bool:
        """Whether the VM agent reports (needed by extensions and Run Command)."""
        raise NotImplementedError

    def os_facts(self, vm_id: str) -> Mapping[str, str]:
        """`osName`, `osVersion`, `computerName`, `vmAgentVersion` of the instance view."""
        raise NotImplementedError

    def serial_log(self, vm_id: str) -> bytes:
        raise NotImplementedError

    async def run_script(self, vm_id: str, script: str) -> ScriptResult:
        """Run as root inside the machine, in its own small interpreter, never the host's shell."""
        raise NotImplementedError

    async def run_vmaccess(
        self, vm_id: str, settings: Mapping[str, Any], protected: Mapping[str, Any]
    ) -> ExtensionResult:
        """What Azure's VMAccess extension does to the machine's users and SSH configuration."""
        raise NotImplementedError

    def rule_health(self, balancer_id: str, rule: str) -> Sequence[BackendHealth]:
        """Every member of the rule's pool with its probe's state."""
        raise NotImplementedError

    def frontend_conflict(self, public_ip: str, port: int) -> str | None:
        """Why a frontend port cannot be bound on this computer (privileged, taken), or None."""
        raise NotImplementedError
