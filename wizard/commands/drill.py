"""`drill [NAME]`: stop a VM under load, measure, bring it back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from wizard.commands import output, verify
from wizard.errors import InputError

if TYPE_CHECKING:
    from wizard.deploy.events import Event
    from wizard.deploy.record import Record
    from wizard.verify.drill import DrillDone


@click.command(short_help="Stop a VM under load, measure, bring it back.")
@click.argument("name", required=False)
@click.option("--vm", help="The VM to stop. Left out: the first.")
@click.option("--update-domain", type=int, metavar="N", help="Stop every VM of an update domain instead.")
@click.option("--fault-domain", type=int, metavar="N", help="Stop every VM of a fault domain instead: a rack is lost.")
@click.option("--zone", metavar="Z", help="Stop every VM of an availability zone instead.")
@click.option(
    "--rolling",
    is_flag=True,
    help="Planned maintenance instead: restart one update domain or zone after another, each once the last is back.",
)
@click.option(
    "--rate",
    type=click.FloatRange(1, 10_000),
    default=100.0,
    show_default=True,
    metavar="R",
    help="Requests a second, each on a new connection.",
)
@click.option("--wait", type=float, default=120.0, show_default=True, metavar="S", help="Seconds until all VMs are up.")
@output.json_option
@output.guarded
def command(
    *,
    name: str | None,
    vm: str | None,
    update_domain: int | None,
    fault_domain: int | None,
    zone: str | None,
    rolling: bool,
    rate: float,
    wait: float,
    as_json: bool,
) -> None:
    """Stop a VM of the deployment NAME (left out: the one last worked on) while users are at work, and measure.

    With --rolling, all VMs are restarted, one update domain (or zone) after another, as planned maintenance does.

    How long the balancer takes to notice, how many requests fail meanwhile, the longest gap, latencies before, during
    and after, which kept-alive connections end, and when the VM is back. It is always started again, also after Ctrl-C.
    Where the plan keeps health events, Azure Monitor must tell of it, too: up to 10 minutes are given to its events.
    Exit status 1 when the deployment did not survive as it promised, or Azure Monitor contradicts.
    """
    from wizard.deploy import record

    out = output.Output(as_json)
    lost: dict[str, Any] = {"vm": vm, "update_domain": update_domain, "fault_domain": fault_domain, "zone": zone}
    if sum(named is not None for named in lost.values()) + rolling > 1:
        those = "--vm, --update-domain, --fault-domain, --zone and --rolling"
        raise InputError(f"{those} exclude each other.", "", "Name one of them.")
    known = record.load(name)
    record.remember_last(known.name)
    from wizard.runs import foreground

    with foreground.holding("drill", known.name):
        done = output.run(_drill(known, out, rolling=rolling, rate=rate, wait_s=wait, **({} if rolling else lost)))
    if not done.held:
        sys.exit(1)


async def _drill(known: Record, out: output.Output, *, rolling: bool, **options: Any) -> DrillDone:
    from wizard.deploy import journey
    from wizard.verify import drill as drills

    def tell(event: Event) -> None:
        from wizard.commands import progress
        from wizard.verify.drill.events import DrillDone, Mark
        from wizard.verify.events import CheckDone, Waiting

        if isinstance(event, Waiting):
            out.say(event.detail)
        elif isinstance(event, CheckDone):
            out.data(event.as_event(), verify.check_text(event))
        elif (line := progress.put_right(event)) is not None:
            (out.data(event.as_event()) if out.json else out.say(line))
        elif isinstance(event, Mark):
            if out.json:
                out.data(event.as_event())
            else:
                out.say(f"{event.at:7.1f} s  {event.what}")
        elif isinstance(event, DrillDone):
            out.data(event.as_event(), text(event))

    output.survive_the_terminal()
    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await (drills.rolling if rolling else drills.drill)(known, azure, **options, emit=tell)


def text(done: DrillDone) -> str:
    """The drill for a person."""
    sign = "✓" if done.survived else "✗"
    word = "survived" if done.survived else "did not survive as promised"
    what = "the restart of one domain after another" if done.kind == "rolling" else f"losing {done.vm}"
    lines = [f"{sign} The deployment {word} {what}."]
    lines += [f"    {reason}" for reason in done.why]
    if done.gone:
        lines.append(f"  deleted meanwhile, not by the drill: {', '.join(done.gone)}")
    for each in done.rounds:
        lines.append(
            f"  {each['domain']} ({', '.join(each['vms'])}): {each['failed']} of {each['requests']} requests failed, "
            f"over {each['failing_for_s']:.1f} s; out of rotation {_seen(each['detected_s'])}, "
            f"back {_seen(each['back_in_rotation_s'])}"
        )
    if not done.rounds:
        seen = _seen(done.detected_s)
        lines.append(f"  out of rotation {seen} (interval x threshold: {done.expected_detection_s:g} s)")
    lines.append(
        f"  {done.failed} of {done.requests} requests failed, over {done.failing_for_s:.1f} s"
        f"{' at most at a time' * bool(done.rounds)}; longest time without an answer {done.longest_gap_s:.2f} s"
    )
    kept = done.connections
    lines.append(f"  kept-alive connections: {kept['reset']} ended, {kept['survived']} went on")
    width = max(7, *(len(name) + 1 for name in done.phases)) if done.phases else 7
    for name, phase in done.phases.items():
        figures = "no answers" if phase.p50_ms is None else f"p50 {phase.p50_ms:.1f} ms, p99 {phase.p99_ms or 0:.1f} ms"
        lines.append(
            f"  {name:<{width}}{phase.seconds:6.1f} s  {phase.requests:>6} requests, {phase.errors} failed, {figures}"
        )
    if done.back_in_rotation_s is not None and not done.rounds:
        lines.append(f"  back in rotation {done.back_in_rotation_s:.1f} s after the order to start")
    if done.evidence:
        lines.append(f"  evidence: {done.evidence}")
    return "\n".join(lines)


def _seen(after_s: float | None) -> str:
    return "never" if after_s is None else f"after {after_s:.1f} s"
