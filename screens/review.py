"""Review and create: what the cloud says to it, what will be there, who can reach it, and the button that does it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Static

from screens import flow, review_told
from screens.changes import CHANGES
from screens.chosen import differing
from screens.exposure import exposures, summary
from screens.review_help import CONSENT, FILE
from screens.step import Step
from screens.styles import sheet
from screens.widgets.choice import SwitchControl
from screens.widgets.control import Answered
from screens.widgets.field import Field
from screens.widgets.lines import wrapped
from screens.widgets.push import Push
from screens.widgets.section import Section
from screens.widgets.text import PathControl
from screens.widgets.tree import branches, headline, tree_lines

if TYPE_CHECKING:
    from wizard.errors import Problem

Stage = Literal["asking", "unasked", "refused", "ready", "handed"]

ROOMY = 34
"""Lines of a terminal from which on what will be created is shown without pushing Create's consent out of view."""
FREE = "In the sandbox on this computer: no cost, and nothing leaves it."
BILLED = (
    "Azure bills the subscription from creation until you destroy it, by its terms and those of the image's "
    "publisher. Leaving the wizard does not end that."
)


class Found(Static, can_focus=True):
    """A problem, and the way to the field that causes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "mend", "Go there", tooltip="To the field that this is about", id="review.mend")
    ]

    def __init__(self, problem: Problem) -> None:
        super().__init__("", markup=False)
        self.problem = problem
        self.step_id = flow.step_of(problem.field)
        sign = "✗" if problem.severity == "error" else "!"
        style = "$text-error" if problem.severity == "error" else "$text-warning"
        way = f"  › {flow.entry(self.step_id).title}" if self.step_id else ""
        self.update(
            Content.assemble(
                (f"{sign} {problem.what}", style),
                (" ".join(["", *filter(None, (problem.why, problem.remedy))]), "$text-muted"),
                (way, "$primary"),
            )
        )

    def on_focus(self) -> None:
        self.app.cursor_position = self.content_region.offset + Offset(0, 0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.step_id) if action == "mend" else True

    def action_mend(self) -> None:
        if isinstance(self.screen, ReviewStep):
            self.screen.mend(self.problem)

    def on_click(self) -> None:
        self.action_mend()


class SaveControl(PathControl):
    """A path, and the button that writes there."""

    def __init__(self) -> None:
        super().__init__(".toml")

    def compose(self) -> ComposeResult:
        yield self.line
        yield Push("Save", id="save")


class ReviewStep(Step):
    """The last step. The plan does not change while one is here; Create acts once."""

    step_id = "review"
    lead = "Look it over. Nothing is written before Create."
    CSS = sheet("steps")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,alt+right", "next", "Create", key_display="F3", tooltip="Create what is shown", id="step.next"),
        Binding(
            "ctrl+r", "again", "Check again", key_display="^R", tooltip="Ask the cloud once more", id="step.review"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.stage: Stage = "asking"
        self.said = ""
        """What the checks told in half a line."""
        self._cloud_problems: list[Problem] = []
        self._resources: Sequence[Mapping[str, Any]] = ()
        self._shown: list[Problem] | None = None

    # What there is to see

    def body(self) -> Iterable[Widget]:
        yield Static("", id="gist", markup=False)
        with Horizontal(id="checks"):
            yield Static("Checks", classes="label", markup=False)
            yield Static("", id="verdict", markup=False)
            yield Push("Again", id="again")
        yield Vertical(id="found")
        yield Section("What will be created", id="planned", most=11)
        yield Section("What it costs", id="costs", most=12)
        yield Section("As a picture", id="drawn", most=18)
        yield Section("Who can reach what", id="open")
        yield Section("Not as by default", id="chosen", most=9)
        yield Section("Changed since 2016", id="changes", most=9)
        yield Field("", "Plan file", SaveControl(), help=FILE)
        yield Static("", id="terms", markup=False)
        yield Field("", "Consent", SwitchControl("I have seen it and agree", "I have seen it and agree"), help=CONSENT)

    async def prepared(self) -> None:
        get = self.wizard.answers.get
        self.query_one("#gist", Static).update(
            ", ".join(
                (
                    f"{get('machines.count')} × {get('machines.size')}",
                    review_told.image(str(get("machines.image"))),
                    review_told.where(get),
                )
            )
        )
        self._show_terms()
        self._show_costs()
        self.path.control.answer = f"{get('name')}.toml"
        opened = exposures(get)
        self._section("open").summary = summary(opened)
        self._section("open").show(lambda width: review_told.opened(opened, width))
        self._section("drawn").summary = "the whole architecture"
        self._section("drawn").show(self._picture)
        own = await asyncio.to_thread(differing, get)
        self._section("chosen").summary = f"{len(own)} of your answers" if own else "nothing: all is as we recommend"
        self._section("chosen").show(lambda width: review_told.chosen(own, width))
        self._section("changes").summary = f"{len(CHANGES)} things, each with its reason"
        self._section("changes").show(review_told.changes)
        if self.size.height >= ROOMY:
            self._section("planned").lines.most = 18
            self._section("planned").turn(True)
        self.ask_cloud()

    def _enter_first(self) -> None:
        if any(problem.severity == "error" for problem in self.wizard.answers.problems()):
            self._section("planned").enter()
        else:
            self.consent.enter()

    def _section(self, id: str) -> Section:
        return self.query_one(f"#{id}", Section)

    @property
    def consent(self) -> Field:
        """The field of the checkbox."""
        return next(field for field in self.fields() if field.label == "Consent")

    @property
    def path(self) -> Field:
        """The field of the plan file's path."""
        return next(field for field in self.fields() if field.label == "Plan file")

    def _picture(self, width: int) -> Sequence[Content]:
        from screens.widgets.picture import picture

        return picture(self.wizard.answers.get, width=min(width, 56)).split("\n")

    def _show_tree(self, states: Mapping[str, str]) -> None:
        lines = tree_lines(branches(self._resources, states))
        self._section("planned").summary = headline(self._resources, states)
        self._section("planned").show(lambda _width: lines)

    # What the cloud says

    @work(exclusive=True, group="terms")
    async def _show_terms(self) -> None:
        """What agreeing means: that it is billed, unless the cloud is known to cost nothing."""
        from wizard.errors import WizardError

        terms = self.query_one("#terms", Static)
        terms.update(BILLED)
        try:
            told = await self.wizard.desk.ask("terms", cloud=self.wizard.answers.get("cloud"))
        except WizardError:
            return  # what is wrong with the cloud is told beside the preflight
        terms.update(BILLED if told["billed"] else FREE)

    @work(exclusive=True, group="costs")
    async def _show_costs(self) -> None:
        """What it would cost: asked beside everything else, and nothing waits for it."""
        from wizard.errors import WizardError

        section = self._section("costs")
        if any(problem.severity == "error" for problem in self.wizard.answers.problems()):
            section.summary = "told when the plan is mended"
            return
        section.summary = "… asking the price list"
        try:
            told = await self.wizard.desk.ask("cost", plan=self.wizard.answers.plan_values())
        except WizardError as error:
            words = str(error)
            section.summary = "not known"
            section.show(lambda width: wrapped(words, width))
            return
        section.summary = review_told.cost(told)
        section.show(lambda width: review_told.costs(told, width))

    def action_again(self) -> None:
        """Ask once more."""
        if self.stage != "handed":
            self.ask_cloud()
            self._show_costs()

    @work(exclusive=True, group="cloud")
    async def ask_cloud(self) -> None:
        """Blueprint, preflight, and what is there already; each is shown as it comes."""
        from wizard.errors import Problem, UnreachableError, WizardError

        self._cloud_problems = []
        if any(problem.severity == "error" for problem in self.wizard.answers.problems()):
            self._tell("unasked", "the cloud is asked when these are mended")
            return
        self._tell("asking", "… asking the cloud")
        plan = self.wizard.answers.plan_values()
        asked: dict[str, Any] = {"plan": plan, **self._subscription()}
        try:
            self._resources = await self.wizard.desk.ask("blueprint", plan=plan)
            self._show_tree({})
            found = await self.wizard.desk.ask("preflight", **asked)
            self._cloud_problems = [Problem(**each) for each in found["problems"]]
            if not found["ready"]:
                self._tell("refused", f"not ready, {found['seconds']:.1f} s")
                return
            self._tell("ready", f"✓ ready, {found['seconds']:.1f} s")
            outlook = await self.wizard.desk.ask("outlook", **asked)
            if outlook["resources"]:
                self._show_tree({str(each["id"]).lower(): str(each["state"]) for each in outlook["resources"]})
            if not outlook["ready"]:
                refused = [Problem(**each) for each in outlook["problems"]]
                self._cloud_problems = [replace(each, what=review_told.shortened(each.what)) for each in refused]
                self._tell("refused", "not as it stands")
        except WizardError as error:
            self._cloud_problems = [Problem("", review_told.shortened(error.what), error.why, error.remedy)]
            unasked = isinstance(error, UnreachableError)
            self._tell("refused", "the cloud could not be asked" if unasked else "not as it stands")

    def _subscription(self) -> dict[str, str]:
        answers = self.wizard.answers
        chosen = answers.get("wizard.subscription")
        return {"subscription": chosen} if chosen and answers.get("wizard.signed_in") == answers.get("cloud") else {}

    def _tell(self, stage: Stage, said: str) -> None:
        self.stage, self.said = stage, said
        self.check()

    def more_problems(self) -> list[Problem]:
        """What the cloud told; the plan's own rules are among it, and told already."""
        told = {(each.field, each.what) for each in self.wizard.answers.problems()}
        return [each for each in self._cloud_problems if (each.field, each.what) not in told]

    def check(self) -> list[Problem]:
        super().check()
        if self.stands:
            errors = [each for each in self.problems if each.severity == "error"]
            said = f"✗ {len(errors)} to mend: {self.said}" if errors else self.said
            verdict = self.query_one("#verdict", Static)
            verdict.update(said)
            verdict.set_class(bool(errors), "bad")
            verdict.set_class(self.stage == "ready", "good")
            self._show_found()
            self._show_create(errors)
        return []

    def _show_found(self) -> None:
        if self.problems == self._shown:
            return
        self._shown = list(self.problems)
        found = self.query_one("#found", Vertical)
        had_focus = self.focused is not None and found in self.focused.ancestors
        found.remove_children()
        found.mount(*(Found(problem) for problem in self._shown))
        if had_focus:
            self._section("planned").enter()

    def mend(self, problem: Problem) -> None:
        """To the step and the field that cause a problem."""
        if step_id := flow.step_of(problem.field):
            key = next((own for own in _parents(problem.field) if own), problem.field)
            self.wizard.progress.focus[step_id] = key
            self.wizard.progress.asked.add(step_id)
            self.wizard.go(step_id)

    # Create

    @on(Answered)
    def _consented(self) -> None:
        self.check()

    def _missing(self, errors: Sequence[Problem]) -> str:
        if errors:
            return f"✗ {len(errors)} to mend"
        if self.stage == "handed":
            return "… begun"
        if self.stage in ("asking", "unasked"):
            return "… the checks run"
        return "" if self.consent.control.answer else "○ your consent is missing"

    def _show_create(self, errors: Sequence[Problem]) -> None:
        missing = self._missing(errors)
        create = self.query_one("#next", Push)
        create.disabled = bool(missing) or self.stage != "ready"
        mend = self.query_one("#mend", Static)
        mend.update(missing)
        mend.set_class(not errors, "calm")

    def action_next(self) -> None:  # type: ignore[override]  # the base's is a worker
        """Create, once."""
        missing = self._missing([each for each in self.problems if each.severity == "error"])
        if self.stage == "ready" and not missing:
            self.stage = "handed"
            self.set_focus(None)  # a disabled button hands its focus to its neighbour: the next Enter would press Back
            self.check()
            self.wizard.answers.commit()
            self.wizard.go("deploying", start=True)
        elif self.stage == "ready":
            self.consent.enter()
        elif self.stage != "handed":
            self.wizard.notify(missing.lstrip("✗…○ ").capitalize() + ".", title="Not yet", severity="warning")

    # The plan file

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if event.push.id == "again":
            self.action_again()
        elif event.push.id == "save":
            self.save()

    @work(exclusive=True, group="save")
    async def save(self) -> None:
        """Write the plan; ask before anything is overwritten."""
        from wizard.errors import WizardError

        text = str(self.path.control.answer)
        path, there = await asyncio.to_thread(_looked_up, text)
        if not text or there == "folder":
            self.path.note = "✗ Name a file, such as plan.toml."
            return
        overwrite = there == "file"
        if overwrite and not await self._may_overwrite(path):
            self.path.note = "Kept as it was."
            return
        try:
            plan = self.wizard.answers.plan_values()
            saved = await self.wizard.desk.ask("save_plan", plan=plan, path=str(path), overwrite=overwrite)
        except WizardError as error:
            self.path.note = f"✗ {error}"
            return
        self.path.note = f"✓ saved as {saved['path']}"

    async def _may_overwrite(self, path: Path) -> bool:
        from screens.dialogs import ChoiceScreen

        ways = (
            ("keep", "Keep it", "Nothing is written; name another file."),
            ("overwrite", "Overwrite it", "What stands in it is lost."),
        )
        asked = ChoiceScreen(f"{path.name} is there already", str(path), ways)
        return await self.wizard.push_screen_wait(asked) == "overwrite"


def _looked_up(text: str) -> tuple[Path, str]:
    """The path that a text means, and what is there: file, folder, or nothing. Asks the file system: in a thread."""
    path = Path(text).expanduser().absolute()
    return path, "folder" if path.is_dir() else "file" if path.exists() else ""


def _parents(key: str) -> Iterable[str]:
    # A tag's problem is mended in the field of all tags.
    if key.startswith("tags."):
        yield "tags"


STEP = ReviewStep
