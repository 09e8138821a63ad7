"""Power, Run Command, boot diagnostics and the instance view."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest

from tests.sandbox.compute import swagger
from tests.sandbox.compute.desk import Desk
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Reply
from wizard.sandbox.fabric.fabric import ScriptResult

VM = "Microsoft.Compute/virtualMachines"
SHELL = {"commandId": "RunShellScript", "script": ["hostname", "uptime"]}


@pytest.fixture
async def machine(desk: Desk) -> str:
    await desk.put(VM, "vm1", body=desk.machine(desk.nic("nic1")))
    return desk.id(VM, "vm1")


async def refusal(desk: Desk, action: str, **options: Any) -> ArmError:
    with pytest.raises(ArmError) as raised:
        await desk.act(action, "vm1", **options)
    return raised.value


async def test_power(desk: Desk, machine: str) -> None:
    for action, state in (
        ("powerOff", "stopped"),
        ("powerOff", "stopped"),
        ("start", "running"),
        ("start", "running"),
        ("deallocate", "deallocated"),
        ("start", "running"),
        ("redeploy", "running"),
    ):
        operation = await desk.act(action, "vm1")
        assert operation.status == "Succeeded", operation.error
        assert desk.fabric.power_state(machine) == state
        codes = [status["code"] for status in (await desk.act("instanceView", "vm1", method="GET")).body["statuses"]]
        assert codes == ["ProvisioningState/succeeded", f"PowerState/{state}"]
    await desk.act("restart", "vm1")
    assert desk.fabric.restarts == 1


async def test_power_off_of_a_deallocated_machine(desk: Desk, machine: str) -> None:
    await desk.act("deallocate", "vm1")
    assert (await refusal(desk, "powerOff")).code == "OperationNotAllowed"
    assert (await refusal(desk, "restart")).code == "OperationNotAllowed"


async def test_the_instance_view_of_a_running_and_a_stopped_machine(desk: Desk, machine: str) -> None:
    view = desk.show(VM, "vm1", expand="instanceView")["properties"]["instanceView"]
    assert view["vmAgent"]["statuses"][0]["displayStatus"] == "Ready"
    assert (view["osName"], view["computerName"], view["hyperVGeneration"]) == ("ubuntu", "vm1", "V2")
    assert view["bootDiagnostics"] == {}
    assert "platformFaultDomain" not in view
    await desk.act("powerOff", "vm1")
    view = desk.show(VM, "vm1", expand="instanceView")["properties"]["instanceView"]
    assert "vmAgent" not in view
    assert view["disks"][0]["statuses"][0]["code"] == "ProvisioningState/succeeded"
    assert "instanceView" not in desk.show(VM, "vm1", expand="userData")["properties"]


async def test_run_command(desk: Desk, machine: str) -> None:
    operation = await desk.act("runCommand", "vm1", body=SHELL)
    assert desk.fabric.scripts == ["hostname\nuptime"]
    (answer,) = operation.result["value"]
    assert answer["code"] == "ProvisioningState/succeeded"
    assert answer["message"] == "Enable succeeded: \n[stdout]\n256 SHA256:abc root@vm (ED25519)\n\n[stderr]\n"


async def test_run_command_keeps_the_last_4_kb(desk: Desk, machine: str) -> None:
    desk.fabric.output = ScriptResult("x" * 5000 + "end", "é" * 3000, 1)
    operation = await desk.act("runCommand", "vm1", body=SHELL)
    message = operation.result["value"][0]["message"]
    stdout, stderr = message.removeprefix("Enable succeeded: \n[stdout]\n").split("\n[stderr]\n")
    assert (len(stdout), stdout[-4:]) == (4096, "xend")
    assert stderr == "é" * 2048


async def test_a_script_is_never_stored(desk: Desk, machine: str) -> None:
    await desk.act("runCommand", "vm1", body={"commandId": "RunShellScript", "script": ["echo a-secret-in-a-script"]})
    kept = b"".join(file.read_bytes() for file in desk.file.parent.iterdir())
    assert b"a-secret-in-a-script" not in kept


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"commandId": "RunPowerShellScript", "script": ["x"]}, 400, "BadRequest"),
        ({"commandId": "NoSuch", "script": ["x"]}, 404, "NotFound"),
        ({"commandId": "RunShellScript", "script": "x"}, 400, "InvalidParameter"),
        ({"commandId": "RunShellScript"}, 400, "InvalidParameter"),
    ],
)
async def test_run_command_refusals(desk: Desk, machine: str, body: Any, status: int, code: str) -> None:
    error = await refusal(desk, "runCommand", body=body)
    assert (error.status, error.code) == (status, code)


async def test_run_command_needs_a_running_machine(desk: Desk, machine: str) -> None:
    await desk.act("powerOff", "vm1")
    error = await refusal(desk, "runCommand", body=SHELL)
    assert (error.status, error.code) == (409, "OperationNotAllowed")


async def test_one_run_command_at_a_time(desk: Desk, machine: str) -> None:
    operation = desk.world.operations.begin(
        desk.kind(VM), machine, "runCommand", 5.0, location="westeurope", arguments={"ticket": "gone"}
    )
    error = await refusal(desk, "runCommand", body=SHELL)
    assert (error.code, "in progress" in error.message) == ("Conflict", True)
    await desk.world.operations.ended(operation)
    assert operation.status == "Failed"  # its script went with the process that took it


# Boot diagnostics


async def fetch(desk: Desk, url: str, **headers: str) -> Reply:
    parts = urlsplit(url)
    segments = tuple(unquote(segment) for segment in parts.path.strip("/").split("/"))
    found = desk.registry.open_routes.find("GET", segments)
    assert found is not None
    handler, parameters = found
    call = desk.call("GET", "")
    call.query = {name.lower(): value for name, value in parse_qsl(parts.query)}
    call.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return await handler(call, None, *parameters)


async def test_the_serial_log_can_be_fetched(desk: Desk, machine: str) -> None:
    reply = await desk.act("retrieveBootDiagnosticsData", "vm1")
    assert reply.status == 200
    url = reply.body["serialConsoleLogBlobUri"]
    assert parse_qs(urlsplit(url).query).keys() == {"sv", "sr", "se", "sp", "sig"}
    log = await fetch(desk, url)
    assert (log.status, log.body, log.headers["Content-Type"]) == (200, desk.fabric.log, "text/plain")
    screen = await fetch(desk, reply.body["consoleScreenshotBlobUri"])
    assert (screen.body[:2], len(screen.body)) == (b"BM", int.from_bytes(screen.body[2:6], "little"))


async def test_a_range_of_the_log(desk: Desk, machine: str) -> None:
    url = (await desk.act("retrieveBootDiagnosticsData", "vm1")).body["serialConsoleLogBlobUri"]
    part = await fetch(desk, url, x_ms_range="bytes=7-12")
    assert (part.status, part.body) == (206, desk.fabric.log[7:13])
    assert part.headers["Content-Range"] == f"bytes 7-12/{len(desk.fabric.log)}"
    assert (await fetch(desk, url, range="bytes=9999-")).status == 416


@pytest.mark.parametrize("field", ["sig", "se"])
async def test_a_forged_url_is_refused(desk: Desk, machine: str, field: str) -> None:
    url = (await desk.act("retrieveBootDiagnosticsData", "vm1")).body["serialConsoleLogBlobUri"]
    forged = {"sig": "AAAA", "se": "2099-01-01T00%3A00%3A00Z"}[field]
    start, _, rest = url.partition(f"{field}=")
    reply = await fetch(desk, f"{start}{field}={forged}{rest[rest.index('&') :] if '&' in rest else ''}")
    assert reply.status == 403
    assert desk.fabric.log.decode() not in str(reply.body)


async def test_an_expired_url_is_refused(desk: Desk, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.sandbox.arm.compute import bootdiagnostics

    monkeypatch.setattr(bootdiagnostics, "DEFAULT_MINUTES", -1)
    url = (await desk.act("retrieveBootDiagnosticsData", "vm1")).body["serialConsoleLogBlobUri"]
    assert (await fetch(desk, url)).status == 403


async def test_boot_diagnostics_must_be_on(desk: Desk) -> None:
    body = desk.machine(desk.nic("nic1"))
    del body["properties"]["diagnosticsProfile"]
    await desk.put(VM, "vm1", body=body)
    assert (await refusal(desk, "retrieveBootDiagnosticsData")).code == "OperationNotAllowed"


async def test_minutes_have_bounds(desk: Desk, machine: str) -> None:
    for minutes in ("0", "1441", "soon"):
        error = await refusal(desk, "retrieveBootDiagnosticsData", sasuriexpirationtimeinminutes=minutes)
        assert error.target == "sasUriExpirationTimeInMinutes"


async def test_patches_are_found_and_installed_with_a_restart_where_one_is_due(desk: Desk, machine: str) -> None:
    assess = (await desk.act("assessPatches", "vm1")).result
    assert (assess["criticalAndSecurityPatchCount"], assess["otherPatchCount"], assess["rebootPending"]) == (
        2,
        1,
        False,
    )
    body = {
        "maximumDuration": "PT1H",
        "rebootSetting": "Never",
        "linuxParameters": {"classificationsToInclude": ["Critical"], "packageNameMasksToExclude": ["tz*"]},
    }
    installed = (await desk.act("installPatches", "vm1", body=body)).result
    states = {patch["name"]: patch["installationState"] for patch in installed["patches"]}
    assert states == {"linux-image-sandbox": "NotSelected", "openssl": "Installed", "tzdata": "Excluded"}
    assert (installed["rebootStatus"], desk.fabric.restarts) == ("NotNeeded", 0)
    everything = {"maximumDuration": "PT90M", "rebootSetting": "Never"}
    assert (await desk.act("installPatches", "vm1", body=everything)).result["rebootStatus"] == "Required"
    again = (await desk.act("installPatches", "vm1", body={**everything, "rebootSetting": "IfRequired"})).result
    assert (again["rebootStatus"], again["installedPatchCount"], desk.fabric.restarts) == ("Completed", 0, 1)
    last = (await desk.act("assessPatches", "vm1")).result
    assert last["availablePatches"] == []
    assert last["rebootPending"] is False
    if swagger.COMPUTE.is_file():
        for answer in (installed, again):
            assert swagger.faults(swagger.COMPUTE, "VirtualMachineInstallPatchesResult", answer) == []
        for answer in (assess, last):
            assert swagger.faults(swagger.COMPUTE, "VirtualMachineAssessPatchesResult", answer) == []


async def test_patches_that_azure_refuses(desk: Desk, machine: str) -> None:
    for body in (
        {"rebootSetting": "Never"},
        {"maximumDuration": "1h", "rebootSetting": "Never"},
        {"maximumDuration": "PT1H", "rebootSetting": "Perhaps"},
        {"maximumDuration": "PT1H", "rebootSetting": "Never", "linuxParameters": {"classificationsToInclude": 7}},
    ):
        assert (await refusal(desk, "installPatches", body=body)).code == "InvalidParameter"
    await desk.act("deallocate", "vm1")
    assert (await refusal(desk, "assessPatches")).code == "OperationNotAllowed"
