"""A world made by hand: the real store, catalog, lifecycle and operations, and machines that exist on paper.

What the kinds decide needs no booting machine; what machines really do is asked in test_live.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard import ids
from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.kind import Call, Kind, Reply
from wizard.sandbox.arm.operations import Operations
from wizard.sandbox.arm.registry import Registry, action_of
from wizard.sandbox.catalog import Catalog
from wizard.sandbox.fabric.fabric import ExtensionResult, Fabric, GuestSpec, ScriptResult
from wizard.sandbox.store import Document, Store
from wizard.sandbox.world import World

SUBSCRIPTION = "6a3f0f7e-3d6c-4c43-9a0a-1b1f5a0c9d11"
GROUP = "desk-rg"
COMPUTE = "Microsoft.Compute"
SPEED = 1000.0
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDwz3nRdRcJXIM6MiQKRAh3GkmqbS2zMI1RTh5BIB9vE somebody@somewhere"
PASSWORD = "Blue-7-Herons-over-the-lake"


class PaperFabric(Fabric):
    """Power states without machines."""

    def __init__(self) -> None:
        self.power: dict[str, str] = {}
        self.specs: dict[str, GuestSpec] = {}
        self.accesses: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        self.answer = ExtensionResult(0, "Enable succeeded.")
        self.output = ScriptResult("256 SHA256:abc root@vm (ED25519)\n", "", 0)
        self.scripts: list[str] = []
        self.removed: list[str] = []
        self.log = b"Ubuntu 24.04 LTS vm1 ttyS0\n"
        self.restarts = 0
        self.way_out: str | None = None

    def network_changed(self) -> None: ...

    def no_way_out(self, vm_id: str, port: int) -> str | None:
        return self.way_out

    def create_machine(self, vm_id: str, spec: GuestSpec) -> None:
        self.specs[ids.key(vm_id)] = spec
        self.power[ids.key(vm_id)] = "stopped"

    async def power_on(self, vm_id: str) -> None:
        self.power[ids.key(vm_id)] = "running"

    async def power_off(self, vm_id: str, *, skip_shutdown: bool = False, deallocate: bool = False) -> None:
        self.power[ids.key(vm_id)] = "deallocated" if deallocate else "stopped"

    async def restart(self, vm_id: str) -> None:
        self.restarts += 1

    async def remove_machine(self, vm_id: str) -> None:
        self.removed.append(ids.key(vm_id))
        self.power.pop(ids.key(vm_id), None)

    def power_state(self, vm_id: str) -> Any:
        return self.power[ids.key(vm_id)]

    def agent_ready(self, vm_id: str) -> bool:
        return self.power[ids.key(vm_id)] == "running"

    def os_facts(self, vm_id: str) -> Mapping[str, str]:
        name = self.specs[ids.key(vm_id)].computer_name
        return {"osName": "ubuntu", "osVersion": "24.04", "computerName": name, "vmAgentVersion": "2.11.1.4"}

    def serial_log(self, vm_id: str) -> bytes:
        return self.log

    async def run_script(self, vm_id: str, script: str) -> ScriptResult:
        self.scripts.append(script)
        return self.output

    async def run_vmaccess(
        self, vm_id: str, settings: Mapping[str, Any], protected: Mapping[str, Any]
    ) -> ExtensionResult:
        self.accesses.append((dict(settings), dict(protected)))
        return self.answer

    async def run_extension(
        self, vm_id: str, handler: str, settings: Mapping[str, Any], protected: Mapping[str, Any]
    ) -> ExtensionResult:
        return await self.run_vmaccess(vm_id, settings, protected)


class Desk:
    """Requests to the kinds, as the server would make them."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "state.sqlite"
        self.store = Store(self.file)
        self.fabric = PaperFabric()
        self.world = World(
            store=self.store,
            catalog=Catalog(),
            subscription=SUBSCRIPTION,
            tenant="0d3a3c2e-64a3-4a39-8f0b-6f6a1b0b7a52",
            speed=SPEED,
            arm_url="https://127.0.0.1:1",
            network="127.9.9.0/24",
            operations=Operations(self.store),
            fabric=self.fabric,
        )
        self.registry = Registry(self.world)
        self.world.operations.attach(self.world, self.registry)

    async def close(self) -> None:
        await self.world.operations.close()
        self.store.close()

    def id(self, type: str, *names: str) -> str:
        return ids.resource_id(SUBSCRIPTION, GROUP, type, *names)

    def kind(self, type: str) -> Kind:
        found = self.registry.kind(type)
        assert found is not None, type
        return found

    def call(self, method: str, type: str, *names: str, body: Any = None, **query: str) -> Call:
        call = Call(self.world, method, "", SUBSCRIPTION, GROUP, type, names)
        call.id = self.id(type, *names)
        call.body = copy.deepcopy(body)
        call.query = {
            "api-version": "2026-04-01",
            **{f"${key}" if key == "expand" else key: query[key] for key in query},
        }
        return call

    async def put(self, type: str, *names: str, body: Any, method: str = "PUT") -> Reply:
        """Write, and wait for the operation's end."""
        call = self.call(method, type, *names, body=body)
        existing = self.store.get(call.id)
        if method == "PATCH":
            assert existing is not None
            reply = await lifecycle.patch(self.kind(type), call, existing)
        else:
            reply = await lifecycle.put(self.kind(type), call, existing)
        reply.body = copy.deepcopy(reply.body)  # as it would have gone over the wire before the operation went on
        await self.settled(call.id)
        return reply

    async def delete(self, type: str, *names: str) -> Reply:
        call = self.call("DELETE", type, *names)
        reply = await lifecycle.delete(self.kind(type), call, self.store.get(call.id))
        await self.settled(call.id)
        return reply

    async def act(self, action: str, *names: str, method: str = "POST", body: Any = None, **query: str) -> Any:
        """An action on a machine; its answer, or the operation that it began, ended."""
        kind = self.kind(f"{COMPUTE}/virtualMachines")
        call = self.call(method, kind.type, *names, body=body, **query)
        document = self.document(kind.type, *names)
        handler = action_of(kind, method, action)
        assert handler is not None, action
        reply = await handler(call, document)
        if reply.begins is None:
            return reply
        later = reply.begins
        operation = self.world.operations.begin(
            kind, document.id, later.action, later.seconds, location="westeurope", arguments=later.arguments
        )
        await self.world.operations.ended(operation)
        return operation

    async def settled(self, id: str) -> None:
        for operation in self.world.operations.running_on(id):
            await self.world.operations.ended(operation)

    def document(self, type: str, *names: str) -> Document:
        found = self.store.get(self.id(type, *names))
        assert found is not None, names
        return found

    def show(self, type: str, *names: str, **query: str) -> Any:
        shown = self.kind(type).show(self.document(type, *names), self.call("GET", type, *names, **query))
        return copy.deepcopy(shown)

    def failure(self, id: str) -> Any:
        """The error of the last failed operation on a document."""
        failed = [value for _key, value in self.store.items("operation") if value["target"] == id and value["error"]]
        return max(failed, key=lambda value: value["ended"])["error"] if failed else None

    # What machines need

    def nic(self, name: str, location: str = "westeurope") -> str:
        nic = self.id("Microsoft.Network/networkInterfaces", name)
        body = {"location": location, "properties": {"provisioningState": "Succeeded", "ipConfigurations": []}}
        self.store.put(Document(nic, "Microsoft.Network/networkInterfaces", name, body))
        return nic

    async def availability_set(self, name: str = "web-as", **properties: Any) -> str:
        properties = {"platformFaultDomainCount": 2, "platformUpdateDomainCount": 5, **properties}
        body = {"location": "westeurope", "sku": {"name": "Aligned"}, "properties": properties}
        await self.put(f"{COMPUTE}/availabilitySets", name, body=body)
        return self.id(f"{COMPUTE}/availabilitySets", name)

    def machine(self, nic: str, *, availability_set: str = "", key: bool = True) -> dict[str, Any]:
        """The body of a Linux machine, by key or by password."""
        profile: dict[str, Any] = {"computerName": "vm1", "adminUsername": "azureuser"}
        linux: dict[str, Any] = {"disablePasswordAuthentication": key}
        if key:
            linux["ssh"] = {"publicKeys": [{"path": "/home/azureuser/.ssh/authorized_keys", "keyData": ED25519}]}
        else:
            profile["adminPassword"] = PASSWORD
        profile["linuxConfiguration"] = linux
        properties: dict[str, Any] = {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "securityProfile": {
                "securityType": "TrustedLaunch",
                "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
            },
            "storageProfile": {
                "imageReference": {
                    "publisher": "Canonical",
                    "offer": "ubuntu-24_04-lts",
                    "sku": "server",
                    "version": "latest",
                },
                "osDisk": {
                    "createOption": "FromImage",
                    "caching": "ReadWrite",
                    "deleteOption": "Delete",
                    "managedDisk": {"storageAccountType": "Premium_LRS"},
                },
            },
            "osProfile": profile,
            "networkProfile": {"networkInterfaces": [{"id": nic, "properties": {"primary": True}}]},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        }
        if availability_set:
            properties["availabilitySet"] = {"id": availability_set}
        return {"location": "westeurope", "tags": {"owner": "desk"}, "properties": properties}
