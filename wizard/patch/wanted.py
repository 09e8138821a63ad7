"""What is asked of a patching, judged before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wizard.deploy.scale import DRAIN_S, LONGEST_DRAIN_S
from wizard.errors import InputError
from wizard.patch.events import Assessed
from wizard.plan import patching
from wizard.plan.model import OsType
from wizard.plan.patching import Reboot, Updates


@dataclass(frozen=True)
class Wanted:
    """Which updates, when to restart, how long at most on each VM (minutes), how long a VM drains (seconds).

    `share` is how much of a scale set is patched at a time, in percent; 0 is one machine after another. `rate` is a
    load's requests a second while it goes on; None is without one.
    """

    updates: Updates = patching.UPDATES
    reboot: Reboot = patching.REBOOT
    minutes: int = patching.MINUTES
    drain_s: float = DRAIN_S
    share: int = 0
    rate: float | None = None

    def check(self) -> None:
        """Raises InputError for the first rule that is broken."""
        for problem in (patching.minutes(self.minutes), patching.share(self.share)):
            if problem is not None:
                raise InputError(problem.what, problem.why, problem.remedy)
        if not 0 <= self.drain_s <= LONGEST_DRAIN_S:
            raise InputError(f"A drain of {self.drain_s:g} s cannot be.", "", f"Use 0 to {LONGEST_DRAIN_S:g} s.")

    def due(self, found: Assessed) -> int:
        """How many of a VM's missing updates are to be installed."""
        return sum(bool(set(each["classes"]) & set(self._classes(found.windows))) for each in found.patches)

    def concerns(self, found: Assessed) -> bool:
        """Whether there is something to do on a VM: updates, or the restart that earlier ones wait for."""
        return bool(self.due(found)) or (found.reboot_pending and self.reboot is not Reboot.NEVER)

    def body(self, *, windows: bool) -> dict[str, Any]:
        """The body of Azure's `installPatches`."""
        system = "windowsParameters" if windows else "linuxParameters"
        return {
            "maximumDuration": patching.duration(self.minutes),
            "rebootSetting": patching.setting(self.reboot),
            system: {"classificationsToInclude": list(self._classes(windows))},
        }

    def _classes(self, windows: bool) -> Sequence[str]:
        return patching.classifications(self.updates, OsType.WINDOWS if windows else OsType.LINUX)
