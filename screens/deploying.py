"""Deploying: the architecture as it comes into being, each resource, the timeline, and how long still.

    wizard.go("deploying", start=True)      Review's Create: starts the run from the answers; twice is once
    wizard.go("deploying")                  attaches to the last deployment run of `answers["name"]`
    wizard.go("deploying", name="rg")       attaches to that deployment's

The run lives apart from the wizard: leaving the screen or the wizard ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from screens import elsewhere, faults, flow, outcomes
from screens.answers import PASSWORD
from screens.ledger import Ledger, clock
from screens.live import Event, Follows, Live, dotted, told
from screens.widgets.gantt import Gantt
from screens.widgets.grid import Grid
from screens.widgets.log import Log
from screens.widgets.picture import Picture
from screens.widgets.push import Push
from screens.widgets.text import Line
from wizard.errors import InputError, WizardError

if TYPE_CHECKING:
    from wizard.runs import Ended

VIEWS = ("overview", "resources", "timeline", "log")


class DeployingStep(Live):
    """Follows one deployment's run."""

    step_id = "deploying"
    keeps_room = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+d",
            "view",
            "Details",
            tooltip="Overview, resources, timeline, log",
            id="deploying.view",
            key_display="^D",
        ),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search the resources", id="deploying.search"),
        Binding(
            "ctrl+x", "stop", "Stop…", tooltip="Choose how the deployment stops", id="deploying.stop", key_display="^X"
        ),
        Binding(
            "ctrl+t", "retry", "Try again", tooltip="Go on from what is there", id="deploying.retry", key_display="^T"
        ),
        Binding(
            "ctrl+e",
            "edit",
            "Edit",
            tooltip="The step whose answer caused the error",
            id="deploying.edit",
            key_display="^E",
        ),
        Binding("f3", "next", "Verify", tooltip="Prove that it works", id="deploying.next", key_display="F3"),
        Binding(
            "f4",
            "home",
            "Home",
            tooltip="What is there, and what can be done with it",
            id="deploying.home",
            key_display="F4",
        ),
        Binding("f2,alt+left", "back", "Back", key_display="F2", tooltip="The deployment goes on", id="deploying.back"),
        Binding("escape", "clear", "Clear search", tooltip="Show all resources", show=False, id="deploying.clear"),
    ]

    def __init__(self, start: bool = False, name: str = "", run: Follows | None = None) -> None:
        super().__init__()
        self._start, self._named, self._given = start, name, run
        self.ledger = Ledger()
        self.result: Ended | None = None
        self.view = "overview"
        self._removing = self._remove_after = False
        self._plan: Mapping[str, Any] | None = None
        self._other = ""
        """The screen of what else is at work on the deployment, which is why this did not start."""

    # The frame

    def parts(self) -> Iterable[Widget]:
        with Horizontal(id="upper"):
            yield Picture(id="picture")
            with Vertical(id="resources"):
                yield Line(placeholder="name, kind or state", id="search")
                yield Grid(self.ledger, id="grid")
        yield Gantt(self.ledger, id="gantt")
        yield Log(self.ledger, id="log")
        with Vertical(id="foot"):
            yield Static("", id="outcome", markup=False)
            with Horizontal(id="offers"):
                yield Push("Verify ›", id="verify", classes="primary")
                yield Push("Home", id="home")
                yield Push("See it ›", id="other", classes="primary")
                yield Push("Try again", id="retry", classes="primary")
                yield Push("", id="edit")
                yield Push("Remove what is there…", id="remove")
                yield Push("Review", id="review")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self._offer()
        self._show_view()
        self.head("… starting")
        self.query_one(Grid).focus()
        self.begin()

    @property
    def name_of_deployment(self) -> str:
        return self._named or (self.run.name if self.run else "") or str(self.wizard.answers.get("name") or "")

    # Starting and attaching

    @work(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Follow the run that is there, or start it where Create was pressed."""
        try:
            run = self._given or (await self._started() if self._start else self._latest())
        except WizardError as error:
            self._refused(error)
            return
        if run is None:
            self.head("Nothing was deployed")
            words = f"There is no deployment of {self.name_of_deployment or 'that name'} to follow."
            self.say(told(words, "", "Review creates one.", sign="○", tone="quiet"))
            self._offer("review")
            return
        if self.stands:
            self._attach_to(run)

    async def _started(self) -> Follows:
        answers = self.wizard.answers
        request: dict[str, Any] = {"plan": answers.plan_values()}
        if subscription := answers.get("wizard.subscription"):
            request["subscription"] = subscription
        if self.run is not None and (before := getattr(self.run, "request", None)):
            request = dict(before)  # trying again what was attached to, whose plan need not be the answers'
        secrets: dict[str, Any] = {}
        if self._answer("machines.auth") == "password" and (password := await self._password()):
            secrets["password"] = password
        return await self.start_run("deploy", request, secrets, cloud=answers.get("cloud"))

    async def _password(self) -> str:
        """The VMs' first password; asked for where it was answered in a wizard that is closed."""
        from screens.dialogs import PasswordScreen

        known = self.wizard.answers.secret(PASSWORD)
        if known is not None or self.run is None:
            return known.get_secret_value() if known is not None else ""
        text = "VMs that are still to be created need the one they were to have. It is kept nowhere."
        dialog = PasswordScreen("The VMs' password", text, "Go on with it", "Go on without")
        typed = await self.app.push_screen_wait(dialog)
        if typed is None:
            raise InputError("Nothing was started.", "", "Try again when you have the password.")
        return typed

    def _latest(self) -> Follows | None:
        from wizard import runs

        found = runs.history(self.name_of_deployment) if self.name_of_deployment else []
        return next((run for run in found if run.kind == "deploy"), None)

    def _attach_to(self, run: Follows) -> None:
        self.ledger = Ledger()
        self.result = None
        self._removing = run.kind == "destroy"
        request = getattr(run, "request", None) or {}
        if request.get("plan"):
            self._plan = dotted(request["plan"])
        self.say("")
        self._offer()
        self.follow(run)
        self.refresh_bindings()
        self.draw()

    def _refused(self, error: WizardError) -> None:
        self.over = True
        self.head("✗ Not started")
        self.say(elsewhere.refused(error))
        other = elsewhere.holder(error)
        self._other = elsewhere.screen_of(other.kind) if other is not None else ""
        self._offer(*(["other"] if other is not None else []), "retry", "review")

    # Drawing

    def taken(self, events: Sequence[Event]) -> None:
        self.ledger.feed(events)

    def draw(self) -> None:
        """Draw what the ledger holds: only what is seen, and of that only what changed."""
        if self.run is None or not self.stands:
            return
        self._draw_head()
        if self.view == "overview":
            address = str((self.ledger.deployed or {}).get("http", "")).removeprefix("http://").rpartition(":")[0]
            self.query_one(Picture).show(self._answer, self.ledger.states(), address=address)
        if self.view in ("overview", "resources"):
            self.query_one(Grid).show(self.ledger)
        if self.view in ("overview", "timeline"):
            gantt = self.query_one(Gantt)
            gantt.everything = self.view == "timeline"
            gantt.show(self.ledger)
        if self.view == "log" or self.has_class("-spacious"):
            self.query_one(Log).show(self.ledger)
        if not self.over:
            self.say(self._going_on())

    def _draw_head(self) -> None:
        ledger, now = self.ledger, self.ledger.now()
        ready, total = ledger.count(), len(ledger.rows)
        time = clock(now)
        if not self.over and not self._removing and (about := ledger.about()) and about > now:
            time += f" of about {clock(about + 0.5)}"
        count = f"{ready} / {total}" if total else ""
        self.head(self._title(), Content.assemble((f"{time}   ", ""), (count, "bold")))

    def _title(self) -> Content:
        name = self.name_of_deployment
        if not self.over:
            return Content(f"{'Removing' if self._removing else 'Deploying'} {name}")
        state = self.result.state if self.result else "lost"
        if state == "done":
            return Content.assemble(("✓ ", "$text-success"), f"{name} is {'gone' if self._removing else 'deployed'}")
        word = {"cancelled": "stopped", "lost": "lost"}.get(state, "failed")
        return Content.assemble(("✗ ", "$text-error"), f"{name}: {word}")

    def _going_on(self) -> Content:
        if self._remove_after:
            return Content.styled("… stopping; then everything is removed", "$text-accent")
        return outcomes.going_on(self.ledger)

    def _answer(self, key: str) -> Any:
        return (self._plan or {}).get(key, self.wizard.answers.get(key))

    # The end

    def run_ended(self, ended: Ended | None) -> None:
        self.result = ended
        if self._remove_after and not self._removing:
            self._remove_after = False
            self._destroy()
            return
        self.say(self._outcome())
        self._offer(*self._ways_on())
        self.refresh_bindings()

    def _outcome(self) -> Content:
        if self._removing and self.result is not None and self.result.state == "done":
            return told(f"Nothing of {self.name_of_deployment} is left.", sign="✓", tone="good")
        by_password = self._answer("machines.auth") == "password"
        return outcomes.outcome(self.ledger, self.result, by_password=by_password)

    def _ways_on(self) -> list[str]:
        done = self.result is not None and self.result.state == "done"
        if self._removing:
            return ["review"] if done else ["remove", "home"]
        if done:
            return ["verify", "home"]
        ways = ["retry"]
        if step := self._blamed():
            self.query_one("#edit", Push).update(f"Change: {step.title}")
            ways.append("edit")
        return [*ways, "remove"] if self.ledger.rows else [*ways, "review"]

    def _blamed(self) -> flow.Entry | None:
        if self.result is None or self.result.state in ("cancelled", "lost", "done"):
            return None
        return faults.step_of(self._blamed_key())

    def _blamed_key(self) -> str:
        problems = [*self.ledger.problems, *(self.result.problems if self.result else ())]
        return faults.key_of(problems, self.ledger.failed())

    def _offer(self, *ways: str) -> None:
        """Show the buttons of these ways on; the first gets the focus."""
        if not self.stands:
            return
        for push in self.query("#offers Push"):
            push.display = push.id in ways
        self.query_one("#offers").display = bool(ways)
        if ways and self.is_current:
            self.query_one(f"#{ways[0]}").focus()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that can do nothing now are not shown."""
        going = self.run is not None and not self.over
        shown = {
            "stop": going and not self._removing,
            "retry": self.over and self.query_one("#retry").display,
            "edit": self.over and self.query_one("#edit").display,
            "next": self.over and self.query_one("#verify").display,
            "home": self.over and self.run is not None,
        }
        return shown.get(action, True)

    def on_push_pressed(self, event: Push.Pressed) -> None:
        actions: dict[str, Callable[[], object]] = {
            "verify": self.action_next,
            "home": self.action_home,
            "other": self.action_other,
            "retry": self.action_retry,
            "edit": self.action_edit,
            "remove": self.action_remove,
            "review": partial(self.wizard.go, "review"),
        }
        actions[event.push.id or "review"]()

    def action_view(self) -> None:
        """The next view."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self._show_view()

    def _show_view(self) -> None:
        for view in VIEWS:
            self.set_class(view == self.view, f"-{view}")
        target = {"overview": "#grid", "resources": "#grid", "timeline": "#gantt", "log": "#log"}[self.view]
        if not self.over:
            self.query_one(target).focus()
        self.call_after_refresh(self.draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def action_search(self) -> None:
        if self.view not in ("overview", "resources"):
            self.view = "resources"
            self._show_view()
        self.add_class("-searching")
        self.query_one("#search", Line).focus()

    @on(Input.Changed, "#search")
    def _searched(self, event: Input.Changed) -> None:
        grid = self.query_one(Grid)
        grid.filter = event.value
        grid.show()

    @on(Input.Submitted, "#search")
    def _found(self) -> None:
        self.query_one(Grid).focus()

    def action_clear(self) -> None:
        self.query_one("#search", Line).value = ""
        self.remove_class("-searching")
        self.query_one(Grid).focus()

    def on_grid_chosen(self, event: Grid.Chosen) -> None:
        from screens.dialogs import AboutScreen

        title = f"{event.row.kind} {event.row.name}"
        self.app.push_screen(AboutScreen(title, outcomes.about(event.row, self.ledger)))

    def action_stop(self) -> None:
        """Ask how to stop; the deployment goes on until that is answered."""
        from screens.dialogs import ChoiceScreen

        ways = (
            ("go-on", "Go on deploying", "Nothing changes."),
            (
                "keep",
                "Stop, and keep what is there",
                "What Azure is writing now it still finishes. Create goes on later.",
            ),
            (
                "remove",
                "Stop, and remove everything",
                f"Deletes what this deployment has created so far{self._lock()}.",
            ),
        )
        self.app.push_screen(
            ChoiceScreen("Stop the deployment?", f"{self.ledger.count()} resources are there.", ways), self._stop
        )

    def _stop(self, way: str | None) -> None:
        if way not in ("keep", "remove"):
            return
        self._remove_after = way == "remove"
        if self.over or self.run is None:
            if self._remove_after:
                self._remove_after = False
                self._destroy()
            return
        self._cancel(self.run)

    @work(group="cancel")
    async def _cancel(self, run: Follows) -> None:
        await run.cancel()

    def action_remove(self) -> None:
        from screens.dialogs import ChoiceScreen

        ways = (
            ("leave", "Leave all as it is", "Nothing changes."),
            ("remove", "Remove everything", f"Deletes all that {self.name_of_deployment} has created{self._lock()}."),
        )
        self.app.push_screen(ChoiceScreen("Remove what is there?", "", ways), self._stop)

    @work(exclusive=True, group="begin")
    async def _destroy(self) -> None:
        try:
            request = {"remove_lock": True} if self._locked else {}
            self._attach_to(await self.start_run("destroy", request, cloud=self._answer("cloud")))
        except WizardError as error:
            self._refused(error)

    @property
    def _locked(self) -> bool:
        """Whether the plan asked for a lock, which this may have put there."""
        return bool(self._answer("management.lock") == "delete")

    def _lock(self) -> str:
        return ", and its lock first" if self._locked else ""

    def action_retry(self) -> None:
        """Start again: the engine goes on from what is there."""
        if self.over:
            self._start, self._given, self.over = True, None, False
            self._offer()
            self.head("… starting")
            self.say("")
            self.begin()

    def action_edit(self) -> None:
        """The step whose answer caused the error, at its field."""
        if step := self._blamed():
            self.wizard.progress.focus[step.id] = self._blamed_key()
            self.wizard.go(step.id)

    def action_next(self) -> None:
        if self.query_one("#verify").display:
            self.wizard.go("verify", name=self.name_of_deployment)

    def action_home(self) -> None:
        self.wizard.go("home", name=self.name_of_deployment)

    def action_other(self) -> None:
        """Follow what is at work on it."""
        self.wizard.go(self._other, name=self.name_of_deployment)

    def action_back(self) -> None:
        if self.run is not None and not self.over:
            self.notify(f"{self.name_of_deployment} goes on by itself. Start and the palette lead back to it.")
        self.wizard.go("review" if flow.present("review") else "start")


STEP = DeployingStep
