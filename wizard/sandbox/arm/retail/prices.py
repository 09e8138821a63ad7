"""`GET /api/retail/prices`: the list, narrowed by `$filter`, a page at a time.

Shapes are those of Microsoft's "Azure Retail Prices overview" and of recorded answers. Nobody signs in.
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.arm.retail import filters, rows
from wizard.sandbox.store import Json

PATH = "api/retail/prices"
PAGE = 100
"""Rows of an answer. The API has had pages of 100 and of 1,000: who reads it follows `NextPageLink`."""

CURRENCY = "USD"


class RetailPrices(Provider):
    namespace = ""

    @route("GET", PATH)
    async def prices(self, call: Call, request: web.Request) -> Reply:
        try:
            version = call.query.get("api-version", "")
            test = _asked(call.query.get("$filter", ""), case_matters=version >= filters.CASE_MATTERS_FROM)
            skip = int(call.query.get("$skip", "0"))
            if skip < 0 or call.query.get("currencycode", CURRENCY).strip("'\"").upper() != CURRENCY:
                raise ValueError  # no other currency was recorded
        except ValueError:
            # The error's wording is from memory.
            return Reply(400, {"Error": {"Code": "BadRequest", "Message": "Invalid OData parameters supplied"}})
        found = [row for row in rows.rows() if test(row)]
        return Reply(200, self._page(call, found, skip))

    def _page(self, call: Call, found: list[Json], skip: int) -> Json:
        items = found[skip : skip + PAGE]
        link = None
        if skip + PAGE < len(found):
            query = {key: value for key, value in call.query.items() if key != "$skip"}
            query["$skip"] = str(skip + PAGE)
            text = "&".join(f"{quote(key, safe='$')}={quote(value, safe='')}" for key, value in query.items())
            link = f"{self.world.arm_url}/{PATH}?{text}"
        return {
            "BillingCurrency": CURRENCY,
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": items,
            "NextPageLink": link,
            "Count": len(items),
        }


def _asked(text: str, *, case_matters: bool) -> filters.Test:
    return filters.parse(text, case_matters=case_matters) if text else lambda _row: True
