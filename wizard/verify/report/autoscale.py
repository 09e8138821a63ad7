"""The course of a ramp: the machines' CPU between autoscale's thresholds, how many there are, and what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from wizard.verify.report import axes, series, tables, words
from wizard.verify.report.axes import Panel, Scale
from wizard.verify.report.facts import Ramp
from wizard.verify.report.markup import Child, Element, element, number

_LEFT, _RIGHT = 64.0, axes.WIDTH - 16
_BETWEEN = 44.0


def draw(name: str, ramp: Ramp) -> Element:
    """CPU in percent, VMs, and requests per second, over one time axis."""
    marks = tables.ramp_marks(ramp)
    end = max([1.0, *(turn["at"] for turn in ramp.turns), *(at for at, _ in ramp.cpu), *(at for at, _ in marks)])
    time = Scale(0, end, _LEFT, _RIGHT)
    told, top = series.flags(marks, time)
    panels: list[Panel] = []
    for height in (150 if ramp.cpu else 0, 70, 110):
        if height:
            above = panels[-1].bottom + _BETWEEN if panels else top + 30
            panels.append(Panel(_LEFT, above, _RIGHT, above + height))
    children: list[Child] = []
    if ramp.cpu:
        children += _cpu(panels[0], time, ramp)
    children += _machines(panels[-2], time, ramp, end)
    children += _requests(panels[-1], time, ramp)
    for panel in panels:
        children += panel.time_axis(time, labelled=panel is panels[-1])
    children += [axes.line(time(at), top + 4, time(at), panels[-1].bottom, "mark") for at, _ in marks]
    drawn = series.words_last([*children, *told])
    return axes.drawing(name, panels[-1].bottom + 46, "Autoscale over time", _description(ramp, marks), *drawn)


def _cpu(panel: Panel, time: Scale, ramp: Ramp) -> list[Child]:
    scale = Scale(0, 100, panel.bottom, panel.top)
    drawn = panel.grid([0, 20, 40, 60, 80, 100], scale, "Mean CPU in percent")
    for key, what in (("out", "above: a VM is added"), ("in", "below: a VM is taken away")):
        if (percent := ramp.thresholds.get(key)) is not None:
            y = scale(percent)
            drawn.append(axes.line(panel.left, y, panel.right, y, "reference"))
            text = f"{percent:.0f} %, {what}"
            place = y - 5 if key == "out" else y + 14
            drawn.append(element("text", text, x=panel.right, y=place, class_="tick", text_anchor="end"))
    points = [(time(at), scale(percent)) for at, percent in ramp.cpu]
    drawn.append(element("path", d=axes.path(points, number), class_="curve"))
    if len(points) <= 60:
        drawn += [element("circle", cx=x, cy=y, r=3, class_="marker") for x, y in points]
    return drawn


def _machines(panel: Panel, time: Scale, ramp: Ramp, end: float) -> list[Child]:
    """Each count holds until the next was read."""
    counts = [(turn["at"], turn["instances"]) for turn in ramp.turns]
    values = axes.ticks(max(count for _, count in counts), 3)
    values = [value for value in values if value == round(value)]  # there are no parts of a VM
    scale = Scale(0, values[-1], panel.bottom, panel.top)
    steps: list[tuple[float, float]] = []
    for (at, count), (until, _) in pairwise([*counts, (end, 0.0)]):
        steps += [(time(at), scale(count)), (time(until), scale(count))]
    outline = [(time(counts[0][0]), scale(0)), *steps, (time(end), scale(0))]
    return [
        *panel.grid(values, scale, "VMs"),
        element("path", d=f"{axes.path(outline, number)}Z", class_="area"),
    ]


def _requests(panel: Panel, time: Scale, ramp: Ramp) -> list[Child]:
    highest = max(max(turn["offered_rps"], turn["served_rps"]) for turn in ramp.turns)
    values = axes.ticks(highest, 3)
    scale = Scale(0, values[-1], panel.bottom, panel.top)
    drawn = panel.grid(values, scale, "Requests per second")
    x = panel.right - axes.text_width("offered")
    drawn += [
        axes.line(x - 124, panel.top - 14, x - 100, panel.top - 14, "curve"),
        element("text", "served", x=x - 94, y=panel.top - 10, class_="tick"),
        axes.line(x - 30, panel.top - 14, x - 6, panel.top - 14, "curve dashed"),
        element("text", "offered", x=x, y=panel.top - 10, class_="tick"),
    ]
    for key, class_ in (("served_rps", "curve"), ("offered_rps", "curve dashed")):
        points = [(time(turn["at"]), scale(turn[key])) for turn in ramp.turns]
        drawn.append(element("path", d=axes.path(points, number), class_=class_))
    return drawn


def _description(ramp: Ramp, marks: Sequence[tuple[float, str]]) -> str:
    told = [f"{tables.ramp_verdict(ramp)[2:]}.", tables.ramp_account(ramp)]
    if ramp.cpu:
        told.append(f"The mean CPU was {max(percent for _, percent in ramp.cpu):.0f} % at most.")
    told += [f"After {words.seconds(at)}: {what}." for at, what in marks]
    return " ".join(told)
