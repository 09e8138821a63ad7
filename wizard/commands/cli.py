"""The command line: every command is a module of this package, imported when it is called.

`multivm-wizard --help` must not pay for paramiko, and `--version` not even for this module (see `wizard.__main__`).
"""

from __future__ import annotations

import importlib
from pathlib import Path

import click

COMMANDS = {
    "demo": "The whole journey in the sandbox, no questions asked.",
    "plan": "Make, check and show a plan.toml.",
    "preflight": "What must hold before anything is written.",
    "deploy": "Create what a plan describes.",
    "status": "What is there, and in which state.",
    "verify": "Prove that a deployment works.",
    "load": "Send HTTP load and tell which VM answered.",
    "drill": "Stop a VM under load, measure, bring it back.",
    "ramp": "Prove that autoscale goes out and in again.",
    "reset": "Reset VMs' credentials, with proof.",
    "scale": "More or fewer VMs, without losing a request.",
    "patch": "Install updates, one update domain after another.",
    "destroy": "Delete everything a deployment created.",
    "sandbox": "The local Azure: start, stop, status, env.",
}
"""In the order of a journey; the help shows them so."""


class Commands(click.Group):
    """Finds a command by name in the table above and imports its module only then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"wizard.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="Open the wizard with this plan.")
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.pass_context
def main(ctx: click.Context, plan_file: Path | None, version: bool) -> None:
    """Run a web workload on several Azure VMs behind a load balancer, and know that it works.

    Without a command the wizard opens. Every command takes --json for scripts.
    """
    if version:
        from wizard.release import version as installed

        click.echo(f"multivm-wizard {installed()}")
        return
    if ctx.invoked_subcommand is None:
        from wizard.commands.wizard import open_wizard

        open_wizard(plan_file)
    elif plan_file is not None:
        raise click.UsageError("--plan opens the wizard; a command names its plan file after it, as in `deploy FILE`.")
