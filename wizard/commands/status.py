"""`status [NAME]`: what is there of a deployment, in which state, and where it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wizard.commands import output, progress

if TYPE_CHECKING:
    from wizard.deploy.record import Record
    from wizard.deploy.status import Status


@click.command(short_help="What is there, and in which state.")
@click.argument("name", required=False)
@output.json_option
@output.guarded
def command(name: str | None, as_json: bool) -> None:
    """Tell what is there of the deployment NAME (left out: the one last worked on), as Azure has it now."""
    from wizard.deploy import record

    out = output.Output(as_json)
    known = record.load(name)
    status = output.run(_read(known))
    record.remember_last(known.name)
    text = _text(status)
    if known.uncertain:
        text += f"\n! A reset was cut off on {', '.join(known.uncertain)}: the old credential holds, or the new one. "
        text += "Reset again to be certain."
    if status.left_stopped:
        text += f"\n! A drill was killed and left {', '.join(status.left_stopped)} stopped. "
        text += f"The next command that works on it starts it again first: multivm-wizard verify {known.name}"
    if status.left_out:
        text += f"\n! A patching was killed and left {', '.join(status.left_out)} out of rotation. "
        text += f"The next command that works on it puts it back first: multivm-wizard verify {known.name}"
    out.data({**status.as_event(), "uncertain": list(known.uncertain)}, text)


async def _read(known: Record) -> Status:
    from wizard.deploy import journey

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await journey.read_status(known, azure)


def _text(status: Status) -> str:
    lines = [f"{status.name} ({status.cloud}): {status.state}"]
    lines += [
        f"  {_sign(resource.state)} {resource.state:<10} {resource.type.rsplit('/', 1)[-1]:<24} "
        f"{resource.id.rsplit('/', 1)[-1]}"
        for resource in status.resources
    ]
    return "\n".join([*lines, *progress.endpoint_lines(status.http, status.ssh, status.rdp)])


def _sign(state: str) -> str:
    return {"Succeeded": "✓", "Failed": "✗", "Canceled": "✗", "Absent": "-", "NotOurs": "!"}.get(state, "…")
