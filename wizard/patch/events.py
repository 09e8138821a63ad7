"""What a patching tells. `at` is seconds since it began; VMs go by their names in Azure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from wizard.deploy.events import Event

PatchState = Literal["waiting", "draining", "installing", "returning", "done", "failed", "current"]
"""waiting for its turn; draining: out of rotation, ending what it answers; installing: Azure is at it; returning: back
in rotation, until its probe holds; done; failed; current: nothing is due."""


@dataclass(frozen=True)
class Assessed(Event):
    """What is due on a VM, as Azure assessed it just now.

    due            updates of the classes that were asked for
    critical_and_security, other   Azure's own counts of all that is missing
    reboot_pending an earlier installation waits for a restart
    patches        {name, version, kb, classes, reboot} each; `reboot` is Azure's rebootBehavior
    why            what kept Azure from assessing it; "" when it could
    """

    event: ClassVar[str] = "assessed"
    vm: str
    domain: str
    due: int
    critical_and_security: int
    other: int
    reboot_pending: bool
    patches: Sequence[Mapping[str, Any]]
    windows: bool = False
    why: str = ""


@dataclass(frozen=True)
class AssessmentDone(Event):
    """All VMs are assessed: how many have updates due, and how many updates those are together."""

    event: ClassVar[str] = "assessment"
    name: str
    vms: int
    due_vms: int
    due: int
    failed: int


@dataclass(frozen=True)
class DomainBegun(Event):
    """The turn of a domain: its VMs are patched side by side. `drained` is false where nobody else would answer."""

    event: ClassVar[str] = "domain"
    domain: str
    vms: Sequence[str]
    number: int
    of: int
    at: float
    drained: bool


@dataclass(frozen=True)
class VmPatching(Event):
    """A VM goes on to its next state."""

    event: ClassVar[str] = "patching"
    vm: str
    domain: str
    state: PatchState
    at: float
    detail: str = ""


@dataclass(frozen=True)
class VmPatched(Event):
    """How the installation on a VM ended, in Azure's words and counts; `why` and `remedy` where it failed.

    status   Succeeded, CompletedWithWarnings, Failed, Unknown; "" when Azure refused or never told
    reboot   NotNeeded, Required, Started, Failed, Completed, Unknown
    """

    event: ClassVar[str] = "vm_patched"
    vm: str
    domain: str
    at: float
    seconds: float
    status: str
    installed: int
    failed: int
    pending: int
    reboot: str
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Patched(Event):
    """Every VM that was to be patched is, is back in rotation and up by its probe.

    vms         how many were patched; `current` had nothing due
    installed   updates, over all VMs
    reboot_pending   VMs that wait for a restart, because none was allowed
    domains     {domain, vms, seconds} in their order
    requests, failed_requests, longest_gap_s   of the load, None without one
    kept_alive  of connections that were kept alive meanwhile: how many were `reset`, and how many `survived`
    evidence    the folder that keeps the report of it
    """

    event: ClassVar[str] = "patched"
    name: str
    vms: int
    current: int
    installed: int
    restarted: int
    reboot_pending: Sequence[str]
    seconds: float
    domains: Sequence[Mapping[str, Any]]
    machines: Sequence[Mapping[str, Any]] = ()
    requests: int | None = None
    failed_requests: int | None = None
    longest_gap_s: float | None = None
    kept_alive: Mapping[str, int] | None = None
    evidence: str = ""
