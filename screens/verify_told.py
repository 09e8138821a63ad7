"""What the Verify screen says in words: how a load fares, and how a drill or a ramp ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from textual.content import Content

from screens.findings import Traffic
from screens.live import Event, told
from screens.step import plural
from screens.widgets.timeline import Mark, Track

SILENT_S = 2.0
"""Nobody answering for longer than this is told at once: a request fails only when its time is up."""

FROM_QUESTION = (
    "From which VM?",
    "The id of a VM of yours in another virtual network. It is asked by Run Command whether it reaches any VM at its "
    "private address: nothing should. az vm list --query [].id tells ids.",
    "Verify, and try it from there",
)
"""A title, what is asked, and the way on."""

PEAKS = {"usual": 400.0, "much": 2000.0}
_FILLS = {"usual": "Fills small VMs.", "much": "For VMs of many cores. It may fill this computer first."}


def noun(kind: str) -> str:
    return {"verify": "verification", "load": "load", "drill": "drill", "ramp": "ramp"}.get(kind, kind)


def latency(figures: Event, traffic: Traffic) -> Content:
    """`p50 1.2  p90 2.0  p99 4.1 ms   errors 0`, and whether the spread is even."""
    told_ms = [
        f"{name} {value:.1f}" for name in ("p50", "p90", "p99") if (value := figures.get(f"{name}_ms")) is not None
    ]
    errors = int((traffic.result or {}).get("errors", traffic.total.get("errors", 0)) or 0)
    parts: list[tuple[str, str]] = [
        ("latency    ", "$text-muted"),
        ("  ".join(told_ms) + " ms" if told_ms else "no answers yet", ""),
        ("   errors ", "$text-muted"),
        (f"{errors}", "$text-error bold" if errors else "bold"),
    ]
    if not traffic.result and (silent := traffic.silent_s()) > SILENT_S:
        parts.append((f"   ✗ nobody has answered for {silent:.0f} s", "$text-error bold"))
    p = (traffic.result or {}).get("spread_p_value")
    if p is not None:
        even = p >= 0.001
        parts.append((f"   {'even' if even else 'uneven'}: chi² p = {p:.2g}", "" if even else "$text-warning"))
    return Content.assemble(*parts)


def verdict(done: Event) -> Content:
    failed = [each for each in done.get("checks") or () if each["state"] == "failed"]
    good = bool(done["survived"]) and not failed
    lost = "its planned maintenance" if done.get("kind") == "rolling" else f"losing {done['vm']}"
    what = f"The deployment {'survived' if done['survived'] else 'did not survive as promised'} {lost}."
    seen = (
        "never out of rotation" if done["detected_s"] is None else f"out of rotation after {done['detected_s']:.1f} s"
    )
    why = (
        f"{done['failed']} of {done['requests']} requests failed over {done['failing_for_s']:.1f} s; {seen}, "
        f"expected {done['expected_detection_s']:g} s; longest gap {done['longest_gap_s']:.2f} s."
    )
    reasons = "".join(f"\n{reason}" for reason in done.get("why") or ())
    reasons += "".join(f"\n{each['name']} {each['target']}: {each['detail']}" for each in failed)
    if gone := done.get("gone"):
        reasons += f"\nDeleted meanwhile, not by the drill: {', '.join(gone)}."
    return told(what, why + reasons, sign="✓" if good else "✗", tone="good" if good else "bad")


def ramp_question(plan: Mapping[str, Any]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """How far a ramp is to climb: a title, a text, and the ways on."""
    title = "Load it until autoscale adds a VM?"
    text = (
        f"Requests climb for a minute, until there are more VMs; then the load falls until one goes again. "
        f"Azure adds at {plan.get('scale_set.cpu_out_percent')} % CPU over {plan.get('scale_set.window_min')} minutes, "
        f"up to {plan.get('scale_set.maximum')} VMs: each way takes some minutes, and new VMs cost what VMs cost."
    )
    ways = [("leave", "Leave all as it is", "No load is sent.")]
    ways += [(way, f"Up to {peak:,.0f} requests a second", _FILLS[way]) for way, peak in PEAKS.items()]
    return title, text, ways


def ramp_course(
    turns: Sequence[Event], cpu: Sequence[tuple[float, float]] = (), plan: Mapping[str, Any] = MappingProxyType({})
) -> tuple[list[Track], list[Mark]]:
    """VMs, their mean CPU, and requests offered, served and failed a second; with what happened to the VMs.

    The CPU stands beside the thresholds that the plan has for it, as soon as Azure Monitor has told some.
    """
    if not turns:
        return [], []

    def figures(name: str) -> list[tuple[float, float]]:
        return [(float(turn["at"]), float(turn[name])) for turn in turns]

    last, offered = turns[-1], figures("offered_rps")
    top = max(rate for _, rate in offered)
    tracks = [
        Track("VMs", figures("instances"), "$primary", f"{last['instances']}"),
        *_cpu(cpu, plan),
        Track("offered/s", offered, "$text-muted", f"{last['offered_rps']:,.0f}", top),
        Track("served/s", figures("served_rps"), "$text-success", f"{last['served_rps']:,.0f}", top),
        Track("failed", figures("errors"), "$text-error", f"{sum(int(turn['errors']) for turn in turns):,}"),
    ]
    marks = []
    for before, turn in pairwise(turns):
        if turn["offered_rps"] < before["offered_rps"]:
            marks.append((float(turn["at"]), f"the load falls to {turn['offered_rps']:g} requests a second"))
        if (change := int(turn["instances"]) - int(before["instances"])) != 0:
            verb = "added" if change > 0 else "taken away"
            marks.append((float(turn["at"]), f"{plural(abs(change), 'VM')} {verb}: {turn['instances']} now"))
    return tracks, marks


def _cpu(cpu: Sequence[tuple[float, float]], plan: Mapping[str, Any]) -> list[Track]:
    if not cpu:
        return []
    low, high = plan.get("scale_set.cpu_in_percent"), plan.get("scale_set.cpu_out_percent")
    between = f" ({low}–{high})" if low is not None and high is not None else ""
    return [Track("CPU %", list(cpu), "$warning", f"{cpu[-1][1]:.0f}{between}", 100.0)]


def ramp_going_on(turns: Sequence[Event]) -> Content:
    """What is waited for now."""
    falls = any(turn["offered_rps"] < before["offered_rps"] for before, turn in pairwise(turns))
    wait = "takes a VM away again" if falls else "adds a VM"
    return Content.assemble(
        (f"… The load runs until Azure {wait}. ", "$text-accent"),
        ("It goes by means over minutes. You can leave: this goes on by itself.", "$text-muted"),
    )


def ramp_verdict(done: Event) -> Content:
    """Whether autoscale did what the plan says, and when."""
    good, counts = bool(done["proved"]), done["instances"]
    word = "went out and in again" if good else "did not go out and in again"
    what = f"Autoscale {word}: {counts['first']}, {counts['most']}, {counts['last']} VMs."
    lines = list(done["why"])
    if done["out_at"] is not None:
        taken = ""
        if done["in_at"] is not None:
            taken = f", and one was taken away {done['in_at'] - done['low_from']:.0f} s after the load had fallen"
        lines.append(f"A VM was added after {done['out_at']:.0f} s{taken}.")
    lines.append(f"{done['errors']:,} of {done['requests']:,} requests failed.")
    return told(what, "\n".join(lines), sign="✓" if good else "✗", tone="good" if good else "bad")
