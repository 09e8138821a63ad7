"""How a command tells what the engine does: events as they are with `--json`, else a line each on standard error."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wizard import ids
from wizard.commands.output import Output
from wizard.deploy.events import (
    BackInRotation,
    BroughtBack,
    Draining,
    Emit,
    Event,
    Interrupted,
    JournalSetAside,
    ResourceChanged,
    ResourceDeleted,
    ResourceDeleting,
    ResourceRetried,
    ResourceStalled,
    Resumed,
    StillInstalling,
)

_SIGNS = {
    "started": "… {name}: writing",
    "adopted": "… {name}: an operation is running already, waiting for it",
    "done": "✓ {name}",
    "same": "= {name}: as planned",
    "failed": "✗ {name}",
}


def teller(out: Output, without: Collection[str] = ()) -> Emit:
    """What to hand to the engine. `without` are events that the command prints itself."""

    def tell(event: Event) -> None:
        if event.event in without:
            return
        if out.json:
            out.data(event.as_event())
        elif line := _line(event):
            out.say(line)

    return tell


def endpoint_lines(http: str, ssh: Mapping[str, str], rdp: Mapping[str, str]) -> list[str]:
    """Where a deployment answers, a line each."""
    lines = [f"  http  {http}"] if http else []
    for word, ports in (("ssh", ssh), ("rdp", rdp)):
        lines += [f"  {word:<5} {vm:<24} {where}" for vm, where in ports.items()]
    return lines


def interrupted(event: Interrupted) -> str:
    """What still goes on in Azure, for a person."""
    running = ", ".join(map(_called, event.running))
    return f"Interrupted. Azure goes on with: {running}." if running else "Interrupted. Nothing was running."


def put_right(event: Event) -> str | None:
    """What a killed run had left and is put right, for a person, in every command that may find it; else None."""
    match event:
        case BackInRotation():
            return (
                f"A patching that was killed had left {', '.join(event.vms)} out of rotation, since {event.since}: "
                "put back."
            )
        case StillInstalling():
            names = ", ".join(event.vms)
            return f"… Azure still installs updates on {names}, out of rotation since a patching was killed: waiting"
        case BroughtBack():
            return _brought_back(event)
    return None


def _brought_back(event: BroughtBack) -> str:
    told = f"A drill that was killed had left {', '.join((*event.vms, *event.gone))} stopped, since {event.since}"
    said = ["started again"] if event.vms else []
    if event.gone:
        said.append(f"{', '.join(event.gone)} {'is' if len(event.gone) == 1 else 'are'} deleted since")
    return f"{told}: {'; '.join(said)}."


def _line(event: Event) -> str | None:
    match event:
        case ResourceChanged():
            text = _SIGNS[event.state].format(name=_called(event.id))
            if event.state == "done" and event.seconds is not None:
                text += f": {event.seconds:.1f} s"
            text = _timed(event.at, text)
            return "\n".join([text, *(f"             {line}" for line in (event.why, event.remedy) if line)])
        case ResourceRetried():
            return _timed(event.at, f"… {_called(event.id)}: {event.code}, again in {event.wait_s:.1f} s")
        case ResourceStalled():
            text = f"! {_called(event.id)}: still running after {event.seconds:.0f} s, far longer than usual"
            return _timed(event.at, f"{text}; Ctrl-C stops waiting, and a second run goes on from there")
        case Draining():
            text = f"… {event.vm}: leaves the pool, and has {event.seconds:g} s to end what it is answering"
            return _timed(event.at, text)
        case ResourceDeleting():
            return _timed(event.at, f"… {_called(event.id)}: deleting")
        case ResourceDeleted():
            return _timed(event.at, f"✓ {_called(event.id)}: deleted")
        case Resumed():
            return f"Going on with what a run that was killed had begun: {', '.join(map(_called, event.under_way))}."
        case BroughtBack() | BackInRotation() | StillInstalling():
            return put_right(event)
        case JournalSetAside():
            return f"! The journal was damaged and is set aside ({event.kept}); Azure itself tells what is there."
        case Interrupted():
            return interrupted(event)
    return None


def _timed(at: float, text: str) -> str:
    return f"{at:8.1f} s  {text}"


def _called(id: str) -> str:
    parsed = ids.parse(id)
    return f"{parsed.name} ({parsed.type.rsplit('/', 1)[-1]})"
