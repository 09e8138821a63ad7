"""What verification tells, as plain facts; the same base as the engine's events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from wizard.deploy.events import Event

CheckState = Literal["passed", "failed", "warned", "skipped"]


@dataclass(frozen=True)
class CheckDone(Event):
    """One check of one target: a VM's name, an address with a port, a resource's name."""

    event: ClassVar[str] = "check"
    name: str
    target: str
    state: CheckState
    detail: str = ""
    cause: str = ""  # of a failure, where it is proved: a word such as `nsg-denies` or `vm-stopped`
    remedy: str = ""  # a line for each cause


@dataclass(frozen=True)
class Waiting(Event):
    """What verification still waits for before it begins; told when it changes."""

    event: ClassVar[str] = "waiting"
    at: float  # seconds since the waiting began
    detail: str


@dataclass(frozen=True)
class Verified(Event):
    """How all checks ended. `evidence` is the folder that keeps them."""

    event: ClassVar[str] = "verified"
    passed: int
    failed: int
    warned: int
    skipped: int
    evidence: str


Emit = Callable[[Event], None]
