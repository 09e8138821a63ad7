"""Waits until a deployment has settled: ARM's Succeeded comes before cloud-init's end, the first probe and SSH.

Waiting ends when everything holds or the time is over; it judges nothing. What does not hold by then is found by the
checks, each with its own word for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.errors import AzureError
from wizard.verify import health, rdp, ssh
from wizard.verify.events import Emit, Waiting
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

SSH_TURN_S = 1.0
"""Between two tries of a port that does not answer; boots take tens of seconds."""


@dataclass(frozen=True)
class Place:
    """What to wait for: `rule` is (balancer id, rule name) or None, `ssh` and `rdp` VM name to (host, port)."""

    machines: Sequence[Machine]
    rule: tuple[str, str] | None
    ssh: Mapping[str, tuple[str, int]]
    rdp: Mapping[str, tuple[str, int]] = field(default_factory=dict)


async def wait(azure: Azure, place: Place, seconds: float, emit: Emit) -> bool:
    """Wait up to `seconds` for every probe, agent and SSH port; whether all of them hold.

    A VM that is deleted meanwhile is waited for no longer. ARM is asked no more often than the cloud's `poll_floor_s`.
    Raises UnreachableError when the cloud goes away.
    """
    began = time.perf_counter()
    everyone = {machine.name for machine in place.machines}
    missing: dict[str, set[str]] = {}
    gone: set[str] = set()
    told = ""

    def tell(kind: str, names: set[str]) -> None:
        nonlocal told
        missing[kind] = names
        order = [machine.name for machine in place.machines]
        parts = [
            f"{kind} of {_some([name for name in order if name in still])}" for kind, still in missing.items() if still
        ]
        text = f"waiting for {'; '.join(parts)}" if parts else "everything answers"
        if text != told:
            told = text
            emit(Waiting(round(time.perf_counter() - began, 2), text))

    async def until_none(kind: str, turn_s: float, ask: Callable[[set[str]], Awaitable[set[str]]]) -> None:
        names = missing[kind]
        while names:
            with contextlib.suppress(AzureError):  # a limit, or a service's bad moment: asked again at the next turn
                names = await ask(names) - gone
            tell(kind, names)
            if names:
                await asyncio.sleep(turn_s)

    floor = max(azure.cloud.poll_floor_s, 0.05)
    kinds: dict[str, tuple[float, Callable[[set[str]], Awaitable[set[str]]]]] = {
        "the VM agent": (floor, lambda names: _silent_agents(azure, place, names, gone)),
    }
    if place.rule is not None:
        kinds["the probe"] = (floor, lambda names: _down(azure, place, names, gone))
    if place.ssh:
        kinds["SSH"] = (SSH_TURN_S, lambda names: _without_ssh(place, names))
    if place.rdp:
        kinds["Remote Desktop"] = (SSH_TURN_S, lambda names: _without_rdp(place, names))
    missing.update(dict.fromkeys(kinds, everyone))
    try:
        async with asyncio.timeout(seconds):
            await together(until_none(kind, turn_s, ask) for kind, (turn_s, ask) in kinds.items())
    except TimeoutError:
        return False
    return True


async def _down(azure: Azure, place: Place, names: set[str], gone: set[str]) -> set[str]:
    assert place.rule is not None
    found = await health.probes(azure, *place.rule, place.machines)
    absent = [one for one in place.machines if one.name in names and found[one.name][1] == health.NOT_IN_POOL]
    gone |= {machine.name for machine in await health.gone(azure, absent)}
    return {name for name in names if not found[name][0]}


async def _silent_agents(azure: Azure, place: Place, names: set[str], gone: set[str]) -> set[str]:
    machines = [machine for machine in place.machines if machine.name in names]
    views = await together(health.instance_if_there(azure, machine) for machine in machines)
    gone |= {machine.name for machine, view in zip(machines, views, strict=True) if view is None}
    return {machine.name for machine, view in zip(machines, views, strict=True) if not health.agent_ready(view or {})}


async def _without_ssh(place: Place, names: set[str]) -> set[str]:
    asked = [name for name in sorted(names) if name in place.ssh]
    met = await together(ssh.meet(*place.ssh[name]) for name in asked)
    return {name for name, result in zip(asked, met, strict=True) if result.host_key is None}


async def _without_rdp(place: Place, names: set[str]) -> set[str]:
    asked = [name for name in sorted(names) if name in place.rdp]
    met = await together(rdp.probe(*place.rdp[name]) for name in asked)
    return {name for name, facts in zip(asked, met, strict=True) if not facts.ok}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
