"""`sandbox`: the local Azure as a process of its own, and the Azure CLI pointed at it."""

from __future__ import annotations

from pathlib import Path

import click

from wizard.commands import output
from wizard.errors import InputError, UnreachableError


@click.group()
def command() -> None:
    """The local Azure: start, stop, status, env."""


@command.command()
@click.option("--speed", type=click.FloatRange(0.1, 1000), help="What ARM's durations and waits are divided by (20).")
@click.option("--faults", type=click.Path(path_type=Path), help="What goes wrong, and when.")
@output.json_option
@output.guarded
def start(speed: float | None, faults: Path | None, as_json: bool) -> None:
    """Start it; one that runs already goes on, at the speed given here."""
    from wizard.sandbox import control

    if faults is not None:
        raise InputError("--faults does not work yet.", "The sandbox cannot inject faults so far.", "Leave it out.")
    out = output.Output(as_json)
    if control.running() is None:
        out.say("Starting the sandbox ...")
    _tell(out, control.start(speed))


@command.command()
@output.json_option
@output.guarded
def stop(as_json: bool) -> None:
    """Stop it; what it holds is kept for the next start."""
    out = output.Output(as_json)
    stopped = stop_running()
    out.data({"event": "sandbox_stopped", "was_running": stopped}, "Stopped." if stopped else "It was not running.")


@command.command()
@output.json_option
@output.guarded
def status(as_json: bool) -> None:
    """Where it listens and what signs in to it; exit status 3 when it does not run."""
    _tell(output.Output(as_json), _running())


@command.command()
@output.json_option
@output.guarded
def env(as_json: bool) -> None:
    """Print a shell script that points the Azure CLI at the sandbox: eval "$(multivm-wizard sandbox env)"."""
    from wizard.sandbox import azure_cli

    script = azure_cli.script(_running())
    output.Output(as_json).data({"event": "sandbox_env", "script": script}, script)


def stop_running() -> bool:
    """Stop the sandbox of this MULTIVM_HOME; False when none was running."""
    from wizard.sandbox import control

    return control.stop()


def _running() -> dict[str, object]:
    from wizard.sandbox import control

    state = control.running()
    if state is None:
        raise UnreachableError(
            "The sandbox is not running.", "Nothing answers at its address.", "Start it: multivm-wizard sandbox start"
        )
    return state


def _tell(out: output.Output, state: dict[str, object]) -> None:
    width = max(len(name) for name in state)
    lines = [f"{name.replace('_', ' '):{width}}  {value}" for name, value in state.items()]
    out.data({"event": "sandbox", **state}, "\n".join(lines))
