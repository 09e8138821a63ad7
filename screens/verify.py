"""Verify: the checks as they pass, a load with its figures, a drill with its course, and where the deployment answers.

wizard.go("verify", name="rg")               verifies, then sends load
wizard.go("verify", name="rg", begin="drill")  asks what is lost; "" begins nothing, shows the last proof
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens import elsewhere, verify_told
from screens.answers import PASSWORD
from screens.findings import Findings, Traffic
from screens.live import Event, Follows, Live, dotted, resource_states, told
from screens.widgets.bars import Bars
from screens.widgets.checks import Checks
from screens.widgets.doors import Doors, doors
from screens.widgets.picture import Picture
from screens.widgets.signs import sign
from screens.widgets.spark import Spark
from screens.widgets.timeline import Timeline, answers_and_failures
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.runs import Ended

TYPED = "secret.verify"
LOAD_S = 15.0
CONNECTIONS = 50
TIMEOUT_S = 3.0
"""Without an answer for so long a request has failed: its errors are seen within the load's time."""

WORK = ("verify", "load", "drill", "ramp")


class _NotBegunError(WizardError):
    """Somebody went back where a password was asked for."""


class VerifyStep(Live):
    """Proves a deployment, and shows the proof as it comes."""

    step_id = "verify"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy", tooltip="Copy the line that is chosen below", id="verify.copy"),
        Binding("v", "verify", "Verify", tooltip="Check everything again", id="verify.verify"),
        Binding("l", "load", "Load", tooltip="Send HTTP load and see who answers", id="verify.load"),
        Binding("d", "drill", "Drill…", tooltip="Stop a VM under load and see what users see", id="verify.drill"),
        Binding("a", "ramp", "Ramp…", tooltip="Load it until autoscale adds a VM", id="verify.ramp"),
        Binding(
            "n",
            "verify_from",
            "From another network…",
            tooltip="Check everything, and that a VM in another virtual network reaches nothing",
            show=False,
            id="verify.from",
        ),
        Binding("e", "evidence", "Evidence", tooltip="Where the proof is kept", id="verify.evidence"),
        Binding("r", "reset", "Reset…", tooltip="Reset the VMs' credentials", id="verify.reset"),
        Binding("h", "home", "Home", tooltip="What is there, and what can be done with it", id="verify.home"),
        Binding("ctrl+x", "stop", "Stop", tooltip="Stop what is under way", id="verify.stop", key_display="^X"),
        Binding("f2,alt+left", "home", "Back", key_display="F2", tooltip="Home", show=False, id="verify.back"),
    ]

    def __init__(self, name: str = "", begin: str = "verify") -> None:
        super().__init__()
        self._named, self._begin = name, begin
        self.findings, self.traffic = Findings(), Traffic()
        self.status: Mapping[str, Any] = {}
        self.kind = ""
        self.result: Ended | None = None
        self._plan: Mapping[str, Any] = {}
        self._load_next = False
        self._from_vm = ""

    # The frame

    def parts(self) -> Iterable[Widget]:
        with Horizontal(id="upper"):
            yield Checks(self.findings, id="checks")
            yield Picture(id="picture")
        with Vertical(id="traffic"):
            yield Spark("requests/s", id="rate")
            yield Static("", id="latency", markup=False)
            yield Bars(id="shares")
            yield Timeline(id="course")
        yield Static("", id="outcome", markup=False)
        yield Doors(id="doors")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self.head(f"Verify {self.name_of_deployment}")
        self.query_one(Checks).focus()
        self.look()
        self.begin()

    @property
    def name_of_deployment(self) -> str:
        return self._named or str(self.wizard.answers.get("name") or "")

    @work(exclusive=True, group="look")
    async def look(self) -> None:
        """Ask where it answers."""
        try:
            self.status = await self.wizard.desk.ask("status", name=self.name_of_deployment)
        except WizardError as error:
            self.notify(f"{error.why} {error.remedy}", title=error.what, severity="warning")
            return
        if not self.stands:
            return
        self._plan = dotted(self.status.get("plan") or {})
        users = {vm: str(each.get("user")) for vm, each in (self.status.get("credentials") or {}).items()}
        found = doors(self.status.get("http", ""), self.status.get("ssh") or {}, self.status.get("rdp") or {}, users)
        self.query_one(Doors).show(found)
        self.draw()
        if self._begin == "drill" and not (self.run and not self.over):
            self._begin = ""
            self.action_drill()

    # Beginning and following

    @work(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Follow what is under way, else begin what was asked for."""
        from wizard import runs

        name = self.name_of_deployment
        last = runs.history(name) if name else []
        if (living := next((run for run in last if run.alive), None)) and living.kind in WORK:
            if living.kind != "verify":
                await self._recall(last)
            self._follow_work(living)
            return
        if self._begin != "verify":
            await self._recall(last)
        if self._begin == "verify":
            await self._start("verify")

    async def _recall(self, last: Sequence[Any]) -> None:
        """Show what the last verification found."""
        if before := next((run for run in last if run.kind == "verify" and not run.alive), None):
            self.findings.feed([event async for event in before.events()])
            self.draw()

    async def _start(self, kind: str, **request: Any) -> None:
        try:
            password = await self._password() if kind == "verify" else ""
            secrets = {"password": password} if password else {}
            self._follow_work(await self.start_run(kind, request, secrets, also=" ".join(WORK)))
        except _NotBegunError as error:
            self.say(told(error.what, "", error.remedy, sign="○", tone="quiet"))
        except WizardError as error:
            self.say(elsewhere.refused(error))

    async def _password(self) -> str:
        """The VMs' password where they are signed in to with one: the one that was answered, else asked for here."""
        answers = self.wizard.answers
        if not self.status:
            with contextlib.suppress(WizardError):  # the run itself says what is wrong
                self.status = await self.wizard.desk.ask("status", name=self.name_of_deployment)
                self._plan = dotted(self.status.get("plan") or {})
        if self._plan.get("machines.auth") != "password":
            return ""
        changed = any(each.get("changed_at") for each in (self.status.get("credentials") or {}).values())
        same = answers.get("name") == self.name_of_deployment and not changed
        if known := answers.secret(TYPED) or (answers.secret(PASSWORD) if same else None):
            return known.get_secret_value()
        from screens.dialogs import PasswordScreen

        text = "It is tried at every VM and kept nowhere. Without it, everything but the sign-ins is checked."
        if changed:
            text = f"The one that holds since the reset. {text}"
        dialog = PasswordScreen("The VMs' password", text, "Verify with it", "Verify without signing in")
        typed = await self.app.push_screen_wait(dialog)
        if typed is None:
            raise _NotBegunError("Nothing was begun.", "", "v verifies.")
        answers.set_secret(TYPED, typed)
        return typed

    def on_unmount(self) -> None:
        self.wizard.answers.set_secret(TYPED, "")

    def _follow_work(self, run: Follows) -> None:
        if not self.stands:
            return
        self.kind, self.result = run.kind, None
        if run.kind == "verify":
            self.findings = Findings()
            self.query_one(Checks).show(self.findings)
            self._load_next = True
        else:
            self.traffic = Traffic()
            self.set_class(run.kind in ("drill", "ramp"), "-course")
            self.set_class(run.kind == "ramp", "-ramp")  # a track more: the CPU
        self.set_class(run.kind != "verify" or bool(self.traffic.steps), "-traffic")
        self.say("")
        self.follow(run)
        self.refresh_bindings()

    def taken(self, events: Sequence[Event]) -> None:
        (self.findings if self.kind == "verify" else self.traffic).feed(events)

    def run_ended(self, ended: Ended | None) -> None:
        self.result = ended
        self.refresh_bindings()
        if ended is not None and ended.state in ("failed", "lost"):
            self.say(told(ended.what, ended.why, ended.remedy))
        elif ended is not None and ended.state == "cancelled":
            self.say(told(f"The {verify_told.noun(self.kind)} was stopped.", sign="!", tone="warn"))
        elif self.kind == "verify":
            if self._load_next and self.is_current and self._serves():
                self._load_next = False
                self.action_load()
        elif self.kind == "drill" and self.traffic.drill:
            self.say(verify_told.verdict(self.traffic.drill))
        elif self.kind == "ramp" and self.traffic.ramp:
            self.say(verify_told.ramp_verdict(self.traffic.ramp))
            self.look()

    def _serves(self) -> bool:
        return any(group.name == "http.page" and group.of("passed") for group in self.findings.groups.values())

    # Drawing

    def draw(self) -> None:
        if not self.stands:
            return
        self._draw_head()
        self.query_one(Checks).show(self.findings)
        picture = self.query_one(Picture)
        if picture.display and picture.size.width:
            notes, states = self._notes(), self._states()
            picture.show(self._answer, states, notes=notes, address=self._address())
        if self.has_class("-traffic"):
            self._draw_traffic()

    def _draw_head(self) -> None:
        passed, failed, warned = (self.findings.count(state) for state in ("passed", "failed", "warned"))
        parts = [Content.styled(f"{passed} passed", "bold")]
        if failed:
            parts.append(Content.styled(f"✗ {failed} failed", "$text-error bold"))
        if warned:
            parts.append(Content.styled(f"! {warned} to look at", "$text-warning"))
        if self.run is not None and not self.over:
            parts.append(Content.styled(f"… {verify_told.noun(self.kind)}", "$text-accent"))
        self.head(f"Verify {self.name_of_deployment}", Content(" · ").join(parts))

    def _draw_traffic(self) -> None:
        traffic, steps = self.traffic, self.traffic.steps
        if self.kind == "ramp":
            self.query_one(Timeline).show(*verify_told.ramp_course(traffic.turns, traffic.cpu, self._plan))
            if not self.over:
                self.say(verify_told.ramp_going_on(traffic.turns))
            return
        if self.has_class("-course"):
            self.query_one(Timeline).show(answers_and_failures(traffic.course()), traffic.marks)
            return
        result = traffic.result
        rates = [float(step["rps"]) for step in steps]
        done = f"{traffic.seconds():.0f} s" + (f" of {traffic.duration_s:.0f} s" if traffic.duration_s else "")
        rate = float(result["rps"]) if result else (rates[-1] if rates else 0.0)
        self.query_one(Spark).show(rates, f"{rate:,.0f}", f"✓ {done}" if result else f"… {done}")
        self.query_one("#latency", Static).update(verify_told.latency(result or (steps[-1] if steps else {}), traffic))
        if shares := traffic.shares:
            most = 10 if self.has_class("-spacious") else 4 if self.has_class("-tall") else 2
            self.query_one(Bars).show(shares, most)

    def _notes(self) -> dict[str, str]:
        shares = self.traffic.shares
        total = sum(shares.values())
        return {vm: f"{100 * count / total:.1f} %" for vm, count in shares.items()} if total else {}

    def _states(self) -> dict[str, str]:
        found = resource_states(self.status)
        found |= self.findings.vm_states()
        if self.kind != "verify" and self.traffic.steps and not self.over:
            answers = self.traffic.recent
            found |= {vm: "serving" if answers.get(vm) else "silent" for vm in self.traffic.shares}
        return found

    def _answer(self, key: str) -> Any:
        return self._plan.get(key, self.wizard.answers.get(key))

    def _address(self) -> str:
        return str(self.status.get("http", "")).removeprefix("http://").rpartition(":")[0]

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        going = self.run is not None and not self.over
        if action == "stop":
            return going
        if action == "ramp":
            return not going and bool(self._plan.get("scale_set.autoscale")) and self._in_scale_set()
        if action in ("verify", "verify_from", "load", "drill"):
            return not going
        return True

    def action_verify(self) -> None:
        self.remove_class("-traffic", "-course")
        self.traffic = Traffic()
        self._begin_work("verify")

    @work(exclusive=True, group="drill")
    async def action_verify_from(self) -> None:
        """Ask which VM, and check everything, its view too."""
        from screens.dialogs import LineScreen

        dialog = LineScreen(*verify_told.FROM_QUESTION, self._from_vm)
        if vm := await self.app.push_screen_wait(dialog):
            self._from_vm = vm
            self.remove_class("-traffic", "-course")
            self.traffic = Traffic()
            self._begin_work("verify", from_vm=vm)

    def action_load(self) -> None:
        self._begin_work("load", duration_s=LOAD_S, connections=CONNECTIONS, timeout_s=TIMEOUT_S)

    @work(exclusive=True, group="begin")
    async def _begin_work(self, kind: str, **request: Any) -> None:
        await self._start(kind, **request)

    @work(exclusive=True, group="drill")
    async def action_drill(self) -> None:
        """Ask what is lost, and once more whether."""
        from screens import drilling
        from screens.dialogs import ChoiceScreen
        from screens.widgets.choice import SelectControl
        from screens.widgets.pick import PickScreen

        vms = [vm for vm, _ in self.query_one(Doors).doors if vm] or list(self._states_of_vms())
        if not vms:
            self.notify("It is not known yet which VMs there are.", severity="warning")
            return
        door = self.query_one(Doors).chosen()
        select = SelectControl(drilling.choices(vms, self._plan), title="Drill: what is lost?")
        select.answer = ("vm", door[0]) if door and door[0] else None
        drill = await self.app.push_screen_wait(PickScreen(select))
        if drill is None:
            return
        title, label = drilling.question(drill)
        ways = (
            ("leave", "Leave all as it is", "Nothing is stopped."),
            ("drill", label, "Under load, so that it shows what users would see."),
        )
        text = "What was stopped comes back in any case, also when the drill is stopped."
        if await self.app.push_screen_wait(ChoiceScreen(title, text, ways)) == "drill":
            self._begin_work("drill", **{drill[0]: drill[1]})

    @work(exclusive=True, group="drill")
    async def action_ramp(self) -> None:
        """Ask how far the load is to climb."""
        from screens.dialogs import ChoiceScreen

        way = await self.app.push_screen_wait(ChoiceScreen(*verify_told.ramp_question(self._plan)))
        if way in verify_told.PEAKS:
            self._begin_work("ramp", peak=verify_told.PEAKS[way])

    def _in_scale_set(self) -> bool:
        return self._plan.get("machines.placement") == "scale-set"

    def _states_of_vms(self) -> list[str]:
        return [vm for vm, state in self._states().items() if state in ("passed", "failed", "Succeeded")]

    def action_copy(self) -> None:
        if door := self.query_one(Doors).chosen():
            self.wizard.copy(door[1], f"“{door[1]}”")
        else:
            self.notify("There is nothing to copy yet: it is not known where this answers.", severity="warning")

    def action_evidence(self) -> None:
        from screens.dialogs import AboutScreen

        found = self.traffic.ramp if self.kind == "ramp" else self.findings.verified
        folder = (found or {}).get("evidence")
        if not folder:
            self.notify("The evidence is written when the verification has ended.")
            return
        files = sorted(each.name for each in Path(str(folder)).iterdir()) if Path(str(folder)).is_dir() else []
        lines = [Content.styled(str(folder), "bold"), *(Content(f"  {each}") for each in files)]
        lines.append(Content.styled("The path was sent to the clipboard.", "$text-muted"))
        self.wizard.copy(str(folder), "The evidence's folder")
        self.app.push_screen(AboutScreen("Evidence", Content("\n").join(lines)))

    def on_checks_chosen(self, event: Checks.Chosen) -> None:
        from screens.dialogs import AboutScreen

        lines = [
            Content.assemble(
                (f"{sign(str(check['state'])).mark} ", sign(str(check["state"])).style),
                (f"{check['target']}  ", "bold"),
                str(check.get("detail") or ""),
                ("".join(f"\n    → {line}" for line in str(check.get("remedy") or "").splitlines()), "$primary"),
            )
            for check in event.group.checks
        ]
        self.app.push_screen(AboutScreen(event.group.title, Content("\n").join(lines)))

    def action_stop(self) -> None:
        if self.run is not None and not self.over:
            self._load_next = False
            self._cancel(self.run)

    @work(group="cancel")
    async def _cancel(self, run: Follows) -> None:
        await run.cancel()

    def action_reset(self) -> None:
        self.wizard.go("reset", name=self.name_of_deployment)

    def action_home(self) -> None:
        self.wizard.go("home", name=self.name_of_deployment)


STEP = VerifyStep
