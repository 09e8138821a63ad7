"""What ARM and the SDKs say when they fail, as a person gets to read it."""

from __future__ import annotations

import json
import time
import traceback
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from tests.azure.scripted import SUBSCRIPTION, Scripted
from wizard import ids
from wizard.azure import clients
from wizard.azure.errors import ArmError, explain, retry_after, retryable
from wizard.azure.remedies import REMEDIES
from wizard.blueprint.resource import Resource
from wizard.errors import AzureError, InputError, UnreachableError, WizardError

VM = ids.resource_id(SUBSCRIPTION, "rg", "Microsoft.Compute/virtualMachines", "vm1")
CANARY = "Canary-Passw0rd-7"


def machine() -> Resource:
    return Resource(VM, "Microsoft.Compute/virtualMachines", "vm1", {})


async def fail_put(scripted: Scripted, body: dict[str, Any] | None = None) -> AzureError:
    """The error that a PUT of the machine ends with."""

    async def put(azure: clients.Azure) -> None:
        operation = await azure.begin_put(machine(), dict(body or {"location": "westeurope"}))
        assert operation is not None
        await operation.result()

    async with clients.connect(scripted.cloud) as azure:
        with pytest.raises(AzureError) as caught:
            await put(azure)
    return caught.value


async def refused(scripted: Scripted, status: int, code: str, message: str, **more: object) -> AzureError:
    scripted.refuse(f"PUT {VM}", status, code, message, **more)
    return await fail_put(scripted)


async def test_the_innermost_line_that_tells_something_is_told(scripted: Scripted):
    inner = {"code": "QuotaExceeded", "message": "Location westeurope, current limit 10, current usage 8."}
    outer = {"code": "InvalidTemplateDeployment", "message": "The deployment failed.", "details": [inner]}
    error = await refused(scripted, 409, "DeploymentFailed", "At least one resource failed.", details=[outer])
    assert (error.code, error.status) == ("QuotaExceeded", 409)
    assert error.why == inner["message"]
    assert "virtualMachines vm1" in error.what
    assert "Quotas" in error.remedy


async def test_json_inside_a_message_is_opened(scripted: Scripted):
    nested = json.dumps({"error": {"code": "SkuNotAvailable", "message": "The size is not available."}})
    error = await refused(scripted, 400, "BadRequest", nested)
    assert (error.code, error.why) == ("SkuNotAvailable", "The size is not available.")


@pytest.mark.parametrize(
    ("status", "code", "message", "word"),
    [
        (409, "OperationNotAllowed", "Operation could not be completed as it results in exceeding quota.", "Quotas"),
        (409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.", "Start"),
        (409, "SkuNotAvailable", "The requested VM size is not available.", "size"),
        (409, "AllocationFailed", "Allocation failed. We do not have sufficient capacity.", "another region"),
        (403, "AuthorizationFailed", "The client has no authorization.", "Contributor"),
        (
            409,
            "MissingSubscriptionRegistration",
            "Not registered to use namespace 'Microsoft.Compute'.",
            "Compute --wait",
        ),
        (409, "PropertyChangeNotAllowed", "Changing property 'availabilitySet.id' is not allowed.", "deploy anew"),
        (409, "AnotherOperationInProgress", "Another operation is in progress.", "again"),
        (400, "DnsRecordInUse", "DNS record x is already used.", "balancer.dns_label"),
    ],
)
async def test_known_codes_come_with_a_remedy(scripted: Scripted, status, code, message, word):
    error = await refused(scripted, status, code, message)
    assert (error.code, error.status, error.why) == (code, status, message)
    assert word in error.remedy


async def test_a_refused_password_is_told_by_its_rule(scripted: Scripted):
    error = await refused(scripted, 400, "InvalidParameter", "The password is too simple.", target="adminPassword")
    assert "three of" in error.remedy


async def test_a_policy_is_named(scripted: Scripted):
    info = {"policyDefinitionDisplayName": "Allowed locations", "policyAssignmentName": "corp-locations"}
    error = await refused(
        scripted,
        403,
        "RequestDisallowedByPolicy",
        "Resource 'vm1' was disallowed by policy.",
        additionalInfo=[{"type": "PolicyViolation", "info": info}],
    )
    assert "corp-locations / Allowed locations" in error.why
    assert "policy" in error.remedy.lower()


async def test_an_accepted_operation_that_fails_has_no_status(scripted: Scripted):
    operation = f"{scripted.url}/subscriptions/{SUBSCRIPTION}/operations/1"
    scripted.on(
        f"PUT {VM}", {"id": VM, "properties": {"provisioningState": "Creating"}}, 201, Azure_AsyncOperation=operation
    )
    failure = {"code": "OSProvisioningTimedOut", "message": "OS Provisioning for VM 'vm1' did not finish in time."}
    scripted.on(f"GET /subscriptions/{SUBSCRIPTION}/operations/1", {"status": "Failed", "error": failure})
    error = await fail_put(scripted)
    assert (error.code, error.status, error.why) == (failure["code"], None, failure["message"])
    assert error.what.startswith("VirtualMachines vm1 failed")
    assert "boot diagnostics" in error.remedy


async def test_a_failure_without_an_error_object_is_told(scripted: Scripted):
    scripted.on(f"PUT {VM}", {"id": VM, "properties": {"provisioningState": "Updating"}}, 201)
    scripted.on(f"GET {VM}", {"id": VM, "properties": {"provisioningState": "Failed"}})
    error = await fail_put(scripted)
    assert error.what == "VirtualMachines vm1 failed."
    assert "Failed" in error.why


async def test_an_operation_is_asked_no_more_often_than_the_cloud_permits(scripted: Scripted):
    at: list[float] = []
    path = f"/subscriptions/{SUBSCRIPTION}/operations/1"

    def progress(_request: web.Request) -> web.StreamResponse:
        at.append(time.monotonic())
        return web.json_response({"status": "InProgress" if len(at) < 4 else "Succeeded"})

    document = {"id": VM, "properties": {"provisioningState": "Creating"}}
    scripted.on(f"PUT {VM}", document, 201, Azure_AsyncOperation=scripted.url + path)
    scripted.on(f"GET {VM}", {**document, "properties": {"provisioningState": "Succeeded"}})
    scripted.answers[f"get {path}"] = progress
    async with clients.connect(scripted.cloud) as azure:
        operation = await azure.begin_put(machine(), {"location": "westeurope"})
        assert operation is not None
        await operation.result()
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert len(gaps) == 3
    assert all(scripted.cloud.poll_floor_s * 0.9 <= gap < 5 for gap in gaps)


async def test_an_answer_that_is_not_arms_is_told(scripted: Scripted):
    scripted.answers[f"put {VM}".lower()] = lambda _request: web.Response(
        status=418, text="<html>tea</html>", content_type="text/html"
    )
    error = await fail_put(scripted)
    assert error.status == 418
    assert "text/html" in error.why


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (409, "AnotherOperationInProgress", True),
        (409, "CanceledAndSupersededDueToAnotherOperation", True),
        (400, "NicReservedForAnotherVm", True),
        (400, "InvalidResourceReference", False),
        (409, "PropertyChangeNotAllowed", False),
        (403, "AuthorizationFailed", False),
    ],
)
async def test_what_passes_by_itself_may_be_tried_again(scripted: Scripted, status, code, again):
    error = await refused(scripted, status, code, "message")
    assert retryable(error) is again
    assert retry_after(error) is None


async def test_the_wait_that_is_asked_for_is_known(scripted: Scripted):
    body = {"error": {"code": "AnotherOperationInProgress", "message": "busy"}}
    for header in ("retry-after-ms", "x-ms-retry-after-ms"):  # the SDK itself tries again when it sees Retry-After
        scripted.on(f"PUT {VM}", body, 409, **{header: "250"})
        assert retry_after(await fail_put(scripted)) == 0.25


async def test_no_secret_is_in_an_error_nor_behind_it(scripted: Scripted, caplog):
    caplog.set_level("DEBUG")
    url = "https://x.blob.core.windows.net/log?sv=2024&sig=abcDEF%2B123&se=2026"
    scripted.refuse(f"PUT {VM}", 400, "InvalidParameter", f"bad, see {url}", target="osProfile")
    body = {"location": "westeurope", "properties": {"osProfile": {"adminPassword": CANARY}}}
    error = await fail_put(scripted, body)
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in (told, repr(error), json.dumps(error.as_event()), caplog.text):
        assert CANARY not in text
        assert "abcDEF" not in text


def test_a_wizard_error_stays_what_it_is():
    error = InputError("no")
    assert explain(error) is error
    assert not retryable(error)
    assert not retryable(UnreachableError("gone"))
    assert retryable(ArmError("busy", code="x", status=429))


async def test_a_cloud_that_is_gone_is_unreachable(scripted: Scripted, unused_tcp_port: int):
    from dataclasses import replace

    gone = f"https://127.0.0.1:{unused_tcp_port}"
    cloud = replace(scripted.cloud, arm=gone, subscription=None)
    async with clients.connect(scripted.cloud) as azure:
        azure.cloud = cloud
        with pytest.raises(UnreachableError) as caught:
            await azure.rows(azure.subscriptions.subscriptions.list(retry_connect=0))
    assert f"127.0.0.1:{unused_tcp_port}" in caught.value.what
    assert "refused" in caught.value.why.lower()


async def test_401_from_arm_is_a_missing_sign_in(scripted: Scripted):
    scripted.refuse(f"GET {VM}", 401, "InvalidAuthenticationToken", "The access token is invalid.")
    async with clients.connect(scripted.cloud) as azure:
        with pytest.raises(UnreachableError, match="access token is invalid"):
            await azure.get(VM)


def test_every_remedy_is_a_sentence_or_deferred():
    deferred = {code for code, remedy in REMEDIES.items() if not remedy}
    assert deferred <= {"OperationNotAllowed", "InvalidParameter", "InvalidTemplate"}
    assert all(issubclass(kind, WizardError) for kind in (ArmError, AzureError))
