"""`sandbox`: the local Azure as a process of its own, and the Azure CLI pointed at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wizard.commands import output
from wizard.errors import UnreachableError
from wizard.sandbox.faults_file import EXAMPLE


@click.group()
def command() -> None:
    """The local Azure: start, stop, status, env, faults."""


@command.command()
@click.option("--speed", type=click.FloatRange(0.1, 1000), help="What ARM's durations and waits are divided by (20).")
@click.option(
    "--faults", type=click.Path(path_type=Path), help="What goes wrong, and when: see `sandbox faults --help`."
)
@output.json_option
@output.guarded
def start(speed: float | None, faults: Path | None, as_json: bool) -> None:
    """Start it; one that runs already goes on, at the speed and with the faults given here."""
    from wizard.sandbox import control

    out = output.Output(as_json)
    if control.running() is None:
        out.say("Starting the sandbox ...")
    _tell(out, control.start(speed, faults))


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


_EXAMPLE = "\b\n" + EXAMPLE.replace("\n\n", "\n\n\b\n")


@command.group(
    help=f"""What goes wrong in the running sandbox, and when: set, list, clear, kinds.

A file of faults is TOML. Every request that is struck has the fault's kind in the request log, under `fault`.

{_EXAMPLE}"""
)
def faults() -> None:
    pass


@faults.command(name="set")
@click.argument("file", type=click.Path(path_type=Path))
@output.json_option
@output.guarded
def set_faults(file: Path, as_json: bool) -> None:
    """Let the faults of FILE stand, in place of those that stood."""
    from wizard.sandbox import faults_channel, faults_file

    faults_file.read(file)
    _tell_faults(output.Output(as_json), faults_channel.put(file.read_text(encoding="utf-8")))


@faults.command(name="list")
@output.json_option
@output.guarded
def list_faults(as_json: bool) -> None:
    """What stands, how many requests matched, and how many were struck."""
    from wizard.sandbox import faults_channel

    _tell_faults(output.Output(as_json), faults_channel.standing())


@faults.command(name="clear")
@output.json_option
@output.guarded
def clear_faults(as_json: bool) -> None:
    """Let nothing go wrong any more; stalled operations go on."""
    from wizard.sandbox import faults_channel

    _tell_faults(output.Output(as_json), faults_channel.put(""))


@faults.command(name="kinds")
@output.json_option
@output.guarded
def list_kinds(as_json: bool) -> None:
    """Everything that can go wrong."""
    from wizard.sandbox.faults_file import KINDS

    out = output.Output(as_json)
    for name, kind in KINDS.items():
        told = {"event": "fault_kind", "kind": name, "does": kind.does, "method": kind.method, "type": kind.type}
        out.data(told, f"{name:20} {kind.does}")


def _tell_faults(out: output.Output, standing: list[dict[str, Any]]) -> None:
    for fault in standing:
        meant = f"{fault['method']} {fault['type']} {fault['name']}"
        met = f"{fault['matches']} matched, {fault['strokes']} struck"
        out.data({"event": "fault", **fault}, f"{fault['kind']:20} {meant}: {met}")
    if out.json or not standing:
        out.data({"event": "faults", "standing": len(standing)}, "No faults stand.")


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
