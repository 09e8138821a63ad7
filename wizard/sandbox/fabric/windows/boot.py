"""A Windows machine's boot. At the first one it specializes itself: that takes most of the time.

Durations are those of a small Windows Server on Azure, from memory, divided by the sandbox's speed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from wizard.sandbox.fabric.windows import certificate

if TYPE_CHECKING:
    from wizard.sandbox.fabric.windows.machine import WindowsMachine

_HOST_SECONDS = 5.0  # until the host has the machine running
_KERNEL_SECONDS = 20.0
_SPECIALIZE_SECONDS = 50.0  # first boot: computer name, administrator, drivers
_AGENT_SECONDS = 15.0

_SAC = (
    "",
    "Computer is booting, SAC started and initialized.",
    "",
    'Use the "ch -?" command for information about using channels.',
    'Use the "?" command for general help.',
    "",
    "SAC>",
    "EVENT:   The CMD command is now available.",
    "SAC>",
)


async def run(machine: WindowsMachine) -> None:
    """From power on to a machine whose agent reports."""
    guest = machine.guest
    record = guest.record
    record["boots"] += 1
    record["booted_at"] = time.time()
    await machine.pause(_HOST_SECONDS)
    machine.state = "running"
    await machine.pause(_KERNEL_SECONDS)
    guest.log(*_SAC)
    if not record["provisioned"]:
        await machine.pause(_SPECIALIZE_SECONDS)
    if guest.certificate is None:  # off the loop: an RSA key costs it 0.1 s
        record["rdp"]["certificate"] = await asyncio.to_thread(certificate.make, guest.hostname)
    record["provisioned"] = True
    guest.save()
    machine.came_up()
    for service in machine.known_services():
        if machine.enabled(service):
            machine.start_service(service)
    await machine.pause(_AGENT_SECONDS)
    machine.agent_ready = True
    guest.save()
