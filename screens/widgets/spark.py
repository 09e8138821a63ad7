"""A sparkline: the last values of something that goes on, each as high as it is."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

LEVELS = " ▁▂▃▄▅▆▇█"


def spark(values: Sequence[float], width: int, *, top: float | None = None) -> str:
    """`width` cells of the last values, 0 at the foot, the highest (or `top`) at full height.

    Anything above 0 shows at least the lowest bar: one error among thousands must not look like none.
    """
    shown = list(values)[-width:] if width > 0 else []
    highest = max(top or 0.0, max(shown, default=0.0))
    if highest <= 0:
        return ("▁" if shown else "") * len(shown)
    return "".join(
        LEVELS[max(1 if value > 0 else 0, round(value / highest * 8))] if value > 0 else " " for value in shown
    )


class Spark(Static):
    """A name, the present value, and its course."""

    def __init__(self, name: str, *, tone: str = "$primary", id: str | None = None, classes: str = "") -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._label, self._tone = name, tone
        self._values: Sequence[float] = ()
        self._text = self._after = ""

    def show(self, values: Sequence[float], text: str, after: str = "") -> None:
        """Draw these values; `text` is the present one in words, `after` what stands at the right."""
        self._values, self._text, self._after = values, text, after
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        room = self.content_size.width - len(self._label) - 12 - len(self._after) - 2
        course = spark(self._values, max(0, room))
        self.update(
            Content.assemble(
                (f"{self._label} ", "$text-muted"),
                (f"{self._text:>9}  ", "bold"),
                (course, self._tone),
                (" " * max(0, room - len(course)), ""),
                (f" {self._after}", ""),
            ),
            layout=False,
        )
