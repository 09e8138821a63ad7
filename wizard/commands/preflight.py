"""`multivm-wizard preflight FILE`: everything that would stop a deployment, found before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import output

if TYPE_CHECKING:
    from wizard.errors import Problem
    from wizard.plan.model import Plan


@click.command("preflight")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--register", is_flag=True, help="Register the resource providers that are not; this changes the subscription."
)
@output.json_option
@output.guarded
def command(file: Path, register: bool, as_json: bool) -> None:
    """Check that Azure would take the plan FILE: sign-in, region, size, quota, names, ports.

    Exit status 1 when there is an error, 3 when nobody is signed in or the cloud cannot be reached.
    """
    from wizard.plan import files

    out = output.Output(as_json)
    problems = output.run(_check(files.read(file), register, out))
    if out.problems(problems):
        sys.exit(1)


async def _check(plan: Plan, register: bool, out: output.Output) -> list[Problem]:
    from wizard import blueprint, preflight
    from wizard.azure import clients, clouds

    out.say(f"Checking {plan.name} against {plan.cloud} ...")
    cloud = await clouds.ensure_running(clouds.find(plan.cloud))
    async with clients.connect(cloud) as azure:
        planned = blueprint.build(plan, azure.subscription_id)
        if register:
            out.say("Registering resource providers ...")
            await preflight.register(azure, preflight.namespaces(planned))
        return await preflight.check(plan, planned, azure)
