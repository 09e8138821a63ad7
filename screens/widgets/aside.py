"""The third column: help for the focused field, and under it the architecture as it grows."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.answers import Answers
from screens.widgets.field import Field, Help


class Aside(VerticalScroll):
    """Shown from 110 columns on; F1 shows the same where there is no room."""

    def _mounted(self) -> tuple[Static, Static]:
        """Its two parts, mounted when they are first seen: at 80 columns they never are."""
        if not self.children:
            self.mount(Static("", id="aside-help", markup=False), Static("", id="aside-picture", markup=False))
        words, drawn = self.query(Static)
        return words, drawn

    def tell(self, field: Field | None, answers: Answers) -> None:
        """Draw the help of this field and the picture of these answers; nothing while it is not seen."""
        if not self.display or not self.is_attached:
            return
        words, drawn = self._mounted()
        if field is not None:
            words.update(help_text(field.label, field.help))
        if answers.complete:
            from screens.widgets.picture import picture

            drawn.update(picture(answers.get, width=34))


def help_text(label: str, help: Help) -> Content:
    """A field's help as text with small headings."""
    parts = [Content.styled(label, "bold"), Content(help.what)]
    for heading, text in (("Azure's rule", help.rule), ("We recommend", help.recommend), ("Later", help.later)):
        if text:
            parts += [Content(""), Content.styled(heading, "$primary"), Content(text)]
    return Content("\n").join(parts)
