"""VM extensions: the rules of Azure around the one handler that the sandbox has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.compute.desk import Desk
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.fabric.fabric import ExtensionResult

VM = "Microsoft.Compute/virtualMachines"
EXTENSION = f"{VM}/extensions"
SECRET = "Green-9-Otters-in-the-river"
NAME = ("vm1", "enablevmaccess")


@pytest.fixture
async def machine(desk: Desk) -> str:
    await desk.put(VM, "vm1", body=desk.machine(desk.nic("nic1")))
    return desk.id(VM, "vm1")


def access(**changes: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "publisher": "Microsoft.OSTCExtensions",
        "type": "VMAccessForLinux",
        "typeHandlerVersion": "1.5",
        "autoUpgradeMinorVersion": True,
        "settings": {},
        "protectedSettings": {"username": "azureuser", "password": SECRET},
    }
    return {"location": "westeurope", "properties": {**properties, **changes}}


async def refusal(desk: Desk, body: dict[str, Any], *names: str) -> ArmError:
    with pytest.raises(ArmError) as raised:
        await desk.put(EXTENSION, *(names or NAME), body=body)
    return raised.value


async def test_vmaccess_runs_and_tells(desk: Desk, machine: str) -> None:
    reply = await desk.put(EXTENSION, *NAME, body=access())
    assert (reply.status, reply.body["properties"]["provisioningState"]) == (201, "Creating")
    assert desk.fabric.accesses == [({}, {"username": "azureuser", "password": SECRET})]
    shown = desk.show(EXTENSION, *NAME, expand="instanceView")
    assert shown["properties"]["provisioningState"] == "Succeeded"
    status = shown["properties"]["instanceView"]["statuses"][0]
    assert (status["code"], status["displayStatus"]) == ("ProvisioningState/succeeded", "Provisioning succeeded")
    whole = desk.show(VM, "vm1", expand="instanceView")
    assert [one["name"] for one in whole["resources"]] == ["enablevmaccess"]
    assert whole["properties"]["instanceView"]["extensions"][0]["type"] == "Microsoft.OSTCExtensions.VMAccessForLinux"


async def test_protected_settings_are_neither_shown_nor_kept(desk: Desk, machine: str) -> None:
    reply = await desk.put(EXTENSION, *NAME, body=access())
    told = repr((reply.body, desk.show(EXTENSION, *NAME), desk.show(VM, "vm1")))
    desk.store.close()
    kept = b"".join(file.read_bytes() for file in desk.file.parent.iterdir())
    assert SECRET not in told
    assert "protectedSettings" not in told
    assert SECRET.encode() not in kept


async def test_the_same_configuration_is_not_run_again(desk: Desk, machine: str) -> None:
    runs = []
    for change in (
        {},
        {},
        {"forceUpdateTag": "2"},
        {"forceUpdateTag": "2"},
        {"forceUpdateTag": "2", "protectedSettings": {"username": "azureuser", "password": SECRET + "!"}},
    ):
        await desk.put(EXTENSION, *NAME, body=access(**change))
        runs.append(len(desk.fabric.accesses))
    assert runs == [1, 1, 2, 2, 3]


async def test_a_failure_is_told_and_can_be_retried(desk: Desk, machine: str) -> None:
    desk.fabric.answer = ExtensionResult(1, "Enable failed: No password or ssh_key is specified.")
    await desk.put(EXTENSION, *NAME, body=access(protectedSettings={"username": "azureuser"}))
    failure = desk.failure(desk.id(EXTENSION, *NAME))
    assert failure["code"] == "VMExtensionProvisioningError"
    assert "No password or ssh_key is specified." in failure["message"]
    shown = desk.show(EXTENSION, *NAME, expand="instanceView")
    assert shown["properties"]["provisioningState"] == "Failed"
    assert shown["properties"]["instanceView"]["statuses"][0]["level"] == "Error"
    desk.fabric.answer = ExtensionResult(0, "Enable succeeded.")
    await desk.put(EXTENSION, *NAME, body=access(protectedSettings={"username": "azureuser"}))
    assert desk.show(EXTENSION, *NAME)["properties"]["provisioningState"] == "Succeeded"
    assert len(desk.fabric.accesses) == 2


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"type": "NoSuchThing"}, 404, "ArtifactNotFound"),
        ({"typeHandlerVersion": "9.0"}, 404, "ArtifactVersionNotFound"),
        ({"typeHandlerVersion": "1"}, 404, "ArtifactVersionNotFound"),
        ({"publisher": "Microsoft.Azure.Extensions", "type": "CustomScript"}, 501, "HandlerNotInSandbox"),
        ({"publisher": None}, 400, "InvalidParameter"),
        ({"settings": "x"}, 400, "InvalidRequestContent"),
        ({"protectedSettings": "x"}, 400, "InvalidRequestContent"),
    ],
)
async def test_refusals(desk: Desk, machine: str, change: dict[str, Any], status: int, code: str) -> None:
    error = await refusal(desk, access(**change))
    assert (error.status, error.code) == (status, code)
    assert desk.store.of_type(EXTENSION) == []


async def test_one_instance_of_a_handler(desk: Desk, machine: str) -> None:
    await desk.put(EXTENSION, *NAME, body=access())
    error = await refusal(desk, access(), "vm1", "another")
    assert (error.status, error.code) == (400, "BadRequest")
    assert (
        "VMExtension 'another' with handler 'Microsoft.OSTCExtensions.VMAccessForLinux' already added" in error.message
    )


async def test_the_machine_must_run(desk: Desk, machine: str) -> None:
    await desk.put(EXTENSION, *NAME, body=access())
    await desk.act("powerOff", "vm1")
    error = await refusal(desk, access(forceUpdateTag="2"))
    assert (error.status, error.code) == (409, "OperationNotAllowed")
    assert error.message == "Cannot modify extensions in the VM when the VM is not running."
    with pytest.raises(ArmError):
        await desk.delete(EXTENSION, *NAME)


async def test_a_patch_without_secrets_runs_nothing(desk: Desk, machine: str) -> None:
    await desk.put(EXTENSION, *NAME, body=access())
    await desk.put(EXTENSION, *NAME, body={"tags": {"a": "b"}}, method="PATCH")
    assert len(desk.fabric.accesses) == 1
    assert desk.show(EXTENSION, *NAME)["tags"] == {"a": "b"}


async def test_extensions_go_alone_or_with_their_machine(desk: Desk, machine: str) -> None:
    await desk.put(EXTENSION, *NAME, body=access())
    await desk.delete(EXTENSION, *NAME)
    assert "resources" not in desk.show(VM, "vm1")
    await desk.put(EXTENSION, *NAME, body=access())
    await desk.delete(VM, "vm1")
    assert desk.store.of_type(EXTENSION) == []
