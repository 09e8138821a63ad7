"""VM extensions on Windows: CustomScriptExtension runs a command line, VMAccessAgent lets an administrator in again."""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric.windows.accounts import AccountError
from wizard.sandbox.fabric.windows.guest import RDP_RULE
from wizard.sandbox.fabric.windows.machine import DESKTOP

if TYPE_CHECKING:
    from wizard.sandbox.fabric.windows.machine import WindowsMachine
    from wizard.sandbox.fabric.windows.powershell.interpreter import Outcome

CUSTOM_SCRIPT = "microsoft.compute.customscriptextension"
VMACCESS = "microsoft.compute.vmaccessagent"
_LONGEST_COMMAND = 8191  # characters of a command line that cmd.exe takes, and the handler goes through it
_SECONDS = 5.0  # from memory: the handler's own work; starting it takes the agent longer


class ExtensionError(Exception):
    """The handler refuses or fails; the message is what it reports."""


async def run(machine: WindowsMachine, handler: str, settings: Mapping[str, Any], protected: Mapping[str, Any]) -> str:
    """Carry out a handler's settings and tell it in a line. Raises ExtensionError."""
    await machine.pause(_SECONDS)
    if handler == CUSTOM_SCRIPT:
        return await _custom_script(machine, settings, protected)
    return _access(machine, settings, protected)


async def _custom_script(machine: WindowsMachine, settings: Mapping[str, Any], protected: Mapping[str, Any]) -> str:
    given = [text for part in (settings, protected) if (text := str(part.get("commandToExecute") or ""))]
    if len(given) != 1:
        raise ExtensionError(
            "Invalid configuration: commandToExecute must be in settings or in protectedSettings, once."
        )
    if settings.get("fileUris") or protected.get("fileUris"):
        raise ExtensionError("The sandbox's CustomScriptExtension downloads no files: put the script into the command.")
    outcome = await run_command_line(machine, given[0])
    if outcome.code:
        raise ExtensionError(
            "Command execution finished, but failed because it returned a non-zero exit code of: "
            f"'{outcome.code}'. The command had an error output of: '{outcome.error[-1000:].strip()}'."
        )
    return "Finished executing command"


async def run_command_line(machine: WindowsMachine, line: str) -> Outcome:
    """A command line that starts PowerShell, as cmd.exe would run it. Raises ExtensionError for any other."""
    from wizard.sandbox.fabric.windows import powershell_run

    if len(line) > _LONGEST_COMMAND:
        raise ExtensionError("The command line is too long.")
    return await powershell_run.script(machine, _script(line))


def _script(line: str) -> str:
    """The script in `powershell.exe ... -EncodedCommand BASE64` or `-Command "..."`."""
    try:
        words = shlex.split(line.replace("\\", "\\\\"))
    except ValueError:
        raise ExtensionError("The sandbox does not understand this command line: a quotation does not end.") from None
    if not words or words[0].lower() not in ("powershell", "powershell.exe"):
        raise ExtensionError("The sandbox's CustomScriptExtension starts powershell.exe and nothing else.")
    at = 1
    while at < len(words):
        name = words[at].lower()
        if name in ("-noprofile", "-noninteractive", "-nologo"):
            at += 1
        elif name in ("-executionpolicy", "-ep", "-ex"):
            at += 2
        elif name in ("-encodedcommand", "-enc", "-e", "-ec") and at + 2 == len(words):
            return _decoded(words[at + 1])
        elif name in ("-command", "-c") and at + 1 < len(words):
            return " ".join(words[at + 1 :])
        else:
            break
    raise ExtensionError("The sandbox understands powershell.exe with -Command or -EncodedCommand, and nothing else.")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        raise ExtensionError("Cannot process the command because the value of -EncodedCommand is not valid.") from None


def _access(machine: WindowsMachine, settings: Mapping[str, Any], protected: Mapping[str, Any]) -> str:
    """A password for the administrator that is named, made when missing; Remote Desktop opened again in any case.

    Microsoft, "Reset Remote Desktop Services or its administrator password in a Windows VM": another name than an
    existing one adds a local administrator, a disabled account is enabled, and without a name only the configuration
    is reset.
    """
    given = {key.lower(): str(value or "") for key, value in {**settings, **protected}.items()}
    user, password = given.get("username", ""), given.get("password", "")
    if bool(user) != bool(password):
        raise ExtensionError("VMAccess Extension needs a user name and a password, or neither of them.")
    done = ["Reset the Remote Desktop configuration."]
    if user:
        accounts = machine.guest.accounts
        created = accounts.get(user) is None
        try:
            if created:
                accounts.create(user, password)
            else:
                accounts.set_password(user, password)
        except AccountError as problem:
            raise ExtensionError(
                f"Cannot update Remote Desktop Connection settings for the account: {problem}"
            ) from None
        accounts.users[user.lower()]["administrator"] = True
        done.insert(0, f"{'Created' if created else 'Updated'} the administrator {user}.")
    machine.guest.record["rdp"]["enabled"] = True
    machine.guest.allow(str(RDP_RULE["name"]), str(RDP_RULE["shown"]), int(str(RDP_RULE["port"])))
    machine.enable(DESKTOP)
    machine.start_service(DESKTOP)
    return " ".join(done)
