"""A live screen with a form before its run: fields that belong to no plan, and a password typed twice or made.

What is typed into its secret fields stands among the wizard's secrets (so that a crash report can look for it), goes to
the run over its pipe, and is forgotten when the screen is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input

from screens.answers import SECRET
from screens.live import Live
from screens.widgets.control import Answered
from screens.widgets.field import Field
from screens.widgets.push import Push
from screens.widgets.text import SecretControl
from wizard.errors import Problem, WizardError

NEW, AGAIN = "secret.run_new", "secret.run_again"


class Asking(Live):
    """Subclasses write `problems` and `changed`, and yield their Fields in `parts`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "make", "Make one", tooltip="Make a password", id="asking.make", key_display="^G"),
        Binding("ctrl+l", "show", "Show", tooltip="Show what is typed, or hide it", id="asking.show", key_display="^L"),
        Binding("enter,down", "app.focus_next", "Next", tooltip="The next field", show=False, id="asking.next"),
        Binding("up", "app.focus_previous", "Before", tooltip="The field before", show=False, id="asking.before"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.asked = False
        """Whether it was to begin: from then on every field's problems are shown, touched or not."""
        self.made = False
        """Whether the password was made here, and nobody may have written it down yet."""

        self._kept: set[str] = set()

    # What a screen writes

    def problems(self) -> list[Problem]:
        """What stands in the way, by field."""
        return []

    def changed(self) -> None:
        """An answer changed: buttons, notes and warnings follow."""

    def answered(self, key: str) -> None:
        """This answer changed, before `changed`."""

    # Fields

    def field(self, key: str) -> Field:
        return next(field for field in self.query(Field) if field.key == key)

    def control(self, key: str) -> Any:
        return self.field(key).control

    def text(self, key: str) -> str:
        """An answer as a text, `""` for none."""
        return str(self.control(key).answer or "")

    @property
    def going(self) -> bool:
        """Whether its run is under way."""
        return self.run is not None and not self.over

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        field = next(each for each in event.widget.ancestors if isinstance(each, Field))
        field.touched = True
        if field.key.startswith(SECRET):
            self.made = self.made and field.key not in (NEW, AGAIN)
            self._keep(field.key, str(field.control.answer))
        self.answered(field.key)
        self.changed()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    def show_problems(self) -> list[Problem]:
        """Put each problem under its field; returns those of the fields that are shown."""
        found = self.problems()
        for field in self.query(Field):
            field.show([each for each in found if each.field == field.key] if field.touched or self.asked else [])
        return found

    def first_problem(self) -> Field | None:
        """The first field that keeps from beginning; all of them are shown from now on."""
        self.asked = True
        wrong = {each.field for each in self.show_problems() if each.severity == "error"}
        return next(
            (field for field in self.query(Field) if field.display and (field.control.fault() or field.key in wrong)),
            None,
        )

    # Secrets

    def _secret_fields(self) -> Iterable[Field]:
        return (field for field in self.query(Field) if field.key.startswith(SECRET))

    def forget(self, *keys: str) -> None:
        """Empty these secret fields."""
        for key in keys:
            self.give(key, "")
            self.field(key).touched = False

    def give(self, key: str, text: str) -> None:
        """Fill a secret field."""
        self.control(key).answer = text
        self._keep(key, text)

    def _keep(self, key: str, text: str) -> None:
        self._kept.add(key)
        self.wizard.answers.set_secret(key, text)

    def on_unmount(self) -> None:
        for key in self._kept:
            self.wizard.answers.set_secret(key, "")

    @property
    def asks_for_password(self) -> bool:
        """Whether a new password is among what is asked now."""
        return any(field.key == NEW and field.display for field in self.query(Field))

    @work(exclusive=True, group="password")
    async def action_make(self) -> None:
        """Make one password, and show it."""
        try:
            made = await self.wizard.desk.ask("generate_password", os=self.os)
        except WizardError as error:
            self.wizard.notify(str(error), title="No password was made", severity="error")
            return
        for key in (NEW, AGAIN):
            self.give(key, made["password"])
        self.made = True
        self._reveal(True)
        self.changed()
        self.wizard.notify("Write it down now: it is kept nowhere.", title="Password made")

    @property
    def os(self) -> str:
        """The VMs' system."""
        return "linux"

    def password_problems(self) -> list[Problem]:
        """What is wrong with the new password, typed twice."""
        from wizard.plan import rules
        from wizard.plan.model import OsType

        new = self.text(NEW)
        if weak := rules.password(new, OsType.WINDOWS if self.os == "windows" else OsType.LINUX, NEW):
            return [Problem(NEW, weak.what, weak.why, "Choose another, or ^G makes one.")]
        if new != self.text(AGAIN):
            return [Problem(AGAIN, "The two are not the same.", "", "Type it again, or ^G makes one.")]
        return []

    def action_show(self) -> None:
        self._reveal(not self.control(NEW).shown)

    def _reveal(self, shown: bool) -> None:
        for field in self._secret_fields():
            if isinstance(field.control, SecretControl):
                field.control.shown = shown
        self.query_one("#show", Push).update("Hide ^L" if shown else "Show ^L")

    # Help and sight

    def action_help(self) -> None:
        from screens.help import HelpScreen

        focused = self.focused.ancestors_with_self if self.focused else ()
        field = next((each for each in focused if isinstance(each, Field)), None)
        self.app.push_screen(HelpScreen(self, field))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        event.widget.scroll_visible(animate=False)
