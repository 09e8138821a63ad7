"""What may be asked of an installation of updates, and how Azure spells it. Nothing of it is in the plan: it is chosen
each time.

The names are those of `installPatches` (Microsoft.Compute, `VMGuestPatchClassification_*` and `rebootSetting`).
"""

from __future__ import annotations

from enum import StrEnum

from wizard.errors import Problem
from wizard.plan.model import OsType


class Updates(StrEnum):
    """Which updates are installed."""

    CRITICAL = "critical"
    SECURITY = "security"  # with the critical ones: what Azure installs when patching is left to it
    ALL = "all"


class Reboot(StrEnum):
    """Whether Azure restarts a VM after the installation."""

    IF_REQUIRED = "if-required"
    NEVER = "never"
    ALWAYS = "always"


UPDATES = Updates.SECURITY
REBOOT = Reboot.IF_REQUIRED
MINUTES = 120
"""Azure's own windows last three hours and more; two are enough for a month of updates on a small machine."""
LEAST_MINUTES, MOST_MINUTES = 10, 235
"""Azure Update Manager's windows last up to 3 h 55 min (from memory); an assessment alone takes minutes."""

_SETTINGS = {Reboot.IF_REQUIRED: "IfRequired", Reboot.NEVER: "Never", Reboot.ALWAYS: "Always"}
_URGENT = {Updates.CRITICAL: ("Critical",), Updates.SECURITY: ("Critical", "Security")}
_EVERY = {
    OsType.LINUX: ("Critical", "Security", "Other"),
    OsType.WINDOWS: (
        *("Critical", "Security", "UpdateRollUp", "FeaturePack"),
        *("ServicePack", "Definition", "Tools", "Updates"),
    ),
}


def classifications(updates: Updates, os: OsType) -> tuple[str, ...]:
    """Azure's names of the classes that are to be installed."""
    return _URGENT.get(updates) or _EVERY[os]


def setting(reboot: Reboot) -> str:
    """Azure's `rebootSetting`."""
    return _SETTINGS[reboot]


def duration(minutes: int) -> str:
    """Azure's `maximumDuration`, ISO 8601."""
    return f"PT{minutes}M"


def minutes(number: int) -> Problem | None:
    """How long the installation on one VM may take."""
    if LEAST_MINUTES <= number <= MOST_MINUTES:
        return None
    return Problem(
        "patch.minutes",
        f"An installation cannot be given {number} minutes.",
        f"Azure takes {LEAST_MINUTES} to {MOST_MINUTES}.",
        f"{MINUTES} are enough for most.",
    )


def share(percent: int) -> Problem | None:
    """How much of a scale set is patched at a time; 0 is one machine after another."""
    if 0 <= percent <= 50:
        return None
    return Problem(
        "patch.share",
        f"{percent} % of the machines cannot be patched at a time.",
        "The others carry the whole load meanwhile: 1 to 50 %.",
        "Leave it out: then one machine after another is patched.",
    )
