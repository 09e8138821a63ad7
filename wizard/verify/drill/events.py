"""What a drill tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from wizard.deploy.events import Event


@dataclass(frozen=True)
class Mark(Event):
    """Something that happened during the drill; `at` is seconds since the load began."""

    event: ClassVar[str] = "mark"
    at: float
    what: str


@dataclass(frozen=True)
class Phase:
    """The load's figures in a part of a drill: before the stop, from then until the VM was back, and after that."""

    seconds: float
    requests: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class DrillDone(Event):
    """What losing a VM did to the users of the deployment. Times in seconds.

    detected_s           from the VM's last answer until Azure's health call says Down
    expected_detection_s the probe's interval times its threshold
    requests, failed     of the open-loop load, each on a new connection, over the whole drill
    longest_gap_s        longest time without any good answer
    failing_for_s        from the first failed request to the last, by when they were due; 0 when none failed
    back_in_rotation_s   from the order to start the VM until it answered through the balancer again
    connections          of those that were kept alive: how many were `reset`, and how many `survived`, by VM
    evidence             the folder that keeps the report of it
    why                  what broke the promise; empty when it held
    kind                 loss (VMs were stopped and started again) or rolling (restarted, one domain after another)
    rounds               of a rolling drill: what the restart of each domain did; `detected_s`, `failing_for_s` and
                         `back_in_rotation_s` of the whole are then the longest of the rounds
    checks               what Azure Monitor says of it, where the plan keeps health events: `check` events
    gone                 VMs that somebody deleted meanwhile: autoscale, a repair, a person. Nobody waits for their
                         return; what users saw of it counts
    """

    event: ClassVar[str] = "drill"
    vm: str
    vms: Sequence[str]
    survived: bool
    promise: str
    why: Sequence[str]
    detected_s: float | None
    expected_detection_s: float
    requests: int
    failed: int
    longest_gap_s: float
    failing_for_s: float
    back_in_rotation_s: float | None
    offered_rps: float
    errors_by_kind: Mapping[str, int]
    phases: Mapping[str, Phase]
    connections: Mapping[str, int]
    connections_by_vm: Mapping[str, Mapping[str, int]]
    marks: Sequence[Mapping[str, Any]] = ()
    series: Sequence[Mapping[str, Any]] = field(default=())
    evidence: str = ""
    kind: str = "loss"
    rounds: Sequence[Mapping[str, Any]] = ()
    gone: Sequence[str] = ()
    checks: Sequence[Mapping[str, Any]] = ()

    @property
    def held(self) -> bool:
        """The deployment survived, and no check of the drill has failed."""
        return self.survived and not any(check["state"] == "failed" for check in self.checks)
