"""Images of one's own: of which machine one may be taken, and what a machine made of it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.compute.desk import Desk
from wizard import ids
from wizard.sandbox.arm.errors import ArmError

VM = "Microsoft.Compute/virtualMachines"
IMAGE = "Microsoft.Compute/images"
INSTALLED = {"packages": ["nginx"], "files": {"/srv/a": {"content": "a"}}}


async def golden(desk: Desk) -> dict[str, Any]:
    """An image of a machine that has nginx."""
    await desk.put(VM, "vm1", body=desk.machine(desk.nic("nic1")))
    desk.fabric.installed = lambda vm_id: dict(INSTALLED)  # type: ignore[method-assign]
    await desk.act("deallocate", "vm1")
    await desk.act("generalize", "vm1")
    body = {"location": "westeurope", "properties": {"sourceVirtualMachine": {"id": desk.id(VM, "vm1")}}}
    assert (await desk.put(IMAGE, "golden", body=body)).status == 201
    shown: dict[str, Any] = desk.show(IMAGE, "golden")
    return shown


def of(desk: Desk, image: str, *, trusted: bool = False) -> dict[str, Any]:
    body = desk.machine(desk.nic("nic2"))
    body["properties"]["storageProfile"]["imageReference"] = {"id": desk.id(IMAGE, image)}
    if not trusted:
        body["properties"].pop("securityProfile", None)
    return body


async def test_a_machine_of_ones_own_image_has_what_was_installed(desk: Desk) -> None:
    shown = await golden(desk)
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["properties"]["storageProfile"]["osDisk"]["osState"] == "Generalized"
    assert "content" not in shown
    assert (await desk.put(VM, "vm2", body=of(desk, "golden"))).status == 201
    made = desk.show(VM, "vm2")
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["storageProfile"]["imageReference"] == {"id": desk.id(IMAGE, "golden")}
    spec = desk.fabric.specs[ids.key(desk.id(VM, "vm2"))]
    assert spec.content == INSTALLED
    assert spec.image.startswith("Canonical:")
    await desk.put(VM, "vm2", body=of(desk, "golden"))  # the same again is no change


async def test_what_azure_refuses(desk: Desk) -> None:
    async def refused(type: str, name: str, body: dict[str, Any]) -> ArmError:
        with pytest.raises(ArmError) as raised:
            await desk.put(type, name, body=body)
        return raised.value

    await golden(desk)
    assert (await refused(VM, "vm2", of(desk, "golden", trusted=True))).code == "BadRequest"
    assert (await refused(VM, "vm2", of(desk, "gone"))).code == "NotFound"
    with pytest.raises(ArmError):
        await desk.act("start", "vm1")
    body: dict[str, Any] = {"location": "westeurope", "properties": {}}
    assert (await refused(IMAGE, "none", body)).code == "BadRequest"
    await desk.put(VM, "vm3", body=desk.machine(desk.nic("nic3")))
    body["properties"] = {"sourceVirtualMachine": {"id": desk.id(VM, "vm3")}}
    assert (await refused(IMAGE, "of-a-running-one", body)).code == "OperationNotAllowed"
    with pytest.raises(ArmError):
        await desk.act("generalize", "vm3")
    body["properties"] = {"storageProfile": {"osDisk": {"osType": "Linux", "osState": "Specialized"}}}
    assert (await refused(IMAGE, "special", body)).code == "InvalidParameter"
