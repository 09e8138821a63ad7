"""`deploy FILE`: create what a plan describes, and nothing without consent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import consent, output, progress
from wizard.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure
    from wizard.deploy.events import Deployed, Emit
    from wizard.deploy.journey import Outlook
    from wizard.plan.model import Plan
    from wizard.runs.run import Run
    from wizard.runs.starting import UnderWay


COST_S = 5.0
"""The price list may keep a deployment waiting that long, where its prices are not known yet."""


@dataclass(frozen=True)
class PasswordSource:
    """Where the administrator's password comes from: one line of standard input, or made here and kept in a file."""

    given: SecretStr | None
    generate_into: Path | None


@click.command(short_help="Create what a plan describes.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Consent to what will be written, without being asked.")
@click.option(
    "--resume",
    is_flag=True,
    help="Continue a run that was interrupted or failed. Every run continues from what is there: "
    "this says that you expect something to be there.",
)
@click.option("--password-stdin", is_flag=True, help="Read one password for all VMs from standard input, one line.")
@click.option("--generate-password", is_flag=True, help="Make a password for each VM; needs --secret-file.")
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
    file: Path,
    yes: bool,
    resume: bool,
    password_stdin: bool,
    generate_password: bool,
    secret_file: Path | None,
    as_json: bool,
) -> None:
    """Create what the plan FILE describes, and say where it answers.

    What is there and as planned is left alone, so that a second run writes nothing. Resources of the planned names that
    are not this deployment's stop it before anything is written.
    """
    from wizard.plan import files

    out = output.Output(as_json)
    plan = files.read(file)
    source = password_source(plan, password_stdin, generate_password, secret_file)
    outlook = output.run(_look(plan, out))
    passwords = _passwords(outlook, source)
    if not outlook.complete:
        _consent(outlook, yes)
    from wizard.runs import foreground, starting

    try:
        with foreground.holding("deploy", plan.name) as run:
            tell = run.watching(progress.teller(out, without=("deployed",)))
            deployed = output.run(_carry_out(outlook, passwords, source.generate_into, tell))
    except starting.UnderWay as held:
        _attach(held, out)
        return
    out.data(deployed.as_event(), _told(deployed))
    if source.generate_into is not None and passwords:
        out.say(f"The passwords are in {source.generate_into}.")


async def _look(plan: Plan, out: output.Output) -> Outlook:
    from wizard.deploy import journey

    out.say(f"Looking at {plan.name} in {plan.cloud} ...")
    async with journey.open_cloud(plan.cloud) as azure:
        outlook = await journey.look(plan, azure, refuse=False)
        costs = "" if outlook.complete else await _costs(outlook, azure)
    for problem in outlook.problems:
        if out.json:
            out.problem(problem)
        else:
            out.say(output.problem_text(problem))
    for found in outlook.survey.findings:
        out.data(found.as_event())
    out.say(_intent(outlook))
    if costs:
        out.say(costs)
    outlook.survey.refuse()
    return outlook


async def _costs(outlook: Outlook, azure: Azure) -> str:
    """What all of it costs, for a person to consent to; that it is not known keeps nobody from deploying."""
    from wizard import cost
    from wizard.cost import words

    found = await cost.of(outlook.blueprint, azure.cloud, within_s=COST_S)
    return f"  {words.sentence(found)}"


async def _carry_out(
    outlook: Outlook, passwords: Mapping[str, SecretStr], secret_file: Path | None, tell: Emit
) -> Deployed:
    from wizard.deploy import journey

    async with journey.open_cloud(outlook.plan.cloud, outlook.blueprint.subscription) as azure:
        return await journey.carry_out(outlook, azure, passwords, tell, secret_file=secret_file)


def _attach(held: UnderWay, out: output.Output) -> None:
    """Offer to follow the run that is at work already; raises `held` where nobody can be asked, or does not want to."""
    if held.run is None or not consent.can_ask():
        raise held
    out.say(f"! {held.what}")
    if not consent.agrees("Follow what it does?"):
        raise held
    sys.exit(output.run(_follow(held.run, out)))


async def _follow(run: Run, out: output.Output) -> int:
    """Tell a run's events to its end, and how it ended."""
    async for event in run.events():
        told = {name: value for name, value in event.items() if name not in ("n", "at_utc") and value}
        out.data(event, f"{event['at_utc'][11:19]}  " + "  ".join(str(value) for value in told.values()))
    ended = await run.wait()
    return ended.exit_status


def password_source(plan: Plan, stdin: bool, generate: bool, secret_file: Path | None) -> PasswordSource:
    """Judge the options before anything is asked of a cloud. InputError when they do not fit each other or the plan."""
    from wizard.deploy import secrets

    if stdin and generate:
        raise InputError("--password-stdin and --generate-password exclude each other.", "", "Use one of them.")
    if generate != (secret_file is not None):
        raise InputError(
            "--generate-password and --secret-file belong together.",
            "A password that is written nowhere is lost.",
            "Use both: --generate-password --secret-file OUT.",
        )
    if (stdin or generate) and plan.machines.auth != "password":
        raise InputError(
            "The plan signs in by SSH key; there is no password to set.",
            'machines.auth is "ssh-key".',
            'Leave the password options out, or write auth = "password" in the plan.',
        )
    if secret_file is not None:
        secrets.refuse_existing(secret_file)
    return PasswordSource(_read_password(plan) if stdin else None, secret_file)


def _read_password(plan: Plan) -> SecretStr:
    from pydantic import SecretStr

    from wizard.plan import rules

    password = output.read_line_from_stdin("password")
    if problem := rules.password(password, plan.machines.os):
        raise InputError(problem.what, problem.why, problem.remedy)
    return SecretStr(password)


def _passwords(outlook: Outlook, source: PasswordSource) -> dict[str, SecretStr]:
    """The password of each VM that is still to be created. InputError when one is needed and none is there."""
    from wizard.deploy.secrets import Secrets
    from wizard.reset import passwords

    vms = outlook.needs_password
    if source.given is not None:
        return dict.fromkeys(vms, source.given)
    if source.generate_into is not None:
        return {vm: passwords.generate(outlook.plan.machines.os) for vm in vms}
    Secrets().require(outlook.survey.to_create)
    return {}


def _consent(outlook: Outlook, yes: bool) -> None:
    """Ask on a terminal; InputError where nobody can be asked and `--yes` is missing."""
    if yes:
        return
    if not consent.can_ask():
        raise InputError(
            f"Nothing was written: nobody consented to deploying {outlook.plan.name}.",
            "There is no terminal to ask on.",
            "Read what would be written, and add --yes: it stands for consent.",
        )
    if not consent.agrees("Write this?"):
        raise InputError("Nothing was written.", "The question was answered with no.")


_SIGNS = {
    "absent": "+ create",
    "leaving": "+ create",
    "differs": "~ change",
    "broken": "~ repair",
    "busy": "… wait",
    "fixed": "✗ cannot",  # be changed in place
    "foreign": "✗ theirs",
}


def _intent(outlook: Outlook) -> str:
    """What will be written, for a person to consent to."""
    survey = outlook.survey
    head = f"{outlook.plan.name} in {outlook.plan.location} ({outlook.plan.cloud}):"
    if outlook.complete:
        return f"{head} all {len(outlook.blueprint)} resources are as planned; there is nothing to write."
    lines = []
    for found in survey.findings:
        if sign := _SIGNS.get(found.state):
            lines.append(f"  {sign:<10}{found.resource.type.rsplit('/', 1)[-1]:<24}{found.resource.name}")
            if found.state in ("differs", "fixed"):
                lines += [f"            {line}" for line in found.told()]
    if left := len(survey.of("same")):
        lines.append(f"  {left} as planned already")
    return "\n".join([head, *lines])


def _told(deployed: Deployed) -> str:
    lines = [f"{deployed.name} is deployed: {deployed.resources} resources in {deployed.seconds:.1f} s."]
    lines += progress.endpoint_lines(deployed.http, deployed.ssh, deployed.rdp)
    return "\n".join(lines)
