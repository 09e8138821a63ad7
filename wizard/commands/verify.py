"""`verify [NAME]`: prove that a deployment works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wizard.commands import output
from wizard.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from wizard.deploy.events import Event
    from wizard.deploy.record import Record
    from wizard.verify.events import CheckDone, Emit, Verified

    Passwords = Mapping[str, SecretStr] | SecretStr | None

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
@click.option(
    "--from",
    "from_vm",
    metavar="VM_ID",
    help="Try it from this VM of yours in another virtual network, too: nothing should be reached from there.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Log in with each VM's own password: a file that --generate-password wrote.",
)
@output.json_option
@output.guarded
def command(
    *,
    name: str | None,
    wait: float,
    identity: Path | None,
    password_stdin: bool,
    secret_file: Path | None,
    from_vm: str | None,
    as_json: bool,
) -> None:
    """Check the deployment NAME (left out: the one last worked on) from Azure's side and from the outside.

    Is everything there as planned, does every VM answer through the balancer and take its share of a load, is each SSH
    server the VM that it should be, are the other ports closed? Exit status 1 when a check failed.

    With --from, a VM in another virtual network asks every VM's private address by Run Command (vnet.isolated).

    It may go on beside a command that changes the deployment: it says so first, and then tells what it meets, which
    may be failures.
    """
    from wizard.deploy import record, secrets

    out = output.Output(as_json)
    ways = {"--identity": identity is not None, "--password-stdin": password_stdin, "--secret-file": secret_file}
    given = [option for option, way in ways.items() if way]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other.", "", "Log in with one of them.")
    known = record.load(name)
    password: Passwords = _password() if password_stdin else None
    if secret_file is not None:
        password = secrets.read_secret_file(secret_file)
    record.remember_last(known.name)
    out.beside(known.name)
    options = {"identity": identity, "password": password, "wait_s": wait, "from_vm": from_vm}
    verified = output.run(_verify(known, options, teller(out)))
    if verified.failed:
        sys.exit(1)


async def _verify(known: Record, options: dict[str, Any], emit: Emit) -> Verified:
    from wizard.deploy import journey
    from wizard.verify import verify

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await verify(known, azure, **options, emit=emit)


def _password() -> SecretStr:
    from pydantic import SecretStr

    return SecretStr(output.read_line_from_stdin("password"))


def check_text(check: CheckDone) -> str:
    """A check for a person."""
    line = f"{_SIGNS[check.state]} {check.name:<19} {check.target}"
    remedies = "".join(f"\n    {remedy}" for remedy in check.remedy.splitlines())
    return f"{line}: {check.detail}{remedies}" if check.detail else line


def teller(out: output.Output) -> Emit:
    """What to hand to `verify`: checks are data, waiting is narration."""
    from wizard.commands import progress
    from wizard.verify.events import CheckDone, Verified, Waiting

    def tell(event: Event) -> None:
        match event:
            case CheckDone():
                out.data(event.as_event(), check_text(event))
            case Verified():
                out.data(
                    event.as_event(),
                    f"{event.passed} passed, {event.failed} failed, {event.warned} warned, {event.skipped} skipped. "
                    f"Evidence: {event.evidence}",
                )
            case Waiting():
                out.say(f"{event.at:8.1f} s  {event.detail}")
            case _ if (put_right := progress.put_right(event)) is not None:
                (out.data(event.as_event()) if out.json else out.say(put_right))

    return tell
