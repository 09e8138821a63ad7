"""The commands that a machine's PowerShell has. Importing this package registers them."""

from wizard.sandbox.fabric.windows.powershell.cmdlets import files, objects, reach, system, web

__all__ = ["files", "objects", "reach", "system", "web"]
