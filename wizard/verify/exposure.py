"""What a public address lets in: only the ports that were asked for, and only those who may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wizard.plan.model import Network
from wizard.verify import control, ports
from wizard.verify.events import CheckDone, CheckState
from wizard.verify.together import together


async def closed(frontend: control.Frontend) -> list[CheckDone]:
    """ports.closed: a sample of ports, and the neighbours of those with a NAT rule."""
    beside = {port for nat in frontend.nat_ports for port in (nat - 1, nat + 1)}
    asked = sorted({*ports.SAMPLE, *beside} - frontend.ports)
    open_ports, untold = await ports.open_among(frontend.address, asked)
    target = _target(frontend)
    found = [port for port in asked if port not in open_ports and port not in untold]
    state: CheckState = "failed" if open_ports else "passed"
    detail = f"closed: {_list(found)}"
    checks = [
        CheckDone("ports.closed", target, state, f"open: {_list(open_ports)}; {detail}" if open_ports else detail)
    ]
    for port in untold:
        why = f"a program of this computer listens on {port} of every address: nothing can be told of this one"
        checks.append(CheckDone("ports.closed", f"{target}:{port}", "skipped", why))
    return checks


async def source(frontend: control.Frontend, network: Network) -> list[CheckDone]:
    """ports.source: from an address that may not come in, where not everybody may; one check for each kind of port."""
    return [await _from_a_stranger(frontend, doors, allowed) for doors, allowed in _guarded(frontend, network)]


def _guarded(frontend: control.Frontend, network: Network) -> Iterator[tuple[list[int], tuple[str, ...]]]:
    """Ports that not everybody may reach, each with who may."""
    web = frontend.ports - frontend.nat_ports
    for allowed, doors in ((network.allow_admin, frontend.nat_ports), (network.allow_http, web)):
        if doors and not any(entry.lower() in ports.EVERYBODY for entry in allowed):
            yield sorted(doors), allowed


async def _from_a_stranger(frontend: control.Frontend, doors: list[int], allowed: tuple[str, ...]) -> CheckDone:
    def told(state: CheckState, detail: str) -> CheckDone:
        return CheckDone("ports.source", _target(frontend), state, detail)

    stranger = ports.foreign_source(frontend.address, allowed)
    if stranger is None:
        return told("skipped", "this computer has no other address to try it from")
    found = await together(ports.reach(frontend.address, port, stranger) for port in doors)
    if "cannot-try" in found:
        return told("skipped", f"this computer cannot send from {stranger}")
    let_in = [port for port, state in zip(doors, found, strict=True) if state == "open"]
    if let_in:
        return told("failed", f"{stranger} is not allowed, and gets in at {_list(let_in)}")
    return told("passed", f"{stranger} is not allowed, and gets nowhere at {_list(doors)}")


def _target(frontend: control.Frontend) -> str:
    return f"{frontend.name} {frontend.address}"


def _list(numbers: Iterable[int]) -> str:
    found = [str(number) for number in numbers]
    return ", ".join(found) if len(found) <= 16 else f"{', '.join(found[:14])} and {len(found) - 14} more"
