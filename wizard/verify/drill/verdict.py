"""Whether a deployment survived a drill as it promised: a pure judgement over what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wizard.verify.drill.events import Phase
from wizard.verify.load.series import Snapshot
from wizard.verify.load.tally import Tally

PROBE_SLACK = 1
"""Probes beyond the threshold that detection may take: the VM dies somewhere between two of them."""

SLACK_S = 1.0
"""For what is measured from outside: reports come five times a second, and a probe's time-out is not instant."""


@dataclass(frozen=True)
class Timeline:
    """When things happened, in seconds since the load began; None: never."""

    stopped: float  # the VM's last good answer
    detected: float | None
    started: float | None  # the order to start it
    back: float | None  # its first good answer afterwards
    ended: float


@dataclass(frozen=True)
class Probe:
    """The rule's probe, and how exactly its state can be seen."""

    interval_s: float
    threshold: int
    seen_every_s: float

    @property
    def expected_s(self) -> float:
        return self.interval_s * self.threshold

    @property
    def latest_s(self) -> float:
        return self.interval_s * (self.threshold + PROBE_SLACK) + self.seen_every_s + SLACK_S


def promise(probe: Probe) -> str:
    """What the deployment promises, in words."""
    return (
        f"A VM that dies is out of rotation after about {probe.expected_s:g} s, {probe.latest_s:g} s at the latest; "
        "until then a part of new requests fails, afterwards none; and once it runs again it takes its share."
    )


def broken(
    timeline: Timeline,
    probe: Probe,
    failed_at: Mapping[float, int],
    by_vm_during: Mapping[str, int],
    *,
    others: Sequence[str],
    reset: Mapping[str, int],
    returning: Sequence[str],
) -> list[str]:
    """What broke the promise, a sentence each; empty when it held.

    `failed_at` is how many requests failed, by when they were due, `by_vm_during` the good answers by VM while the VM
    was away, `others` the VMs that were to carry on, `reset` the kept-alive connections that ended by VM, `returning`
    the stopped VMs that can return: whoever was deleted meanwhile is in neither.
    """
    found = []
    deadline = timeline.stopped + probe.latest_s
    if timeline.detected is None:
        found.append("The balancer never took the stopped VM out of rotation.")
    elif timeline.detected > deadline:
        late = timeline.detected - timeline.stopped
        found.append(f"The stopped VM was taken out after {late:.1f} s, later than {probe.latest_s:g} s.")
    if before := sum(count for at, count in failed_at.items() if at < timeline.stopped - SLACK_S):
        found.append(f"{before} requests failed before anything was stopped.")
    settled = min(deadline, timeline.detected + SLACK_S) if timeline.detected is not None else deadline
    if after := [at for at in failed_at if at > settled]:
        count, last = sum(failed_at[at] for at in after), max(after) - timeline.stopped
        found.append(
            f"{count} requests failed when the VM should have been out of rotation, the last {last:.1f} s after it "
            "died."
        )
    if silent := [vm for vm in others if not by_vm_during.get(vm)]:
        found.append(f"{', '.join(silent)} did not answer while the VM was away.")
    if lost := {vm: count for vm, count in reset.items() if vm in others}:
        told = ", ".join(f"{count} to {vm}" for vm, count in lost.items())
        found.append(f"Connections to VMs that were never stopped ended: {told}.")
    if timeline.back is None and returning:
        found.append("The VM did not come back into rotation.")
    return found


def since(start: float | None, end: float | None) -> float | None:
    """Seconds between two moments that were seen."""
    return None if start is None or end is None else round(end - start, 2)


def answers(snapshots: Sequence[Snapshot], since: float, until: float) -> dict[str, int]:
    """Good answers by VM between two moments."""
    found: dict[str, int] = {}
    for snapshot in snapshots:
        if since < snapshot.at <= until:
            for vm, count in snapshot.tally.by_vm.items():
                found[vm] = found.get(vm, 0) + count
    return found


def phases(snapshots: Sequence[Snapshot], timeline: Timeline) -> dict[str, Phase]:
    """The figures before, during and after."""
    back = timeline.back if timeline.back is not None else timeline.ended
    bounds = {"before": (0.0, timeline.stopped), "during": (timeline.stopped, back), "after": (back, timeline.ended)}
    return {name: phase(snapshots, since, until) for name, (since, until) in bounds.items()}


def phase(snapshots: Sequence[Snapshot], since: float, until: float) -> Phase:
    """The figures between two moments."""
    tally = Tally()
    for snapshot in snapshots:
        if since < snapshot.at <= until:
            tally.add(snapshot.tally)
    errors = sum(tally.errors.values())
    return Phase(
        seconds=round(max(0.0, until - since), 2),
        requests=tally.latencies.total + errors,
        errors=errors,
        p50_ms=tally.latencies.percentile_ms(50),
        p99_ms=tally.latencies.percentile_ms(99),
    )
