"""What the Deploying screen says in words: what goes on, how it ended, and all about one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from screens.ledger import RUNNING, Ledger, Row
from screens.live import Event, told
from screens.widgets.grid import told_time
from screens.widgets.signs import sign

if TYPE_CHECKING:
    from wizard.runs import Ended


def going_on(ledger: Ledger) -> Content:
    """What happens now, and that one may leave."""
    if ledger.interrupted:
        return Content.styled("… stopping; what was done is kept", "$text-accent")
    if not ledger.rows:
        return Content.styled("… looking at what is there", "$text-accent")
    if failed := ledger.failed():
        return Content.assemble(
            ("✗ ", "$text-error"), f"{failed[0].name} failed. What does not need it is still finished."
        )
    at_work = ledger.count(RUNNING)
    return Content.assemble(
        (f"… {at_work} at work. ", "$text-accent"), ("You can leave: this goes on by itself.", "$text-muted")
    )


def outcome(ledger: Ledger, ended: Ended | None, *, by_password: bool) -> Content:
    """How a deployment ended: where it answers, or what went wrong, why, and the remedy."""
    if ledger.deployed is not None:
        return _deployed(ledger.deployed, by_password)
    if ended is None:
        return Content("")
    failed = ledger.failed()
    if ended.state == "cancelled":
        return told("Stopped. What was done is kept.", *_left_running(ledger), sign="!", tone="warn")
    if failed:
        first = failed[0]
        more = f" {len(failed) - 1} more failed: see the resources." if len(failed) > 1 else ""
        what = f"{first.kind} {first.name} failed.{more}"
        return told(what[0].upper() + what[1:], first.why, first.remedy or ended.remedy)
    return told(ended.what or "It ended without a word.", ended.why, ended.remedy)


def _left_running(ledger: Ledger) -> tuple[str, str]:
    running = (ledger.interrupted or {}).get("running") or ()
    names = ", ".join(str(each).rpartition("/")[2] for each in list(running)[:4])
    more = f" and {len(running) - 4} more" if len(running) > 4 else ""
    why = f"Azure goes on with {names}{more}." if names else ""
    return why, "Try again goes on from what is there."


def _deployed(event: Event, by_password: bool) -> Content:
    seconds = told_time(float(event["seconds"]))
    then = ("   Verify proves it.", "$text-muted")
    if by_password:
        then = ("   Its VMs still have their first password.", "$text-warning")
    lines = [
        Content.assemble(("✓ ", "$text-success"), f"{event['resources']} resources in {seconds}. It answers at "),
        Content.assemble(("  ", ""), (f"{event['http']}/", "bold"), then),
    ]
    return Content("\n").join(lines)


def about(row: Row, ledger: Ledger) -> Content:
    """All that is known of one resource."""
    shown = sign(row.state)
    lines = [Content.styled(str(shown), shown.style)]
    if row.state == "waiting" and (missing := ledger.waits_for(row)):
        lines[0] += Content(f", waits for {missing}")
    if (took := row.seconds(ledger.now())) is not None:
        words = f"{told_time(took)} so far" if row.ended is None else f"took {told_time(took)}"
        lines.append(Content(f"Begun after {told_time(row.began)}, {words}"))
    lines += [Content(text) for text in (row.why, row.remedy) if text]
    if row.after:
        names = [ledger.rows[each].name for each in row.after if each in ledger.rows]
        lines.append(Content.styled(f"After {', '.join(names)}", "$text-muted"))
    lines.append(Content.styled(row.id, "$text-muted"))
    return Content("\n").join(lines)
