"""What a patching tells at its end, and the evidence that it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.patch.events import Assessed, Patched, VmPatched
from wizard.patch.turns import Turn
from wizard.verify import evidence

if TYPE_CHECKING:
    from wizard.verify.drill.stage import Measured, Stage

RESTARTED = ("Completed", "Started")


def patched(  # noqa: PLR0917 - the parts of one walk
    name: str,
    found: Sequence[Assessed],
    order: Sequence[Turn],
    done: Sequence[VmPatched],
    seconds: Mapping[str, float],
    at: float,
) -> Patched:
    """The sums over what was assessed and installed. Pure."""
    return Patched(
        name=name,
        vms=len(done),
        current=len(found) - len(done),
        installed=sum(each.installed for each in done),
        restarted=sum(each.reboot in RESTARTED for each in done),
        reboot_pending=[each.vm for each in done if each.reboot == "Required"],
        seconds=round(at, 2),
        domains=[
            {
                "domain": turn.name,
                "vms": [machine.vm_name for machine in turn.machines],
                "seconds": seconds.get(turn.name),
            }
            for turn in order
        ],
        machines=[
            {
                "vm": each.vm,
                "domain": each.domain,
                "status": each.status,
                "installed": each.installed,
                "reboot": each.reboot,
                "seconds": each.seconds,
            }
            for each in done
        ],
    )


def keep(walk: Stage, done: Patched, measured: Measured[None] | None) -> Patched:
    """Keep the evidence of what was patched, and tell of it. Where nothing was due there is none."""
    if measured is not None:
        held = measured.held
        done = replace(
            done,
            requests=measured.load.requests,
            failed_requests=measured.load.errors,
            longest_gap_s=measured.load.longest_gap_s,
            kept_alive={"reset": sum(held.reset.values()), "survived": sum(held.survived.values())},
        )
    if done.vms:
        into = evidence.folder(walk.record)
        evidence.keep(
            into,
            walk.record,
            began=walk.began_at,
            cloud=walk.azure.cloud.name,
            reach=walk.reach,
            loads=[measured.load] if measured is not None else (),
            patching=done,
        )
        done = replace(done, evidence=str(into))
    walk.emit(done)
    return done


def is_or_are(number: int) -> str:
    """The verb of so many."""
    return "is" if number == 1 else "are"
