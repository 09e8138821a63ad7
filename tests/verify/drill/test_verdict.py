"""The judgement: each sentence when it is due, and none when it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wizard.verify.drill import verdict
from wizard.verify.drill.verdict import Probe, Timeline
from wizard.verify.load.series import Snapshot
from wizard.verify.load.tally import Tally

PROBE = Probe(interval_s=5, threshold=2, seen_every_s=0.1)  # 10 s expected, 16.1 s at the latest
WELL = Timeline(stopped=6.0, detected=15.0, started=19.0, back=26.0, ended=31.0)


def broken(timeline: Timeline = WELL, failed_at: dict[float, int] | None = None, **more: Any) -> list[str]:
    facts: dict[str, Any] = {"by_vm_during": {"vm2": 900, "vm3": 2}, "others": ["vm2", "vm3"], "reset": {"vm1": 7}}
    facts["returning"] = ["vm1"]
    return verdict.broken(timeline, PROBE, failed_at or {}, **{**facts, **more})


def test_a_deployment_that_behaves_survives() -> None:
    assert broken() == []
    lost_until_detected = {6.0 + n / 10: 5 for n in range(90)}
    assert broken(failed_at=lost_until_detected) == []
    assert broken(failed_at={5.1: 1, 15.9: 1}) == [], "a second of slack on either side"


def test_detection() -> None:
    assert broken(replace(WELL, detected=22.0)) == [], "on the last moment"
    assert broken(replace(WELL, detected=22.2)) == ["The stopped VM was taken out after 16.2 s, later than 16.1 s."]
    assert broken(replace(WELL, detected=None)) == ["The balancer never took the stopped VM out of rotation."]


@pytest.mark.parametrize(
    ("failed_at", "sentence"),
    [
        ({4.9: 2, 1.0: 1, 7.0: 50}, "3 requests failed before anything was stopped."),
        (
            {7.0: 50, 16.2: 2, 26.5: 1},
            "3 requests failed when the VM should have been out of rotation, the last 20.5 s after it died.",
        ),
    ],
)
def test_failures_at_the_wrong_time(failed_at: dict[float, int], sentence: str) -> None:
    assert broken(failed_at=failed_at) == [sentence]


def test_failures_are_late_by_the_promise_where_nothing_was_detected() -> None:
    undetected = replace(WELL, detected=None)
    assert len(broken(undetected, {22.0: 1})) == 1
    assert len(broken(undetected, {22.2: 1})) == 2


def test_the_others_must_carry_on() -> None:
    assert broken(by_vm_during={"vm2": 900, "vm1": 3}) == ["vm3 did not answer while the VM was away."]
    assert broken(by_vm_during={}) == ["vm2, vm3 did not answer while the VM was away."]
    assert broken(reset={"vm1": 9, "vm3": 2}) == ["Connections to VMs that were never stopped ended: 2 to vm3."]


def test_the_vm_must_return() -> None:
    assert broken(replace(WELL, back=None)) == ["The VM did not come back into rotation."]
    assert broken(replace(WELL, back=None), returning=[]) == [], "who was deleted meanwhile does not"


def test_everything_that_is_broken_is_told() -> None:
    assert len(broken(Timeline(6.0, None, 19.0, None, 31.0), {1.0: 1, 30.0: 1}, by_vm_during={}, reset={"vm2": 1})) == 6


def test_the_promise_is_in_the_probe_s_figures() -> None:
    assert "after about 10 s, 16.1 s at the latest" in verdict.promise(PROBE)


def test_phases_divide_the_load_at_the_stop_and_at_the_return() -> None:
    def snapshot(at: float, seconds: float, failed: int = 0) -> Snapshot:
        tally = Tally()
        tally.latencies.record(seconds)
        tally.errors["timeout"] += failed
        return Snapshot(0, at, tally)

    told = verdict.phases(
        [snapshot(1, 0.001), snapshot(6, 0.003), snapshot(6.2, 0.5, 3), snapshot(26, 0.5), snapshot(26.2, 0.002)], WELL
    )
    assert [(one.seconds, one.requests, one.errors) for one in told.values()] == [
        (6.0, 2, 0),
        (20.0, 5, 3),
        (5.0, 1, 0),
    ]
    assert [one.p50_ms for one in told.values()] == pytest.approx([1, 500, 2], rel=0.01)
    assert told["before"].p99_ms == pytest.approx(3, rel=0.01)
    gone = verdict.phases([snapshot(30, 0.5)], replace(WELL, back=None))
    assert gone["during"].requests == 1
    assert gone["after"].p50_ms is None
