"""`ramp [NAME]`: prove that autoscale goes out under load, and in again after it.

It holds the deployment, though it writes nothing itself: a scaling by hand or a drill beside it would prove nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from wizard.commands import output

if TYPE_CHECKING:
    from wizard.deploy.events import Event
    from wizard.deploy.record import Record
    from wizard.runs.foreground import Foreground
    from wizard.verify.ramp import RampDone


@click.command(short_help="Prove that autoscale goes out and in again.")
@click.argument("name", required=False)
@click.option("--low", type=click.FloatRange(0.1, 10_000), default=10.0, show_default=True, metavar="R")
@click.option(
    "--peak",
    type=click.FloatRange(1, 10_000),
    default=400.0,
    show_default=True,
    metavar="R",
    help="Requests a second at most; --low is what it begins and ends with.",
)
@click.option(
    "--climb",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds from --low to --peak.",
)
@click.option(
    "--limit",
    type=click.FloatRange(1, 6 * 3600),
    default=1800.0,
    show_default=True,
    metavar="S",
    help="Seconds that scaling out, and then scaling in, may each take.",
)
@output.json_option
@output.guarded
def command(*, name: str | None, low: float, peak: float, climb: float, limit: float, as_json: bool) -> None:
    """Load the deployment NAME (left out: the one last worked on) until its scale set grows, then let it shrink.

    The plan must have a scale set with autoscale. Azure decides by means over minutes: expect a quarter of an hour for
    each way there. Exit status 1 when it did not grow, or did not shrink again.
    """
    from wizard.deploy import record
    from wizard.runs import foreground

    out = output.Output(as_json)
    known = record.load(name)
    record.remember_last(known.name)
    with foreground.holding("ramp", known.name) as run:
        done = output.run(_ramp(known, out, run, low=low, peak=peak, climb_s=climb, limit_s=limit))
    if not done.proved:
        sys.exit(1)


async def _ramp(known: Record, out: output.Output, run: Foreground, **options: Any) -> RampDone:
    from wizard.commands import progress
    from wizard.deploy import journey
    from wizard.verify.ramp import Cpu, RampDone, Turn, ramp

    def tell(event: Event) -> None:
        if isinstance(event, Turn):
            if out.json:
                out.data(event.as_event())
            else:
                out.say(
                    f"{event.at:7.1f} s  {event.offered_rps:6.0f}/s offered, {event.requests} requests, "
                    f"{event.errors} failed, {event.instances} VMs"
                )
        elif isinstance(event, Cpu):
            if out.json:
                out.data(event.as_event())
            else:
                out.say(f"{event.at:7.1f} s  {event.percent:6.1f} % CPU")
        elif (line := progress.put_right(event)) is not None:
            (out.data(event.as_event()) if out.json else out.say(line))
        elif isinstance(event, RampDone):
            out.data(event.as_event(), text(event))

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await ramp(known, azure, **options, emit=run.watching(tell))


def text(done: RampDone) -> str:
    """The ramp for a person."""
    counts = done.instances
    sign, word = ("✓", "went out and in again") if done.proved else ("✗", "did not go out and in again")
    lines = [f"{sign} Autoscale {word}: {counts['first']}, {counts['most']}, {counts['last']} VMs."]
    lines += [f"    {reason}" for reason in done.why]
    if done.out_at is not None:
        lines.append(f"  a VM was added after {done.out_at:.0f} s")
    if done.in_at is not None and done.low_from is not None:
        lines.append(f"  a VM was taken {done.in_at - done.low_from:.0f} s after the load had fallen")
    if done.cpu:
        most, rules = max(each["percent"] for each in done.cpu), done.thresholds
        told = f"a VM is added above {rules['out']} % over {rules['window_min']} min, one goes below {rules['in']} %"
        lines.append(f"  mean CPU was {most:.0f} % at most, as Azure Monitor tells it; {told}")
    else:
        lines.append(f"  Azure Monitor told no CPU: {done.cpu_untold or 'it has no minute of it yet'}")
    lines.append(f"  {done.errors} of {done.requests} requests failed")
    lines.append(f"  evidence: {done.evidence}")
    return "\n".join(lines)
