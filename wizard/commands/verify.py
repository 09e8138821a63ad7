"""`verify [NAME]`: prove that a deployment works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import output
from wizard.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.deploy.events import Event
    from wizard.deploy.record import Record
    from wizard.verify.events import Emit, Verified

_SIGNS = {"passed": "✓", "failed": "✗", "warned": "!", "skipped": "-"}


@click.command(short_help="Prove that a deployment works.")
@click.argument("name", required=False)
@click.option(
    "--wait",
    type=float,
    default=300.0,
    show_default=True,
    metavar="S",
    help="Seconds that probes, VM agents and SSH are given to answer before the machines are checked.",
)
@click.option(
    "--identity",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The private SSH key to log in with. Left out: ours, if the plan's key is its other half.",
)
@click.option("--password-stdin", is_flag=True, help="Log in with a password: one line of standard input.")
@output.json_option
@output.guarded
def command(*, name: str | None, wait: float, identity: Path | None, password_stdin: bool, as_json: bool) -> None:
    """Check the deployment NAME (left out: the one last worked on) from Azure's side and from the outside.

    Is everything there as planned, does every VM answer through the balancer and take its share of a load, is each SSH
    server the VM that it should be, are the other ports closed? Exit status 1 when a check failed.

    It may go on beside a command that changes the deployment: it says so first, and then tells what it meets, which
    may be failures.
    """
    from wizard.deploy import record

    out = output.Output(as_json)
    if identity is not None and password_stdin:
        raise InputError("--identity and --password-stdin exclude each other.", "", "Log in with one of them.")
    known = record.load(name)
    password = _password() if password_stdin else None
    record.remember_last(known.name)
    out.beside(known.name)
    verified = output.run(_verify(known, identity, password, wait, teller(out)))
    if verified.failed:
        sys.exit(1)


async def _verify(
    known: Record, identity: Path | None, password: SecretStr | None, wait: float, emit: Emit
) -> Verified:
    from wizard.deploy import journey
    from wizard.verify import verify

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await verify(known, azure, identity=identity, password=password, wait_s=wait, emit=emit)


def _password() -> SecretStr:
    from pydantic import SecretStr

    return SecretStr(output.read_line_from_stdin("password"))


def teller(out: output.Output) -> Emit:
    """What to hand to `verify`: checks are data, waiting is narration."""
    from wizard.commands import progress
    from wizard.deploy.events import BroughtBack
    from wizard.verify.events import CheckDone, Verified, Waiting

    def tell(event: Event) -> None:
        match event:
            case CheckDone():
                line = f"{_SIGNS[event.state]} {event.name:<19} {event.target}"
                remedies = "".join(f"\n    {remedy}" for remedy in event.remedy.splitlines())
                out.data(event.as_event(), f"{line}: {event.detail}{remedies}" if event.detail else line)
            case Verified():
                out.data(
                    event.as_event(),
                    f"{event.passed} passed, {event.failed} failed, {event.warned} warned, {event.skipped} skipped. "
                    f"Evidence: {event.evidence}",
                )
            case BroughtBack():
                (out.data(event.as_event()) if out.json else out.say(progress.brought_back(event)))
            case Waiting():
                out.say(f"{event.at:8.1f} s  {event.detail}")

    return tell
