"""ARM's error answers: a status, a code, a message and, where Azure has them, target, details and additionalInfo.

The functions are the answers that several places give, each with the code and wording that Azure uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ArmError(Exception):
    """Raised by any handler; the server turns it into ARM's error body."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        additional_info: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = list(details)
        self.additional_info = list(additional_info)
        self.headers = dict(headers or {})

    def error(self) -> dict[str, Any]:
        """The object under `error`, as a response body or a failed operation carries it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = self.details
        if self.additional_info:
            error["additionalInfo"] = self.additional_info
        return error


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(type: str, names: Sequence[str], group: str) -> ArmError:
    """`type` with its namespace, one name per type segment."""
    path = f"{type}/{'/'.join(names)}"
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{path}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(verb: str, type: str, parent_id: str) -> ArmError:
    """`type` is the child's, such as `Microsoft.Network/virtualNetworks/subnets`; `verb` is read, write or delete."""
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform '{verb}' on resource(s) of type '{type.split('/', 1)[1]}', because the parent resource "
        f"'{parent_id}' could not be found.",
    )


def invalid_content(why: str) -> ArmError:
    return ArmError(
        400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{why}'."
    )


def invalid_format(code: str, message: str) -> ArmError:
    """How the network provider refuses a malformed body: the useful line is in the details."""
    return ArmError(
        400, "InvalidRequestFormat", "Cannot parse the request.", details=[{"code": code, "message": message}]
    )


def invalid_reference(reference: str, by: str) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {reference} referenced by resource {by} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region.",
    )


def not_provisioned(reference: str, by: str, state: str) -> ArmError:
    return ArmError(
        409,
        "ReferencedResourceNotProvisioned",
        f"Cannot proceed with operation because resource {reference} used by resource {by} is not in Succeeded state. "
        f"Resource is in {state} state.",
    )


def another_operation(operation_url: str) -> ArmError:
    return ArmError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: "
        f"{operation_url}.",
    )


def precondition_failed() -> ArmError:
    return ArmError(
        412,
        "PreconditionFailed",
        "Precondition failed. One or more conditions given in the request header fields evaluated to false.",
    )
