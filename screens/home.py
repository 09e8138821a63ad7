"""Deployment home: what is there, where it answers, which VMs still have their first password, and what can be done.

wizard.go("home", name="rg")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens import elsewhere
from screens.ledger import Ledger, clock
from screens.live import Event, Follows, Live, dotted, resource_states, told
from screens.reset_told import machines as checklist
from screens.step import plural
from screens.widgets.doors import Doors, doors
from screens.widgets.grid import Grid
from screens.widgets.picture import Picture
from screens.widgets.push import Push
from screens.widgets.signs import sign
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.runs import Ended


class HomeStep(Live):
    """One deployment, and the ways on from it."""

    step_id = "home"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify", tooltip="Prove that it works", id="home.verify"),
        Binding("d", "drill", "Drill", tooltip="Stop a VM under load, on the Verify screen", id="home.drill"),
        Binding("r", "reset", "Reset…", tooltip="Reset the VMs' credentials", id="home.reset"),
        Binding("s", "scale", "Scale…", tooltip="More or fewer VMs", id="home.scale"),
        Binding("u", "patch", "Patch…", tooltip="Install updates, domain by domain", id="home.patch"),
        Binding("c", "copy", "Copy", tooltip="Copy the line that is chosen", id="home.copy"),
        Binding("ctrl+r", "look", "Look", tooltip="Ask Azure again", id="home.look", key_display="^R"),
        Binding(
            "ctrl+d", "destroy", "Destroy…", tooltip="Delete everything of it", id="home.destroy", key_display="^D"
        ),
        Binding("p", "progress", "Progress", tooltip="The deployment that is under way", id="home.progress"),
        Binding("f2,alt+left", "start", "Start", key_display="F2", tooltip="Another deployment", id="home.start"),
    ]

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._named = name
        self.status: Mapping[str, Any] = {}
        self.ledger = Ledger()
        self.result: Ended | None = None
        self._plan: Mapping[str, Any] = {}
        self._deploying = False

    # The frame

    def parts(self) -> Iterable[Widget]:
        with Horizontal(id="upper"):
            yield Picture(id="picture")
            with Vertical(id="side"):
                yield Static("", id="facts", markup=False)
                yield Static("", id="credentials", markup=False)
            yield Grid(self.ledger, id="grid")
        yield Static("", id="outcome", markup=False)
        yield Doors(id="doors")
        with Horizontal(id="offers"):
            yield Push("Reset credentials ›", id="reset", classes="primary")
            yield Push("Verify ›", id="verify", classes="primary")
            yield Push("Drill", id="drill")
            yield Push("Scale", id="scale")
            yield Push("Patch", id="patch")
            yield Push("Reset credentials", id="reset-later")
            yield Push("Destroy…", id="destroy")
            yield Push("Try again", id="again", classes="primary")
            yield Push("Start", id="start")

    def on_mount(self) -> None:
        if not self.stands:  # the wizard is being left
            return
        self.head(f"{self.name_of_deployment or 'No deployment'}")
        self._offer()
        self.query_one(Doors).focus()
        self.begin()

    @property
    def name_of_deployment(self) -> str:
        return self._named or str(self.wizard.answers.get("name") or "")

    # What is there

    @work(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Follow a destruction that is under way, else look at what is there."""
        from wizard import runs

        last = runs.latest(self.name_of_deployment) if self.name_of_deployment else None
        if last is not None and last.alive and last.kind == "destroy":
            self._follow_destruction(last)
            return
        if last is not None and last.alive:
            self._deploying = last.kind == "deploy"
            self._under_way(last.kind)
            self.refresh_bindings()
        elif last is not None:
            self._tell_end(last)
        if last is not None and last.alive:
            self._await_end(last)
        await self._look()

    @work(exclusive=True, group="others")
    async def _await_end(self, run: Follows) -> None:
        """Tell how it ends, and look at what is there then."""
        async for _ in run.events():
            pass
        if self.stands and not self.has_class("-destroying"):
            self._deploying = False
            self._tell_end(run)
            self.refresh_bindings()
            await self._look()

    def _tell_end(self, run: Follows) -> None:
        """How a run ended that no screen followed to its end; once."""
        from wizard import runs

        if run.ended is not None and not runs.seen(run):
            runs.see(run)
            self.say(elsewhere.ending(run, run.ended))

    async def _look(self) -> None:
        self.head(self.name_of_deployment, Content.styled("… asking Azure", "$text-accent"))
        try:
            self.status = await self.wizard.desk.ask("status", name=self.name_of_deployment)
        except WizardError as error:
            self.head(self.name_of_deployment, _state("unknown"))
            self.say(told(error.what, error.why, error.remedy))
            self._offer("start", "again")
            return
        self._plan = dotted(self.status.get("plan") or {})
        self._show()

    def _under_way(self, kind: str) -> None:
        words = {
            "deploy": "It is being deployed: p shows it.",
            "reset": "A reset is under way: r shows it.",
            "scale": "It is being scaled: s shows it.",
            "patch": "It is being patched: u shows it.",
        }
        self.say(told(words.get(kind, f"A {kind} is under way: v shows it."), sign="…", tone="busy"))

    def _show(self) -> None:
        if not self.stands:
            return
        status = self.status
        state = str(status.get("state") or "unknown")
        self.head(self.name_of_deployment, _state(state))
        address = str(status.get("http") or "").removeprefix("http://").rpartition(":")[0]
        self.query_one(Picture).show(self._answer, resource_states(status), address=address)
        users = {vm: str(each.get("user")) for vm, each in (status.get("credentials") or {}).items()}
        found = doors(status.get("http") or "", status.get("ssh") or {}, status.get("rdp") or {}, users)
        self.query_one(Doors).show(found)
        self.query_one("#facts", Static).update(self._facts())
        first = self.first_passwords()
        self.query_one("#credentials", Static).update(_credentials(status.get("credentials") or {}, first))
        if state == "absent":
            self.say(
                told(
                    "Nothing of it is there.", "", "Deploy it again from Review, or forget it.", sign="○", tone="quiet"
                )
            )
            self._offer("start", "destroy")
        elif first:
            self._offer("reset", "verify", "drill", "scale", "patch", "destroy")
        else:
            self._offer("verify", "drill", "scale", "patch", "reset-later", "destroy")

    def first_passwords(self) -> list[str]:
        """The VMs that still have the password they were made with."""
        return [machine.name for machine in checklist(self.status.get("credentials") or {}) if machine.urgent]

    def _facts(self) -> Content:
        resources = self.status.get("resources") or ()
        there = sum(resource["state"] == "Succeeded" for resource in resources)
        rows = (
            ("Cloud", str(self.status.get("cloud") or "")),
            ("Region", str(self._plan.get("location") or "")),
            ("Resources", f"{there} of {len(resources)} there"),
            ("VMs", str(self._plan.get("machines.count") or "")),
            ("Size", str(self._plan.get("machines.size") or "")),
            ("Created", str(self.status.get("created") or "")[:16].replace("T", " ")),
        )
        lines = [Content.assemble((f"{name:<11}", "$text-muted"), text) for name, text in rows]
        wrong = [resource for resource in resources if resource["state"] != "Succeeded"]
        for resource in wrong[:3]:
            shown = sign(str(resource["state"]))
            name = str(resource["id"]).rpartition("/")[2]
            lines.append(Content.assemble((f"{shown} ", shown.style), name))
        for words, vms in _LEFT:
            if names := self.status.get(vms):
                lines.append(Content.styled(f"! {words}: {', '.join(names)}", "$text-warning"))
        return Content("\n").join(lines)

    def _answer(self, key: str) -> Any:
        return self._plan.get(key)

    # Destroying

    def action_destroy(self) -> None:
        """Ask for the name to be typed, then delete everything."""
        from screens.dialogs import TypedScreen

        name = self.name_of_deployment
        number = sum(resource["state"] not in ("Absent", "NotOurs") for resource in self.status.get("resources") or ())
        text = (
            f"Deletes {plural(number, 'resource')} with everything on the VMs. There is no way back.\n"
            "What others have put into the resource group stays, and so does the group then."
        )
        self.app.push_screen(TypedScreen(f"Destroy {name}?", text, name, "Destroy everything"), self._destroy)

    def _destroy(self, sure: bool | None) -> None:
        if not sure:
            return
        if self._plan.get("management.lock") != "delete":
            self._begin_destruction({})
            return
        from screens.dialogs import ChoiceScreen

        name = self.name_of_deployment
        ways = (
            ("leave", "Leave all as it is", "Nothing is deleted, and the lock stays."),
            ("unlock", "Take the lock off, and destroy everything", "The lock goes first, then all that it guarded."),
        )
        text = "Its plan asked for a lock against deletion. Locks of others are never taken off."
        self.app.push_screen(ChoiceScreen(f"{name} is locked", text, ways), self._unlock)

    def _unlock(self, way: str | None) -> None:
        if way == "unlock":
            self._begin_destruction({"remove_lock": True})

    @work(exclusive=True, group="begin")
    async def _begin_destruction(self, request: Mapping[str, Any]) -> None:
        try:
            self._follow_destruction(await self.start_run("destroy", request))
        except WizardError as error:
            self.say(elsewhere.refused(error))

    def _follow_destruction(self, run: Follows) -> None:
        if not self.stands:
            return
        self.ledger = Ledger()
        self.result = None
        self.add_class("-destroying")
        self.say("")
        self._offer()
        self.query_one(Grid).focus()
        self.follow(run)
        self.refresh_bindings()

    def taken(self, events: Sequence[Event]) -> None:
        self.ledger.feed(events)

    def draw(self) -> None:
        if self.run is None or not self.stands:
            return
        gone = self.ledger.count(frozenset({"deleted"}))
        count = f"{clock(self.ledger.now())}   {gone} / {len(self.ledger.rows)} gone" if self.ledger.rows else ""
        done = self.result is not None and self.result.state == "done"
        self.head(f"{self.name_of_deployment} is gone" if done else f"Destroying {self.name_of_deployment}", count)
        self.query_one(Grid).show(self.ledger)

    def run_ended(self, ended: Ended | None) -> None:
        self.result = ended
        if ended is not None and ended.state == "done":
            self.say(told(f"Nothing of {self.name_of_deployment} is left.", sign="✓", tone="good"))
            self._offer("start")
        elif ended is not None:
            what = "The destruction was stopped." if ended.state == "cancelled" else ended.what
            self.say(told(what, ended.why, ended.remedy or "Destroy again: it goes on with what is left."))
            self._offer("destroy", "again", "start")
        self.refresh_bindings()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        gone = self.has_class("-destroying")
        if action == "progress":
            return self._deploying and not gone
        return not gone if action in ("verify", "drill", "reset", "scale", "patch", "copy", "look", "destroy") else True

    def _offer(self, *ways: str) -> None:
        if not self.stands:
            return
        for push in self.query("#offers Push"):
            push.display = push.id in ways
        self.query_one("#offers").display = bool(ways)
        if ways:
            self.query_one(f"#{ways[0]}").focus()

    def on_push_pressed(self, event: Push.Pressed) -> None:
        actions: dict[str, Callable[[], object]] = {
            "reset": self.action_reset,
            "reset-later": self.action_reset,
            "verify": self.action_verify,
            "drill": self.action_drill,
            "scale": self.action_scale,
            "patch": self.action_patch,
            "destroy": self.action_destroy,
            "again": self.action_look,
        }
        actions.get(event.push.id or "", self.action_start)()

    def action_look(self) -> None:
        self.remove_class("-destroying")
        self.run = None
        self.say("")
        self.begin()

    def action_verify(self) -> None:
        self.wizard.go("verify", name=self.name_of_deployment)

    def action_drill(self) -> None:
        self.wizard.go("verify", name=self.name_of_deployment, begin="drill")

    def action_reset(self) -> None:
        self.wizard.go("reset", name=self.name_of_deployment)

    def action_scale(self) -> None:
        self.wizard.go("scale", name=self.name_of_deployment)

    def action_patch(self) -> None:
        self.wizard.go("patch", name=self.name_of_deployment)

    def action_progress(self) -> None:
        self.wizard.go("deploying", name=self.name_of_deployment)

    def action_start(self) -> None:
        self.wizard.go("start")

    def action_copy(self) -> None:
        if door := self.query_one(Doors).chosen():
            self.wizard.copy(door[1], f"“{door[1]}”")


_LEFT = (
    ("left stopped by a drill", "left_stopped"),
    ("left out of rotation by a patching", "left_out"),
    ("reset cut off", "uncertain"),
)
"""What an earlier run that was killed has left, and the key of the status that names the VMs."""


def _state(state: str) -> Content:
    shown = sign(state)
    return Content.styled(str(shown), shown.style)


def _credentials(credentials: Mapping[str, Mapping[str, Any]], first: Sequence[str]) -> Content:
    if first:
        who = ", ".join(first[:3]) + (f" and {len(first) - 3} more" if len(first) > 3 else "")
        return Content.assemble(
            ("! ", "$text-warning"),
            (f"{plural(len(first), 'VM')} still have the password they were created with: ", "$text-warning"),
            f"{who}. Change it now.",
        )
    changed = sum(bool(entry.get("changed_at")) for entry in credentials.values())
    words = f"{plural(changed, 'VM')} had their credential changed" if changed else "by SSH key"
    return Content.assemble(("Sign in    ", "$text-muted"), words)


STEP = HomeStep
