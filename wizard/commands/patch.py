"""`patch [NAME]`: what is due on each VM, and its installation, one update domain after another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from wizard.commands import consent, output
from wizard.errors import InputError

if TYPE_CHECKING:
    from wizard.deploy.events import Emit, Event
    from wizard.deploy.record import Record
    from wizard.patch import Assessed, Patched, Wanted
    from wizard.patch.events import VmPatched

_UPDATES = ("critical", "security", "all")
_REBOOTS = ("if-required", "never", "always")
_STATES = {
    "draining": "out of rotation, and has {detail} to end what it is answering",
    "installing": "Azure installs",
    "returning": "runs, and goes back into rotation",
    "done": "done: up by its probe",
}


@click.command(short_help="Install updates, one update domain after another.")
@click.argument("name", required=False)
@click.option("--assess", "only_assess", is_flag=True, help="Tell what is due, and install nothing.")
@click.option(
    "--classification",
    type=click.Choice(_UPDATES),
    default="security",
    show_default=True,
    help="Which updates: critical, security (with the critical ones), or all.",
)
@click.option(
    "--reboot",
    type=click.Choice(_REBOOTS),
    default="if-required",
    show_default=True,
    help="Whether Azure restarts a VM afterwards.",
)
@click.option(
    "--maximum-minutes",
    "minutes",
    type=int,
    default=120,
    show_default=True,
    metavar="M",
    help="How long the installation on a VM may take.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds that a VM is given, out of rotation, to end what it is answering.",
)
@click.option(
    "--share",
    type=int,
    default=0,
    metavar="P",
    help="Of a scale set: percent of its machines at a time. Left out: one after another.",
)
@click.option("--under-load", is_flag=True, help="Send HTTP load meanwhile, and count what fails.")
@click.option(
    "--rate",
    type=click.FloatRange(1, 10_000),
    default=100.0,
    show_default=True,
    metavar="R",
    help="With --under-load: requests a second, each on a new connection.",
)
@click.option("--yes", is_flag=True, help="Consent to the installation, without being asked.")
@output.json_option
@output.guarded
def command(
    *,
    name: str | None,
    only_assess: bool,
    classification: str,
    reboot: str,
    minutes: int,
    drain: float,
    share: int,
    under_load: bool,
    rate: float,
    yes: bool,
    as_json: bool,
) -> None:
    """Install the updates that are due on the VMs of the deployment NAME (left out: the one last worked on).

    All VMs are assessed first. Then each update domain (or zone; in a scale set each machine, or --share) takes its
    turn: every other VM must be up, its VMs leave the rotation, end what they are answering, are patched, restarted
    where that is due, and come back. No new connection is lost; --under-load shows it. A kept-alive connection ends
    with the restart of its VM.

    A VM whose installation does not end well stops it before the next domain: exit status 1. Patching again goes on
    with what is left.
    """
    from wizard import patch as patching
    from wizard.deploy import record
    from wizard.patch.install import refuse_unknown
    from wizard.plan.patching import Reboot, Updates
    from wizard.runs import foreground

    out = output.Output(as_json)
    load_rate = rate if under_load else None
    wanted = patching.Wanted(Updates(classification), Reboot(reboot), minutes, drain, share, load_rate)
    wanted.check()
    known = record.load(name)
    record.remember_last(known.name)
    if only_assess or not yes:
        with foreground.holding("patch", known.name, {"assess": True}) as run:
            found = output.run(_assess(known, wanted, run.watching(teller(out))))
        if only_assess:
            sys.exit(1 if any(each.why for each in found) else 0)
        refuse_unknown(known.name, found)
        if not any(wanted.concerns(each) for each in found):
            return
        _consent(known.name, wanted, found)
    request = {"classification": classification, "reboot": reboot, "rate": load_rate}
    with foreground.holding("patch", known.name, request) as run:
        done = output.run(_patch(known, wanted, run.watching(teller(out))))
    if done.vms:
        out.say(f"Prove it: multivm-wizard verify {known.name}")
    if done.failed_requests:
        sys.exit(1)


async def _assess(known: Record, wanted: Wanted, tell: Emit) -> Sequence[Assessed]:
    from wizard import patch as patching
    from wizard.deploy import journey

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await patching.assess(known, azure, wanted, emit=tell)


async def _patch(known: Record, wanted: Wanted, tell: Emit) -> Patched:
    from wizard import patch as patching
    from wizard.deploy import journey

    output.survive_the_terminal()
    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await patching.patch(known, azure, wanted, emit=tell)


def _consent(name: str, wanted: Wanted, found: Sequence[Assessed]) -> None:
    if not consent.can_ask():
        raise InputError(
            f"Nothing was installed: nobody consented to patching {name}.",
            "There is no terminal to ask on.",
            "Read what is due, and add --yes: it stands for consent.",
        )
    restarts = {"if-required": "restarts them where that is due", "never": "restarts none", "always": "restarts them"}
    vms = sum(wanted.concerns(each) for each in found)
    what = f"This installs {_updates(sum(each.due for each in found))} on {vms} VMs and {restarts[wanted.reboot]}."
    if len({each.domain for each in found}) == 1:
        what += " All VMs are in one domain: while they restart, nobody answers."
    if not consent.agrees(f"{what} Go on?"):
        raise InputError("Nothing was installed.", "The question was answered with no.")


def teller(out: output.Output) -> Emit:
    """What to hand to the engine: with --json each event as it is, else a line each."""

    def tell(event: Event) -> None:
        line = _line(event)
        if out.json:
            out.data(event.as_event())
        elif event.event in ("assessed", "assessment", "patched"):
            out.data({}, line)
        elif line:
            out.say(line)

    return tell


def _line(event: Event) -> str | None:
    from wizard.commands import progress
    from wizard.deploy.events import Interrupted
    from wizard.patch.events import Assessed, AssessmentDone, DomainBegun, Patched, VmPatched, VmPatching
    from wizard.verify.events import Waiting

    match event:
        case Assessed():
            return due_line(event)
        case AssessmentDone():
            verb = "is" if event.due == 1 else "are"
            return f"{_updates(event.due)} {verb} due on {event.due_vms} of {_vms(event.vms)}."
        case DomainBegun():
            alone = "" if event.drained else "; nobody else would answer, so that they stay in rotation"
            return _at(event.at, f"{event.domain} ({event.number} of {event.of}): {', '.join(event.vms)}{alone}")
        case VmPatching() if event.state in _STATES:
            return _at(event.at, f"… {event.vm}: {_STATES[event.state].format(detail=event.detail)}")
        case VmPatched():
            lines = [_at(event.at, patched_line(event)), *(f"             {line}" for line in (event.why,) if line)]
            return "\n".join(lines)
        case Waiting():
            return event.detail
        case Interrupted():
            more = " Out of rotation until that is over; Ctrl-C again: back at once." if event.running else ""
            return progress.interrupted(event) + more
        case Patched():
            return text(event)
    return progress.put_right(event)


def due_line(found: Assessed) -> str:
    """What is due on a VM, for a person."""
    if found.why:
        return f"✗ {found.vm:<20} {found.domain:<18} could not be assessed: {found.why}"
    pending = ", waits for a restart" if found.reboot_pending else ""
    sign = "!" if found.due or found.reboot_pending else "✓"
    counts = f"{found.critical_and_security} critical or security, {found.other} other missing"
    return f"{sign} {found.vm:<20} {found.domain:<18} {found.due} due ({counts}){pending}"


def patched_line(each: VmPatched) -> str:
    """How an installation ended, for a person."""
    sign = "✗" if each.why else "✓"
    restart = {"Completed": ", restarted", "Required": ", waits for a restart"}.get(each.reboot, "")
    failed = f", {each.failed} failed" if each.failed else ""
    return f"{sign} {each.vm}: {_updates(each.installed)} installed{failed}{restart}; {each.seconds:.1f} s"


def text(done: Patched) -> str:
    """The whole patching for a person."""
    if not done.vms:
        return f"✓ {done.name}: nothing is due on {_vms(done.current)}."
    lines = [f"✓ {done.name}: {_updates(done.installed)} installed on {_vms(done.vms)}, {done.restarted} restarted."]
    lines += [f"  {one['domain']} ({', '.join(one['vms'])}): {one['seconds'] or 0:.1f} s" for one in done.domains]
    if done.reboot_pending:
        lines.append(f"  ! {', '.join(done.reboot_pending)} need a restart, which --reboot never did not allow")
    if done.requests is not None:
        sign = "✗" if done.failed_requests else "✓"
        lines.append(
            f"  {sign} {done.failed_requests} of {done.requests} requests failed; longest time without an answer "
            f"{done.longest_gap_s or 0:.2f} s"
        )
    if done.kept_alive is not None:
        lines.append(
            f"  kept-alive connections: {done.kept_alive['reset']} ended, {done.kept_alive['survived']} went on"
        )
    return "\n".join([*lines, *([f"  evidence: {done.evidence}"] if done.evidence else [])])


def _vms(count: int) -> str:
    return "1 VM" if count == 1 else f"{count} VMs"


def _updates(number: int) -> str:
    return "1 update" if number == 1 else f"{number} updates"


def _at(at: float, text: str) -> str:
    return f"{at:8.1f} s  {text}"
