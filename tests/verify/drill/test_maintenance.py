"""The judgement over planned maintenance: each sentence when it is due, and none when it is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from wizard.verify.drill import maintenance
from wizard.verify.drill.maintenance import Round
from wizard.verify.drill.verdict import Probe
from wizard.verify.load.series import Snapshot
from wizard.verify.load.tally import Tally

PROBE = Probe(interval_s=5, threshold=2, seen_every_s=0.1)  # 10 s expected, 16.1 s at the latest
FIRST = Round("update domain 0", ["vm1"], ordered=5.0, gone=6.0, detected=15.0, back=26.0, ended=26.0)
SECOND = Round("update domain 1", ["vm2"], ordered=28.0, gone=None, detected=None, back=33.0, ended=33.0)
VMS = ["vm1", "vm2"]


def snapshots(*, silent: str = "") -> list[Snapshot]:
    def tally(at: int) -> Tally:
        return Tally(by_vm=Counter({vm: 10 for vm in VMS if vm != silent}))

    return [Snapshot(0, float(at), tally(at)) for at in range(1, 40)]


def broken(*rounds: Round, failed_at: dict[float, int] | None = None, planned: int = 2, silent: str = "") -> list[str]:
    facts: dict[str, Any] = {"snapshots": snapshots(silent=silent), "vms": VMS, "planned": planned}
    return maintenance.broken(rounds or (FIRST, SECOND), PROBE, failed_at or {}, **facts)


def test_a_deployment_that_behaves_survives() -> None:
    assert broken() == []
    assert broken(failed_at={6.5: 9, 15.5: 1, 28.5: 3, 32.0: 2}) == [], "while a domain was on its way out"


def test_failures_outside_of_the_detection_window_are_told_by_domain() -> None:
    assert broken(failed_at={1.0: 2}) == ["2 requests failed before anything was restarted."]
    assert broken(failed_at={6.5: 9, 20.0: 3}) == [
        "Update domain 0: 3 requests failed when it should have been out of rotation, the last 14.0 s after it went."
    ]
    assert broken(failed_at={27.5: 1}) == [], "one that was under way when the second was ordered to restart"
    assert broken(failed_at={28.5: 3, 38.0: 1}) == [], "9.5 s: never seen out of rotation, but within the window"
    assert broken(failed_at={28.5: 3, 45.0: 1}) == [
        "Update domain 1: 1 requests failed when it should have been out of rotation, the last 16.5 s after it went."
    ]


def test_late_detection() -> None:
    assert broken(replace(FIRST, detected=22.5), SECOND) == [
        "Update domain 0 was taken out after 16.5 s, later than 16.1 s."
    ]


def test_somebody_is_left_and_answers() -> None:
    everybody = replace(FIRST, vms=VMS)
    assert broken(everybody, planned=1) == ["Update domain 0 holds all VMs (2): none was left while it was restarted."]
    assert broken(FIRST, planned=1, silent="vm2") == ["No other VM answered while update domain 0 was restarted."]


def test_a_vm_that_stays_away_ends_the_maintenance() -> None:
    lost = replace(FIRST, back=None, ended=605.0)
    assert broken(lost) == [
        "vm1 did not come back into rotation.",
        "1 of 2 domains were not restarted any more.",
    ]


def test_rounds_are_told() -> None:
    first, second = maintenance.told((FIRST, SECOND), snapshots(), {6.5: 9, 15.5: 1, 27.5: 4})
    assert (first["detected_s"], first["back_in_rotation_s"]) == (9.0, 21.0)
    assert (first["failed"], first["failing_for_s"]) == (10, 9.0)
    assert (second["detected_s"], second["failed"], second["failing_for_s"]) == (None, 4, 0.0)
