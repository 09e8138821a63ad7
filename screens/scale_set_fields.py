"""The fields of a scale set: how many machines there may be, what adds and takes them, and who mends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from screens.widgets.choice import SwitchControl
from screens.widgets.field import Field, Help
from screens.widgets.fold import Fold
from screens.widgets.text import NumberControl

SPREAD = Help(
    "Whether Azure puts the set's machines into the region's zones, or all of them into one place.",
    "The region must have zones. Over zones, each has one fault domain and Azure keeps the numbers even.",
    "Over zones, where the region has them: 99.99 % instead of 99.95 %.",
    "The set keeps its zones; more can be added, none taken.",
)
AUTOSCALE = Help(
    "Let Azure add machines when they are busy, and take them when they are not.",
    "It looks at the mean CPU of all machines once a minute. New ones need a few minutes to start. As many are made as "
    "are asked for: overprovisioning, which makes more and keeps the first to start, is of Uniform scale sets alone.",
    "On where the load changes within a day; test it with a load as in production (Verify has a ramp for it).",
    "It can be turned on and off at any time.",
)
MINIMUM = Help(
    "Never fewer machines than this, however little they do.",
    "1 to 1,000, and not more than there are at first.",
    "2: with one, a failure is an outage.",
    "It can be changed at any time.",
)
MAXIMUM = Help(
    "Never more machines than this, however busy they are: it caps what you pay.",
    "1 to 1,000; the subnet, the sign-in ports and the quota of cores must hold them.",
    "What the load of your worst day needs, and a few more.",
    "It can be changed at any time, as far as subnet and ports reach.",
)
OUT = Help(
    "When the mean CPU of all machines is above this, one is added.",
    "1 to 99 %.",
    "70 %: a new machine takes minutes to help, and the others must carry the load until then.",
    "It can be changed at any time.",
)
IN = Help(
    "When the mean CPU is below this, one is taken.",
    "Below the other one. Azure foresees what the others would have to carry, and does not take one that it would "
    "have to add again at once.",
    "30 %: far enough from 70 that machines do not come and go without end.",
    "It can be changed at any time.",
)
WINDOW = Help(
    "How many minutes the mean is taken over.",
    "5 minutes to 12 hours.",
    "5: a shorter one would answer to noise, a longer one too late.",
    "It can be changed at any time.",
)
COOLDOWN = Help(
    "How many minutes nothing changes after a machine was added or taken.",
    "1 minute to a week.",
    "5: about as long as a new machine needs to take its share, so that the next decision sees it at work.",
    "It can be changed at any time.",
)
HEALTH = Help(
    "An extension in each machine that asks the page from inside and tells Azure whether it is well.",
    "It asks what the balancer's probe asks. Automatic repairs and rolling updates act on what it says.",
    "On: the balancer's probe takes a broken machine out, but only this gets it replaced.",
    "It can be added and removed later.",
)
REPAIRS = Help(
    "Replace a machine that its health extension calls unhealthy.",
    "Needs the health extension. It waits for the grace time after a machine has changed, then deletes the machine and "
    "makes a new one.",
    "On, as long as machines keep nothing that matters on their disks.",
    "It can be turned on and off at any time.",
)
GRACE = Help(
    "How many minutes a machine is left alone after it has changed its state: time to start and set itself up.",
    "10 to 90.",
    "10, or what your machines need until their page answers.",
    "It can be changed at any time.",
)

SPREAD_KEY = "scale_set.zones"
_OF_AUTOSCALE = ("minimum", "maximum", "cpu_out_percent", "cpu_in_percent", "window_min", "cooldown_min")


def spread_field() -> Field:
    """Whether the set spreads over zones."""
    return Field(SPREAD_KEY, "Spread", SwitchControl("over the region's zones", "in one place"), help=SPREAD)


def fold() -> Fold:
    """All others, folded to a line."""
    from wizard.plan import limits

    vms, cpu = limits.SCALE_SET_VMS, limits.CPU_PERCENT
    window, cooldown, grace = limits.AUTOSCALE_WINDOW_MIN, limits.AUTOSCALE_COOLDOWN_MIN, limits.REPAIRS_GRACE_MIN

    def number(name: str, label: str, within: limits.Range, help: Help, note: str = "") -> Field:
        return Field(f"scale_set.{name}", label, NumberControl(within.low, within.high), help=help, note=note)

    return Fold(
        "Autoscale and repairs",
        Field("scale_set.autoscale", "Autoscale", SwitchControl("by their CPU", "a fixed number"), help=AUTOSCALE),
        number("minimum", "Never fewer", vms, MINIMUM),
        number("maximum", "Never more", vms, MAXIMUM),
        number("cpu_out_percent", "Add one above", cpu, OUT, "% CPU, the mean of all"),
        number("cpu_in_percent", "Take one below", cpu, IN, "% CPU, the mean of all"),
        number("window_min", "Mean over", window, WINDOW, "min"),
        number("cooldown_min", "Then wait", cooldown, COOLDOWN, "min before the next change"),
        Field("scale_set.health", "Health", SwitchControl("asked inside each machine", "not asked"), help=HEALTH),
        Field("scale_set.repairs", "Repairs", SwitchControl("unhealthy ones are replaced", "none"), help=REPAIRS),
        number("repairs_grace_min", "Left alone for", grace, GRACE, "min after a change"),
        id="scale-set",
    )


def shown(key: str, get: Callable[[str], Any]) -> bool:
    """Whether a field of the fold has a meaning now."""
    name = key.removeprefix("scale_set.")
    if name in _OF_AUTOSCALE:
        return bool(get("scale_set.autoscale"))
    return bool(get("scale_set.repairs")) if name == "repairs_grace_min" else True


def summary(get: Callable[[str], Any]) -> str:
    """What the fold says in half a line."""
    repairs = "repairs" if get("scale_set.repairs") else "no repairs"
    if not get("scale_set.autoscale"):
        return f"a fixed number; {repairs}"
    low, high, out, into = (get(f"scale_set.{name}") for name in _OF_AUTOSCALE[:4])
    return f"{low} to {high}, out {out} %, in {into} %; {repairs}"
