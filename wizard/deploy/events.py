"""What the engine tells, as one stream of plain facts.

Screens draw it, commands print it, the journal keeps it. Every event is a frozen dataclass whose `as_event()` is a
JSON object; `at` is seconds since the run began. No event ever holds a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

ResourceState = Literal["started", "done", "failed", "adopted", "same"]


@dataclass(frozen=True)
class Event:
    """The base: a name and the fields of the fact."""

    event: ClassVar[str] = ""

    def as_event(self) -> dict[str, Any]:
        return {"event": self.event, **asdict(self)}


@dataclass(frozen=True)
class ResourceChanged(Event):
    """A resource's write began, ended, failed, was found running already (adopted) or was not needed (same)."""

    event: ClassVar[str] = "resource"
    id: str
    state: ResourceState
    at: float
    seconds: float | None = None  # how long this resource's own write took, when it ended
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class ResourceRetried(Event):
    """A write met a conflict or a limit that passes by itself and will be sent again."""

    event: ClassVar[str] = "retry"
    id: str
    at: float
    code: str
    wait_s: float


@dataclass(frozen=True)
class ResourceStalled(Event):
    """An operation has been running for `seconds`, far longer than such ones take; it is still waited for."""

    event: ClassVar[str] = "stalled"
    id: str
    at: float
    seconds: float


@dataclass(frozen=True)
class ResourceDeleting(Event):
    """A resource's delete began."""

    event: ClassVar[str] = "deleting"
    id: str
    at: float


@dataclass(frozen=True)
class ResourceDeleted(Event):
    """A resource is gone."""

    event: ClassVar[str] = "deleted"
    id: str
    at: float


@dataclass(frozen=True)
class Resumed(Event):
    """An earlier run ended without a word; `under_way` is what it had begun and of which it knew no end."""

    event: ClassVar[str] = "resumed"
    name: str
    under_way: tuple[str, ...]
    since: str  # UTC, ISO 8601: when the oldest of them began


@dataclass(frozen=True)
class BroughtBack(Event):
    """VMs that a killed drill had left stopped were started; `since` is UTC, ISO 8601: when the drill stopped them.

    `gone` are those that were deleted meanwhile, by autoscale or by a person.
    """

    event: ClassVar[str] = "brought_back"
    vms: tuple[str, ...]
    since: str
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class StillInstalling(Event):
    """Azure is still installing updates on VMs that a killed run has left out of rotation; its end is waited for."""

    event: ClassVar[str] = "still_installing"
    vms: tuple[str, ...]


@dataclass(frozen=True)
class BackInRotation(Event):
    """VMs that a killed run had left out of rotation get requests again; `since` is UTC, ISO 8601: when it began."""

    event: ClassVar[str] = "back_in_rotation"
    vms: tuple[str, ...]
    since: str


@dataclass(frozen=True)
class JournalSetAside(Event):
    """The journal was damaged: it is kept in the file `kept`, and what is there is read from Azure alone."""

    event: ClassVar[str] = "journal"
    name: str
    kept: str


@dataclass(frozen=True)
class Interrupted(Event):
    """The run was told to stop; what ARM had accepted goes on there, and a second run waits for it."""

    event: ClassVar[str] = "interrupted"
    name: str
    at: float
    running: tuple[str, ...]


@dataclass(frozen=True)
class Deployed(Event):
    """Everything planned is there; ARM says Succeeded for each resource."""

    event: ClassVar[str] = "deployed"
    name: str
    seconds: float
    resources: int
    http: str
    ssh: Mapping[str, str]
    rdp: Mapping[str, str]


@dataclass(frozen=True)
class Draining(Event):
    """A VM that is to go gets no new flow from now on; what it is answering has `seconds` to end."""

    event: ClassVar[str] = "draining"
    vm: str
    at: float
    seconds: float


@dataclass(frozen=True)
class Scaled(Event):
    """The deployment has as many VMs as were asked for: `before` is how many there were (told as `from`)."""

    event: ClassVar[str] = "scaled"
    name: str
    before: int
    to: int
    http: str
    ssh: Mapping[str, str]
    rdp: Mapping[str, str]

    def as_event(self) -> dict[str, Any]:
        told = super().as_event()
        return {("from" if key == "before" else key): value for key, value in told.items()}


@dataclass(frozen=True)
class Destroyed(Event):
    """Everything that carried the deployment's tag is gone."""

    event: ClassVar[str] = "destroyed"
    name: str
    deleted: int


Emit = Callable[[Event], None]
