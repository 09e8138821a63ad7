"""Reset credentials: which VMs, which mode, the new credential, and the proof for each VM as it comes.

wizard.go("reset", name="rg")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from screens import elsewhere, reset_form, reset_told
from screens.asking import AGAIN, NEW, Asking
from screens.live import Event, Follows, dotted, told
from screens.reset_form import (
    IDENTITY,
    KEY,
    LEAVER,
    MODE,
    OLD,
    PASSWORD,
    PRESENT,
    REMOVE,
    REPLACE,
    SSH_KEY,
    STAYS,
    USER,
)
from screens.reset_told import machines
from screens.step import plural
from screens.widgets.choice import Choice
from screens.widgets.field import Field
from screens.widgets.machines import Machines
from screens.widgets.password import rules_note
from screens.widgets.push import Push
from screens.widgets.signs import Sign, sign
from wizard.errors import Problem, WizardError

if TYPE_CHECKING:
    from wizard.runs import Ended

STEPS = {"asking": "asking the VM", "before": "trying what works now", "resetting": "VMAccess at work"}


class ResetStep(Asking):
    """The form and the progress of one reset."""

    step_id = "reset"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,ctrl+n", "update", "Update", key_display="F3", tooltip="Reset what is chosen", id="reset.update"),
        Binding("p", "proof", "Proof", tooltip="All about the VM under the cursor", id="reset.proof"),
        Binding(
            "ctrl+x",
            "stop",
            "Stop",
            tooltip="Stop; what VMAccess has begun it still ends",
            id="reset.stop",
            key_display="^X",
        ),
        Binding("f2,alt+left,escape", "home", "Home", key_display="F2", tooltip="Home", id="reset.home"),
    ]

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._named = name
        self.plan: Mapping[str, Any] = {}
        self.results: list[Event] = []
        self.result: Ended | None = None
        self.warnings: list[str] = []
        self.former = ""
        """Who may be removed now that somebody else was given a login."""
        self._users: Mapping[str, Sequence[str]] = {}
        self._private: dict[str, str] = {}

    # The frame

    def parts(self) -> Iterable[Widget]:
        yield Machines(id="machines")
        with VerticalScroll(id="form", can_focus=False):
            yield from reset_form.fields(self._load_keys)
        yield Static("", id="warnings", markup=False)
        yield Static("", id="outcome", markup=False)
        with Horizontal(id="offers"):
            yield Push("Update ›", id="update", classes="primary", disabled=True)
            yield Push("", id="remove")
            yield Push("Make a password ^G", id="make")
            yield Push("Show ^L", id="show")
            yield Push("Home", id="home")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self.head(f"Reset credentials · {self.name_of_deployment}")
        self.query_one(Machines).focus()
        self.show_fields()
        self.begin()

    @property
    def name_of_deployment(self) -> str:
        return self._named or str(self.wizard.answers.get("name") or "")

    @property
    def os(self) -> str:
        return str(self.plan.get("machines.os") or "linux")

    @property
    def windows(self) -> bool:
        return self.os == "windows"

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
        credentials = status.get("credentials") or {}
        users = {str(each.get("user")) for each in credentials.values()}
        known = users.pop() if len(users) == 1 else str(self.plan.get("machines.admin_user") or "")
        self.control(MODE).choices = reset_form.modes(self.windows)
        self.control(USER).answer = known
        self.query_one(Machines).show(machines(credentials))
        self.changed()
        last = runs.latest(self.name_of_deployment)
        if last is not None and last.alive and last.kind == "reset":
            self._begin_following(last)

    async def _load_keys(self) -> list[Choice]:
        found = await self.wizard.desk.ask("keys")
        self._private = {each["public"]: each["private"] for each in found if each.get("private")}
        return [
            Choice(
                each["public"], each["name"], f"{each['type']} {each['fingerprint'][:20]}", each.get("problem") or ""
            )
            for each in found
        ]

    # Fields

    @property
    def mode(self) -> str:
        return str(self.control(MODE).answer)

    def values(self) -> dict[str, Any]:
        """All answers."""
        return {field.key: field.control.answer for field in self.query(Field)}

    def answered(self, key: str) -> None:
        if key == MODE:
            self.show_fields()
            if self.mode == SSH_KEY and not self.control(KEY).choices:
                self.control(KEY).ask()

    @on(Machines.Changed)
    def changed(self) -> None:
        """The button, the rules and the warnings follow what is answered."""
        if not self.stands:
            return
        number = len(self.query_one(Machines).chosen())
        push = self.query_one("#update", Push)
        words = f"Remove from {plural(number, 'VM')} ›" if self.mode == REMOVE else f"Update {plural(number, 'VM')} ›"
        push.update(words)
        push.disabled = number == 0 or self.going
        self.field(NEW).note = rules_note(self.text(NEW), self.windows)
        self.show_problems()
        self._warn()

    def show_fields(self) -> None:
        """Show the fields that the mode asks for."""
        shown = (MODE, *reset_form.asked(self.mode, self.windows))
        for field in self.query(Field):
            field.display = field.key in shown
        password = self.mode == PASSWORD
        secret = any(key.startswith("secret.") for key in shown)
        self.query_one("#make").display = password
        self.query_one("#show").display = secret
        self.query_one("#remove").display = bool(self.former) and not self.going
        self.refresh_bindings()

    @work(exclusive=True, group="outlook")
    async def _warn(self) -> None:
        await self._outlook()

    async def _outlook(self) -> None:
        """What would change beside what is asked for, and who has a login; from this computer's memory alone."""
        vms = self.query_one(Machines).chosen()
        user = self.text(LEAVER if self.mode == REMOVE else USER)
        asks: dict[str, Any] = {"mode": self.mode, "user": user, "replace_keys": bool(self.control(REPLACE).answer)}
        if self.mode != SSH_KEY:
            asks["replace_keys"] = False
        try:
            found = await self.wizard.desk.ask("reset_outlook", name=self.name_of_deployment, vms=vms, **asks)
        except WizardError:
            return  # what is wrong is told when it is asked for
        if not self.stands:
            return
        self._users = found["users"]
        self.warnings = [reset_told.plain(text) for text in found["warnings"]] if vms else []
        line = self.query_one("#warnings", Static)
        line.update("\n".join(f"! {text}" for text in self.warnings))
        line.display = bool(self.warnings)
        everybody = list(dict.fromkeys(user for users in self._users.values() for user in users))
        self.control(LEAVER).choices = [Choice(each) for each in everybody]
        stay = [each for each in everybody if each != self.text(LEAVER)]
        self.field(STAYS).note = (
            f"the password of {' or '.join(stay)}" if stay else "nobody else is known to have a login"
        )

    def problems(self) -> list[Problem]:
        found = reset_form.problems(self.mode, self.values(), self.windows)
        return [*self.password_problems(), *found] if self.mode == PASSWORD else found

    # The reset

    def action_update(self) -> None:
        """Reset the chosen VMs, or go to the first problem."""
        if self.going:
            return
        field = self.first_problem()
        if not self.query_one(Machines).chosen():
            self.say(told("No VM is chosen.", "", "Space chooses one, a all of them.", sign="!", tone="warn"))
            self.query_one(Machines).focus()
        elif field is not None:
            field.enter()
        else:
            self._consent()

    @work(exclusive=True, group="begin")
    async def _consent(self) -> None:
        """Warnings are seen before anything is sent; what takes something away is asked for once more."""
        from screens.dialogs import ChoiceScreen

        await self._outlook()
        takes_away = self.mode == REMOVE or (self.mode == SSH_KEY and self.control(REPLACE).answer)
        if takes_away:
            vms = plural(len(self.query_one(Machines).chosen()), "VM")
            title = f"Remove {self.text(LEAVER)} from {vms}?" if self.mode == REMOVE else f"Replace all keys on {vms}?"
            label = "Remove" if self.mode == REMOVE else "Replace them"
            ways = (("leave", "Leave all as it is", "Nothing is sent."), ("go", label, "With proof for each VM."))
            text = "\n".join(self.warnings)
            if await self.app.push_screen_wait(ChoiceScreen(title, text, ways)) != "go":
                return
        await self._begin_reset()

    async def _begin_reset(self) -> None:
        vms = self.query_one(Machines).chosen()
        request, secrets = reset_form.request(self.mode, vms, self.values(), self._private.get(self.text(KEY), ""))
        try:
            run = await self.start_run("reset", request, secrets)
        except WizardError as error:
            self.say(elsewhere.refused(error))
            return
        self._begin_following(run)

    def _begin_following(self, run: Follows) -> None:
        if not self.stands:
            return
        self.results, self.result, self.former = [], None, ""
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
        self.show_fields()
        table.focus()

    def taken(self, events: Sequence[Event]) -> None:
        table = self.query_one(Machines)
        for event in events:
            machine = table.machine(str(event.get("vm", "")))
            if event.get("event") == "step" and machine is not None:
                machine.sign, machine.told = sign("started"), str(event["detail"]) or STEPS.get(str(event["step"]), "")
            elif event.get("event") == "reset" and machine is not None:
                self.results.append(event)
                machine.sign, machine.told = sign(str(event["state"])), reset_told.proof(event)

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
            self.say(told(what, reset_told.plain(ended.why), reset_told.plain(ended.remedy)))
        else:
            self.say(reset_told.summary(self.results))
        self._offer_removal()
        if ended is not None and ended.state == "done" and ended.exit_status == 0:
            # A password that was typed is known to whoever typed it; one that was made may not be written down yet.
            self.forget(OLD, PRESENT, *(() if self.made else (NEW, AGAIN)))
        self.asked = False
        for each in table.machines:
            each.chosen = each.chosen and not any(
                result["vm"] == each.name and result["state"] == "proved" for result in self.results
            )
        self.changed()
        self.show_fields()
        self.query_one("#remove" if self.former else "#home").focus()

    # The former user

    def _offer_removal(self) -> None:
        """After a reset with a new user name: whoever signed in before need not any more."""
        worked = [str(result["vm"]) for result in self.results if result["new_login"]]
        user = str(self.results[0]["user"]) if self.results else ""
        mode = str(self.results[0]["mode"]) if self.results else ""
        others = {each for vm in worked for each in self._users.get(vm, ()) if each != user}
        if self.windows or mode not in (PASSWORD, SSH_KEY) or len(others) != 1:
            return
        self.former = others.pop()
        self._worked = worked
        self._stays = self.text(NEW) if mode == PASSWORD else ""
        self._theirs = self.text(OLD)
        self.query_one("#remove", Push).update(f"Remove {self.former}…")

    _worked: Sequence[str] = ()
    _stays = _theirs = ""

    def action_remove(self) -> None:
        """Fill the form for the removal of the former user; nothing is sent yet."""
        if not self.former or self.going:
            return
        leaver, self.former = self.former, ""
        self.control(MODE).answer = REMOVE
        self.control(LEAVER).answer = leaver
        self.give(STAYS, self._stays)
        self.give(OLD, self._theirs)
        if key := self._private.get(self.text(KEY), ""):
            self.control(IDENTITY).answer = key
        self._stays = self._theirs = ""
        for each in self.query_one(Machines).machines:
            each.chosen = each.name in self._worked
            each.sign = None
        self.query_one(Machines).show()
        self.say("")
        self.show_fields()
        self.changed()
        self.query_one("#update").focus()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self.going
        if action == "make":
            return not self.going and self.is_mounted and self.mode == PASSWORD
        if action == "show":
            return not self.going and self.is_mounted and self.mode != SSH_KEY
        if action == "proof":
            return bool(self.results)
        if action == "update":
            return not self.going
        return True

    def on_push_pressed(self, event: Push.Pressed) -> None:
        actions: dict[str, Callable[[], object]] = {
            "update": self.action_update,
            "remove": self.action_remove,
            "make": self.action_make,
            "show": self.action_show,
        }
        actions.get(event.push.id or "", self.action_home)()

    def action_proof(self) -> None:
        """All about the VM under the cursor."""
        from screens.dialogs import AboutScreen

        table = self.query_one(Machines)
        if table.machines:
            machine = table.machines[table.cursor]
            result = next((each for each in reversed(self.results) if each["vm"] == machine.name), None)
            self.app.push_screen(AboutScreen(machine.name, reset_told.about(machine, result)))

    def action_stop(self) -> None:
        if self.run is not None and self.going:
            self._cancel(self.run)

    @work(group="cancel")
    async def _cancel(self, run: Follows) -> None:
        await run.cancel()

    def action_home(self) -> None:
        self.wizard.go("home", name=self.name_of_deployment)


STEP = ResetStep
