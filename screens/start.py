"""Where to begin and in which cloud: a new deployment, the last answers, a known deployment, or a plan file.

The first frame must not wait for a process or for pydantic: until the desk has answered, the sandbox is offered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from screens import start_help as helps
from screens.opening import LEAD
from screens.step import Step
from screens.widgets.choice import Choice, RadioRow, SelectControl
from screens.widgets.field import Field
from screens.widgets.push import Push
from screens.widgets.text import PathControl, SecretControl, TextControl

if TYPE_CHECKING:
    from wizard.errors import Problem

CLOUDS = (
    Choice("sandbox", "sandbox"),
    Choice("public", "Azure"),
    Choice("usgov", "US Government"),
    Choice("china", "China"),
    Choice("custom", "other"),
)
METHODS = {
    "azure-cli": "Azure CLI",
    "environment": "environment",
    "browser": "browser",
    "device-code": "device code",
    "service-principal": "service principal",
    "managed-identity": "managed identity",
}
SECRET = "secret.client_secret"  # noqa: S105 - a key's name
SANDBOX_NOTE = "A local Azure on this computer: no account, no cost, and its machines really answer."
NEEDED: Mapping[str, tuple[str, ...]] = {
    "service-principal": ("wizard.tenant", "wizard.client_id", SECRET),
    "managed-identity": ("wizard.client_id",),
    "browser": ("wizard.tenant",),
    "device-code": ("wizard.tenant",),
}
MUST = {("service-principal", key) for key in NEEDED["service-principal"]}


class SignIn(Vertical):
    """What happens while one signs in: the device code, who one is, what went wrong."""

    def compose(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static("", classes="label", markup=False)
            yield Push("Sign in", id="sign-in")
            yield Push("Copy the code", id="copy-code", classes="gone")
        yield Static("", id="sign-in-state", markup=False)

    def say(self, text: str, sign: str = "") -> None:
        """Put a state under the button."""
        state = self.query_one("#sign-in-state", Static)
        state.update(f"{sign} {text}".strip())
        state.set_class(sign == "✗", "bad")
        state.set_class(sign == "✓", "good")


class StartStep(Step):
    """The first screen."""

    step_id = "start"
    lead = LEAD
    first_field = "wizard.cloud"

    def __init__(self) -> None:
        super().__init__()
        self._clouds: dict[str, Mapping[str, Any]] = {}
        self._before: dict[str, Any] = {}  # what stood here before the last answers were taken up
        self._last: Mapping[str, Any] = {}
        self._code = ""
        self._complete = False  # whether all fields are mounted

    def body(self) -> Iterable[Widget]:
        yield Field("wizard.begin", "Begin with", RadioRow([Choice("new", "new")]), help=helps.BEGIN)
        yield Field("wizard.cloud", "Cloud", RadioRow(CLOUDS), help=helps.CLOUD, note=SANDBOX_NOTE)
        yield Vertical(id="more")

    def _more(self) -> Iterable[Widget]:
        """What only other answers call for: 40 widgets that the first frame need not wait for."""
        yield Field("wizard.deployment", "Deployment", SelectControl(title="Known deployments"), help=helps.KNOWN)
        yield Field("wizard.plan_file", "Plan file", PathControl(".toml", "plan.toml"), help=helps.PLAN)
        yield Field("cloud", "ARM endpoint", TextControl(placeholder="https://management.HOST"), help=helps.ENDPOINT)
        methods = [Choice(name, words) for name, words in METHODS.items() if name != "environment"]
        yield Field("wizard.method", "Sign in by", RadioRow(methods), help=helps.METHOD)
        yield Field("wizard.tenant", "Tenant", TextControl(placeholder="id or domain"), help=helps.TENANT)
        yield Field("wizard.client_id", "Client id", TextControl(), help=helps.CLIENT)
        yield Field(SECRET, "Client secret", SecretControl(), help=helps.SECRET)
        yield SignIn(id="signing", classes="gone")
        subscriptions = SelectControl(title="Subscription", free=True, empty="after the sign-in")
        yield Field("wizard.subscription", "Subscription", subscriptions, help=helps.SUBSCRIPTION)

    def nav(self) -> Iterable[Widget]:
        _back, mend, following = super().nav()
        yield Push("Review with defaults ^R", id="review")
        yield mend
        yield following

    def on_mount(self) -> None:
        self._arrange()

    # What is known only later

    async def prepared(self) -> None:
        from screens import memory

        await self.query_one("#more").mount(*self._more())
        for field in self.query_one("#more").query(Field):
            self._show_answer(field)
        self._complete = True
        self._arrange()
        remembered = await asyncio.to_thread(memory.recall)
        self._last = remembered.get("answers") or {}
        if self.gone:
            return
        self._offer()
        await asyncio.gather(self._find_clouds(), self._find_deployments())

    def _offer(self, deployments: int = 0) -> None:
        from screens import memory

        begin = self._control("wizard.begin", RadioRow)
        choices = [Choice("new", "new")]
        if self._last:
            choices.append(Choice("last", "last answers"))
        if deployments:
            choices.append(Choice("deployment", "deployment"))
        begin.choices = [*choices, Choice("plan", "plan file")]
        if self._last:
            self._summary = memory.summary(self._last)
        self._arrange()

    _summary = ""
    _at_work: Mapping[str, str] = {}

    async def _find_clouds(self) -> None:
        from wizard.errors import WizardError

        try:
            found = await self.wizard.desk.ask("clouds")
        except WizardError as error:
            self.wizard.notify(str(error), title="Clouds", severity="warning")
            return
        if self.gone:
            return
        self._clouds = {each["name"]: each for each in found}
        chosen = next(each["name"] for each in found if each["preselected"])
        untouched = not self.field("wizard.cloud").touched and self.wizard.answers.get("wizard.begin") == "new"
        if untouched and "basics" not in self.wizard.progress.seen and self.wizard.plan_file is None:
            self.wizard.answers.set("wizard.cloud", chosen, commit=True)
        self._arrange()

    async def _find_deployments(self) -> None:
        from wizard.errors import WizardError

        try:
            found = await self.wizard.desk.ask("deployments")
        except WizardError:
            return  # nothing to go on with: the other ways to begin stay
        if self.gone:
            return
        known = self._control("wizard.deployment", SelectControl)
        known.choices = [_deployment(each) for each in found]
        self._at_work = {each["name"]: each["run"]["kind"] for each in found if each.get("run")}
        if found and not self.wizard.answers.get("wizard.deployment"):
            last = next((each for each in found if each.get("last")), found[0])
            chosen = next(iter(self._at_work), last["name"])
            self.wizard.answers.set("wizard.deployment", chosen, commit=True)
        self._offer(len(found))
        untouched = not self.field("wizard.begin").touched and self.wizard.answers.get("wizard.begin") == "new"
        if self._at_work and untouched and "basics" not in self.wizard.progress.seen and not self.wizard.plan_file:
            # Somebody who comes back while it works wants to see it.
            self.wizard.answers.set("wizard.begin", "deployment", commit=True)
            self._arrange()

    # Answers

    def answered(self, key: str) -> None:
        answers = self.wizard.answers
        if key == "wizard.cloud":
            chosen = str(answers.get("wizard.cloud"))
            if chosen != "custom":
                answers.set("cloud", chosen, commit=True)
            elif answers.get("cloud") in {each.value for each in CLOUDS}:
                answers.set("cloud", "https://", commit=True)
            self._suggest_method()
        elif key == "cloud":
            cloud = str(answers.get("cloud"))
            named = cloud if cloud in {each.value for each in CLOUDS} else "custom"
            answers.set("wizard.cloud", named, commit=True)
            self.wizard.cloud_changed(cloud)
        elif key == "wizard.begin":
            self._begin_with(str(answers.get("wizard.begin")))
        if key.startswith(("wizard.", "cloud")) and self.is_mounted:
            self._arrange()

    def _begin_with(self, what: str) -> None:
        """Take up the last answers, or give back what stood here before."""
        answers = self.wizard.answers
        if what == "last" and self._last:
            from screens.answers import dotted

            values = dotted(self._last)
            self._before = {key: answers.get(key) for key in values}
            answers.replace(values)
        elif self._before:
            answers.replace(self._before)
            self._before = {}

    def _suggest_method(self) -> None:
        cloud = self._clouds.get(str(self.wizard.answers.get("wizard.cloud")), {})
        offered = [name for name in cloud.get("methods", ()) if name in METHODS]
        if offered and self._complete:
            self._control("wizard.method", RadioRow).choices = [Choice(name, METHODS[name]) for name in offered]
            if not self.field("wizard.method").touched:
                self.wizard.answers.set("wizard.method", offered[0], commit=True)

    @property
    def _needs_sign_in(self) -> bool:
        """Whether this cloud asks who one is. One that brings its own principal does not."""
        cloud = str(self.wizard.answers.get("cloud"))
        found = self._clouds.get(cloud)
        return found.get("how") != "own" if found else cloud != CLOUDS[0].value

    def _arrange(self) -> None:
        """Show the fields that the answers so far call for, and no others."""
        if self.gone:
            return
        answers = self.wizard.answers
        begin, cloud = str(answers.get("wizard.begin") or "new"), str(answers.get("cloud"))
        new = begin in ("new", "last")
        signing = new and self._needs_sign_in
        method = str(answers.get("wizard.method") or "azure-cli")
        shown = {
            "wizard.begin": True,
            "wizard.deployment": begin == "deployment",
            "wizard.plan_file": begin == "plan",
            "wizard.cloud": new,
            "cloud": new and answers.get("wizard.cloud") == "custom",
            "wizard.method": signing,
            "wizard.subscription": signing,
            **{key: signing and key in NEEDED.get(method, ()) for key in ("wizard.tenant", "wizard.client_id", SECRET)},
        }
        for field in self.fields():
            field.display = shown[field.key]
        self.query("#signing").set_class(not signing, "gone")
        self.query_one("#review").display = begin != "deployment"
        self.field("wizard.begin").note = self._summary if begin == "last" else ""
        self.field("wizard.cloud").note = self._cloud_note(cloud)
        following = flow_title(begin, self.entry_after)
        self.query_one("#next", Push).update(following)

    @property
    def entry_after(self) -> str:
        """What Next leads to, for people."""
        from screens import flow

        found = flow.after(self.step_id)
        return found.title if found else "Create"

    def _cloud_note(self, cloud: str) -> str:
        found = self._clouds.get(cloud)
        if found is None or found.get("how") == "own":
            return SANDBOX_NOTE if cloud == CLOUDS[0].value else ""
        if found.get("signed_in"):
            who = f" as {found['account']}" if found.get("account") else ""
            return f"✓ a sign-in was found{who}: {METHODS.get(str(found.get('how')), found.get('how'))}"
        return "No sign-in was found on this computer yet."

    def more_problems(self) -> list[Problem]:
        from wizard.errors import Problem

        answers, begin = self.wizard.answers, self.wizard.answers.get("wizard.begin")
        if begin == "plan" and not answers.get("wizard.plan_file"):
            return [Problem("wizard.plan_file", "No file is named.", "", "Type its path; → completes it.")]
        if begin not in ("new", "last") or not self._needs_sign_in:
            return []
        method = str(answers.get("wizard.method") or "azure-cli")
        return [
            Problem(key, "Needed to sign in.")
            for one, key in sorted(MUST)
            if one == method and not (answers.secret(key) if key == SECRET else answers.get(key))
        ]

    # Signing in

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if event.push.id == "review":
            event.prevent_default()
            self.action_review()
        elif event.push.id == "sign-in":
            self._sign_in_alone()
        elif event.push.id == "copy-code":
            self.wizard.copy(self._code, "The code")

    @work(exclusive=True, group="sign-in")
    async def _sign_in_alone(self) -> None:
        await self._sign_in()

    async def _sign_in(self) -> bool:
        """Ask for a sign-in with what was answered; True when one stands and its subscription is clear."""
        from wizard.errors import WizardError

        answers, signing = self.wizard.answers, self.query_one(SignIn)
        method = str(answers.get("wizard.method") or "azure-cli")
        values = {"cloud": answers.get("cloud"), "method": method}
        for key in NEEDED.get(method, ()):
            secret = answers.secret(key)
            value = secret.get_secret_value() if secret else answers.get(key)
            if value:
                values[key.partition(".")[2]] = value
        waits = " A page opens in your browser." if method == "browser" else ""
        signing.say(f"signing in by {METHODS.get(method, method)}.{waits}", "…")
        try:
            found = await self.wizard.desk.ask("sign_in", told=self._told, **values)
        except WizardError as error:
            signing.say("\n  ".join(part for part in (error.what, error.why, error.remedy) if part), "✗")
            return False
        finally:
            self._show_code("")
        return self._signed_in(found)

    def _signed_in(self, found: Mapping[str, Any]) -> bool:
        who = f" as {found['account']}" if found.get("account") else ""
        self.query_one(SignIn).say(f"signed in{who}", "✓")
        self.wizard.answers.set("wizard.signed_in", found["cloud"], commit=True)
        select = self._control("wizard.subscription", SelectControl)
        select.choices = [_subscription(each) for each in found["subscriptions"]]
        known = {choice.value for choice in select.choices}
        chosen = self.wizard.answers.get("wizard.subscription")
        if chosen not in known:
            chosen = found.get("subscription") or ""
            self.wizard.answers.set("wizard.subscription", chosen, commit=True)
        select.refresh()
        return bool(chosen)

    def _told(self, event: Mapping[str, Any]) -> None:
        if event.get("tell") == "device_code":
            self._show_code(str(event["code"]))
            self.query_one(SignIn).say(f"Open {event['url']} and enter the code {event['code']}", "…")

    def _show_code(self, code: str) -> None:
        self._code = code
        self.query_one("#copy-code").set_class(not code, "gone")

    # Going on

    async def leave(self) -> bool:
        answers, begin = self.wizard.answers, self.wizard.answers.get("wizard.begin")
        if begin == "deployment":
            name = str(answers.get("wizard.deployment"))
            self.wizard.go("deploying" if self._at_work.get(name) == "deploy" else "home", name=name)
            return False
        if begin == "plan":
            return await self.wizard.load_plan(str(answers.get("wizard.plan_file")))
        return await self._ready()

    async def _ready(self) -> bool:
        answers = self.wizard.answers
        if not self._needs_sign_in:
            return True
        if answers.get("wizard.signed_in") != answers.get("cloud") and not await self._sign_in():
            field = self.field("wizard.subscription" if answers.get("wizard.signed_in") else "wizard.method")
            field.enter()
            return False
        if chosen := answers.get("wizard.subscription"):
            await self.wizard.desk.ask("choose", cloud=answers.get("cloud"), subscription=chosen)
            return True
        self.field("wizard.subscription").enter()
        return False

    async def before_review(self) -> bool:
        return self._may_go() and await self.leave()

    def _control(self, key: str, kind: type[Any]) -> Any:
        control = self.field(key).control
        assert isinstance(control, kind)
        return control


def flow_title(begin: str, following: str) -> str:
    """The words on Next."""
    return "Open ›" if begin == "deployment" else f"Next: {following} ›"


def _deployment(found: Mapping[str, Any]) -> Choice:
    at_work = f", {found['run']['kind']} is under way" if found.get("run") else ""
    return Choice(found["name"], found["name"], f"{found['count']} VMs, {found['cloud']} {found['location']}{at_work}")


def _subscription(found: Mapping[str, Any]) -> Choice:
    usable = found.get("state", "Enabled") in ("Enabled", "Warned", "PastDue")
    return Choice(found["id"], found["name"], found["id"], "" if usable else f"it is {found['state'].lower()}")


STEP = StartStep
