"""Lists come in pages with a `nextLink`, as the SDKs and the Azure CLI expect to follow."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call
from wizard.sandbox.store import Json

PAGE = 100
"""Items in one page; Azure's sizes differ by provider, and 100 lets 200 machines be two pages."""


def page(call: Call, items: list[Any], size: int = PAGE) -> Json:
    """`{"value": [...], "nextLink": ...}` for the call's `$skiptoken`; `$top` bounds a page, not the whole."""
    try:
        start = int(call.query.get("$skiptoken", "0") or 0)
        size = min(size, int(call.query.get("$top", size)))
    except ValueError:
        raise ArmError(
            400, "InvalidQueryParameterValue", "The value of '$top' or '$skiptoken' is not a number."
        ) from None
    if start < 0 or size < 1:
        raise ArmError(400, "InvalidQueryParameterValue", "The value of '$top' or '$skiptoken' is out of range.")
    answer: Json = {"value": items[start : start + size]}
    if start + size < len(items):
        query = {key: value for key, value in call.query.items() if key != "$skiptoken"}
        query["$skiptoken"] = str(start + size)
        text = "&".join(f"{quote(key, safe='$')}={quote(value, safe='')}" for key, value in query.items())
        answer["nextLink"] = f"{call.world.arm_url}{call.path}?{text}"
    return answer
