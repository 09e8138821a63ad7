"""The management locks of a resource group, which the SDK's clients that are here have no list of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.azure.errors import explained
from wizard.errors import AzureError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

API_VERSION = "2020-05-01"


async def of_group(azure: Azure, group: str) -> list[dict[str, Any]]:
    """All locks at the group and inside it; none where there is no group. Raises AzureError, UnreachableError."""
    where = f"{ids.group_id(azure.subscription_id, group)}/providers/Microsoft.Authorization/locks"

    def wire(pipeline_response: Any, _model: Any, _headers: Any) -> Any:
        return pipeline_response.http_response.json()

    try:
        answer: Any = await explained(
            azure.resource.resources.get_by_id(where.lstrip("/"), api_version=API_VERSION, cls=wire), id=where
        )
    except AzureError as error:
        if error.status == 404:
            return []
        raise
    return list(answer.get("value") or ())
