"""The parts every chart is made of: scales with round ticks, a panel with its grid and units, labels that keep apart.

Colours, fonts and dashes are classes of the page's style sheet, so that a chart follows light, dark and print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wizard.verify.report.markup import Child, Element, element

WIDTH = 800.0
"""Of every drawing, in its own units: at this width a 12 unit text is 8 pt on A4 between 14 mm margins."""

# Mean advance of a letter in the widest of the system fonts, in em: enough to keep labels apart, not to set type.
ADVANCE = 0.6


def text_width(text: str, size: float = 12) -> float:
    """About how wide a text is drawn."""
    return len(text) * size * ADVANCE


@dataclass(frozen=True)
class Scale:
    """Maps low..high to first..last, evenly or by the logarithm; values outside are held at the ends."""

    low: float
    high: float
    first: float
    last: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        held = min(max(value, self.low), self.high)
        if self.logarithmic:
            part = math.log(held / self.low) / math.log(self.high / self.low)
        else:
            part = (held - self.low) / (self.high - self.low)
        return self.first + part * (self.last - self.first)


def ticks(high: float, about: int = 4) -> list[float]:
    """Round values from 0 that reach `high`: steps of 1, 2 or 5 times a power of ten."""
    if high <= 0:
        return [0.0, 1.0]
    rough = high / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [step * number for number in range(math.ceil(high / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... around low..high; only powers of ten and the ends where that would be many."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    candidates = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    first = max(tick for tick in candidates if tick <= low * 1.001)
    last = min(tick for tick in candidates if tick >= high * 0.999 and tick > first)
    within = [tick for tick in candidates if first <= tick <= last]
    if len(within) <= 9:
        return within
    return [first, *(10.0**power for power in powers if first < 10.0**power < last), last]


def tick_label(value: float) -> str:
    """`0`, `0.5`, `20`, `1,000`"""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.6g}"


@dataclass(frozen=True)
class Panel:
    """A rectangle to plot in."""

    left: float
    top: float
    right: float
    bottom: float

    def grid(self, values: Sequence[float], scale: Scale, title: str) -> list[Child]:
        """Horizontal lines with their values at the left, and the panel's title with its unit above."""
        lines: list[Child] = [element("text", title, x=self.left, y=self.top - 10, class_="label")]
        for value in values:
            y = scale(value)
            lines.append(line(self.left, y, self.right, y, "axis" if value == values[0] else "grid"))
            lines.append(element("text", tick_label(value), x=self.left - 8, y=y + 4, class_="tick", text_anchor="end"))
        return lines

    def time_axis(self, scale: Scale, *, labelled: bool) -> list[Child]:
        """Seconds along the bottom edge."""
        marks: list[Child] = []
        for value in ticks(scale.high, 8):
            if value > scale.high * 1.001:
                break
            x = scale(value)
            marks.append(line(x, self.bottom, x, self.bottom + 4, "axis"))
            if labelled:
                text = tick_label(value)
                marks.append(element("text", text, x=x, y=self.bottom + 18, class_="tick", text_anchor="middle"))
        if labelled:
            middle = (self.left + self.right) / 2
            words = "seconds since the load began"
            marks.append(element("text", words, x=middle, y=self.bottom + 36, class_="tick", text_anchor="middle"))
        return marks


def line(x1: float, y1: float, x2: float, y2: float, class_: str, **more: str) -> Element:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_, **more)


def drawing(name: str, height: float, title: str, description: str, *children: Child) -> Element:
    """An SVG with the title and description that a screen reader tells. `name` is unique on the page."""
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *children,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="drawing",
        id=name,
    )


def apart(wanted: Sequence[float], least: float) -> list[float]:
    """The positions nearest to those wanted, in their order, with at least so much between two."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    previous = -math.inf
    for index in order:
        previous = placed[index] = max(wanted[index], previous + least)
    overshoot = previous - max(wanted, default=previous)
    return [place - overshoot / 2 for place in placed] if overshoot > 0 else placed


def staircase(starts: Sequence[float], ends: Sequence[float], gap: float = 6) -> list[int]:
    """Rows, from 0 for the lowest, for labels that each hang on a line going down from their start.

    Each label is above every later one whose line it would cross.
    """
    rows = [0] * len(starts)
    for index in reversed(range(len(starts))):
        crossed = [rows[later] for later in range(index + 1, len(starts)) if starts[later] < ends[index] + gap]
        rows[index] = max(crossed, default=-1) + 1
    return rows


def path(points: Sequence[tuple[float, float] | None], move: Callable[[float], str]) -> str:
    """An SVG path through the points; None breaks the line."""
    pieces: list[str] = []
    pen_up = True
    for point in points:
        if point is None:
            pen_up = True
            continue
        pieces.append(f"{'M' if pen_up else 'L'}{move(point[0])} {move(point[1])}")
        pen_up = False
    return "".join(pieces)
