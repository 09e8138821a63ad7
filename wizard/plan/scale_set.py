"""Rules about a scale set with Flexible orchestration: its numbers, its autoscale, its health and repairs.

They speak only where placement is a scale set: in another plan these keys wait unused.

Sources: Microsoft, "Orchestration modes for Virtual Machine Scale Sets", "Automatic instance repairs", "Understand
autoscale settings" and "Autoscale flapping".
"""

from __future__ import annotations

from collections.abc import Mapping

from wizard.errors import Problem
from wizard.plan import limits
from wizard.plan.machines import number
from wizard.plan.model import Nat, Placement


def most(count: int, placement: Placement | None, autoscale: bool, maximum: int) -> int:
    """How many machines there can be without anybody asking: what a subnet and a range of ports must hold."""
    return max(count, maximum) if placement is Placement.SCALE_SET and autoscale else count


def minimum(value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    """1 to 1,000."""
    return _autoscaled("minimum", value, placement, autoscale)


def maximum(value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    """1 to 1,000."""
    return _autoscaled("maximum", value, placement, autoscale)


def cpu_out_percent(value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    """1 to 99 %."""
    return _autoscaled("cpu_out_percent", value, placement, autoscale)


def cpu_in_percent(value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    """1 to 99 %."""
    return _autoscaled("cpu_in_percent", value, placement, autoscale)


def window_min(value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    """5 minutes to 12 hours."""
    return _autoscaled("window_min", value, placement, autoscale)


def cooldown_min(value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    """A minute to a week."""
    return _autoscaled("cooldown_min", value, placement, autoscale)


_VMS = (limits.SCALE_SET_VMS, "A scale set with Flexible orchestration holds at most 1,000 VMs.")
_CPU = (limits.CPU_PERCENT, "It is the mean CPU of all machines, in percent.")
_AUTOSCALE: Mapping[str, tuple[limits.Range, str]] = {
    "minimum": _VMS,
    "maximum": _VMS,
    "cpu_out_percent": _CPU,
    "cpu_in_percent": _CPU,
    "window_min": (
        limits.AUTOSCALE_WINDOW_MIN,
        "Azure takes a mean over 5 minutes to 12 hours; the figures come every minute.",
    ),
    "cooldown_min": (limits.AUTOSCALE_COOLDOWN_MIN, "Azure takes a minute to a week, here in minutes."),
}


def _autoscaled(key: str, value: int, placement: Placement | None, autoscale: bool) -> Problem | None:
    if placement is not Placement.SCALE_SET or not autoscale:
        return None
    return number(f"scale_set.{key}", value, *_AUTOSCALE[key])


def sizes_agree(count: int, minimum: int, maximum: int, placement: Placement, autoscale: bool) -> Problem | None:
    """minimum <= count <= maximum: autoscale would undo a count outside at once."""
    if placement is not Placement.SCALE_SET or not autoscale:
        return None
    if minimum > maximum:
        return Problem(
            "scale_set.maximum",
            f"The maximum, {maximum}, is less than the minimum, {minimum}.",
            "Autoscale keeps the number of machines between the two.",
            f"Write {minimum} or more.",
        )
    if not minimum <= count <= maximum:
        return Problem(
            "machines.count",
            f"{count} machines are not between the scale set's minimum and maximum, {minimum} and {maximum}.",
            "Autoscale would change the number as soon as it runs.",
            f"Use {minimum} to {maximum}, or move the limits.",
        )
    if minimum == maximum:
        return Problem(
            "scale_set.maximum",
            f"The minimum and the maximum are both {minimum}.",
            "Autoscale has no room: the number never changes.",
            "Raise the maximum, or write autoscale = false.",
            "warning",
        )
    return None


def thresholds_apart(out: int, into: int, minimum: int, placement: Placement, autoscale: bool) -> Problem | None:
    """In below out, and so far below that taking one machine does not call it back."""
    if placement is not Placement.SCALE_SET or not autoscale:
        return None
    steady = (out * minimum - 1) // (minimum + 1)  # the most at which one machine less stays below `out`
    if into >= out:
        return Problem(
            "scale_set.cpu_in_percent",
            f"Scaling in below {into} % and out above {out} % overlap.",
            "At a load between the two, machines would come and go without end.",
            f"Use {steady} or less." if steady >= limits.CPU_PERCENT.low else "Raise cpu_out_percent.",
        )
    after = into * (minimum + 1) / minimum
    if after < out:
        return None
    return Problem(
        "scale_set.cpu_in_percent",
        f"{into} % on {minimum + 1} machines would be {after:.0f} % on {minimum}.",
        f"Above {out} % one is added again: Azure foresees that and does not scale in.",
        f"Use {steady} or less." if steady >= limits.CPU_PERCENT.low else "Raise cpu_out_percent.",
        "warning",
    )


def repairs_grace_min(value: int, placement: Placement | None, repairs: bool) -> Problem | None:
    """10 to 90 minutes."""
    if placement is not Placement.SCALE_SET or not repairs:
        return None
    why = "Azure takes 10 to 90 minutes; a machine needs some to start."
    return number("scale_set.repairs_grace_min", value, limits.REPAIRS_GRACE_MIN, why)


def repairs_are_told(repairs: bool, health: bool, placement: Placement) -> Problem | None:
    """Repairs need the health extension to tell them what is broken."""
    if placement is not Placement.SCALE_SET or not repairs or health:
        return None
    return Problem(
        "scale_set.repairs",
        "Nothing tells which machine to repair.",
        "Automatic repairs act on what the application health extension says, and it is off.",
        "Write health = true, or repairs = false.",
    )


def ports_are_a_range(nat: Nat, placement: Placement) -> Problem | None:
    """A scale set's machines have no names before they exist: no rule can be written for one of them."""
    if placement is not Placement.SCALE_SET or nat is Nat.RANGE:
        return None
    return Problem(
        "balancer.nat",
        "A scale set's machines cannot have a NAT rule each.",
        "They come and go with names of Azure's making; a range of ports leads to whoever is there.",
        'Write nat = "range"; status shows which port leads to which machine.',
    )
