"""Going on with an operation that another process began: what is kept of it, and how it is asked again.

The SDK's token holds the whole first answer, which for some types is the resource with all that was sent. Kept is only
what resumes: method and address of the request, the headers that lead to the operation, the provisioning state.
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

_HEADERS = frozenset({"azure-asyncoperation", "operation-location", "location", "retry-after", "content-type"})


class NotResumable(WizardError):  # noqa: N818 - told as a fact
    """A kept token cannot be used: the resource itself tells how its operation ends."""

    def __init__(self) -> None:
        super().__init__("The operation cannot be asked any more.", "What was kept of it does not lead to this cloud.")


def reduced(token: str) -> str:
    """An SDK's continuation token without bodies; "" when it is not of the form that is known."""
    try:
        told = json.loads(base64.b64decode(token))
        data = told["data"]
        response, request = data["response"], data["request"]
        state = _state(response.get("content") or "")
        headers = {name: value for name, value in response["headers"].items() if name.lower() in _HEADERS}
        kept = {
            "request": {"method": request["method"], "url": request["url"], "headers": _asked_by(request)},
            "response": {"status_code": response["status_code"], "headers": headers, "content": state},
            "context": {"deserialized_data": None},
        }
        return base64.b64encode(json.dumps({"version": told["version"], "data": kept}).encode()).decode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


_ASKED_BY = "x-ms-client-request-id"


def _asked_by(request: dict[str, Any]) -> dict[str, str]:
    """The number that the SDK asks under again; it cannot go on without one."""
    return {_ASKED_BY: str(dict(request.get("headers") or {}).get(_ASKED_BY) or uuid.uuid4())}


def _state(content: str) -> str:
    """Of a first answer only its provisioning state, encoded as it came."""
    try:
        state = json.loads(base64.b64decode(content))["properties"]["provisioningState"]
        body: dict[str, Any] = {"properties": {"provisioningState": str(state)}}
    except (ValueError, KeyError, TypeError):
        body = {}
    return base64.b64encode(json.dumps(body).encode()).decode()


def poller(azure: Azure, client: Any, token: str) -> Any:
    """The SDK's poller of a kept operation. Raises NotResumable, also when an address in it is not this cloud's: the
    sign-in's token would be sent there."""
    from azure.core.polling import AsyncLROPoller
    from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

    try:
        data = json.loads(base64.b64decode(token))["data"]
        headers = data["response"]["headers"].items()
        addresses = [
            data["request"]["url"],
            *(v for name, v in headers if name.lower().endswith(("location", "operation"))),
        ]
        here = urlsplit(azure.cloud.arm)[:2]
        if any(urlsplit(str(address))[:2] != here for address in addresses):
            raise NotResumable
        return AsyncLROPoller.from_continuation_token(
            polling_method=AsyncARMPolling(azure.cloud.poll_floor_s),
            continuation_token=token,
            client=client,
            deserialization_callback=lambda _: None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotResumable from None
