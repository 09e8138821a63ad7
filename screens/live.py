"""What the screens of work under way share: they follow a run's events and draw at 4 Hz what came meanwhile.

The run is a process of its own (wizard.runs). A screen only reads its events, so leaving it, or the wizard, ends
nothing, and whoever comes back reads the same events from the first on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.frame import Frame
from screens.ledger import role_of
from screens.styles import sheet
from screens.widgets.keyline import KeyLine
from screens.widgets.signs import STYLES, Tone
from wizard.errors import InputError

if TYPE_CHECKING:
    from wizard.runs import Ended

Event = Mapping[str, Any]

COMES_UP_S = 10.0
"""How long a run that somebody else starts may take to show itself; Python and its imports take 0.1 s."""

DRAW_S = 0.25
"""4 Hz: quick enough for the eye to follow, and 600 changing resources still cost little of a core."""


class Follows(Protocol):
    """What a screen needs of a run (wizard.runs.Run; a recording replayed by scripts/replay.py)."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def ended(self) -> Ended | None: ...

    def events(self, after: int = 0) -> AsyncIterator[dict[str, Any]]: ...

    async def cancel(self) -> bool: ...


class Live(Frame):
    """A screen without a form: a head line, a body that lives, keys. Subclasses write `parts`, `taken` and `draw`."""

    CSS = sheet("live")
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-tall"), (34, "-spacious")]  # noqa: RUF012 - Textual's declaration
    SCOPED_CSS = False  # what a screen is (narrow, searching) is a class of its own, which no selector within it meets
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", tooltip="The keys of this screen", id="live.help", key_display="F1"),
    ]

    keeps_room: ClassVar[bool] = False
    """Whether the line under the body stays when there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Follows | None = None
        self.over = False
        """Whether the run that is followed has told its end."""
        self._arrived: list[Event] = []
        self._lines = 0

    @property
    def name_of_deployment(self) -> str:
        """Which deployment this screen is of."""
        return ""

    @property
    def where(self) -> str:
        """The deployment that this screen is of, which need not be the one that is being answered for."""
        name = self.name_of_deployment
        return name if name and name != self.wizard.answers.get("name") else self.wizard.where

    # What a screen writes

    def parts(self) -> Iterable[Widget]:
        """What stands between head line and keys."""
        return ()

    def taken(self, events: Sequence[Event]) -> None:
        """Events came: keep what they say. Drawing follows by itself."""

    def draw(self) -> None:
        """Draw what is known now; called at 4 Hz while a run is followed, and when it has ended."""

    def run_ended(self, ended: Ended | None) -> None:
        """The run that was followed has ended and all its events are taken in."""

    # The frame

    def compose(self) -> ComposeResult:
        yield from self.header()
        with Vertical(id="live"):
            yield Static("", id="headline", markup=False)
            yield from self.parts()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.wizard.progress.seen.add(self.step_id)
        self.set_interval(DRAW_S, self._turn)

    def head(self, left: Content | str, right: Content | str = "") -> None:
        """The screen's own first line: what is going on, and the figures at its right end."""
        if not self.stands:
            return
        left, right = _content(left), _content(right)
        line = self.query_one("#headline", Static)
        room = line.content_size.width - left.cell_length - right.cell_length
        line.update(Content.assemble(left.stylize("bold"), " " * max(2, room), right), layout=False)

    @property
    def stands(self) -> bool:
        """Whether its widgets are there: a worker may come back with an answer when the screen is being left."""
        return self.is_attached and not self._pruning and bool(self.query("#keys"))

    def say(self, text: Content | str) -> None:
        """Put a text under the body. What is laid out anew is the whole screen, so that happens only when it must."""
        if not self.stands:
            return
        text = _content(text)
        outcome = self.query_one("#outcome", Static)
        width = max(1, outcome.content_size.width)
        before, self._lines = self._lines, sum(-(-max(1, len(line)) // width) for line in text.plain.splitlines())
        outcome.update(text, layout=self._lines != before)
        outcome.display = bool(text.plain) or self.keeps_room

    # Starting

    async def start_run(
        self,
        kind: str,
        request: Mapping[str, Any],
        secrets: Mapping[str, Any] | None = None,
        *,
        cloud: str | None = None,
        also: str = "",
    ) -> Follows:
        """Start a run on this deployment, with the sign-in that was made in the wizard. Raises as `start` does."""
        handed = await self.wizard.desk.ask("handover", cloud=cloud)
        given = {**(secrets or {}), **({"sign_in": handed} if handed else {})}
        return await start(kind, self.name_of_deployment, request, given, also)

    # Following

    def follow(self, run: Follows) -> None:
        """Read this run's events from the first on; what was followed before is let go of."""
        self.run, self.over = run, False
        self.remove_class("-over")
        self._arrived = []
        self._follow(run)

    @work(exclusive=True, group="follow")
    async def _follow(self, run: Follows) -> None:
        from wizard import runs

        async for event in run.events():
            self._arrived.append(event)
        if not self.stands:
            return
        self._take()
        self.over = True
        runs.see(run)
        self.add_class("-over")
        self.run_ended(run.ended)
        self.call_after_refresh(self.draw)

    def _take(self) -> None:
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            self.taken(arrived)

    def _turn(self) -> None:
        if self.run is None or self.over or not self.is_current or not self.stands:
            return
        self._take()
        self.draw()

    def on_screen_resume(self) -> None:
        """What came while something else covered this screen is drawn at once."""
        if self.run is not None:
            self._take()
            self.call_after_refresh(self.draw)

    def action_help(self) -> None:
        from screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self, None))


async def start(
    kind: str, name: str, request: Mapping[str, Any], secrets: Mapping[str, Any], also: str = ""
) -> Follows:
    """Start a run; where one of that kind (or of the kinds in `also`) is under way already, that one is followed.

    So a button pressed twice, or in two terminals, acts once. A run that is just being started by somebody else is
    waited for. Raises as wizard.runs.start does; InputError where a run of another kind is under way.
    """
    from wizard import runs

    try:
        return await runs.start(kind, name, request, secrets)
    except InputError:
        end = time.monotonic() + COMES_UP_S
        while (living := runs.latest(name)) is None or not living.alive:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
        if living.kind not in (kind, *also.split()):
            raise
        return living


def told(what: str, why: str = "", remedy: str = "", *, sign: str = "✗", tone: Tone = "bad") -> Content:
    """An error in three lines: what, why, and what to do now."""
    lines = [Content.assemble((f"{sign} ", STYLES[tone]), (what, f"{STYLES[tone]} bold"))]
    lines += [Content(f"  {line}") for line in why.splitlines()]
    lines += [Content.assemble(("  → ", "$primary"), (line, "")) for line in remedy.splitlines()]
    return Content("\n").join(lines)


def dotted(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested plan values by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and key != "tags":
            found |= dotted(value, f"{before}{key}.")
        else:
            found[before + key] = value
    return found


def resource_states(status: Mapping[str, Any]) -> dict[str, str]:
    """The picture's roles and VMs with ARM's states, from the desk's `status`."""
    found: dict[str, str] = {}
    for resource in status.get("resources") or ():
        role = role_of(str(resource["type"]), str(resource["id"]).rpartition("/")[2])
        if role:
            found[role] = str(resource["state"])
    return found


def _content(text: Content | str) -> Content:
    return text if isinstance(text, Content) else Content(text)
