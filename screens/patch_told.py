"""What a patching has told so far, and what the patch screen says of it. No widget in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.content import Content

from screens.live import Event, told
from screens.step import plural
from screens.widgets.signs import Tone

if TYPE_CHECKING:
    from wizard.runs import Ended


@dataclass
class Row:
    """One VM: what is due on it, and how far it is."""

    vm: str
    domain: str = ""
    patches: Sequence[Mapping[str, Any]] = ()
    pending: bool = False
    windows: bool = False
    why: str = ""
    state: str = ""
    detail: str = ""
    ended: Mapping[str, Any] | None = None

    def due(self, updates: str) -> int:
        """How many of its missing updates are of the chosen classes."""
        from wizard.plan.model import OsType
        from wizard.plan.patching import Updates, classifications

        wanted = set(classifications(Updates(updates), OsType.WINDOWS if self.windows else OsType.LINUX))
        return sum(bool(wanted & set(each["classes"])) for each in self.patches)

    def concerned(self, updates: str, reboot: str) -> bool:
        """Whether it would be patched."""
        return bool(self.due(updates)) or (self.pending and reboot != "never")


@dataclass
class Course:
    """Everything that was told, by VM in the order of their turns."""

    rows: dict[str, Row] = field(default_factory=dict)
    assessed: bool = False
    domain: Mapping[str, Any] | None = None
    at: float = 0.0
    waiting: str = ""
    interrupted: bool = False
    load: Mapping[str, Any] | None = None
    done: Mapping[str, Any] | None = None

    def feed(self, events: Sequence[Event]) -> None:
        for event in events:
            self.at = max(self.at, float(event.get("at") or 0.0)) if event["event"] != "load_progress" else self.at
            self._take(event)

    def _take(self, event: Event) -> None:
        match event["event"]:
            case "assessed":
                row = self._row(event)
                row.patches, row.why = event["patches"], str(event["why"])
                row.pending, row.windows = bool(event["reboot_pending"]), bool(event["windows"])
            case "assessment":
                self.assessed = True
                order = sorted(self.rows.values(), key=lambda row: (_natural(row.domain), _natural(row.vm)))
                self.rows = {row.vm: row for row in order}
            case "patching":
                row = self._row(event)
                row.state, row.detail = str(event["state"]), str(event.get("detail") or "")
            case "domain":
                self.domain = event
            case "vm_patched":
                self._row(event).ended = event
            case "waiting":
                self.waiting = str(event["detail"])
            case "still_installing":
                self.waiting = f"Azure still installs on {', '.join(event['vms'])}, since a patching was killed"
            case "interrupted":
                self.interrupted = True
            case "load_progress":
                self.load = event["total"]
            case "patched":
                self.done = event

    def _row(self, event: Event) -> Row:
        row = self.rows.setdefault(str(event["vm"]), Row(str(event["vm"])))
        row.domain = str(event.get("domain") or row.domain)
        return row

    def concerned(self, updates: str, reboot: str) -> list[Row]:
        return [row for row in self.rows.values() if row.concerned(updates, reboot)]


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in text.replace("-", " ").split()]


_STATES: Mapping[str, tuple[str, str, Tone]] = {
    "waiting": ("○", "to come", "quiet"),
    "current": ("✓", "nothing due", "quiet"),
    "draining": ("…", "out of rotation", "busy"),
    "installing": ("…", "installing", "busy"),
    "returning": ("…", "going back into rotation", "busy"),
    "done": ("✓", "patched", "good"),
    "failed": ("✗", "failed", "bad"),
}
_RESTARTS = {"Completed": ", restarted", "Required": ", waits for a restart"}


def state(row: Row, updates: str, reboot: str) -> tuple[str, str, Tone]:
    """A row's sign, its words and their tone."""
    if row.why:
        return "✗", row.why, "bad"
    if row.state:
        sign, words, tone = _STATES.get(row.state, ("…", row.state, "busy"))
        if row.ended is not None and row.state in ("done", "failed"):
            words = f"{row.ended['installed']} installed{_RESTARTS.get(str(row.ended['reboot']), '')}"
            if row.state == "failed":
                words = str(row.ended["why"] or words)
        elif row.state == "draining" and row.detail:
            words += f", drains {row.detail}"
        return sign, words, tone
    if row.pending:
        return "!", "waits for a restart", "warn"
    return ("!", "to patch", "warn") if row.concerned(updates, reboot) else ("✓", "nothing due", "quiet")


def summary(course: Course, updates: str, reboot: str) -> Content:
    """In a line: what patching would do."""
    if not course.assessed:
        return Content.styled("Azure has not been asked yet what is due. Asking installs nothing.", "$text-muted")
    if unknown := [row for row in course.rows.values() if row.why]:
        return Content.styled(f"{plural(len(unknown), 'VM')} could not be assessed.", "$text-error")
    rows = course.concerned(updates, reboot)
    if not rows:
        return Content.styled("Nothing of these classes is due on any VM.", "$text-muted")
    updates_due = sum(row.due(updates) for row in rows)
    turns = len({row.domain for row in rows})
    return Content.styled(
        f"{plural(updates_due, 'update')} on {plural(len(rows), 'VM')}, in {plural(turns, 'turn')}.", "bold"
    )


def question(course: Course, updates: str, reboot: str) -> tuple[str, str, str]:
    """What is to happen, as a title, a text and a button."""
    rows = course.concerned(updates, reboot)
    restarts = {
        "if-required": "Azure restarts a VM where that is due.",
        "never": "No VM is restarted; what asks for it stays pending.",
        "always": "Azure restarts every one of them.",
    }[reboot]
    text = f"One domain after another, out of rotation meanwhile. {restarts}"
    if len({row.domain for row in course.rows.values()}) == 1:
        text = f"All VMs are in one domain, and stay in rotation: while they restart, nobody answers. {restarts}"
    return (
        f"Patch {plural(len(rows), 'VM')}?",
        text,
        f"Install {plural(sum(row.due(updates) for row in rows), 'update')}",
    )


def going_on(course: Course, *, assessing: bool) -> Content:
    """What happens now, and that one may leave."""
    if course.interrupted:
        words = "… stopping: what Azure installs now comes to its end, then its VMs go back into rotation"
        return Content.styled(words, "$text-accent")
    if assessing or not course.assessed:
        return Content.styled("… Azure looks at every VM; nothing is installed", "$text-accent")
    if course.domain is None:
        return Content.styled(f"… {course.waiting or 'every VM must be up before it begins'}", "$text-accent")
    words = f"… {course.domain['domain']}, {course.domain['number']} of {course.domain['of']}. "
    users = ""
    if course.load is not None:
        users = f"{course.load['errors']:,} of {course.load['requests']:,} requests failed. "
    return Content.assemble(
        (words, "$text-accent"),
        (users, "$text-error" if users and course.load and course.load["errors"] else ""),
        ("You can leave: this goes on by itself.", "$text-muted"),
    )


def outcome(course: Course, ended: Ended | None, *, assessing: bool) -> Content:
    """How it ended."""
    if (done := course.done) is not None:
        return _patched(done)
    if ended is None:
        return Content("")
    if ended.state == "done" and assessing:
        return Content("")
    if ended.state == "cancelled":
        what = "Stopped. What was installed stays; every VM is back in rotation."
        return told(what, "", "Patch again: it goes on with what is left.", sign="!", tone="warn")
    return told(ended.what or "It ended without a word.", ended.why, ended.remedy)


def _patched(done: Mapping[str, Any]) -> Content:
    if not done["vms"]:
        return Content.assemble(("✓ ", "$text-success"), "Nothing was due.")
    installed, vms = plural(done["installed"], "update"), plural(done["vms"], "VM")
    words = f"{installed} installed on {vms}, {done['restarted']} restarted."
    lines = [Content.assemble(("✓ ", "$text-success"), words)]
    if done["requests"] is not None:
        failed = int(done["failed_requests"] or 0)
        sign, style = ("✗", "$text-error") if failed else ("✓", "$text-success")
        gap = f"longest time without an answer {done['longest_gap_s']:.2f} s"
        lines.append(
            Content.assemble((f"{sign} ", style), f"{failed:,} of {done['requests']:,} requests failed; {gap}.")
        )
    if pending := done["reboot_pending"]:
        lines.append(Content.styled(f"! {', '.join(pending)} waits for a restart.", "$text-warning"))
    return Content("\n").join(lines)
