"""What the scale screen says: what would be done, what goes on, and how it ended. No widget in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from screens.ledger import KINDS, RUNNING, Ledger
from screens.live import told
from screens.step import plural
from screens.widgets.signs import STYLES

if TYPE_CHECKING:
    from wizard.runs import Ended

Outlook = Mapping[str, Any]


def lines(outlook: Outlook) -> list[Content]:
    """What would be written, a line for each resource."""
    ways = (("created", "+ create", "good"), ("changed", "~ change", "warn"), ("deleted", "- delete", "bad"))
    found = []
    for key, words, tone in ways:
        for each in outlook.get(key) or ():
            kind = KINDS.get(str(each["type"]).rpartition("/")[2].lower(), str(each["type"]).rpartition("/")[2])
            style = STYLES[tone]  # type: ignore[index]
            found.append(Content.assemble((f"{words}  ", style), str(each["name"]), (f"  {kind}", "$text-muted")))
    return found


def summary(outlook: Outlook) -> Content:
    """In a line: from how many to how many, and who comes or leaves."""
    if not outlook.get("ready"):
        return Content("")
    before, to = int(outlook["from"]), int(outlook["to"])
    if outlook["complete"]:
        return Content.styled(f"There are {plural(to, 'VM')} already: nothing to write.", "$text-muted")
    parts = [f"From {before} to {plural(to, 'VM')}."]
    if new := outlook["new_vms"]:
        parts.append(f"New: {names(new)}.")
    if leaving := outlook["leaving_vms"]:
        parts.append(f"Drained and deleted with their disks: {names(leaving)}.")
    return Content.styled(" ".join(parts), "bold")


def costs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Content:
    """How much more or less a month; nothing where that is not known, or the same."""
    if before["monthly"] is None or after["monthly"] is None:
        return Content("")
    more = after["monthly"]["to"] - before["monthly"]["to"]
    if abs(more) < 0.01:
        return Content("")
    where = "" if after["billed"] else "Nothing here; on Azure about "
    told = f"{where or 'About '}${abs(more):,.2f} a month {'more' if more > 0 else 'less'}."
    return Content.styled(told, "$text-muted")


def names(vms: Sequence[str], most: int = 4) -> str:
    """Some names, and how many more."""
    more = f" and {len(vms) - most} more" if len(vms) > most else ""
    return f"{', '.join(vms[:most])}{more}"


def problem(found: Sequence[Mapping[str, Any]]) -> Content:
    """The first of the problems that stand in the way, and how many more there are."""
    errors = [each for each in found if each.get("severity", "error") == "error"]
    if not errors:
        return Content("")
    first = errors[0]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return told(f"{first['what']}{more}", str(first.get("why") or ""), str(first.get("remedy") or ""))


def going_on(ledger: Ledger) -> Content:
    """What happens now, and that one may leave."""
    if ledger.interrupted:
        return Content.styled("… stopping; what was done is kept", "$text-accent")
    if not ledger.rows:
        return Content.styled("… looking at what is there", "$text-accent")
    left = ledger.drains_for()
    if left > 0:
        words = f"… {names(list(ledger.draining))} out of the pool: {left:.0f} s more to end what is being answered. "
        return Content.assemble((words, "$text-accent"), ("You can leave.", "$text-muted"))
    at_work = ledger.count(RUNNING)
    return Content.assemble(
        (f"… {at_work} at work. ", "$text-accent"), ("You can leave: this goes on by itself.", "$text-muted")
    )


def outcome(ledger: Ledger, ended: Ended | None, *, by_password: bool) -> Content:
    """How it ended."""
    if (done := ledger.scaled) is not None:
        before, to = int(done["from"]), int(done["to"])
        words = f"{plural(to, 'VM')} now, {before} before. Connections that stayed lost nothing."
        if to > before:
            words = f"{plural(to, 'VM')} now, {before} before. A new one gets requests once its probe holds."
        lines = [Content.assemble(("✓ ", "$text-success"), words)]
        if by_password and to > before:
            lines.append(Content.styled("! The new VMs still have their first password.", "$text-warning"))
        return Content("\n").join(lines)
    if ended is None:
        return Content("")
    if ended.state == "cancelled":
        return told(
            "Stopped. What was done is kept.", "", "Scale again: it goes on from what is there.", sign="!", tone="warn"
        )
    if failed := ledger.failed():
        first = failed[0]
        return told(f"{first.kind} {first.name} failed.", first.why, first.remedy or ended.remedy)
    why = "\n".join(filter(None, [ended.why, *(str(each.get("what", "")) for each in list(ended.problems)[:3])]))
    return told(ended.what or "It ended without a word.", why, ended.remedy)
