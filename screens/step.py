"""What every step shares: the frame, the rail, Back and Next, problems beside their fields, help, and keys.

How a step is written (screens/basics.py is the example):

    class BasicsStep(Step):
        step_id = "basics"                       # its id in screens.flow; the module's name too
        lead = "What it is called ..."           # one sentence under the title
        def body(self):                          # yields its Fields, each with the key that Answers keeps it under
            yield Field("name", "Name", TextControl(), help=Help(what="...", rule="...", recommend="...", later="..."))
        async def prepared(self):                # optional: a worker after the first frame; ask the desk here
            choices = await self.wizard.desk.ask("regions")
        def answered(self, key):                 # optional: an answer changed (by a person here, or a program)
            self.field("name").note = "..."
        def more_problems(self):                 # optional: problems that no rule of the plan knows
            return []
        async def leave(self):                   # optional: the last word before Next; False stays
            return True
    STEP = BasicsStep                            # flow finds it by this name

The base reads each field's answer from Answers, drafts what is typed, commits when the field is left, puts the
problems of a field's key under it, and refuses Next while there are errors of this step. `self.wizard` is the app:
`.answers`, `.desk.ask(...)`, `.go(step_id)`, `.notify(...)`, `.copy(text, what)`. Enter goes to the next field, ↑ and ↓
between fields, ← and → change a choice. Nothing in a step may take longer than 0.1 s outside a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from screens import flow
from screens.answers import SECRET
from screens.frame import Frame
from screens.widgets.aside import Aside
from screens.widgets.control import Answered
from screens.widgets.field import Field
from screens.widgets.keyline import KeyLine
from screens.widgets.push import Push
from screens.widgets.rail import Rail

if TYPE_CHECKING:
    from wizard.errors import Problem

CHECK_AFTER_S = 0.2
"""Problems are looked for when typing pauses: a half-typed name is not a mistake yet."""


class Body(VerticalScroll, inherit_bindings=False):
    """The column of fields. ↑ and ↓ go between fields, also where there is more than fits; pages scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page_down", "Page down", tooltip="A page down", show=False, id="body.page_down"),
        Binding("pageup", "page_up", "Page up", tooltip="A page up", show=False, id="body.page_up"),
    ]


class Step(Frame):
    """One screen of the form. See the module's docstring."""

    lead: ClassVar[str] = ""
    first_field: ClassVar[str] = ""
    """The key of the field that has the focus at first; left out: the first one."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f1",
            "help",
            "Help",
            key_display="F1",
            tooltip="What this field is, Azure's rule, what we recommend",
            id="step.help",
        ),
        Binding("f2,alt+left", "back", "Back", key_display="F2", tooltip="The step before", id="step.back"),
        Binding("f3,ctrl+n,alt+right", "next", "Next", key_display="F3", tooltip="Check and go on", id="step.next"),
        Binding(
            "ctrl+r",
            "review",
            "Review",
            key_display="^R",
            tooltip="To Review, with defaults for the rest",
            id="step.review",
        ),
        Binding(
            "escape",
            "cancel_edit",
            "Undo",
            key_display="Esc",
            tooltip="Take back what was typed here",
            id="step.cancel",
        ),
        Binding("down", "focus_by(1)", "Next field", tooltip="The field below", show=False, id="step.down"),
        Binding("up", "focus_by(-1)", "Field before", tooltip="The field above", show=False, id="step.up"),
        Binding("enter", "focus_by(1)", "Next field", tooltip="The field below", show=False, id="step.enter"),
        *(
            Binding(
                f"{n},alt+{n}",
                f"number({n})",
                f"Step {n}",
                tooltip="A step by its number",
                show=False,
                id=f"step.number{n}",
            )
            for n in range(1, 8)
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._check_timer: Timer | None = None
        self._unwatch: Callable[[], None] | None = None
        self.problems: list[Problem] = []
        self._secret_before = ""

    # What a step writes

    def body(self) -> Iterable[Widget]:
        """The fields."""
        return ()

    async def prepared(self) -> None:
        """A worker after the first frame: what takes time or asks the desk."""

    def answered(self, key: str) -> None:
        """An answer changed: adapt what depends on it."""

    def more_problems(self) -> list[Problem]:
        """Problems that the plan's rules cannot know; their `field` is a field's key here."""
        return []

    def problems_shown_elsewhere(self) -> Iterable[str]:
        """Plan keys whose problems this step shows under another field, by `more_problems`."""
        return ()

    async def leave(self) -> bool:
        """The last word before Next, once there are no problems; False stays here."""
        return True

    async def before_review(self) -> bool:
        """As `leave`, when ^R goes to Review past the steps between; problems are shown there."""
        return True

    # The frame

    def compose(self) -> ComposeResult:
        yield from self.header()
        with Horizontal(id="middle"):
            yield Rail(id="rail")
            with Body(id="body", can_focus=False):
                yield Static(self.entry.title, id="title", markup=False)
                yield Static(self.lead, id="lead", markup=False)
                yield from self.body()
                yield Static("", id="others", markup=False)
            yield Aside(id="aside", can_focus=False)
        with Horizontal(id="nav"):
            yield from self.nav()
        yield KeyLine(id="keys")

    def nav(self) -> Iterable[Widget]:
        """The line of buttons."""
        before, after = flow.before(self.step_id), flow.after(self.step_id)
        yield Push("‹ Back", id="back", classes="" if before else "unused")
        yield Static("", id="mend", markup=False)
        yield Push(f"Next: {after.title} ›" if after else "Create ›", id="next", classes="primary")

    def on_mount(self) -> None:
        self.wizard.progress.seen.add(self.step_id)
        for field in self.fields():
            self._show_answer(field)
        self._unwatch = self.wizard.answers.watch(self._answer_changed)
        self._enter_first()
        self.check()
        self.call_after_refresh(self._prepare)

    def on_unmount(self) -> None:
        if self._unwatch is not None:
            self._unwatch()

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell_aside)
        self.call_after_refresh(self._keep_in_sight)

    def _keep_in_sight(self) -> None:
        if (field := self.focused_field()) is not None:
            field.scroll_visible(animate=False)
        self.call_after_refresh(self._place_cursor)

    def _place_cursor(self) -> None:
        # What stood above may have moved the field that has the focus.
        if place := getattr(self.focused, "place_cursor", None):
            place()

    def _tell_aside(self) -> None:
        if self.gone:
            return
        if self.stands:
            self.query_one(Aside).tell(self.focused_field(), self.wizard.answers)

    @work(exclusive=True, group="prepare")
    async def _prepare(self) -> None:
        await self.wizard.completed()
        if self.stands:
            await self.prepared()
            self.check()

    def _enter_first(self) -> None:
        wanted = self.wizard.progress.focus.get(self.step_id) or self.first_field
        fields = [field for field in self.fields() if field.display and not field.disabled]
        chosen = next((field for field in fields if field.key == wanted), fields[0] if fields else None)
        if chosen is not None:
            chosen.enter()
        else:
            self.query_one("#next").focus()

    @property
    def stands(self) -> bool:
        """Whether the screen is there with all its parts: not before it is mounted, not while it is being removed."""
        return self.is_mounted and self.display

    # Fields and answers

    def fields(self) -> list[Field]:
        """All fields, in order."""
        return list(self.query(Field))

    def field(self, key: str) -> Field:
        """The field of a key."""
        return next(field for field in self.fields() if field.key == key)

    def focused_field(self) -> Field | None:
        """The field that the focus is in."""
        within = self.focused.ancestors_with_self if self.focused else ()
        return next((each for each in within if isinstance(each, Field)), None)

    def _show_answer(self, field: Field) -> None:
        if field.key.startswith(SECRET):
            secret = self.wizard.answers.secret(field.key)
            field.control.answer = secret.get_secret_value() if secret else ""
        elif field.key and (value := self.wizard.answers.get(field.key)) is not None:
            field.control.answer = value

    @on(Answered)
    def _drafted(self, event: Answered) -> None:
        event.stop()
        field = next(each for each in event.widget.ancestors if isinstance(each, Field))
        field.touched = True
        if field.key.startswith(SECRET):
            self.wizard.answers.set_secret(field.key, str(field.control.answer))
        elif field.key:
            self.wizard.answers.set(field.key, field.control.answer)

    def _answer_changed(self, key: str) -> None:
        if self.gone:
            return
        for field in self.fields():
            if field.key == key and not key.startswith(SECRET) and field.control.answer != self.wizard.answers.get(key):
                self._show_answer(field)
        if key in ("cloud", "name"):
            self.show_where()
        self.answered(key)
        if self._check_timer is not None:
            self._check_timer.stop()
        self._check_timer = self.set_timer(CHECK_AFTER_S, self.check)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        field = next((each for each in event.widget.ancestors_with_self if isinstance(each, Field)), None)
        if field is not None and field.key and not field.key.startswith(SECRET) and self.is_current:
            self.wizard.answers.commit(field.key)

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        field = self.focused_field()
        if field is not None:
            self.wizard.progress.focus[self.step_id] = field.key
            if field.key.startswith(SECRET):
                secret = self.wizard.answers.secret(field.key)
                self._secret_before = secret.get_secret_value() if secret else ""
        self._tell_aside()

    # Problems

    def check(self) -> list[Problem]:
        """Ask every rule, and show what concerns this step. Returns this step's errors."""
        if not self.stands:
            return []
        moved = set(self.problems_shown_elsewhere())
        judged = [each for each in self.wizard.answers.problems() if each.field not in moved]
        self.problems = [*judged, *self.more_problems()]
        asked = self.step_id in self.wizard.progress.asked
        shown: set[str] = set()
        for field in self.fields():
            own = [each for each in self.problems if field.key and _concerns(each, field.key)]
            shown.update(each.field for each in own)
            warned = [each for each in own if each.severity == "warning"]
            field.show(own if field.touched or asked else warned)
        for fold in self.query(".fold"):
            fold.tell_problems()  # type: ignore[attr-defined]  # screens.widgets.fold, not needed before the first frame
        errors = self._errors()
        others = [each for each in flow.errors_of(self.step_id, self.problems) if each.field not in shown]
        rest = self.query_one("#others", Static)
        rest.update("\n".join(f"✗ {each.what} {each.remedy}" for each in others))
        rest.display = bool(others)
        self._show_progress(errors if asked else [])
        self.call_after_refresh(self._place_cursor)
        return errors

    def _errors(self) -> list[Problem]:
        own = {field.key for field in self.fields() if field.key}
        return [
            each
            for each in self.problems
            if each.severity == "error"
            and (flow.step_of(each.field) == self.step_id or any(_concerns(each, key) for key in own))
        ]

    def _faulty(self) -> list[Field]:
        return [field for field in self.fields() if field.display and field.control.fault()]

    def _show_progress(self, errors: list[Problem]) -> None:
        progress = self.wizard.progress
        ids = [each.id for each in flow.rail()]
        reached = progress.reached(ids)
        rows = [
            (each, progress.state(each.id, self.step_id, self.problems), each.id in reached) for each in flow.rail()
        ]
        elsewhere = sum(
            len(flow.errors_of(each.id, self.problems)) for each, state, _ in rows if state == "needs attention"
        )
        self.query_one(Rail).tell(rows, elsewhere + len(errors))
        self.query_one("#mend", Static).update(f"✗ {len(errors)} to mend here" if errors else "")
        self._tell_aside()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action == "back" and flow.before(self.step_id) is None)

    def action_focus_by(self, by: int) -> None:
        """The field below or above; from the last one, the button that goes on: Back is not what Enter means."""
        chain = self.focus_chain
        here = chain.index(self.focused) if self.focused in chain else -1
        if by > 0 and here + 1 < len(chain) and chain[here + 1].id == "back":
            self.query_one("#next").focus()
            return
        (self.focus_next if by > 0 else self.focus_previous)()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_focus_by(1)

    def action_cancel_edit(self) -> None:
        """Take back what was typed since the field was entered."""
        field = self.focused_field()
        if field is None or not field.key:
            return
        if field.key.startswith(SECRET):
            field.control.answer = self._secret_before
            self.wizard.answers.set_secret(field.key, self._secret_before)
        else:
            field.control.answer = self.wizard.answers.revert(field.key)
        self.check()

    def action_help(self) -> None:
        from screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self, self.focused_field()))

    def action_back(self) -> None:
        if before := flow.before(self.step_id):
            self.wizard.go(before.id)

    @work(exclusive=True, group="next")
    async def action_next(self) -> None:
        """Go on, or to the first problem."""
        await self.wizard.completed()
        if not self._may_go():
            return
        if not await self.leave() or not self.is_current:
            return
        self.wizard.answers.commit()
        if after := flow.after(self.step_id):
            self.wizard.go(after.id)
        else:
            await self.wizard.review()

    def _may_go(self) -> bool:
        self.wizard.progress.asked.add(self.step_id)
        errors, faulty = self.check(), self._faulty()
        if not errors and not faulty:
            self.wizard.progress.asked.discard(self.step_id)
            return True
        wrong = [
            field
            for field in self.fields()
            if field.display and (field in faulty or any(_concerns(each, field.key) for each in errors if field.key))
        ]
        if wrong:
            wrong[0].enter()
            wrong[0].scroll_visible(animate=False)
        return False

    @work(exclusive=True, group="next")
    async def action_review(self) -> None:
        """To Review, with defaults for what was not answered."""
        await self.wizard.completed()
        if await self.before_review() and self.is_current:
            self.wizard.answers.commit()
            await self.wizard.review()

    def action_go(self, step_id: str) -> None:
        """To a step that was reached before."""
        if step_id in self.wizard.progress.reached([each.id for each in flow.rail()]):
            self.wizard.go(step_id)

    def action_number(self, number: int) -> None:
        steps = flow.rail()
        if number <= len(steps):
            self.action_go(steps[number - 1].id)

    def on_push_pressed(self, event: Push.Pressed) -> None:
        if event.push.id == "back":
            self.action_back()
        elif event.push.id == "next":
            self.action_next()


def _concerns(problem: Problem, key: str) -> bool:
    return problem.field == key or problem.field.startswith(f"{key}.")


def plural(number: int, one: str, many: str = "") -> str:
    """`1 VM`, `2 VMs`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
