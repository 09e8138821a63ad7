"""A run or a command that works on the deployment already, or that ended while nobody looked: what is said of it.

One at a time works on a deployment, whoever began it: this wizard, another one, or a command in a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from screens.live import told
from screens.step import plural

if TYPE_CHECKING:
    from screens.live import Follows
    from wizard.errors import WizardError
    from wizard.runs import Ended

NOUNS = {
    "deploy": "deployment",
    "destroy": "destruction",
    "scale": "scaling",
    "patch": "patching",
    "reset": "reset",
    "verify": "verification",
}
_DOING = {
    "deploy": "being deployed",
    "destroy": "being destroyed",
    "scale": "being scaled",
    "patch": "being patched",
    "reset": "being reset",
}
_SCREENS = {"deploy": "deploying", "destroy": "home", "scale": "scale", "patch": "patch", "reset": "reset"}


def noun(kind: str) -> str:
    return NOUNS.get(kind, kind)


def screen_of(kind: str) -> str:
    """The screen that follows runs of a kind."""
    return _SCREENS.get(kind, "verify")


def holder(error: WizardError) -> Any:
    """The run that an error says is at work on the deployment, or None."""
    return getattr(error, "run", None)


def refused(error: WizardError) -> Content:
    """An error in words; where somebody else is at work, who, and what can be done."""
    run = holder(error)
    if run is None:
        return told(error.what, error.why, error.remedy)
    what = _DOING.get(run.kind, f"at work: a {noun(run.kind)} is under way")
    return told(
        f"{run.name} is {what}, since {run.began_utc[11:16]} UTC.",
        "One at a time works on a deployment. It may have been begun here, or by a command in a terminal.",
        "See how it goes, or stop it there; when it has ended, try again.",
        sign="!",
        tone="warn",
    )


def ending(run: Follows, ended: Ended) -> Content:
    """How a run ended that nobody followed."""
    name, at = noun(run.kind), f"{ended.at_utc[11:16]} UTC" if ended.at_utc else ""
    if run.kind == "scale" and (count := (getattr(run, "request", None) or {}).get("count")):
        name += f" to {plural(int(count), 'VM')}"
    when = f" at {at}" if at else ""
    if ended.state == "cancelled":
        return told(f"The {name} was stopped{when}.", ended.why, "", sign="!", tone="warn")
    if ended.state != "done":
        return told(f"The {name} did not come to its end.", f"{ended.what} {ended.why}".strip(), ended.remedy)
    if ended.exit_status:
        return told(
            f"The {name} ended{when}, and not all was well.", "", "Do it again to see what.", sign="!", tone="warn"
        )
    return told(f"The {name} ended well{when}.", sign="✓", tone="good")
