"""The course of a drill or a ramp: figures over time, with a mark under each thing that happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.widgets import Static

from screens.widgets.spark import LEVELS

Mark = tuple[float, str]
Step = tuple[float, float, float]
"""Seconds since the load began, good answers a second, failures a second."""


@dataclass(frozen=True)
class Track:
    """One figure over time: (seconds, value) each. `top` is what fills a cell, where tracks are to be compared."""

    name: str
    values: Sequence[tuple[float, float]]
    style: str
    now: str = ""
    top: float = 0.0


def answers_and_failures(steps: Sequence[Step]) -> list[Track]:
    """What a drill shows."""
    return [
        Track("answers", [(at, rate) for at, rate, _ in steps], "$text-success"),
        Track("failures", [(at, rate) for at, _, rate in steps], "$text-error"),
    ]


def timeline(tracks: Sequence[Track], marks: Sequence[Mark], width: int, height: int) -> Content:
    """Tracks over one axis of `width` cells, the marks' feet, and a line for each mark, the last ones if short."""
    name = 10
    after = max((len(track.now) + 2 for track in tracks if track.now), default=0)
    room = max(10, width - name - after)
    span = max([10.0, *(at for track in tracks for at, _ in track.values), *(at for at, _ in marks)])
    feet = [" "] * room
    for number, (at, _) in enumerate(marks, 1):
        feet[min(room - 1, int(at / span * (room - 1)))] = _letter(number)
    lines = [
        *(
            Content.assemble(
                (f"{track.name:<{name}}", "$text-muted"),
                (_track(track.values, span, room, track.top), track.style),
                (f"{track.now:>{after}}" if after else "", "bold"),
            )
            for track in tracks
        ),
        Content.assemble((f"{'':<{name}}", ""), ("".join(feet), "bold")),
        Content.assemble(
            (f"{'seconds':<{name}}", "$text-muted"),
            (f"0{'─' * max(0, room - 2 - len(f'{span:.0f}'))} {span:.0f}", "$text-muted"),
        ),
    ]
    told = [
        Content.assemble((f"{_letter(number)} ", "bold"), (f"{at:6.1f} s  ", "$text-muted"), (what, ""))
        for number, (at, what) in enumerate(marks, 1)
    ]
    left = max(0, height - len(lines))
    return Content("\n").join([*lines, *told[len(told) - min(left, len(told)) :]])


def _letter(number: int) -> str:
    return chr(ord("a") + (number - 1) % 26)


def _track(values: Sequence[tuple[float, float]], span: float, room: int, top: float = 0.0) -> str:
    """The highest value told for each cell's time; where reports are rarer than cells, the one before goes on."""
    cells: list[float | None] = [None] * room
    for at, value in values:
        place = min(room - 1, int(at / span * (room - 1)))
        cells[place] = max(cells[place] or 0.0, value)
    last = max((place for place, value in enumerate(cells) if value is not None), default=-1)
    for place in range(1, last):
        if cells[place] is None:
            cells[place] = cells[place - 1]
    filled = [value or 0.0 for value in cells]
    highest = max([*filled, top])
    return "".join(LEVELS[max(1, round(value / highest * 8))] if value > 0 else " " for value in filled)


class Timeline(Static):
    """A course in the room there is."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._tracks: Sequence[Track] = ()
        self._marks: Sequence[Mark] = ()

    def show(self, tracks: Sequence[Track], marks: Sequence[Mark]) -> None:
        self._tracks, self._marks = tracks, marks
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if self.content_size.width:
            drawn = timeline(self._tracks, self._marks, self.content_size.width, self.content_size.height)
            self.update(drawn, layout=False)
