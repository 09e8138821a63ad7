"""The frame of every screen: the header line, and what all of them know. Steps add a form, live screens their work."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from screens import flow
from screens.opening import NAME

if TYPE_CHECKING:
    from screens.app import WizardApp


class Header(Widget):
    """The program's name on the left, where the work goes on the right."""

    def render(self) -> Content:
        where = cast("Frame", self.screen).where
        room = self.size.width - len(NAME)
        right = where if len(where) < room else f"…{where[len(where) - room + 2 :]}"
        return Content.assemble((NAME, "bold"), (f"{right:>{max(0, room)}}", "$text-muted"))


class Frame(Screen[None]):
    """The frame without the form: the header line and the keys. Live screens (deploying, verify, ...) build on it."""

    step_id: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = ""

    @property
    def wizard(self) -> WizardApp:
        """The application, by its own type."""
        return cast("WizardApp", self.app)

    @property
    def where(self) -> str:
        """Where the work goes, for the header."""
        return self.wizard.where

    @property
    def gone(self) -> bool:
        """Whether this screen is being taken away: what a worker brings now has no place any more."""
        return self._pruning or not self.is_attached or not self.is_running

    @property
    def entry(self) -> flow.Entry:
        return flow.entry(self.step_id)

    def header(self) -> ComposeResult:
        """The line on top: the program, and where the work goes."""
        # The size is known already: with its classes set before anything is mounted, styles are applied once.
        width, height = self.app.size
        wide = self._get_breakpoint_classes(width, self.HORIZONTAL_BREAKPOINTS)
        self._classes = self._classes | wide | self._get_breakpoint_classes(height, self.VERTICAL_BREAKPOINTS)
        yield Header(id="header")

    def show_where(self) -> None:
        """Draw the cloud and the name anew."""
        self.query_one("#header").refresh()
