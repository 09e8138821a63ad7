"""What a struck request is answered, in Azure's words and shapes, and how an answer is spoilt on its way."""

from __future__ import annotations

import socket
import struct
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import web

from wizard import ids
from wizard.sandbox import faults
from wizard.sandbox.arm import errors, paths
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Reply
from wizard.sandbox.faults import NIC_RESERVED_S, Asked
from wizard.sandbox.faults_file import KINDS, Fault

if TYPE_CHECKING:
    from wizard.sandbox.world import World

GROUP_TYPE = "Microsoft.Resources/resourceGroups"


class ConnectionReset(Exception):  # noqa: N818 - what happens, not what went wrong in here
    """Nothing is answered."""


def asked(call: Call, segments: tuple[str, ...], world: World) -> Asked:
    """What a request is about, told from its path alone."""
    lower = [segment.lower() for segment in segments]
    if len(segments) > 3 and lower[-2] in ("operations", "operationresults"):
        operation = world.operations.find(segments[-1])
        target = operation.target.split("/") if operation is not None else []
        about = asked(Call(world, "POLL", "", "", "", "", ()), tuple(filter(None, target)), world)
        return Asked("POLL", about.type, about.names, about.group)
    if len(segments) == 4 and lower[2] == "resourcegroups":
        return Asked(call.method, GROUP_TYPE, (segments[3],), segments[3])
    path = paths.resource(segments)
    if path is None:
        return Asked(call.method, "", (), segments[3] if len(segments) > 3 and lower[2] == "resourcegroups" else "")
    listed = bool(path.last) and call.method in ("GET", "HEAD") and len(path.types) == len(path.names) == 0
    return Asked(call.method, f"{path.type}/{path.last}" if listed else path.type, path.names, path.group)


def strike(call: Call, segments: tuple[str, ...], token: str, world: World) -> Reply | None:
    """Let a request meet the fault that is set for it, before it is worked on; the answer where that is the fault."""
    if not world.faults.stand:
        return None
    about = asked(call, segments, world)
    fault = world.faults.meet(about, token, world.speed)
    if fault is None:
        return None
    call.fault = fault
    call.noted["fault"] = fault.kind
    match KINDS[fault.kind].where:
        case "request":
            return refusal(fault, call, about, world)
        case "operation":
            faults.striking.set(fault)
        case "clock":
            world.clock.jump(fault.seconds)
        case "guest" if fault.kind == "vmaccess-unchanged":
            world.faults.leave_unchanged(ids.resource_id(world.subscription, about.group, about.type, *about.names))
    return None


def settle(call: Call, world: World) -> None:
    """After the work: a fault of operations that found none is still to come."""
    if call.fault is not None and faults.striking.get() is call.fault:
        faults.striking.set(None)
        world.faults.missed(call.fault)
        call.fault = None
        del call.noted["fault"]


def refusal(fault: Fault, call: Call, about: Asked, world: World) -> Reply:
    """The answer in place of the work. Raises ArmError, or ConnectionReset for none at all."""
    resource = f"{about.type}/{about.name}"
    match fault.kind:
        case "reset":
            raise ConnectionReset
        case "server-error":
            return _server_error(fault.status)
        case "throttled":
            raise _throttled(fault, world)
        case "in-progress":
            raise errors.another_operation(f"{world.arm_url}/subscriptions/{world.subscription}/{uuid.uuid4()}")
        case "retryable":
            raise _retryable(fault, resource, world)
        case "nic-reserved":
            raise ArmError(
                400,
                "NicReservedForAnotherVm",
                f"Nic(s) in request is reserved for another Virtual Machine for {NIC_RESERVED_S:.0f} seconds. Please "
                f"provide another nic(s) or retry after {NIC_RESERVED_S:.0f} seconds. Reserved VM: {call.path}",
            )
        case "expired-token":
            raise expired(world)
        case "quota":
            raise _quota(about)
        case "sku-not-available":
            raise ArmError(
                409,
                "SkuNotAvailable",
                "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions' is currently"
                " not available in the location. Please try another size or deploy to a different location or "
                "different zone. See https://aka.ms/azureskunotavailable for details.",
            )
        case "policy":
            raise _policy(about, world)
    raise AssertionError(fault.kind)


def expired(world: World) -> ArmError:
    """What a token that does not hold any more is told: no claims are asked for, a new token is."""
    message = "The access token has expired."
    challenge = f'Bearer authorization_uri="{world.arm_url}/{world.tenant}", error="invalid_token", '
    return ArmError(
        401,
        "ExpiredAuthenticationToken",
        message,
        headers={"WWW-Authenticate": f'{challenge}error_description="{message}"'},
    )


def end_of(fault: Fault) -> ArmError:
    """How a struck operation ends."""
    if fault.kind == "superseded":
        return ArmError(
            409,
            "CanceledAndSupersededDueToAnotherOperation",
            f"Operation was canceled (superseded) because a newer operation ({uuid.uuid4()}) took precedence.",
        )
    if fault.kind == "allocation-failed":
        return ArmError(
            409,
            "AllocationFailed",
            "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more "
            "about improving likelihood of allocation success at https://aka.ms/allocation-guidance",
        )
    return ArmError(409, fault.code, fault.message)


async def spoilt(fault: Fault, request: web.Request, response: web.Response) -> web.StreamResponse:
    """The answer to work that was done, cut short. What has no body to be cut is not answered at all."""
    body = response.body if isinstance(response.body, bytes) else b""
    if fault.kind == "lost-answer" or not body:
        reset(request)
        return response
    if fault.kind == "truncated-json":
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return web.Response(status=response.status, body=body[: len(body) // 2], headers=headers)
    begun = web.StreamResponse(status=response.status, headers=response.headers)
    begun.content_length = len(body)
    await begun.prepare(request)
    await begun.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return begun


def reset(request: web.Request) -> None:
    """End the connection with a reset (RST) instead of a proper end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _server_error(status: int) -> Reply:
    if status == 502:  # a gateway's own page, as front ends have them
        page = "<html><head><title>502 Bad Gateway</title></head><body><h2>502 Bad Gateway</h2></body></html>"
        return Reply(502, page, {"Content-Type": "text/html"})
    if status == 503:
        raise ArmError(503, "ServiceUnavailable", "The service is temporarily unavailable. Please try again later.")
    raise ArmError(500, "InternalServerError", "The server encountered an internal error. Please retry the request.")


def _throttled(fault: Fault, world: World) -> ArmError:
    details: dict[str, Any] = {
        "code": "TooManyRequests",
        "message": '{"operationGroup":"HighCostRequests","allowedRequestCount":12,"measuredRequestCount":13}',
        "target": "HighCostRequests",
    }
    return ArmError(
        429,
        "OperationNotAllowed",
        "The server rejected the request because too many requests have been received for this subscription.",
        details=[details],
        headers=_wait(fault, world),
    )


def _retryable(fault: Fault, resource: str, world: World) -> ArmError:
    message = (
        f"Operation PutOperation ({uuid.uuid4()}) is updating resource {resource}. "
        f"The call can be retried in {fault.retry_after_s:.0f} seconds."
    )
    return ArmError(
        429,
        "RetryableError",
        "A retryable error occurred.",
        details=[{"code": "RetryableErrorDueToAnotherOperation", "message": message}],
        headers=_wait(fault, world),
    )


def _wait(fault: Fault, world: World) -> dict[str, str]:
    return world.operations.wait(fault.retry_after_s) if fault.retry_after_s else {}


def _quota(about: Asked) -> ArmError:
    return ArmError(
        409,
        "OperationNotAllowed",
        "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional "
        "details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 10, "
        f"Additional Required: 2, (Minimum) New Limit Required: 12. Resource: {about.name}. Please read more about "
        "quota limits at https://docs.microsoft.com/en-us/azure/azure-supportability/regional-quota-requests",
    )


def _policy(about: Asked, world: World) -> ArmError:
    scope = f"/subscriptions/{world.subscription}/providers/Microsoft.Authorization"
    info = {
        "policyDefinitionDisplayName": "Allowed resource types",
        "policyAssignmentDisplayName": "Sandbox guard rails",
        "policyAssignmentName": "guard-rails",
        "policyDefinitionName": "allowed-types",
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": f"{scope}/policyAssignments/guard-rails",
        "policyDefinitionId": f"{scope}/policyDefinitions/allowed-types",
        "policyAssignmentScope": f"/subscriptions/{world.subscription}",
    }
    return ArmError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{about.name}' was disallowed by policy. Reasons: 'This type is not allowed here.'. See error "
        "details for policy resource IDs.",
        target=about.name,
        additional_info=[{"type": "PolicyViolation", "info": info}],
    )
