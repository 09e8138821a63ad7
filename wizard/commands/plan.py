"""`multivm-wizard plan new|check|show|cost|...`: a plan without a screen. None needs a sign-in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import output, plan_cost
from wizard.errors import InputError, WizardError
from wizard.ids import NO_SUBSCRIPTION

if TYPE_CHECKING:
    from wizard.blueprint.resource import Blueprint
    from wizard.plan.model import Plan


@click.group("plan")
def command() -> None:
    """Make, check and show a plan.toml, and what it would cost."""


command.add_command(plan_cost.command)


@command.command()
@click.option("-o", "--output", "target", default="-", metavar="FILE", help="Where to write; standard output without.")
@click.option("--cloud", default="sandbox", show_default=True, help="sandbox, public, usgov, china, or an ARM URL.")
@click.option("--name", help="The resource group, and the name commands know the deployment by.")
@click.option("--count", type=int, help="How many machines.")
@click.option("--os", type=click.Choice(["linux", "windows"]), default="linux", show_default=True)
@click.option("--auth", type=click.Choice(["ssh-key", "password"]), help="How the administrator signs in at first.")
@click.option(
    "--ssh-key", "key_file", type=click.Path(path_type=Path), metavar="FILE.pub", help="The public key to use."
)
@output.json_option
@output.guarded
def new(
    *,
    target: str,
    cloud: str,
    name: str | None,
    count: int | None,
    os: str,
    auth: str | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Write a plan with every key, ready to deploy. An existing file is never replaced."""
    from wizard import origin
    from wizard.plan import files
    from wizard.plan.draft import default_auth, draft

    out = output.Output(as_json)
    path = None if target == "-" else Path(target)
    if path is not None and path.exists():
        raise _stands_already(path)
    by_key = (auth or default_auth(os)) == "ssh-key"
    if key_file is not None and not by_key:
        raise InputError(
            "--ssh-key and --auth password exclude each other.",
            "The first sign-in is by the one or by the other.",
            "Leave one of them out.",
        )
    public = origin.public_range()
    plan = draft(
        cloud=cloud,
        name=name,
        count=count,
        os=os,
        auth=auth,
        ssh_key=_ssh_key(key_file) if by_key else "",
        admin_from=(public,) if public else (),
    )
    complete = _tell(plan, out)
    text = files.dumps(plan)
    if path is not None:
        _write_new(path, plan)
        out.data({"event": "plan", "file": str(path), "name": plan.name})
        out.say(f"Wrote {path}. Next: {f'multivm-wizard deploy {path}' if complete else 'fill network.allow_admin.'}")
    else:
        out.data({"event": "plan", "name": plan.name, "toml": text}, text.rstrip("\n"))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@output.json_option
@output.guarded
def check(file: Path, as_json: bool) -> None:
    """Show every problem of the plan FILE with its field, its reason and its remedy. Exit status 2 with an error."""
    from wizard.plan import files

    _plan, problems = files.check(files.read_text(file), file.parent)
    if output.Output(as_json).problems(problems):
        sys.exit(InputError.exit_status)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@output.json_option
@output.guarded
def show(file: Path, as_json: bool) -> None:
    """Show the resources of the plan FILE in deployment order, and what each waits for."""
    from wizard import blueprint
    from wizard.plan import files

    plan = files.read(file)
    out = output.Output(as_json)
    graph = blueprint.build(plan, _subscription(plan.cloud))
    if not as_json:
        click.echo("\n".join(_shown(graph)))
        out.say(f"What it would cost: multivm-wizard plan cost {file}")
        return
    for resource in graph:
        out.data(
            {
                "event": "planned",
                "id": resource.id,
                "type": resource.type,
                "name": resource.name,
                "after": list(resource.after),
                "body": resource.body,
            }
        )


@command.command()
def schema() -> None:
    """Print the JSON schema of plan.toml, for editors."""
    from wizard.plan import files

    click.echo(json.dumps(files.json_schema(), indent=2, ensure_ascii=False))


def _ssh_key(file: Path | None) -> str:
    """The public key to write: the named file's, or that of our own pair. No part of the file is ever shown."""
    from wizard import keys
    from wizard.plan import rules
    from wizard.plan.files import PlanProblems, read_text

    if file is None:
        return keys.ensure().public
    text = read_text(file).strip()
    if problem := rules.ssh_key(text, "--ssh-key"):
        raise PlanProblems(f"{file} cannot be used as the SSH key.", [problem], "Name the .pub file of a key pair.")
    return text


def _tell(plan: Plan, out: output.Output) -> bool:
    """Refuse what these options make illegal; say what the person must still fill. True when nothing is left to."""
    from wizard.plan import rules
    from wizard.plan.files import PlanProblems

    problems = rules.check(plan)
    if not plan.network.allow_admin:
        problems = [problem for problem in problems if problem.field != "network.allow_admin"]
        out.say(
            "! network.allow_admin is empty, and must be filled before this plan can be deployed.\n"
            "    This computer's own address is not a public one: the address that Azure will see is not known here,\n"
            "    and nobody else was asked for it.\n"
            '    Write the public address you come from, such as allow_admin = ["203.0.113.7/32"].'
        )
    if any(problem.severity == "error" for problem in problems):
        raise PlanProblems("No plan was written.", problems, "Choose otherwise and try again.")
    for problem in problems:
        out.say(output.problem_text(problem))
    return bool(plan.network.allow_admin)


def _write_new(path: Path, plan: Plan) -> None:
    """Write a file that is not there yet: claimed first, so that of two writers one is refused, then filled at once."""
    from wizard.plan import files

    try:
        path.open("x").close()
    except FileExistsError:
        raise _stands_already(path) from None
    except OSError as error:
        raise InputError(f"{path} cannot be written.", f"{error.strerror}.", "Name another file with -o.") from error
    try:
        files.write(plan, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["runbook"]), default="runbook", show_default=True)
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR")
@output.json_option
@output.guarded
def export(file: Path, form: str, folder: Path, as_json: bool) -> None:
    """Write the plan in FILE as something that deploys it elsewhere.

    runbook: an Azure Automation runbook that deploys and verifies with a managed identity, its requirements, and how to
    set it up. It holds the plan, and no secret. Files that stand in DIR already are not replaced.
    """
    from wizard.home import write_atomically
    from wizard.plan import files, runbook
    from wizard.release import version

    out = output.Output(as_json)
    texts = runbook.export(files.read(file), version())
    for name in texts:
        if (folder / name).exists():
            raise _stands_already(folder / name)
    for name, text in texts.items():
        write_atomically(folder / name, text)
    written = [str(folder / name) for name in texts]
    out.data({"event": "exported", "format": form, "files": written}, f"Wrote {', '.join(written)}.")


def _stands_already(path: Path) -> InputError:
    return InputError(f"{path} exists.", "A plan is never replaced.", "Name another file with -o, or move it away.")


def _subscription(cloud: str) -> str:
    """The subscription that comes with the cloud, when one is known without asking; ids need some."""
    from wizard.azure import clouds

    try:
        return clouds.find(cloud).subscription or NO_SUBSCRIPTION
    except WizardError:  # a sandbox that never ran has nothing to tell
        return NO_SUBSCRIPTION


def _shown(graph: Blueprint) -> Iterator[str]:
    """The graph for a person: step by step what can be written side by side, with what each waits for."""
    by_id = {resource.id: resource for resource in graph}
    sorter = graph.sorter()
    sorter.prepare()
    name_width = max(len(resource.name) for resource in graph)
    type_width = max(len(resource.type) for resource in graph)
    step = 0
    while sorter.is_active():
        ready = set(sorter.get_ready())
        step += 1
        for index, resource in enumerate(resource for resource in graph if resource.id in ready):
            number = f"{step}." if index == 0 else ""
            waits = ", ".join(by_id[before].name for before in resource.after)
            line = f"{number:>4} {resource.name:<{name_width}}  {resource.type:<{type_width}}"
            yield f"{line}  after {waits}" if waits else line.rstrip()
        sorter.done(*ready)
    yield f"{len(graph)} resources in {step} steps; those of one step are written side by side."
