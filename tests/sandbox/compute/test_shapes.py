"""Answers against Azure's swagger (2021-03-01, skus 2019-04-01) and, for unknown names, against the SDK's models."""

from __future__ import annotations

from typing import Any

import pytest
from azure.mgmt.compute import models

from tests.sandbox.compute import swagger
from tests.sandbox.compute.desk import SUBSCRIPTION, Desk

VM = "Microsoft.Compute/virtualMachines"
EXTENSION = f"{VM}/extensions"
ROOT = f"subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute"

described = pytest.mark.skipif(
    not swagger.COMPUTE.exists(), reason=f"NO AZURE SPECIFICATION: answers are not checked ({swagger.FOLDER})"
)


@pytest.fixture
async def answers(desk: Desk) -> dict[str, Any]:
    """One of everything, as GET answers it."""
    joined = await desk.availability_set()
    body = desk.machine(desk.nic("nic1"), availability_set=joined)
    body["properties"]["storageProfile"]["dataDisks"] = [{"lun": 0, "createOption": "Empty", "diskSizeGB": 64}]
    await desk.put(VM, "vm1", body=body)
    protected = {"username": "azureuser", "password": "Grey-3-Ravens-on-a-roof"}
    properties = {
        "publisher": "Microsoft.OSTCExtensions",
        "type": "VMAccessForLinux",
        "typeHandlerVersion": "1.5",
        "protectedSettings": protected,
    }
    await desk.put(EXTENSION, "vm1", "enablevmaccess", body={"location": "westeurope", "properties": properties})
    disk = desk.show(VM, "vm1")["properties"]["storageProfile"]["osDisk"]["name"]
    run = await desk.act("runCommand", "vm1", body={"commandId": "RunShellScript", "script": ["hostname"]})
    return {
        "VirtualMachine": desk.show(VM, "vm1", expand="instanceView"),
        "VirtualMachineInstanceView": (await desk.act("instanceView", "vm1", method="GET")).body,
        "AvailabilitySet": desk.show("Microsoft.Compute/availabilitySets", "web-as"),
        "VirtualMachineExtension": desk.show(EXTENSION, "vm1", "enablevmaccess", expand="instanceView"),
        "Disk": desk.show("Microsoft.Compute/disks", disk),
        "RunCommandResult": run.result,
        "RetrieveBootDiagnosticsDataResult": (await desk.act("retrieveBootDiagnosticsData", "vm1")).body,
        "ResourceSku": desk.world.catalog.skus("westeurope"),
        "Usage": await _get(desk, "locations/westeurope/usages"),
        "VirtualMachineSize": await _get(desk, "locations/westeurope/vmSizes"),
        "VirtualMachineImage": await _get(
            desk,
            "locations/westeurope/publishers/Canonical/artifacttypes/vmimage/offers/ubuntu-24_04-lts/skus/server"
            "/versions/latest",
        ),
    }


async def _get(desk: Desk, path: str) -> Any:
    found = desk.registry.routes.find("GET", tuple(f"{ROOT}/{path}".split("/")))
    assert found is not None
    handler, parameters = found
    return (await handler(desk.call("GET", ""), *parameters)).body


@described
async def test_the_swagger_describes_them(answers: dict[str, Any]) -> None:
    files = {"ResourceSku": swagger.SKUS, "RunCommandResult": swagger.RUN_COMMANDS, "Disk": None}
    for name, answer in answers.items():
        file = files.get(name, swagger.COMPUTE)
        for body in answer if isinstance(answer, list) else [answer]:
            if file is not None:  # disks have a swagger of their own, which is not at hand
                assert swagger.faults(file, name, body) == [], name


@described
async def test_the_swagger_finds_a_wrong_answer(answers: dict[str, Any]) -> None:
    body = answers["VirtualMachine"]
    body["properties"]["instanceView"]["statuses"][0]["level"] = 7
    body["properties"]["storageProfile"]["osDisk"]["createOption"] = None
    faults = swagger.faults(swagger.COMPUTE, "VirtualMachine", body)
    assert {fault.partition(":")[0] for fault in faults} == {
        "$.properties.instanceView.statuses[0].level",
        "$.properties.storageProfile.osDisk.createOption",
    }


async def test_the_sdk_knows_every_name(answers: dict[str, Any]) -> None:
    for name, answer in answers.items():
        model = getattr(models, name)
        for body in answer if isinstance(answer, list) else [answer]:
            assert unknown(model(body), name) == []


async def test_an_unknown_name_is_found(answers: dict[str, Any]) -> None:
    body = answers["VirtualMachine"]
    body["properties"]["storageProfile"]["osDisk"]["sizeInGallons"] = 7
    assert unknown(models.VirtualMachine(body), "") == [".properties.storageProfile.osDisk.sizeInGallons"]


def unknown(model: Any, path: str) -> list[str]:
    """Names in a model's data that its class, or a class below it, does not have."""
    fields = model._attr_to_rest_field
    names = {field._rest_name for field in fields.values()}
    found = [f"{path}.{name}" for name in model if name not in names]
    for attribute, field in fields.items():
        value = getattr(model, attribute)
        for one in value if isinstance(value, list) else [value]:
            if hasattr(one, "_attr_to_rest_field"):
                found += unknown(one, f"{path}.{field._rest_name}")
    return found
