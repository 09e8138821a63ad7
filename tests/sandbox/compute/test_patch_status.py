"""Updates as the instance view tells them, and as they fail."""

from __future__ import annotations

import pytest

from tests.sandbox.compute import swagger
from tests.sandbox.compute.desk import Desk
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.faults_file import parse

VM = "Microsoft.Compute/virtualMachines"
INSTALL = {"maximumDuration": "PT1H", "rebootSetting": "IfRequired"}


@pytest.fixture
async def machine(desk: Desk) -> str:
    await desk.put(VM, "vm1", body=desk.machine(desk.nic("nic1")))
    return desk.id(VM, "vm1")


def patch_status(desk: Desk) -> dict[str, dict[str, object]]:
    view = desk.show(VM, "vm1", expand="instanceView")["properties"]["instanceView"]
    found: dict[str, dict[str, object]] = view.get("patchStatus") or {}
    if swagger.COMPUTE.is_file():
        assert swagger.faults(swagger.COMPUTE, "VirtualMachinePatchStatus", found) == []
    return found


async def test_the_view_tells_the_last_assessment_and_installation(desk: Desk, machine: str) -> None:
    assert patch_status(desk) == {}
    await desk.act("assessPatches", "vm1")
    found = patch_status(desk)
    assert found["availablePatchSummary"]["status"] == "Succeeded"
    assert found["availablePatchSummary"]["criticalAndSecurityPatchCount"] == 2
    await desk.act("installPatches", "vm1", body=INSTALL)
    last = patch_status(desk)["lastPatchInstallationSummary"]
    assert (last["status"], last["installedPatchCount"], last["failedPatchCount"]) == ("Succeeded", 3, 0)
    assert str(last["startTime"]) <= str(last["lastModifiedTime"])


async def test_what_goes_on_is_in_progress_and_keeps_others_away(desk: Desk, machine: str) -> None:
    document = desk.document(VM, "vm1")
    kind = desk.kind(VM)
    arguments = {"reboot": "Never", "chosen": {}, "began": 0.0}
    going = desk.world.operations.begin(kind, document.id, "installPatches", 500.0, location="x", arguments=arguments)
    assert patch_status(desk)["lastPatchInstallationSummary"]["status"] == "InProgress"
    with pytest.raises(ArmError) as refused:
        await desk.act("installPatches", "vm1", body=INSTALL)
    assert (refused.value.status, refused.value.code) == (409, "Conflict")
    await desk.world.operations.ended(going)
    assert patch_status(desk)["lastPatchInstallationSummary"]["status"] == "Succeeded"


async def test_an_update_that_fails_leaves_warnings_and_stays_due(desk: Desk, machine: str) -> None:
    desk.world.faults.set(parse('[[fault]]\nkind = "patch-fails"\nname = "vm1"\n'))
    result = (await desk.act("installPatches", "vm1", body=INSTALL)).result
    assert (result["status"], result["installedPatchCount"], result["failedPatchCount"]) == (
        "CompletedWithWarnings",
        2,
        1,
    )
    failed = [patch["name"] for patch in result["patches"] if patch["installationState"] == "Failed"]
    assert failed == ["linux-image-sandbox"]
    assert "linux-image-sandbox could not be installed" in result["error"]["details"][0]["message"]
    assert desk.fabric.restarts == 0, "what asks for a restart was not installed"
    desk.world.faults.set(())
    due = (await desk.act("assessPatches", "vm1")).result["availablePatches"]
    assert [patch["name"] for patch in due] == failed


async def test_without_a_way_out_nothing_is_found_and_nothing_installed(desk: Desk, machine: str) -> None:
    desk.fabric.way_out = "its subnet is private"
    found = (await desk.act("assessPatches", "vm1")).result
    assert (found["status"], found["availablePatches"]) == ("Failed", [])
    assert "its subnet is private" in found["error"]["details"][0]["message"]
    assert (await desk.act("installPatches", "vm1", body=INSTALL)).result["status"] == "Failed"
    if swagger.COMPUTE.is_file():
        assert swagger.faults(swagger.COMPUTE, "VirtualMachineAssessPatchesResult", found) == []
    desk.fabric.way_out = None
    assert (await desk.act("assessPatches", "vm1")).result["otherPatchCount"] == 1, "nothing was installed"


async def test_nothing_is_installed_on_a_machine_that_does_not_run(desk: Desk, machine: str) -> None:
    await desk.act("powerOff", "vm1")
    with pytest.raises(ArmError) as refused:
        await desk.act("installPatches", "vm1", body=INSTALL)
    assert (refused.value.status, refused.value.code) == (409, "OperationNotAllowed")
