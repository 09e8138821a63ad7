"""A load over time: requests, errors and latency on one time axis, with marks for what was done meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizard.verify.report import axes, words
from wizard.verify.report.axes import Panel, Scale
from wizard.verify.report.facts import Slice
from wizard.verify.report.markup import Child, Element, element, number

_LEFT, _RIGHT = 64.0, axes.WIDTH - 16
_MOST_SLICES = 240
"""About three units of width each; an hour of quarter seconds is put together until it fits."""
_ROW = 18.0
_BETWEEN = 44.0


@dataclass(frozen=True)
class Timeline:
    """What is drawn. `stopped` names the VMs that were taken away: their answers are told apart from the others'."""

    series: Sequence[Slice]
    marks: Sequence[tuple[float, str]] = ()
    stopped: Sequence[str] = ()
    offered_rps: float | None = None


def draw(name: str, title: str, timeline: Timeline) -> Element:
    """Three panels over one time axis: requests per second, errors per second, latency."""
    slices = merged(timeline.series, _MOST_SLICES)
    last = max([part.at + part.seconds for part in slices] + [at for at, _ in timeline.marks])
    time = Scale(0, last, _LEFT, _RIGHT)
    told, top = flags(timeline.marks, time)
    children: list[Child] = [_hatch(name)]
    rates = Panel(_LEFT, top + 30, _RIGHT, top + 180)
    errors = Panel(_LEFT, rates.bottom + _BETWEEN, _RIGHT, rates.bottom + _BETWEEN + 60)
    children += _rates(name, rates, time, slices, timeline)
    children += _errors(errors, time, slices)
    bottom = errors
    if any(part.p99_ms is not None for part in slices):
        bottom = Panel(_LEFT, errors.bottom + _BETWEEN, _RIGHT, errors.bottom + _BETWEEN + 110)
        children += _latency(bottom, time, slices)
    for panel in (rates, errors, bottom):
        children += panel.time_axis(time, labelled=panel is bottom)
    children += [axes.line(time(at), top + 4, time(at), bottom.bottom, "mark") for at, _ in timeline.marks]
    children = words_last([*children, *told])
    return axes.drawing(name, bottom.bottom + 46, title, _description(slices, timeline), *children)


def words_last(children: Sequence[Child]) -> list[Child]:
    """A text's own halo then keeps every line off it."""
    return sorted(children, key=lambda child: isinstance(child, Element) and child.tag == "text")


def merged(series: Sequence[Slice], most: int) -> list[Slice]:
    """At most so many slices, each the sum of neighbours: counts add up, p99 is the worst, p50 the mean by requests."""
    size = -(-len(series) // most)
    if size <= 1:
        return list(series)
    return [_sum(series[start : start + size]) for start in range(0, len(series), size)]


def _sum(slices: Sequence[Slice]) -> Slice:
    by_vm: dict[str, float] = {}
    for part in slices:
        for vm, answers in part.by_vm.items():
            by_vm[vm] = by_vm.get(vm, 0) + answers
    middle = [(part.p50_ms, part.requests) for part in slices if part.p50_ms is not None and part.requests]
    weight = sum(requests for _, requests in middle)
    return Slice(
        at=slices[0].at,
        seconds=sum(part.seconds for part in slices),
        requests=sum(part.requests for part in slices),
        errors=sum(part.errors for part in slices),
        p50_ms=sum(p50 * requests for p50, requests in middle) / weight if weight else None,
        p99_ms=max((part.p99_ms for part in slices if part.p99_ms is not None), default=None),
        by_vm=by_vm,
    )


def flags(marks: Sequence[tuple[float, str]], time: Scale) -> tuple[list[Child], float]:
    """The marks' words above the panels, in as many rows as keep them apart, and where the panels may begin."""
    told = [f"{words.shortened(what, 50)}, {words.seconds(at)}" for at, what in marks]
    places = [time(at) for at, _ in marks]
    widths = [axes.text_width(text) for text in told]
    # Near the right edge the words stand before their line.
    turned = [x + width + 5 > axes.WIDTH for x, width in zip(places, widths, strict=True)]
    starts = [x - width if before else x for x, width, before in zip(places, widths, turned, strict=True)]
    rows = axes.staircase(starts, [start + width for start, width in zip(starts, widths, strict=True)])
    bottom = _ROW * (max(rows, default=-1) + 1)
    flags: list[Child] = []
    for text, x, row, before in zip(told, places, rows, turned, strict=True):
        y = bottom - _ROW * row
        place, anchor = (x - 5, "end") if before else (x + 5, "start")
        flags.append(axes.line(x, y - 10, x, bottom + 4, "mark"))
        flags.append(element("text", text, x=place, y=y, class_="label", text_anchor=anchor))
    return flags, bottom


def _rates(name: str, panel: Panel, time: Scale, slices: Sequence[Slice], timeline: Timeline) -> list[Child]:
    totals = [part.requests / part.seconds for part in slices]
    highest = max([*totals, timeline.offered_rps or 0])
    values = axes.ticks(highest)
    scale = Scale(0, values[-1], panel.bottom, panel.top)
    told_apart = any(vm in part.by_vm for vm in timeline.stopped for part in slices)
    if not told_apart:
        drawn = panel.grid(values, scale, "Requests per second")
        drawn.append(element("path", d=_steps(slices, [0.0] * len(slices), totals, time, scale), class_="area"))
    else:
        drawn = panel.grid(values, scale, "Answers per second")
        own = [sum(part.by_vm.get(vm, 0) for vm in timeline.stopped) / part.seconds for part in slices]
        both = [sum(part.by_vm.values()) / part.seconds for part in slices]
        others = [total - mine for total, mine in zip(both, own, strict=True)]
        drawn.append(element("path", d=_steps(slices, [0.0] * len(slices), others, time, scale), class_="area"))
        above = _steps(slices, others, both, time, scale)
        drawn.append(element("path", d=above, class_="area-other", fill=f"url(#{name}-hatch)"))
        drawn += _legend(name, panel, timeline.stopped[0] if len(timeline.stopped) == 1 else "the stopped VMs")
    if timeline.offered_rps:
        y = scale(timeline.offered_rps)
        told = f"offered: {words.whole(timeline.offered_rps)} a second"
        drawn.append(axes.line(panel.left, y, panel.right, y, "reference"))
        if not told_apart:
            drawn.append(element("text", told, x=panel.right, y=panel.top - 10, class_="tick", text_anchor="end"))
    return drawn


def _legend(name: str, panel: Panel, stopped: str) -> list[Child]:
    """Told apart by a hatch as well as by tone."""
    y = panel.top - 19
    own = words.shortened(stopped, 36)
    x = panel.right - axes.text_width(own)
    others = x - 30 - axes.text_width("the other VMs")
    return [
        element("rect", x=others - 16, y=y, width=10, height=10, class_="area"),
        element("text", "the other VMs", x=others, y=y + 9, class_="tick"),
        element("rect", x=x - 16, y=y, width=10, height=10, class_="area-other", fill=f"url(#{name}-hatch)"),
        element("text", own, x=x, y=y + 9, class_="tick"),
    ]


def _errors(panel: Panel, time: Scale, slices: Sequence[Slice]) -> list[Child]:
    rates = [part.errors / part.seconds for part in slices]
    if not any(rates):
        middle = (panel.top + panel.bottom) / 2
        return [
            element("text", "Errors per second", x=panel.left, y=panel.top - 10, class_="label"),
            axes.line(panel.left, panel.bottom, panel.right, panel.bottom, "axis"),
            element("text", "no errors", x=panel.left + 8, y=middle + 4, class_="tick"),
        ]
    values = axes.ticks(max(rates), 2)
    scale = Scale(0, values[-1], panel.bottom, panel.top)
    drawn = panel.grid(values, scale, "Errors per second")
    for part, rate in zip(slices, rates, strict=True):
        if rate:
            x, right = time(part.at), time(part.at + part.seconds)
            # A slice with few errors among many must still be seen.
            y = min(scale(rate), panel.bottom - 1.5)
            drawn.append(
                element("rect", x=x, y=y, width=max(right - x - 0.5, 1), height=panel.bottom - y, class_="errors")
            )
    return drawn


def _latency(panel: Panel, time: Scale, slices: Sequence[Slice]) -> list[Child]:
    measured = [value for part in slices for value in (part.p50_ms, part.p99_ms) if value]
    values = axes.log_ticks(max(min(measured, default=1), 0.01), max(max(measured, default=1), 0.02))
    scale = Scale(values[0], values[-1], panel.bottom, panel.top, logarithmic=True)
    drawn = panel.grid(values, scale, "Latency in ms, logarithmic")
    x = panel.right - axes.text_width("p50")
    drawn += [
        axes.line(x - 104, panel.top - 14, x - 80, panel.top - 14, "curve"),
        element("text", "p99", x=x - 74, y=panel.top - 10, class_="tick"),
        axes.line(x - 30, panel.top - 14, x - 6, panel.top - 14, "curve dashed"),
        element("text", "p50", x=x, y=panel.top - 10, class_="tick"),
    ]
    for key, class_ in (("p99_ms", "curve"), ("p50_ms", "curve dashed")):
        points: list[tuple[float, float] | None] = []
        for part in slices:
            value = getattr(part, key)
            points.append(None if value is None else (time(part.at + part.seconds / 2), scale(value)))
        drawn.append(element("path", d=axes.path(points, number), class_=class_))
    return drawn


def _steps(slices: Sequence[Slice], low: Sequence[float], high: Sequence[float], time: Scale, scale: Scale) -> str:
    """The area between two step lines: a rate holds for its whole part, and is not known in between."""
    forth: list[tuple[float, float]] = []
    back: list[tuple[float, float]] = []
    for part, bottom, top in zip(slices, low, high, strict=True):
        start, end = time(part.at), time(part.at + part.seconds)
        forth += [(start, scale(top)), (end, scale(top))]
        back += [(start, scale(bottom)), (end, scale(bottom))]
    return axes.path([*forth, *reversed(back)], number) + "Z"


def _hatch(name: str) -> Element:
    stripes = element("path", d="M0 6L6 0M-1 1L1 -1M5 7L7 5", class_="hatch")
    ground = element("rect", width=6, height=6, class_="hatch-ground")
    pattern = element("pattern", ground, stripes, id=f"{name}-hatch", width=6, height=6, patternUnits="userSpaceOnUse")
    return element("defs", pattern)


def _description(slices: Sequence[Slice], timeline: Timeline) -> str:
    requests = sum(part.requests for part in slices)
    errors = sum(part.errors for part in slices)
    seconds = sum(part.seconds for part in slices)
    told = f"{words.count(requests, 'request')} in {words.seconds(seconds)}, {words.count(errors, 'error')}."
    for at, what in timeline.marks:
        told += f" After {words.seconds(at)}: {what}."
    return told
