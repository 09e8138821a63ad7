"""An Azure that knows one VM and runs commands in it: for what no sandbox does, such as a VM that tells no key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

VM_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1"


class Told:
    def __init__(self, message: str) -> None:
        self.message = message

    def as_dict(self) -> dict[str, Any]:
        return {"value": [{"code": "ProvisioningState/succeeded", "message": self.message}]}


class Poller:
    def __init__(self, message: str) -> None:
        self.message = message

    async def result(self) -> Told:
        return Told(self.message)


class OneMachine:
    """`tells` is what Run Command prints; it may be set anew between calls. `asked` counts the calls."""

    def __init__(self, tells: str, unique_id: str = "first") -> None:
        self.tells = [tells]
        self.unique_id = unique_id
        self.asked = 0
        self.compute = self
        self.virtual_machines = self

    async def ask(self, call: Awaitable[Any]) -> Any:
        return await call

    async def act(self, id: str, begin: Callable[[], Awaitable[Poller]]) -> Told:
        assert id == VM_ID
        return await (await begin()).result()

    async def get(self, id: str) -> dict[str, Any] | None:
        return {"id": id, "properties": {"vmId": self.unique_id}} if self.unique_id else None

    async def retrieve_boot_diagnostics_data(self, group: str, vm: str, **_: Any) -> Told:
        return Told("no serial log: boot diagnostics are off")

    async def begin_run_command(self, group: str, vm: str, body: dict[str, Any]) -> Poller:
        assert (group, vm, body["commandId"]) == ("g", "vm1", "RunShellScript")
        self.asked += 1
        output = self.tells.pop(0) if len(self.tells) > 1 else self.tells[0]
        return Poller(f"Enable succeeded: \n[stdout]\n{output}\n[stderr]\n")
