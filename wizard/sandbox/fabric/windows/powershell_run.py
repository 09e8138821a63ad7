"""The one door to a machine's PowerShell, for Run Command and extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.sandbox.fabric.windows.machine import WindowsMachine
    from wizard.sandbox.fabric.windows.powershell.interpreter import Outcome


async def script(machine: WindowsMachine, source: str) -> Outcome:
    """Run a script as SYSTEM."""
    from wizard.sandbox.fabric.windows.powershell import cmdlets, interpreter

    assert cmdlets.__all__, "imported for the commands that it registers"
    return await interpreter.Shell(machine).script(source)
