"""Reset credentials: which VMs, which mode, the new credential, and the proof for each VM as it comes.

    wizard.go("reset", name="rg")

The passwords stay in their fields and among the wizard's secrets (so that a crash report can look for them), go to the
run over its pipe, and are forgotten when the screen is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from screens.live import Event, Follows, Live, dotted, start, told
from screens.reset_help import HELP
from screens.step import plural
from screens.widgets.choice import Choice, RadioRow
from screens.widgets.control import Answered
from screens.widgets.field import Field
from screens.widgets.machines import Machine, Machines
from screens.widgets.password import rules_note
from screens.widgets.push import Push
from screens.widgets.signs import Sign, sign
from screens.widgets.text import SecretControl, TextControl
from wizard.errors import Problem, WizardError

if TYPE_CHECKING:
    from wizard.runs import Ended

NEW, AGAIN, OLD = "secret.reset_new", "secret.reset_again", "secret.reset_old"
MODE, USER, KEY = "mode", "user", "ssh_key"
STEPS = {"asking": "asking the VM", "before": "trying what works now", "resetting": "VMAccess at work"}


class ResetStep(Live):
    """The form and the progress of one reset."""

    step_id = "reset"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,ctrl+n", "update", "Update", key_display="F3", tooltip="Reset what is chosen", id="reset.update"),
        Binding("ctrl+g", "make", "Make one", tooltip="Make a password", id="reset.make", key_display="^G"),
        Binding("ctrl+l", "show", "Show", tooltip="Show what is typed, or hide it", id="reset.show", key_display="^L"),
        Binding(
            "ctrl+x",
            "stop",
            "Stop",
            tooltip="Stop; what VMAccess has begun it still ends",
            id="reset.stop",
            key_display="^X",
        ),
        Binding("f2,alt+left,escape", "home", "Home", key_display="F2", tooltip="Home", id="reset.home"),
        Binding("enter", "app.focus_next", "Next", tooltip="The next field", show=False, id="reset.enter"),
    ]

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._named = name
        self.plan: Mapping[str, Any] = {}
        self.results: list[Event] = []
        self.result: Ended | None = None
        self._asked = self._made = False

    # The frame

    def parts(self) -> Iterable[Widget]:
        yield Machines(id="machines")
        with VerticalScroll(id="form", can_focus=False):
            modes = RadioRow([Choice("password", "Reset password"), Choice("ssh-key", "Add SSH key")])
            yield Field(MODE, "Mode", modes, help=HELP[MODE])
            yield Field(USER, "User name", TextControl(placeholder="azureuser"), help=HELP[USER])
            yield Field(NEW, "Password", SecretControl(), help=HELP[NEW])
            yield Field(AGAIN, "Once more", SecretControl(), help=HELP[NEW])
            yield Field(OLD, "Old one", SecretControl(), help=HELP[OLD])
            yield Field(KEY, "Public key", TextControl(placeholder="ssh-ed25519 AAAA..."), help=HELP[KEY])
            yield Static("", id="warnings", markup=False)
        yield Static("", id="outcome", markup=False)
        with Horizontal(id="offers"):
            yield Push("Update ›", id="update", classes="primary", disabled=True)
            yield Push("Make a password ^G", id="make")
            yield Push("Show ^L", id="show")
            yield Push("Home", id="home")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self.head(f"Reset credentials · {self.name_of_deployment}")
        self.query_one(Machines).focus()
        self._arrange()
        self.begin()

    def on_unmount(self) -> None:
        for key in (NEW, AGAIN, OLD):
            self.wizard.answers.set_secret(key, "")

    @property
    def name_of_deployment(self) -> str:
        return self._named or str(self.wizard.answers.get("name") or "")

    @work(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Ask what is known of the VMs, and follow a reset that is under way."""
        from wizard import runs

        try:
            status = await self.wizard.desk.ask("status", name=self.name_of_deployment)
        except WizardError as error:
            self.say(told(error.what, error.why, error.remedy))
            return
        if not self.stands:
            return
        self.plan = dotted(status.get("plan") or {})
        self._control(USER).answer = str(self.plan.get("machines.admin_user") or "")
        self.query_one(Machines).show(machines(status.get("credentials") or {}))
        self._changed()
        last = runs.latest(self.name_of_deployment)
        if last is not None and last.alive and last.kind == "reset":
            self._begin_following(last)

    # Fields

    def _control(self, key: str) -> Any:
        return next(field for field in self.query(Field) if field.key == key).control

    def _field(self, key: str) -> Field:
        return next(field for field in self.query(Field) if field.key == key)

    @property
    def mode(self) -> str:
        return str(self._control(MODE).answer)

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        field = next(each for each in event.widget.ancestors if isinstance(each, Field))
        field.touched = True
        if field.key in (NEW, AGAIN, OLD):
            self._made = self._made and field.key == OLD
            self.wizard.answers.set_secret(field.key, str(field.control.answer))
        if field.key == MODE:
            self._arrange()
        self._changed()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    @on(Machines.Changed)
    def _changed(self) -> None:
        """The button, the rules and the warnings follow what is answered."""
        number = len(self.query_one(Machines).chosen())
        push = self.query_one("#update", Push)
        push.update(f"Update {plural(number, 'VM')} ›")
        push.disabled = number == 0 or self._going
        self._field(NEW).note = rules_note(str(self._control(NEW).answer))
        self.query_one("#warnings", Static).update("\n".join(f"! {text}" for text in self.warnings()))
        self._show_problems()

    def _arrange(self) -> None:
        password = self.mode == "password"
        for key in (NEW, AGAIN, OLD):
            self._field(key).display = password
        self._field(KEY).display = not password
        for push in ("make", "show"):
            self.query_one(f"#{push}").display = password
        self.refresh_bindings()

    @property
    def _going(self) -> bool:
        return self.run is not None and not self.over

    def warnings(self) -> list[str]:
        """What changes beside the credential."""
        found = []
        chosen = self.query_one(Machines).chosen()
        admin = str(self.plan.get("machines.admin_user") or "")
        user = str(self._control(USER).answer)
        if self.mode == "password" and self.plan.get("machines.auth") == "ssh-key" and chosen:
            found.append("These VMs were made for SSH keys only: VMAccess turns password login on.")
        if user and admin and user != admin:
            found.append(f"{user} becomes a second user with sudo; {admin} keeps every login there is.")
        return found

    def problems(self) -> list[Problem]:
        """What stands in the way, by field."""
        from wizard.plan import rules
        from wizard.plan.model import OsType

        os = OsType.WINDOWS if self.plan.get("machines.os") == "windows" else OsType.LINUX
        found = [rules.admin_user(str(self._control(USER).answer), os, USER)]
        if self.mode == "ssh-key":
            found.append(rules.ssh_key(str(self._control(KEY).answer), KEY))
        else:
            new = str(self._control(NEW).answer)
            weak = rules.password(new, os, NEW)
            found.append(weak and Problem(NEW, weak.what, weak.why, "Choose another, or ^G makes one."))
            if not weak and new != self._control(AGAIN).answer:
                found.append(Problem(AGAIN, "The two are not the same.", "", "Type it again, or ^G makes one."))
            if not weak and new == self._control(OLD).answer:
                found.append(Problem(OLD, "The new password is the old one.", "", "Choose another."))
        return [problem for problem in found if problem is not None]

    def _show_problems(self) -> list[Problem]:
        found = self.problems()
        for field in self.query(Field):
            field.show([each for each in found if each.field == field.key] if field.touched or self._asked else [])
        return found

    # The reset

    def action_update(self) -> None:
        """Reset the chosen VMs, or go to the first problem."""
        if self._going:
            return
        self._asked = True
        problems = self._show_problems()
        if not self.query_one(Machines).chosen():
            self.say(told("No VM is chosen.", "", "Space chooses one, a all of them.", sign="!", tone="warn"))
            self.query_one(Machines).focus()
        elif problems:
            self._field(problems[0].field).enter()
        else:
            self._begin_reset()

    @work(exclusive=True, group="begin")
    async def _begin_reset(self) -> None:
        vms = self.query_one(Machines).chosen()
        request: dict[str, Any] = {"vms": vms, "mode": self.mode, "user": str(self._control(USER).answer)}
        secrets: dict[str, Any] = {}
        if self.mode == "password":
            secrets["password"] = str(self._control(NEW).answer)
            if old := str(self._control(OLD).answer):
                secrets["old_password"] = old
        else:
            request["ssh_key"] = str(self._control(KEY).answer)
        try:
            if handed := await self.wizard.desk.ask("handover"):
                secrets["sign_in"] = handed
            run = await start("reset", self.name_of_deployment, request, secrets)
        except WizardError as error:
            self.say(told(error.what, error.why, error.remedy))
            return
        self._begin_following(run)

    def _begin_following(self, run: Follows) -> None:
        if not self.stands:
            return
        self.results, self.result = [], None
        table = self.query_one(Machines)
        table.locked = True
        wanted = (getattr(run, "request", None) or {}).get("vms") or [each.name for each in table.machines]
        for each in table.machines:
            each.chosen = each.name in wanted
            each.sign, each.told = (Sign("○", "", "quiet"), "to come") if each.chosen else (None, "")
        table.show()
        self.query_one("#update", Push).disabled = True
        self.say("")
        self.follow(run)
        self.refresh_bindings()

    def taken(self, events: Sequence[Event]) -> None:
        table = self.query_one(Machines)
        for event in events:
            machine = table.machine(str(event.get("vm", "")))
            if event.get("event") == "step" and machine is not None:
                machine.sign, machine.told = sign("started"), str(event["detail"]) or STEPS.get(str(event["step"]), "")
            elif event.get("event") == "reset" and machine is not None:
                self.results.append(event)
                machine.sign, machine.told = sign(str(event["state"])), _proof(event)

    def draw(self) -> None:
        if not self.stands:
            return
        proved = sum(result["state"] == "proved" for result in self.results)
        right = f"{len(self.results)} of {len(self.query_one(Machines).chosen())}" if self.run else ""
        if self.run is not None and self.over:
            right = f"{proved} proved · {len(self.results) - proved} not" if self.results else ""
        self.head(f"Reset credentials · {self.name_of_deployment}", right)
        self.query_one(Machines).show()

    def run_ended(self, ended: Ended | None) -> None:
        self.result = ended
        table = self.query_one(Machines)
        table.locked = False
        if ended is not None and ended.state in ("failed", "lost", "cancelled"):
            what = "It was stopped." if ended.state == "cancelled" else ended.what
            self.say(told(what, ended.why, ended.remedy))
        else:
            self.say(_summary(self.results))
        # A password that was typed is known to whoever typed it; one that was made may not be written down yet.
        for key in (OLD,) if self._made else (NEW, AGAIN, OLD):
            if ended is not None and ended.state == "done" and ended.exit_status == 0:
                self._control(key).answer = ""
                self._field(key).touched = False
                self.wizard.answers.set_secret(key, "")
        self._asked = False
        for each in table.machines:
            each.chosen = each.chosen and not any(
                result["vm"] == each.name and result["state"] == "proved" for result in self.results
            )
        self._changed()
        self.refresh_bindings()
        self.query_one("#home").focus()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self._going
        if action in ("make", "show"):
            return not self._going and self.is_mounted and self.mode == "password"
        if action == "update":
            return not self._going
        return True

    def on_push_pressed(self, event: Push.Pressed) -> None:
        actions: dict[str, Callable[[], object]] = {
            "update": self.action_update,
            "make": self.action_make,
            "show": self.action_show,
        }
        actions.get(event.push.id or "", self.action_home)()

    @work(exclusive=True, group="password")
    async def action_make(self) -> None:
        """Make one password for all chosen VMs, and show it."""
        try:
            made = await self.wizard.desk.ask("generate_password", os=self.plan.get("machines.os") or "linux")
        except WizardError as error:
            self.wizard.notify(str(error), title="No password was made", severity="error")
            return
        for key in (NEW, AGAIN):
            self._control(key).answer = made["password"]
            self.wizard.answers.set_secret(key, made["password"])
        self._made = True
        self._reveal(True)
        self._changed()
        self.wizard.notify("Write it down now: it is kept nowhere.", title="Password made")

    def action_show(self) -> None:
        self._reveal(not self._control(NEW).shown)

    def _reveal(self, shown: bool) -> None:
        for key in (NEW, AGAIN, OLD):
            self._control(key).shown = shown
        self.query_one("#show", Push).update("Hide ^L" if shown else "Show ^L")

    def action_stop(self) -> None:
        if self.run is not None and self._going:
            self._cancel(self.run)

    @work(group="cancel")
    async def _cancel(self, run: Follows) -> None:
        await run.cancel()

    def action_home(self) -> None:
        self.wizard.go("home", name=self.name_of_deployment)

    def action_help(self) -> None:
        from screens.help import HelpScreen

        focused = self.focused.ancestors_with_self if self.focused else ()
        field = next((each for each in focused if isinstance(each, Field)), None)
        self.app.push_screen(HelpScreen(self, field))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        event.widget.scroll_visible(animate=False)


def machines(credentials: Mapping[str, Mapping[str, Any]]) -> list[Machine]:
    """The checklist from what the record says; VMs with their first password are chosen already."""
    found = []
    for vm in sorted(credentials, key=lambda name: (len(name), name)):
        entry = credentials[vm]
        password = entry.get("created_with") == "password"
        changed = entry.get("changed_at")
        if changed:
            fact = f"{entry.get('user')}: changed {str(changed)[:16].replace('T', ' ')}"
        elif password:
            fact = "created with password, never changed"
        else:
            fact = "key only; a password would turn password login on"
        urgent = password and not changed
        found.append(Machine(vm, fact, urgent, chosen=urgent))
    return found


def _proof(event: Event) -> str:
    """`new works · old refused`, and what else gets in."""
    parts = ["new works" if event["new_login"] else "new does not work"]
    if event["old_login_refused"] is not None:
        parts.append("old refused" if event["old_login_refused"] else "old not proved refused")
    if others := event.get("other_logins"):
        parts.append(f"still lets in {', '.join(others)}")
    if not event["new_login"] and event.get("detail"):
        parts.append(str(event["detail"]))
    return " · ".join(parts)


def _summary(results: Sequence[Event]) -> Content | str:
    failed = [result for result in results if result["state"] == "failed"]
    unproved = [result for result in results if result["state"] == "unproved"]
    if failed:
        first = failed[0]
        return told(f"{first['vm']}: {first.get('detail') or 'the reset failed'}", "", str(first.get("remedy") or ""))
    if unproved:
        first = unproved[0]
        return told(
            f"{plural(len(unproved), 'VM')} not proved: {first.get('detail') or ''}",
            "",
            str(first.get("remedy") or ""),
            sign="!",
            tone="warn",
        )
    return told(f"{plural(len(results), 'VM')}: new works, proved.", sign="✓", tone="good") if results else ""


STEP = ResetStep
