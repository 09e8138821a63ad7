"""Windows machines for tests: one that is only a disk, and ones that run behind a balancer."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.fabric.azure_documents import PASSWORD, Deployment, allow, vm_id
from tests.sandbox.fabric.conftest import until
from wizard.sandbox.fabric.fabric import GuestSpec
from wizard.sandbox.fabric.network import Network
from wizard.sandbox.fabric.windows.guest import WindowsGuest
from wizard.sandbox.fabric.windows.machine import WindowsMachine
from wizard.sandbox.store import Store

IMAGE = "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:20348.5622.260906"
RULES = [allow("allow-http", 100, "80", "Internet"), allow("allow-rdp", 110, "3389", "127.0.0.0/8")]


def spec(name: str, **changes: Any) -> GuestSpec:
    born: dict[str, Any] = {
        "os": "Windows",
        "computer_name": name,
        "admin_user": "azureuser",
        "admin_password": PASSWORD,
        "password_login": True,
        "ssh_keys": (),
        "custom_data": b"",
        "image": IMAGE,
    }
    return GuestSpec(**born | changes)


@pytest.fixture
def still(tmp_path: Path) -> Iterator[WindowsMachine]:
    """A machine that is off: its disk and its PowerShell need no power."""
    store = Store(tmp_path / "state.sqlite")
    guest = WindowsGuest.create(store, "vm", spec("web1"))
    guest.record["booted_at"] = 1_800_000_000.0
    yield WindowsMachine(guest, Network({}), 1_000_000.0, lambda: None)
    guest.forget()
    store.close()


class WindowsDeployment(Deployment):
    """As a Deployment; its machines are Windows, and their NAT ports lead to Remote Desktop."""

    def put(self, type: str, name: str, properties: dict[str, Any]) -> None:
        if type == "loadBalancers":
            properties = copy.deepcopy(properties)
            for rule in properties["inboundNatRules"]:
                rule["properties"]["backendPort"] = 3389
        super().put(type, name, properties)

    def create_machines(self) -> None:
        self.fabric.create_machine = _as_windows(self.fabric.create_machine)  # type: ignore[method-assign]
        super().create_machines()


def _as_windows(create: Any) -> Any:
    return lambda vm_id, given: create(vm_id, spec(given.computer_name))


@contextlib.asynccontextmanager
async def windows(folder: Path, **choices: Any) -> AsyncIterator[WindowsDeployment]:
    """Machines whose agents report."""
    given = {"count": 1, "rules": RULES, "interval": 0.1, "speed": 2000.0, "custom_data": b"", **choices}
    deployment = WindowsDeployment(folder, **given)
    await deployment.start()
    try:
        await until(lambda: all(deployment.fabric.agent_ready(vm_id(name)) for name in deployment.names))
        yield deployment
    finally:
        await deployment.close()
