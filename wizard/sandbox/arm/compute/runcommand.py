"""Run Command: a script run as root inside a machine, in the machine's own small interpreter."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from wizard.sandbox.arm.compute.power import PowerActions, until
from wizard.sandbox.arm.compute.reading import bad, invalid, items, not_allowed, text
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Reply, action, completes
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

RUN_S = 12.0
"""Run Command is slow in Azure: the agent fetches its goal state every few seconds (from memory)."""
OUTPUT_BYTES = 4096
"""Only the last 4 KB of an output come back."""
LINUX, WINDOWS = "RunShellScript", "RunPowerShellScript"


def documents(location: str, subscription: str) -> list[Json]:
    """`value` of `.../locations/L/runCommands`."""
    root = f"/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/runCommands"
    return [
        {
            "$schema": "http://schema.management.azure.com/schemas/2016-11-17/runcommands.json",
            "id": name,
            "osType": system,
            "label": label,
            "description": description,
        }
        for name, system, label, description in (
            (LINUX, "Linux", "Executes a Linux shell script", f"Runs a shell script. See {root}/{LINUX}"),
            (WINDOWS, "Windows", "Executes a PowerShell script", f"Runs a PowerShell script. See {root}/{WINDOWS}"),
        )
    ]


class RunCommand(PowerActions):
    """The action of a virtual machine. Scripts wait in memory alone: they may hold secrets."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._scripts: dict[str, str] = {}

    @action("runCommand")
    async def run_command(self, call: Call, document: Document) -> Reply:
        script = self._script(call.body or {}, document)
        for operation in self.world.operations.running_on(document.id):
            if operation.verb == "runCommand":
                raise ArmError(
                    409,
                    "Conflict",
                    "Run command extension execution is in progress. Please wait for completion before invoking a run "
                    "command.",
                )
        self.check_idle(document)
        if self.state(document) not in ("running", "starting"):
            raise not_allowed("The operation requires the VM to be running (or set to run).")
        ticket = secrets.token_hex(8)
        self._scripts[ticket] = script
        return Reply.later("runCommand", RUN_S, {"ticket": ticket}, polling="location")

    def _script(self, body: Json, document: Document) -> str:
        command = text(body, "commandId") or ""
        system = document.body["properties"]["storageProfile"]["osDisk"]["osType"]
        expected = LINUX if system == "Linux" else WINDOWS
        if command.lower() not in (LINUX.lower(), WINDOWS.lower()):
            raise ArmError(404, "NotFound", f"The entity was not found: run command '{command}'.", target="commandId")
        if command.lower() != expected.lower():
            raise bad(f"Run command '{command}' is not supported on a {system} machine.", "commandId")
        if items(body, "parameters"):
            raise bad("The sandbox's Run Command takes no parameters: put the values into the script.", "parameters")
        lines = body.get("script")
        if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
            raise invalid("The value of parameter script is invalid.", "script")
        return "\n".join(lines)

    @completes("runCommand")
    async def ran_command(self, document: Document, arguments: Json) -> Json:
        script = self._scripts.pop(arguments["ticket"], None)
        if script is None:
            raise ArmError(
                409, "OperationPreempted", "The sandbox was restarted before the run command's script was run."
            )
        await agent(self.world, document)
        result = await self.world.fabric.run_script(document.id, script)
        # Azure reports success whatever the script's exit status is: the outputs are all that tells.
        outputs = f"[stdout]\n{_last(result.stdout)}\n[stderr]\n{_last(result.stderr)}"
        return {
            "value": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Provisioning succeeded",
                    "message": f"Enable succeeded: \n{outputs}",
                }
            ]
        }


async def agent(world: World, document: Document) -> None:
    """Wait until the machine's agent reports; what Azure says when it never does."""
    if not await until(world, lambda: world.fabric.agent_ready(document.id)):
        raise ArmError(
            409,
            "VMAgentStatusCommunicationError",
            f"VM '{document.name}' has not reported status for VM agent or extensions. Verify that the OS is up and "
            "healthy, the VM has a running VM agent, and that it can establish outbound connections to Azure storage. "
            "Please refer to https://aka.ms/vmextensionlinuxtroubleshoot for additional VM agent troubleshooting "
            "information.",
        )


def _last(output: str) -> str:
    return output.encode()[-OUTPUT_BYTES:].decode(errors="replace")
