"""The third column: help for the focused field, and under it the architecture as it grows."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.answers import Answers
from screens.widgets.field import Field, Help


class Aside(VerticalScroll):
    """Shown from 110 columns on; F1 shows the same where there is no room."""

    def compose(self) -> ComposeResult:
        yield Static("", id="aside-help", markup=False)
        yield Static("", id="aside-picture", markup=False)

    def tell(self, field: Field | None, answers: Answers) -> None:
        """Draw the help of this field and the picture of these answers; nothing while it is not seen."""
        if not self.display or not self.is_attached:
            return
        if field is not None:
            self.query_one("#aside-help", Static).update(help_text(field.label, field.help))
        if answers.complete:
            from screens.widgets.picture import picture

            self.query_one("#aside-picture", Static).update(picture(answers.get, width=34))


def help_text(label: str, help: Help) -> Content:
    """A field's help as text with small headings."""
    parts = [Content.styled(label, "bold"), Content(help.what)]
    for heading, text in (("Azure's rule", help.rule), ("We recommend", help.recommend), ("Later", help.later)):
        if text:
            parts += [Content(""), Content.styled(heading, "$primary"), Content(text)]
    return Content("\n").join(parts)
