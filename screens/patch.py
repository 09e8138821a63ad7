"""Patch: what is due on each VM, which of it is installed and how, and the run that does it domain by domain.

wizard.go("patch", name="rg")       follows a patching that is under way, else asks
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens import elsewhere, patch_told
from screens.asking import Asking
from screens.ledger import clock
from screens.live import Event, Follows, dotted, told
from screens.patch_help import HELP
from screens.patch_told import Course
from screens.step import plural
from screens.widgets.choice import Choice, RadioRow, SwitchControl
from screens.widgets.field import Field
from screens.widgets.patches import Patches
from screens.widgets.push import Push
from screens.widgets.text import NumberControl
from wizard.errors import Problem, WizardError
from wizard.plan import patching

if TYPE_CHECKING:
    from wizard.runs import Ended

UPDATES, REBOOT, MINUTES, DRAIN, SHARE, LOAD = "updates", "reboot", "minutes", "drain", "share", "load"
DRAIN_S = 30
LONGEST_DRAIN_S = 3600
RATE = 100.0
"""Requests a second, as a drill sends."""

CLASSES = (
    Choice("critical", "critical", "the critical ones alone"),
    Choice("security", "security", "and the critical ones"),
    Choice("all", "all", "every class that Azure knows"),
)
RESTARTS = (
    Choice("if-required", "if required", "where an update asks for it"),
    Choice("never", "never", "what asks for it stays pending"),
    Choice("always", "always", "every VM that is patched"),
)


class PatchStep(Asking):
    """The form, what is due, and the progress of one patching."""

    step_id = "patch"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,ctrl+n", "forward", "On", key_display="F3", tooltip="Ask what is due, then install", id="patch.on"),
        Binding("ctrl+r", "assess", "Ask again", key_display="^R", tooltip="What is due now", id="patch.assess"),
        Binding("ctrl+x", "stop", "Stop", tooltip="Stop; every VM goes back into rotation", id="patch.stop",
                key_display="^X"),
        Binding("f2,alt+left,escape", "home", "Home", key_display="F2", tooltip="Home", id="patch.home"),
    ]  # fmt: skip

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._named = name
        self.plan: Mapping[str, Any] = {}
        self.course = Course()
        self.assessing = False
        """Whether the run that is followed only asks what is due."""
        self.result: Ended | None = None

    # The frame

    def parts(self) -> Iterable[Widget]:
        with VerticalScroll(id="form", can_focus=False):
            yield Field(UPDATES, "Updates", RadioRow(CLASSES), help=HELP[UPDATES])
            yield Field(REBOOT, "Restart", RadioRow(RESTARTS), help=HELP[REBOOT])
            least, most = patching.LEAST_MINUTES, patching.MOST_MINUTES
            yield Field(MINUTES, "At most", NumberControl(least, most), help=HELP[MINUTES], note="minutes on each VM")
            yield Field(DRAIN, "Drain", NumberControl(0, LONGEST_DRAIN_S), help=HELP[DRAIN], note="s, out of rotation")
            yield Field(SHARE, "At a time", NumberControl(0, 50), help=HELP[SHARE], note="% of the machines; 0: one")
            yield Field(LOAD, "Under load", SwitchControl("yes: count what fails", "no"), help=HELP[LOAD])
            yield Static("", id="summary", markup=False)
        yield Patches(id="patches")
        yield Static("", id="outcome", markup=False)
        with Horizontal(id="offers"):
            yield Push("Ask what is due ›", id="assess", classes="primary")
            yield Push("Patch ›", id="patch", classes="primary")
            yield Push("Verify ›", id="verify", classes="primary")
            yield Push("Patch again", id="again")
            yield Push("Home", id="home")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self.head(f"Patch {self.name_of_deployment}")
        self.control(UPDATES).answer = str(patching.UPDATES)
        self.control(REBOOT).answer = str(patching.REBOOT)
        self.control(MINUTES).answer = patching.MINUTES
        self.control(DRAIN).answer = DRAIN_S
        self.control(SHARE).answer = 0
        self.changed()
        self.field(UPDATES).enter()
        self.begin()

    @property
    def name_of_deployment(self) -> str:
        return self._named or str(self.wizard.answers.get("name") or "")

    @work(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Follow a patching that is under way, and learn how the VMs are placed."""
        from wizard import runs

        last = runs.latest(self.name_of_deployment) if self.name_of_deployment else None
        if last is not None and last.alive and last.kind == "patch":
            self._attach_to(last)
        try:
            status = await self.wizard.desk.ask("status", name=self.name_of_deployment)
        except WizardError as error:
            self.say(told(error.what, error.why, error.remedy))
            return
        if self.stands:
            self.plan = dotted(status.get("plan") or {})
            self.changed()

    # What is asked

    @property
    def updates(self) -> str:
        return self.text(UPDATES) or str(patching.UPDATES)

    @property
    def reboot(self) -> str:
        return self.text(REBOOT) or str(patching.REBOOT)

    def problems(self) -> list[Problem]:
        minutes, drain = self.control(MINUTES).answer, self.control(DRAIN).answer
        found = []
        if isinstance(minutes, int) and (problem := patching.minutes(minutes)) is not None:
            found.append(Problem(MINUTES, problem.what, problem.why, problem.remedy))
        if isinstance(drain, int) and drain > LONGEST_DRAIN_S:
            found.append(Problem(DRAIN, f"A drain takes 0 to {LONGEST_DRAIN_S} seconds."))
        share = self.control(SHARE).answer
        if isinstance(share, int) and (problem := patching.share(share)) is not None:
            found.append(Problem(SHARE, problem.what, problem.why, problem.remedy))
        return found

    def changed(self) -> None:
        if not self.stands:
            return
        self._arrange()
        self.show_problems()

    def _arrange(self) -> None:
        """Show what goes with where it stands: asked, assessed, under way, over."""
        form = self.run is None or self.assessing
        self.query_one("#form").display = form
        self.field(SHARE).display = self.plan.get("machines.placement") == "scale-set"
        self.query_one("#summary", Static).update(patch_told.summary(self.course, self.updates, self.reboot))
        self.query_one(Patches).show(self.course, self.updates, self.reboot)
        rows = self.course.concerned(self.updates, self.reboot)
        push = self.query_one("#patch", Push)
        push.update(f"Patch {plural(len(rows), 'VM')} ›")
        push.disabled = not self._ready or self.going
        self.query_one("#assess", Push).disabled = self.going
        over = not form and self.over
        shown = {
            "assess": form and not self._ready,
            "patch": form and self._ready,
            "verify": over and self.course.done is not None,
            "again": over,
            "home": True,
        }
        for push_id, displayed in shown.items():
            self.query_one(f"#{push_id}").display = displayed
        self.refresh_bindings()

    @property
    def _ready(self) -> bool:
        """Whether it is known what is due, and something is."""
        course = self.course
        known = course.assessed and not any(row.why for row in course.rows.values())
        return known and bool(course.concerned(self.updates, self.reboot))

    # The runs

    def action_forward(self) -> None:
        """Ask what is due; when that is known, install it; or go to the first problem."""
        if self.going or not (self.run is None or self.assessing):
            return
        if (field := self.first_problem()) is not None:
            field.enter()
        elif self._ready:
            self._consent()
        else:
            self.action_assess()

    def action_assess(self) -> None:
        self._begin_run(assess=True)

    @work(exclusive=True, group="consent")
    async def _consent(self) -> None:
        from screens.dialogs import ChoiceScreen

        title, text, label = patch_told.question(self.course, self.updates, self.reboot)
        ways = (
            ("leave", "Leave all as it is", "Nothing is installed."),
            ("patch", label, "A VM that fails stops it before the next domain."),
        )
        if await self.app.push_screen_wait(ChoiceScreen(title, text, ways)) == "patch":
            self._begin_run(assess=False)

    @work(exclusive=True, group="begin")
    async def _begin_run(self, *, assess: bool) -> None:
        request: dict[str, Any] = {"classification": self.updates, "reboot": self.reboot}
        if assess:
            request["assess"] = True
        else:
            request |= {"minutes": self.control(MINUTES).answer, "drain_s": self.control(DRAIN).answer}
            request |= {"share": self.control(SHARE).answer} if self.field(SHARE).display else {}
            request |= {"rate": RATE} if self.control(LOAD).answer else {}
        try:
            run = await self.start_run("patch", request)
        except WizardError as error:
            self.say(elsewhere.refused(error))
            return
        self._attach_to(run)

    def _attach_to(self, run: Follows) -> None:
        if not self.stands:
            return
        asked = getattr(run, "request", None) or {}
        self.assessing = bool(asked.get("assess"))
        for key, name in ((UPDATES, "classification"), (REBOOT, "reboot")):
            if asked.get(name):
                self.control(key).answer = str(asked[name])
        known = {} if self.assessing else self.course.rows  # looked at anew; until then what was seen stands
        self.course, self.result = Course(dict(known)), None
        self.say("")
        self.follow(run)
        self._arrange()
        if not self.assessing:
            self.query_one(Patches).focus()
        self.draw()

    def taken(self, events: Sequence[Event]) -> None:
        self.course.feed(events)

    def draw(self) -> None:
        if not self.stands or self.run is None:
            return
        name, course = self.name_of_deployment, self.course
        done = sum(row.state == "done" for row in course.rows.values())
        wanted = len([row for row in course.rows.values() if row.state not in ("", "current")])
        count = f"{clock(course.at)}   {done} / {wanted}" if wanted else ""
        if not self.over:
            self.head(f"{'Looking at' if self.assessing else 'Patching'} {name}", count)
            self.say(patch_told.going_on(course, assessing=self.assessing))
        elif self.assessing:
            self.head(f"Patch {name}")
        elif course.done is not None:
            self.head(Content.assemble(("✓ ", "$text-success"), f"{name} is patched"), count)
        else:
            self.head(Content.assemble(("✗ ", "$text-error"), f"{name} is not patched"), count)
        self.query_one(Patches).show(course, self.updates, self.reboot)

    def run_ended(self, ended: Ended | None) -> None:
        self.result = ended
        self.say(patch_told.outcome(self.course, ended, assessing=self.assessing))
        self.asked = False
        self._arrange()
        if not self.assessing:
            self.query_one("#verify" if self.course.done is not None else "#again").focus()
        elif self._ready:
            self.query_one("#patch").focus()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        form = self.run is None or (self.assessing and not self.going)
        shown = {
            "stop": self.going,
            "forward": form,
            "assess": form and self.course.assessed,
            "make": False,
            "show": False,
        }
        return shown.get(action, True)

    def on_push_pressed(self, event: Push.Pressed) -> None:
        actions: dict[str, Callable[[], object]] = {
            "assess": self.action_forward,
            "patch": self.action_forward,
            "again": self.action_again,
            "verify": self.action_verify,
        }
        actions.get(event.push.id or "", self.action_home)()

    def action_again(self) -> None:
        """Back to the form: what is due is asked anew."""
        self.run, self.over, self.assessing, self.course = None, False, False, Course()
        self.remove_class("-over")
        self.head(f"Patch {self.name_of_deployment}")
        self.say("")
        self.changed()
        self.field(UPDATES).enter()

    def action_verify(self) -> None:
        self.wizard.go("verify", name=self.name_of_deployment)

    def action_home(self) -> None:
        if self.going and not self.assessing:
            self.notify("The patching goes on by itself. Home leads back to it.")
        self.wizard.go("home", name=self.name_of_deployment)

    def on_patches_chosen(self, event: Patches.Chosen) -> None:
        from screens.dialogs import AboutScreen

        lines = [
            Content.assemble(
                (f"{each['name']} ", "bold"),
                f"{each['version']}  {', '.join(each['classes'])}",
                ("  restarts" if each["reboot"] == "AlwaysRequiresReboot" else "", "$text-warning"),
            )
            for each in event.row.patches
        ]
        if event.row.ended and event.row.ended["why"]:
            lines += [Content.styled(str(event.row.ended[key]), "$text-error") for key in ("why", "remedy")]
        self.app.push_screen(AboutScreen(event.row.vm, Content("\n").join(lines or [Content("Nothing is missing.")])))

    def action_stop(self) -> None:
        if self.run is not None and self.going:
            self._cancel(self.run)

    @work(group="cancel")
    async def _cancel(self, run: Follows) -> None:
        await run.cancel()


STEP = PatchStep
