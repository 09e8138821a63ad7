"""`scale [NAME] --count N`: more or fewer VMs in a running deployment, and nothing without consent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import consent, output, progress
from wizard.commands.deploy import PasswordSource, password_source
from wizard.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.deploy.events import Emit, Scaled
    from wizard.deploy.record import Record
    from wizard.deploy.scale import Outlook


@click.command(short_help="More or fewer VMs, without losing a request.")
@click.argument("name", required=False)
@click.option("--count", type=int, required=True, metavar="N", help="How many VMs there are to be.")
@click.option("--yes", is_flag=True, help="Consent to what will be created or deleted, without being asked.")
@click.option(
    "--drain",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds that a VM which leaves is given, out of the pool, to end what it is answering.",
)
@click.option("--password-stdin", is_flag=True, help="Read one password for all new VMs from standard input, one line.")
@click.option("--generate-password", is_flag=True, help="Make a password for each new VM; needs --secret-file.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Where the generated passwords are written (mode 0600, never overwritten), for the VMs this run creates.",
)
@output.json_option
@output.guarded
def command(
    *,
    name: str | None,
    count: int,
    yes: bool,
    drain: float,
    password_stdin: bool,
    generate_password: bool,
    secret_file: Path | None,
    as_json: bool,
) -> None:
    """Bring the deployment NAME (left out: the one last worked on) to N VMs.

    Out: each new VM gets its NAT rule, its NIC in the pool and its place in the availability set; it gets requests once
    its probe is up. In: the VMs with the highest numbers are taken out of the pool, wait for --drain seconds, and are
    deleted, with their disks unless management.keep_disks keeps those. No VM that stays is renumbered. An interrupted
    run is continued by running it again.

    New connections lose nothing. A connection that is kept alive stays with its VM, and ends with it: Azure does not
    tell how many there still are when the drain is over.
    """
    from wizard.deploy import record

    out = output.Output(as_json)
    known = record.load(name)
    source = password_source(known.plan, password_stdin, generate_password, secret_file)
    outlook = output.run(_look(known, count, out))
    passwords = _passwords(outlook, source)
    if not outlook.complete:
        _consent(outlook, yes)
    record.remember_last(known.name)
    from wizard.runs import foreground

    with foreground.holding("scale", known.name, {"count": count}) as run:
        emit = run.watching(progress.teller(out, without=("scaled",)))
        scaled = output.run(_carry_out(outlook, passwords, drain, source.generate_into, emit))
    out.data(scaled.as_event(), _told(scaled))
    if source.generate_into is not None and passwords:
        out.say(f"The passwords are in {source.generate_into}.")
    if outlook.removed and known.plan.management.keep_disks:
        out.say(f"The disks stay and are paid for: az disk list -g {known.name} -o table. destroy deletes them too.")
    out.say(f"Prove it: multivm-wizard verify {known.name}")
    if count != known.plan.machines.count:
        out.say(f"Write count = {count} into your plan file, too: this deployment's own copy of the plan has it.")


async def _look(known: Record, count: int, out: output.Output) -> Outlook:
    from wizard.deploy import journey, scale

    out.say(f"Looking at {known.name} in {known.plan.cloud} ...")
    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        outlook = await scale.look(known, azure, count)
    for problem in outlook.problems:
        if out.json:
            out.problem(problem)
        else:
            out.say(output.problem_text(problem))
    out.say(_intent(outlook))
    return outlook


async def _carry_out(
    outlook: Outlook, passwords: Mapping[str, SecretStr], drain_s: float, secret_file: Path | None, tell: Emit
) -> Scaled:
    from wizard.deploy import journey, scale

    async with journey.open_cloud(outlook.plan.cloud, outlook.record.subscription) as azure:
        return await scale.carry_out(outlook, azure, passwords, tell, drain_s=drain_s, secret_file=secret_file)


def _passwords(outlook: Outlook, source: PasswordSource) -> dict[str, SecretStr]:
    """The password of each VM that is to be created. InputError when one is needed and none is there."""
    from wizard.deploy.secrets import Secrets
    from wizard.reset import passwords

    vms = outlook.needs_password
    if source.given is not None:
        return dict.fromkeys(vms, source.given)
    if source.generate_into is not None:
        return {vm: passwords.generate(outlook.plan.machines.os) for vm in vms}
    Secrets().require(found.resource for found in outlook.created if found.resource.name in vms)
    return {}


def _consent(outlook: Outlook, yes: bool) -> None:
    """A yes for what is created; the deployment's name, typed, for what is deleted."""
    if yes:
        return
    name = outlook.record.name
    if not consent.can_ask():
        raise InputError(
            f"Nothing was changed: nobody consented to scaling {name}.",
            "There is no terminal to ask on.",
            "Read what would be done, and add --yes: it stands for consent.",
        )
    if outlook.removed:
        disks = "and keeps their disks" if outlook.plan.management.keep_disks else "with their disks"
        if consent.typed(f"This deletes VMs {disks}. Type {name} to go on") != name:
            raise InputError("Nothing was changed.", "What was typed is not the deployment's name.")
    elif not consent.agrees("Write this?"):
        raise InputError("Nothing was changed.", "The question was answered with no.")


def _intent(outlook: Outlook) -> str:
    """What will be done, for a person to consent to."""
    count = outlook.plan.machines.count
    if outlook.complete:
        return f"{outlook.record.name} has {count} VMs already; there is nothing to write."
    lines = [f"{outlook.record.name}: from {outlook.there} VMs to {count}"]
    lines += [f"  + create  {found.resource.name}" for found in outlook.created]
    lines += [f"  ~ change  {resource.name}" for resource in outlook.amended]
    lines += [f"  - delete  {found.resource.name}" for found in reversed(outlook.removed)]
    return "\n".join(lines)


def _told(scaled: Scaled) -> str:
    lines = [f"{scaled.name} has {scaled.to} VMs (it had {scaled.before})."]
    return "\n".join([*lines, *progress.endpoint_lines(scaled.http, scaled.ssh, scaled.rdp)])
