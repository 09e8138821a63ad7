"""Charts of loads: latency by percentile, and each VM's share of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wizard.verify.report import axes, words
from wizard.verify.report.axes import Panel, Scale
from wizard.verify.report.facts import PERCENTILES, Load
from wizard.verify.report.markup import Child, Element, element, number

_DASHES = 4
"""Line styles that the style sheet has; with the markers' four shapes, lines are told apart without any colour."""

_MOST_BARS = 40
"""More VMs than this are told by the least and the most: two pages of bars show nothing more."""
_BAR = 22.0


def title(load: Load, position: int) -> str:
    """What a load is called: its own title, or its number and what sets it apart."""
    if load.title:
        return load.title
    if rate := load.get("offered_rps"):
        return f"Load {position + 1}, {words.figure(rate)}/s offered"
    kind = {True: ", kept alive", False: ", new connections", None: ""}[load.keep_alive]
    return f"Load {position + 1}{kind}"


def has_latency(load: Load) -> bool:
    return any(value for _, value in load.percentiles)


def latency(name: str, loads: Sequence[tuple[str, Load]]) -> Element:
    """One line per load from p50 to the slowest answer, over a logarithmic scale."""
    panel = Panel(64, 34, axes.WIDTH - (170 if len(loads) > 1 else 40), 250)
    measured = [value for _, load in loads for _, value in load.percentiles if value]
    values = axes.log_ticks(min(measured), max(measured))
    scale = Scale(values[0], values[-1], panel.bottom, panel.top, logarithmic=True)
    # A single load's values stand left of their points: the first must not reach the scale.
    along = Scale(0, len(PERCENTILES) - 1, panel.left + (40 if len(loads) > 1 else 80), panel.right - 40)
    drawn = panel.grid(values, scale, "Latency in ms, logarithmic")
    for index, (label, _) in enumerate(PERCENTILES):
        x = along(index)
        drawn.append(axes.line(x, panel.bottom, x, panel.bottom + 4, "axis"))
        drawn.append(element("text", label, x=x, y=panel.bottom + 18, class_="tick", text_anchor="middle"))
    for index, (_, load) in enumerate(loads):
        drawn += _curve(load, index, along, scale)
    if len(loads) == 1:
        drawn += _values(loads[0][1], along, scale)
    else:
        drawn += _names(loads, along, scale)
    told = " ".join(f"{label}: {_told(load)}." for label, load in loads)
    return axes.drawing(name, panel.bottom + 30, "Latency by percentile", told, *drawn)


def _points(load: Load, along: Scale, scale: Scale) -> list[tuple[float, float] | None]:
    return [(along(index), scale(value)) if value else None for index, (_, value) in enumerate(load.percentiles)]


def _curve(load: Load, index: int, along: Scale, scale: Scale) -> list[Child]:
    points = _points(load, along, scale)
    drawn: list[Child] = [element("path", d=axes.path(points, number), class_=f"curve dash-{index % _DASHES}")]
    drawn += [_marker(index % _DASHES, *point) for point in points if point is not None]
    return drawn


def _marker(shape: int, x: float, y: float) -> Element:
    """A disc, a square, a diamond or a triangle."""
    if shape == 0:
        return element("circle", cx=x, cy=y, r=4, class_="marker")
    if shape == 1:
        return element("rect", x=x - 4, y=y - 4, width=8, height=8, class_="marker")
    corners = ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)) if shape == 2 else ((0, -5.5), (5, 4), (-5, 4))
    outline = "".join(
        f"{'L' if step else 'M'}{number(x + dx)} {number(y + dy)}" for step, (dx, dy) in enumerate(corners)
    )
    return element("path", d=f"{outline}Z", class_="marker")


def _values(load: Load, along: Scale, scale: Scale) -> list[Child]:
    """The value beside each point, above it: the line rises from left to right and leaves that side free."""
    drawn: list[Child] = []
    for point, (_, value) in zip(_points(load, along, scale), load.percentiles, strict=True):
        if point is not None:
            drawn.append(
                element(
                    "text",
                    words.figure(value, "ms"),
                    x=point[0] - 4,
                    y=max(point[1] - 9, 20),
                    class_="label",
                    text_anchor="end",
                )
            )
    return drawn


def _names(loads: Sequence[tuple[str, Load]], along: Scale, scale: Scale) -> list[Child]:
    """Each load's name at the end of its line."""
    ends = [next(point for point in reversed(_points(load, along, scale)) if point is not None) for _, load in loads]
    heights = axes.apart([end[1] for end in ends], 16)
    drawn: list[Child] = []
    x = along.last + 24
    for (label, _), end, y in zip(loads, ends, heights, strict=True):
        drawn.append(axes.line(end[0] + 7, end[1], x - 4, y, "leader"))
        drawn.append(element("text", words.shortened(label, 28), x=x, y=y + 4, class_="label"))
    return drawn


def _told(load: Load) -> str:
    return ", ".join(f"{label} {words.figure(value, 'ms')}" for label, value in load.percentiles if value is not None)


def shares(name: str, by_vm: Mapping[str, float]) -> Element:
    """A bar per VM: its share of the answers, beside a line where an equal share would end."""
    total = sum(by_vm.values())
    shown, left_out = _shown(by_vm)
    label_width = min(max((axes.text_width(vm) for vm in by_vm), default=0), 230)
    panel = Panel(label_width + 14, 30, axes.WIDTH - 150, 30 + _BAR * (len(shown) + (1 if left_out else 0)))
    even = total / len(by_vm) if by_vm else 0
    longest = max([*by_vm.values(), even]) or 1
    scale = Scale(0, longest, panel.left, panel.right)
    drawn: list[Child] = []
    y = panel.top
    for index, (vm, answers) in enumerate(shown):
        if left_out and index == len(shown) // 2:
            drawn.append(element("text", left_out, x=panel.left, y=y + 15, class_="tick"))
            y += _BAR
        drawn += _bar(vm, answers, f"{words.percent(answers, total)}  ({words.whole(answers)})", y, scale)
        y += _BAR
    x = scale(even)
    anchor = "end" if x > axes.WIDTH / 2 else "start"
    equal = f"an equal share: {words.percent(even, total)}"
    drawn.append(axes.line(x, panel.top - 4, x, panel.bottom, "reference"))
    drawn.append(element("text", equal, x=x, y=panel.top - 10, class_="tick", text_anchor=anchor))
    told = ", ".join(f"{vm} {words.percent(answers, total)}" for vm, answers in shown)
    return axes.drawing(name, panel.bottom + 8, "Share of the answers by VM", f"{told}. {left_out}".strip(), *drawn)


def _bar(vm: str, answers: float, figures: str, y: float, scale: Scale) -> list[Child]:
    most = int((scale.first - 14) / (12 * axes.ADVANCE)) + 1
    return [
        element("text", words.shortened(vm, most), x=scale.first - 8, y=y + 15, class_="label", text_anchor="end"),
        element("rect", x=scale.first, y=y + 4, width=scale(answers) - scale.first, height=_BAR - 8, class_="bar"),
        element("text", figures, x=max(scale(answers), scale.first) + 8, y=y + 15, class_="tick"),
    ]


def _shown(by_vm: Mapping[str, float]) -> tuple[list[tuple[str, float]], str]:
    """All VMs, or those with the most and the least answers and a word about the others."""
    everyone = list(by_vm.items())
    if len(everyone) <= _MOST_BARS:
        return everyone, ""
    half = _MOST_BARS // 2
    ordered = sorted(everyone, key=lambda item: -item[1])
    between = ordered[half:-half]
    least, most = words.whole(between[-1][1]), words.whole(between[0][1])
    return [*ordered[:half], *ordered[-half:]], f"… {words.count(len(between), 'VM')} with {least} to {most} answers"
