"""Shares as bars: who got how much, to an eighth of a cell."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.content import Content
from textual.widgets import Static

EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(share: float, width: int) -> str:
    """A bar of `share` (0 to 1) of `width` cells."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def bars(shares: Mapping[str, float], width: int, height: int) -> Content:
    """A line for each: name, bar, per cent. The longest bar fills its room. The last line counts what does not fit."""
    total = sum(shares.values())
    shown = list(shares.items())
    more = 0
    if len(shown) > height > 0:
        # The extremes tell whether it is even: the fewest and the most.
        shown.sort(key=lambda item: item[1])
        keep = height - 1
        more = len(shown) - keep
        shown = [*shown[: (keep + 1) // 2], *shown[len(shown) - keep // 2 :]] if keep else []
    name = min(max((len(each) for each, _ in shown), default=0), max(8, width // 3))
    room = max(4, width - name - 11)
    highest = max((value for _, value in shown), default=0)
    lines = [
        Content.assemble(
            (f"{_fitted(each, name)}  ", ""),
            (bar(value / highest if highest else 0, room).ljust(room), "$primary" if value else ""),
            (f" {100 * value / total:5.1f} %" if total else "     - %", "" if value or not total else "$text-error"),
            ("" if value or not total else " ✗", "$text-error"),
        )
        for each, value in shown
    ]
    if more:
        lines.append(Content.styled(f"and {more} more between them", "$text-muted"))
    return Content("\n").join(lines)


def _fitted(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else "…" + text[len(text) - width + 1 :]


class Bars(Static):
    """Bars in the room there is."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._shares: Mapping[str, float] = {}
        self._lines = 0

    def show(self, shares: Mapping[str, float], most: int) -> None:
        """Draw these shares on `most` lines, or fewer where fewer do."""
        self._shares = shares
        lines = max(1, min(len(shares), most))
        if lines != self._lines:
            self._lines = self.styles.height = lines  # drawn when the new size is told
        else:
            self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._shares and self.content_size.width:
            self.update(bars(self._shares, self.content_size.width, self._lines), layout=False)
