"""What is there of a deployment, and where it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from wizard.blueprint.resource import Blueprint
from wizard.deploy import endpoints, provisioning, survey
from wizard.deploy.arm import Arm
from wizard.deploy.survey import Found

ABSENT = "Absent"
NOT_OURS = "NotOurs"


@dataclass(frozen=True)
class ResourceStatus:
    """`state` is ARM's provisioning state; `Absent`, or `NotOurs` for somebody else's resource of that name."""

    id: str
    type: str
    state: str


@dataclass(frozen=True)
class Status:
    """deployed: all planned resources are there and Succeeded; absent: none is; partial: anything between.

    `left_stopped` are the VMs that a drill which was killed has stopped, `left_out` those that a patching which was
    killed has taken out of rotation, as this computer remembers it.
    """

    name: str
    cloud: str
    state: Literal["deployed", "partial", "absent"]
    resources: tuple[ResourceStatus, ...] = ()
    http: str = ""
    ssh: Mapping[str, str] = field(default_factory=dict)
    rdp: Mapping[str, str] = field(default_factory=dict)
    left_stopped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def as_event(self) -> dict[str, Any]:
        return {"event": "status", **asdict(self)}


async def read(azure: Arm, blueprint: Blueprint) -> Status:
    """Ask ARM for every planned resource. Raises AzureError, UnreachableError."""
    found = await survey.take(blueprint, azure)
    resources = tuple(ResourceStatus(f.resource.id, f.resource.type, _state(f)) for f in found.findings)
    states = {resource.state for resource in resources}
    if states <= {ABSENT, NOT_OURS}:
        return Status(blueprint.name, azure.cloud.name, "absent", resources)
    reach = await endpoints.read(azure, blueprint)
    return Status(
        blueprint.name,
        azure.cloud.name,
        "deployed" if states == {"Succeeded"} else "partial",
        resources,
        reach.http,
        reach.ssh,
        reach.rdp,
    )


def _state(found: Found) -> str:
    if found.live is None:
        return ABSENT
    return NOT_OURS if found.state == "foreign" else provisioning.state(found.live)
