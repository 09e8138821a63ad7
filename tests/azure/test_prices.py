"""The price list as it is asked: pages, what is kept, and everything that a list may do instead of answering."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.azure.scripted import Scripted
from wizard.azure import clouds, prices
from wizard.azure.clouds import Cloud

QUESTION = "serviceName eq 'Virtual Machines' and armSkuName eq 'Standard_D2s_v5'"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of westeurope's prices in a home of the test's own."""
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "prices" / "public" / "westeurope.json"


@pytest.fixture
def cloud(scripted: Scripted) -> Cloud:
    return replace(scripted.cloud, name="public", prices=f"{scripted.url}/api/retail/prices")


def row(price: float) -> dict[str, Any]:
    return {"retailPrice": price, "meterName": "D2s v5", "meterId": "not kept"}


def page(*rows: dict[str, Any], link: str | None = None) -> dict[str, Any]:
    return {"BillingCurrency": "USD", "Items": list(rows), "NextPageLink": link, "Count": len(rows)}


class Pages:
    """Answers by the `$skip` of a request; `asked` keeps the queries as they came."""

    def __init__(self, scripted: Scripted, **pages: Any) -> None:
        self.pages = pages
        self.asked: list[dict[str, str]] = []
        self.headers: list[Any] = []
        scripted.answers["get /api/retail/prices"] = self

    def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        self.headers.append(request.headers)
        return web.json_response(self.pages[f"from{request.query.get('$skip', '0')}"])


async def test_pages_are_followed_to_the_last(scripted, cloud):
    link = f"{cloud.prices}?%24filter={QUESTION.replace(' ', '%20')}&%24skip="
    pages = Pages(
        scripted,
        from0=page(row(1), link=f"{link}100"),
        from100=page(row(2), link=f"{link}200"),
        from200=page(row(3)),
    )
    listed = await prices.listed(cloud, "westeurope", [QUESTION])
    assert [each["retailPrice"] for each in listed.rows] == [1, 2, 3]
    assert "meterId" not in listed.rows[0]
    assert (listed.why, listed.stale) == ("", False)
    assert [asked["$filter"] for asked in pages.asked] == [QUESTION] * 3, "a link is not encoded twice"


async def test_nothing_but_the_question_is_sent(scripted, cloud):
    pages = Pages(scripted, from0=page(row(1)))
    await prices.listed(cloud, "westeurope", [QUESTION])
    assert pages.asked == [{"$filter": QUESTION}]
    assert {name.lower() for name in pages.headers[0]} <= {"host", "accept", "accept-encoding", "user-agent"}


async def test_what_was_asked_is_kept_for_a_day(scripted, cloud, kept):
    pages = Pages(scripted, from0=page(row(1)))
    first = await prices.listed(cloud, "westeurope", [QUESTION, QUESTION])
    again = await prices.listed(cloud, "westeurope", [QUESTION])
    assert len(pages.asked) == 1
    assert again.rows == first.rows
    assert again.asked is not None
    assert kept.stat().st_mode & 0o777 == 0o600
    await prices.listed(cloud, "westeurope", [QUESTION, "another"])
    assert [asked["$filter"] for asked in pages.asked] == [QUESTION, "another"], "only what is not kept is asked for"
    age(kept, timedelta(days=1, minutes=1))
    pages.pages["from0"] = page(row(2))
    assert [each["retailPrice"] for each in (await prices.listed(cloud, "westeurope", [QUESTION])).rows] == [2]


def age(kept: Path, by: timedelta) -> None:
    content = json.loads(kept.read_text())
    for answer in content["asked"].values():
        answer["at"] = (datetime.fromisoformat(answer["at"]) - by).isoformat()
    kept.write_text(json.dumps(content))


async def test_prices_of_regions_and_clouds_are_kept_apart(scripted, cloud):
    pages = Pages(scripted, from0=page(row(1)))
    for where, region in ((cloud, "westeurope"), (cloud, "eastus"), (replace(cloud, name="usgov"), "westeurope")):
        await prices.listed(where, region, [QUESTION])
    assert len(pages.asked) == 3


async def test_old_prices_serve_where_the_list_is_silent_and_are_told_as_old(scripted, cloud, kept):
    Pages(scripted, from0=page(row(1)))
    await prices.listed(cloud, "westeurope", [QUESTION])
    age(kept, timedelta(days=40))
    scripted.on("GET /api/retail/prices", {}, 503)
    listed = await prices.listed(cloud, "westeurope", [QUESTION, "another"])
    assert [each["retailPrice"] for each in listed.rows] == [1]
    assert listed.stale
    assert listed.asked is not None
    assert datetime.now(UTC) - listed.asked > timedelta(days=39)
    assert listed.unanswered == {"another"}
    assert listed.why == "127.0.0.1 answered 503."


async def test_the_clock_of_what_is_kept_may_not_be_ahead(scripted, cloud, kept):
    pages = Pages(scripted, from0=page(row(1)))
    await prices.listed(cloud, "westeurope", [QUESTION])
    age(kept, -timedelta(days=3))
    await prices.listed(cloud, "westeurope", [QUESTION])
    assert len(pages.asked) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "no list of prices"),
        ({"Items": 7}, "no list of prices"),
        ({"Items": ["x"]}, "no list of prices"),
        ({"Items": [None]}, "no list of prices"),
        ({"error": "x"}, "no list of prices"),
        (page(row(1), link="https://example.org/api/retail/prices?$skip=100"), "somewhere else"),
        (page(row(1), link="http://[::1/"), "somewhere else"),
    ],
)
async def test_garbage_is_no_price(scripted, cloud, kept, body, why):
    scripted.on("GET /api/retail/prices", body)
    listed = await prices.listed(cloud, "westeurope", [QUESTION])
    assert listed.rows == []
    assert listed.asked is None
    assert listed.unanswered == {QUESTION}
    assert why in listed.why
    assert not kept.exists()


async def test_what_is_no_json_or_too_long_is_no_price(scripted, cloud, monkeypatch):
    scripted.answers["get /api/retail/prices"] = lambda _request: web.Response(text="<html>a portal of a hotel</html>")
    assert "no list of prices" in (await prices.listed(cloud, "westeurope", [QUESTION])).why
    monkeypatch.setattr(prices, "PAGE_LIMIT", 10)
    assert "more than a page" in (await prices.listed(cloud, "westeurope", [QUESTION])).why


async def test_a_list_without_an_end_is_left(scripted, cloud, monkeypatch):
    monkeypatch.setattr(prices, "PAGES", 3)
    pages = Pages(scripted, from0=page(row(1), link=f"{cloud.prices}?$skip=0"))
    assert "more than 3 pages" in (await prices.listed(cloud, "westeurope", [QUESTION])).why
    assert len(pages.asked) == 3


async def test_a_redirect_is_not_followed(scripted, cloud):
    scripted.on("GET /api/retail/prices", {}, 302, Location="https://example.org/")
    assert "answered 302" in (await prices.listed(cloud, "westeurope", [QUESTION])).why


async def test_one_question_that_fails_does_not_concern_the_others(scripted, cloud):
    def answer(request: web.Request) -> web.StreamResponse:
        wrong = request.query["$filter"] == "wrong"
        return web.json_response({} if wrong else page(row(1)), status=400 if wrong else 200)

    scripted.answers["get /api/retail/prices"] = answer
    listed = await prices.listed(cloud, "westeurope", ["wrong", QUESTION])
    assert [each["retailPrice"] for each in listed.rows] == [1]
    assert listed.why == "127.0.0.1 answered 400."


async def test_a_list_that_does_not_answer_is_waited_for_as_long_as_said(cloud):
    met, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        await reader.read()  # until the other side goes
        writer.close()
        gone.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    where = replace(cloud, prices=f"http://127.0.0.1:{port}/api/retail/prices")
    listed = await prices.listed(where, "westeurope", [QUESTION], within_s=0.3)
    assert met.is_set()
    assert (listed.rows, listed.asked) == ([], None)
    assert listed.why == "127.0.0.1 did not answer within 0.3 s."
    await gone.wait()
    server.close()
    await server.wait_closed()


async def test_a_list_that_is_not_there_says_so(cloud):
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    where = replace(cloud, prices=f"https://127.0.0.1:{port}/api/retail/prices")
    listed = await prices.listed(where, "westeurope", [QUESTION])
    assert listed.why.startswith("127.0.0.1 cannot be reached:")


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"asked": 7}', '{"asked": {"q": {"at": "yesterday", "rows": []}}}']
)
async def test_a_damaged_file_is_asked_anew(scripted, cloud, kept, content):
    pages = Pages(scripted, from0=page(row(1)))
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    assert (await prices.listed(cloud, "westeurope", [QUESTION])).asked is not None
    assert len(pages.asked) == 1
    assert QUESTION in json.loads(kept.read_text())["asked"]


async def test_a_region_that_is_no_name_is_kept_nowhere(scripted, cloud, tmp_path):
    Pages(scripted, from0=page(row(1)))
    assert (await prices.listed(cloud, "../../elsewhere", [QUESTION])).asked is not None
    assert [*tmp_path.rglob("*.json")] == []


async def test_a_cloud_without_a_list_is_not_asked(scripted, cloud):
    listed = await prices.listed(replace(cloud, prices=""), "westeurope", [QUESTION])
    assert listed.why == "The cloud public has no list of retail prices that could be asked."
    assert scripted.seen == []


def test_which_clouds_have_a_list():
    public, usgov, china = (clouds.find(name) for name in ("public", "usgov", "china"))
    assert public.prices == usgov.prices == "https://prices.azure.com/api/retail/prices"
    assert (public.prices_everywhere, usgov.prices_everywhere) == ("Global", "US Gov")
    assert china.prices == clouds.find("https://management.local.azurestack.external").prices == ""
