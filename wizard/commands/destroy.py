"""`destroy [NAME]`: delete what a deployment created, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wizard.commands import consent, output, progress
from wizard.errors import InputError

if TYPE_CHECKING:
    from wizard.deploy.events import Emit
    from wizard.deploy.record import Record


@click.command(short_help="Delete everything a deployment created.")
@click.argument("name", required=False)
@click.option("--yes", is_flag=True, help="Consent, without being asked to type the name.")
@click.option("--remove-lock", is_flag=True, help="Take off the lock that the plan asked for, and go on.")
@output.json_option
@output.guarded
def command(name: str | None, yes: bool, remove_lock: bool, as_json: bool) -> None:
    """Delete everything that the deployment NAME (left out: the one last worked on) created in Azure.

    Only what carries its tag is deleted; disks that earlier VMs left behind (management.keep_disks) do. Anything else
    in the resource group stops it before the first delete, and so does a lock: our own goes with --remove-lock,
    somebody else's never. A deployment that is not there is destroyed already.
    """
    from wizard.deploy import record

    out = output.Output(as_json)
    if name is not None and not record.known(name):
        out.say(f"No deployment named {name} is known here: there is nothing to delete.")
        _told(out, name, 0)
        return
    known = record.load(name)
    _consent(known, yes)
    from wizard.runs import foreground

    with foreground.holding("destroy", known.name) as run:
        emit = run.watching(progress.teller(out, without=("destroyed",)))
        deleted = output.run(_destroy(known, emit, remove_lock))
    _told(out, known.name, deleted)


async def _destroy(known: Record, emit: Emit, remove_lock: bool) -> int:
    from wizard.deploy import journey

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await journey.destroy(known, azure, emit, remove_lock=remove_lock)


def _consent(known: Record, yes: bool) -> None:
    if yes:
        return
    if not consent.can_ask():
        raise InputError(
            f"Nothing was deleted: nobody consented to destroying {known.name}.",
            "There is no terminal to ask on.",
            "Add --yes: it stands for consent.",
        )
    click.echo(f"This deletes the deployment {known.name} in {known.plan.cloud}, with all its VMs and disks.", err=True)
    if known.plan.management.keep_disks:
        click.echo("Disks that earlier VMs left behind (management.keep_disks) are deleted as well.", err=True)
    if consent.typed("Type its name to go on") != known.name:
        raise InputError("Nothing was deleted.", "What was typed is not the deployment's name.")


def _told(out: output.Output, name: str, deleted: int) -> None:
    from wizard.deploy.events import Destroyed

    text = f"{name} is gone: {deleted} resources deleted." if deleted else f"{name} is not there; nothing was deleted."
    out.data(Destroyed(name, deleted).as_event(), text)
