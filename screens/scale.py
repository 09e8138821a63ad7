"""Scale: how many VMs there are to be, what that would create or delete, and the run that does it.

wizard.go("scale", name="rg")       follows a scaling that is under way, else asks
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from screens import elsewhere, scale_told
from screens.asking import AGAIN, NEW, Asking
from screens.ledger import Ledger, clock
from screens.live import Event, Follows, dotted, told
from screens.scale_help import HELP
from screens.step import plural
from screens.widgets.doors import Doors, doors
from screens.widgets.field import Field
from screens.widgets.grid import Grid
from screens.widgets.lines import Lines, wrapped
from screens.widgets.password import rules_note
from screens.widgets.push import Push
from screens.widgets.text import NumberControl, SecretControl
from wizard.errors import Problem, WizardError

if TYPE_CHECKING:
    from wizard.runs import Ended

COUNT, DRAIN = "count", "drain"
MOST = 1000
"""Azure's own limits are lower for most placements, and its own to tell: they come with the outlook."""

LONGEST_DRAIN_S = 3600
DRAIN_S = 30
LOOK_AFTER_S = 0.4
"""Azure is asked when the number stands still."""


class ScaleStep(Asking):
    """The form, the outlook and the progress of one scaling."""

    step_id = "scale"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,ctrl+n", "scale", "Scale", key_display="F3", tooltip="Do what stands here", id="scale.scale"),
        Binding("c", "copy", "Copy", tooltip="Copy the line that is chosen", id="scale.copy"),
        Binding("ctrl+x", "stop", "Stop", tooltip="Stop; what was done is kept", id="scale.stop", key_display="^X"),
        Binding("f2,alt+left,escape", "home", "Home", key_display="F2", tooltip="Home", id="scale.home"),
    ]

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._named = name
        self.plan: Mapping[str, Any] = {}
        self.users: dict[str, str] = {}
        self.now = 0
        self.outlook: Mapping[str, Any] | None = None
        """What the number in the field would mean, once Azure has told."""
        self.ledger = Ledger()
        self.result: Ended | None = None
        self._timer: Timer | None = None

    # The frame

    def parts(self) -> Iterable[Widget]:
        with VerticalScroll(id="form", can_focus=False):
            yield Field(COUNT, "VMs", NumberControl(1, MOST), help=HELP[COUNT], note=" ")
            yield Field(DRAIN, "Drain", NumberControl(0, LONGEST_DRAIN_S), help=HELP[DRAIN], note="s, out of the pool")
            yield Field(NEW, "Password", SecretControl(), help=HELP[NEW])
            yield Field(AGAIN, "Once more", SecretControl(), help=HELP[AGAIN])
            yield Static("", id="summary", markup=False)
            yield Lines(most=100, id="intent")
        yield Grid(self.ledger, id="grid")
        yield Static("", id="outcome", markup=False)
        yield Doors(id="doors")
        with Horizontal(id="offers"):
            yield Push("Scale ›", id="scale", classes="primary", disabled=True)
            yield Push("Verify ›", id="verify", classes="primary")
            yield Push("Scale again", id="again")
            yield Push("Make a password ^G", id="make")
            yield Push("Show ^L", id="show")
            yield Push("Home", id="home")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self.head(f"Scale {self.name_of_deployment}")
        self.control(DRAIN).answer = DRAIN_S
        self._arrange()
        self.field(COUNT).enter()
        self.begin()

    @property
    def name_of_deployment(self) -> str:
        return self._named or str(self.wizard.answers.get("name") or "")

    @property
    def os(self) -> str:
        return str(self.plan.get("machines.os") or "linux")

    @work(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Follow a scaling that is under way; ask what is there."""
        from wizard import runs

        last = runs.latest(self.name_of_deployment) if self.name_of_deployment else None
        if last is not None and last.alive and last.kind == "scale":
            self._attach_to(last)
        try:
            status = await self.wizard.desk.ask("status", name=self.name_of_deployment)
        except WizardError as error:
            self.say(told(error.what, error.why, error.remedy))
            return
        if not self.stands:
            return
        self.plan = dotted(status.get("plan") or {})
        self.users = {vm: str(each.get("user")) for vm, each in (status.get("credentials") or {}).items()}
        self.now = int(self.plan.get("machines.count") or 0)
        if self.run is None:
            self.control(COUNT).answer = self.now
            self.changed()

    # What would be done

    @property
    def count(self) -> int:
        answer = self.control(COUNT).answer
        return answer if isinstance(answer, int) else 0

    def answered(self, key: str) -> None:
        if key == COUNT:
            self.outlook = None
            self.say("")

    def changed(self) -> None:
        if not self.stands:
            return
        if self.outlook is None and self.count and not self.going:
            self.query_one("#summary", Static).update(Content.styled("… asking Azure what that means", "$text-accent"))
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(LOOK_AFTER_S, self._look)
        self.field(NEW).note = rules_note(self.text(NEW), self.os == "windows")
        self._arrange()
        self.show_problems()

    @work(exclusive=True, group="outlook")
    async def _look(self) -> None:
        await self._looked()

    async def _looked(self) -> Mapping[str, Any] | None:
        """The outlook for the number that stands there; None when it cannot be had, which is then said."""
        count = self.count
        if self.outlook is not None and self.outlook["to"] == count:
            return self.outlook
        try:
            found: Mapping[str, Any] = await self.wizard.desk.ask(
                "scale_outlook", name=self.name_of_deployment, count=count
            )
        except WizardError as error:
            if self.stands and count == self.count:
                self.query_one("#summary", Static).update("")
                self.say(told(error.what, error.why, error.remedy))
            return None
        if not self.stands or count != self.count:
            return None
        self.outlook = found
        self._show_outlook(found)
        return found

    def _show_outlook(self, found: Mapping[str, Any]) -> None:
        self.now = int(found["from"])
        self.query_one("#summary", Static).update(Content("\n").join([scale_told.summary(found), Content("")]))
        self._show_costs(found)
        warned = [str(each["what"]) for each in found["problems"] if each.get("severity") == "warning"]

        def make(width: int) -> list[Content]:
            warnings = [line for text in warned for line in wrapped(text, width, "$text-warning", indent=2, head="!")]
            return [*warnings, *scale_told.lines(found)]

        self.query_one("#intent", Lines).show(make)
        self.say(scale_told.problem(found["problems"]))
        self._arrange()
        self.show_problems()

    @work(exclusive=True, group="costs")
    async def _show_costs(self, found: Mapping[str, Any]) -> None:
        """What the number would cost more or less, on the line that is left for it."""
        if not found["ready"] or found["complete"]:
            return
        try:
            before, after = [
                await self.wizard.desk.ask("cost", plan={**self.plan, "machines.count": count})
                for count in (int(found["from"]), int(found["to"]))
            ]
        except WizardError:
            return  # a help, and no condition
        if self.stands and self.outlook is found:
            summary = Content("\n").join([scale_told.summary(found), scale_told.costs(before, after)])
            self.query_one("#summary", Static).update(summary)

    def _arrange(self) -> None:
        """Show the fields and buttons that go with the number."""
        if not self.stands:
            return
        form = self.run is None
        self.query_one("#form").display = form
        self.query_one("#grid").display = not form
        self.query_one("#doors").display = self.ledger.scaled is not None
        more, fewer = self._more(), self._fewer()
        self.field(DRAIN).display = fewer
        for key in (NEW, AGAIN):
            self.field(key).display = more and self.plan.get("machines.auth") == "password"
        self.field(COUNT).note = f"{plural(self.now, 'VM')} now" if self.now else ""
        push = self.query_one("#scale", Push)
        push.update(f"Scale to {plural(self.count, 'VM')} ›")
        done = bool(self.outlook and (self.outlook["complete"] or not self.outlook["ready"]))
        push.disabled = not self.count or done or self.going
        ended = not form and self.over
        shown = {
            "scale": form,
            "make": form and self.asks_for_password,
            "show": form and self.asks_for_password,
            "verify": ended and self.ledger.scaled is not None,
            "again": ended,
            "home": True,
        }
        for push_id, displayed in shown.items():
            self.query_one(f"#{push_id}").display = displayed
        self.refresh_bindings()

    def _more(self) -> bool:
        """Whether VMs are created."""
        if self.outlook is not None and self.outlook["ready"]:
            return bool(self.outlook["needs_password"] or self.outlook["new_vms"])
        return bool(self.now) and self.count > self.now

    def _fewer(self) -> bool:
        if self.outlook is not None and self.outlook["ready"]:
            return bool(self.outlook["leaving_vms"])
        return bool(self.now) and self.count < self.now

    def problems(self) -> list[Problem]:
        found = []
        if not 1 <= self.count <= MOST:
            found.append(Problem(COUNT, f"A number from 1 to {MOST} is needed here."))
        drain = self.control(DRAIN).answer
        if self._fewer() and not (isinstance(drain, int) and drain <= LONGEST_DRAIN_S):
            found.append(Problem(DRAIN, f"A drain takes 0 to {LONGEST_DRAIN_S} seconds."))
        if self.asks_for_password:
            found += self.password_problems()
        return found

    # The scaling

    def action_scale(self) -> None:
        """Do it, or go to the first problem."""
        if self.run is not None:
            return
        if (field := self.first_problem()) is not None:
            field.enter()
        else:
            self._consent()

    @work(exclusive=True, group="begin")
    async def _consent(self) -> None:
        found = await self._looked()
        if found is None or not self.stands or not self.is_current:
            return
        if not found["ready"] or found["complete"]:
            self.field(COUNT).enter()
        elif (field := self.first_problem()) is not None:  # a password may be asked for only now
            field.enter()
        elif found["leaving_vms"]:
            self._ask_for_name(found)
        else:
            await self._begin()

    def _ask_for_name(self, found: Mapping[str, Any]) -> None:
        from screens.dialogs import TypedScreen

        leaving = found["leaving_vms"]
        what = "It goes with its disks." if len(leaving) == 1 else "They go with their disks."
        text = f"{what} There is no way back.\n{scale_told.names(leaving, 8)}"
        name, label = self.name_of_deployment, f"Delete {plural(len(leaving), 'VM')}"
        self.app.push_screen(TypedScreen(f"Scale in to {plural(self.count, 'VM')}?", text, name, label), self._sure)

    def _sure(self, sure: bool | None) -> None:
        if sure:
            self._begin_now()

    @work(exclusive=True, group="begin")
    async def _begin_now(self) -> None:
        await self._begin()

    async def _begin(self) -> None:
        request: dict[str, Any] = {"count": self.count}
        if self._fewer():
            request["drain_s"] = self.control(DRAIN).answer
        secrets: dict[str, Any] = {"password": self.text(NEW)} if self.asks_for_password else {}
        try:
            run = await self.start_run("scale", request, secrets)
        except WizardError as error:
            self.say(elsewhere.refused(error))
            return
        self._attach_to(run)

    def _attach_to(self, run: Follows) -> None:
        if not self.stands:
            return
        self.ledger, self.result = Ledger(), None
        wanted = (getattr(run, "request", None) or {}).get("count")
        if wanted:
            self.control(COUNT).answer = int(wanted)
        self.say("")
        self.follow(run)
        self._arrange()
        self.query_one(Grid).focus()
        self.draw()

    def taken(self, events: Sequence[Event]) -> None:
        self.ledger.feed(events)

    def draw(self) -> None:
        if not self.stands or self.run is None:
            return
        ledger, name = self.ledger, self.name_of_deployment
        count = f"{clock(ledger.now())}   {ledger.count()} / {len(ledger.rows)}" if ledger.rows else ""
        if not self.over:
            self.head(f"Scaling {name} to {plural(self.count, 'VM')}", count)
            self.say(scale_told.going_on(ledger))
        elif ledger.scaled is not None:
            self.head(Content.assemble(("✓ ", "$text-success"), f"{name} has {plural(self.count, 'VM')}"), count)
        else:
            self.head(Content.assemble(("✗ ", "$text-error"), f"{name} was not scaled to {self.count}"), count)
        self.query_one(Grid).show(ledger)

    def run_ended(self, ended: Ended | None) -> None:
        self.result = ended
        by_password = self.plan.get("machines.auth") == "password"
        self.say(scale_told.outcome(self.ledger, ended, by_password=by_password))
        if (done := self.ledger.scaled) is not None:
            self.now = int(done["to"])
            if not self.made:
                self.forget(NEW, AGAIN)
            users = {vm: self.users.get(vm) or str(self.plan.get("machines.admin_user")) for vm in done["ssh"]}
            self.query_one(Doors).show(doors(done["http"], done["ssh"], done["rdp"], users))
        self.asked = False
        self._arrange()
        self.query_one("#verify" if self.ledger.scaled is not None else "#again").focus()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        shown = {
            "stop": self.going,
            "scale": self.run is None,
            "copy": self.ledger.scaled is not None,
            "make": self.is_mounted and self.run is None and self.asks_for_password,
            "show": self.is_mounted and self.run is None and self.asks_for_password,
        }
        return shown.get(action, True)

    def on_push_pressed(self, event: Push.Pressed) -> None:
        actions: dict[str, Callable[[], object]] = {
            "scale": self.action_scale,
            "again": self.action_again,
            "verify": self.action_verify,
            "make": self.action_make,
            "show": self.action_show,
        }
        actions.get(event.push.id or "", self.action_home)()

    def action_again(self) -> None:
        """Back to the form: what is there is looked at anew."""
        self.run, self.over, self.outlook, self.ledger = None, False, None, Ledger()
        self.remove_class("-over")
        self.head(f"Scale {self.name_of_deployment}")
        self.say("")
        self.changed()
        self.field(COUNT).enter()

    def action_verify(self) -> None:
        self.wizard.go("verify", name=self.name_of_deployment)

    def action_home(self) -> None:
        if self.going:
            self.notify("The scaling goes on by itself. Home leads back to it.")
        self.wizard.go("home", name=self.name_of_deployment)

    def action_copy(self) -> None:
        if door := self.query_one(Doors).chosen():
            self.wizard.copy(door[1], f"“{door[1]}”")

    def action_stop(self) -> None:
        if self.run is not None and self.going:
            self._cancel(self.run)

    @work(group="cancel")
    async def _cancel(self, run: Follows) -> None:
        await run.cancel()


STEP = ScaleStep
