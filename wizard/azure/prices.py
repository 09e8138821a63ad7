"""What a cloud's Retail Prices API lists, asked anonymously and kept for a day.

HOME/prices/CLOUD/REGION.json holds the answers by question, each with the time of asking. It is a help, never needed:
missing, damaged or not to be written, the list is asked. What cannot be asked is answered from what was kept, however
old, which is then said. Nothing here raises: without prices there is a reason in words.

Source: Microsoft, "Azure Retail Prices overview".
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.azure import clouds, trust
from wizard.errors import WizardError
from wizard.home import home, write_atomically

if TYPE_CHECKING:
    import aiohttp

    from wizard.azure.clouds import Cloud

Row = Mapping[str, Any]

KEPT_FOR = timedelta(days=1)
"""Azure changes prices at the turn of a month, mostly."""

ASK_S = 15.0
"""For everything that one estimate asks; each answer takes about a second."""

LONG_ASK_S = 60.0
"""For all sizes of a region: some thousand rows, a page after the other."""

PAGES = 30
PAGE_LIMIT = 8_000_000  # bytes; a page of 1,000 rows has about 700,000
FILE_LIMIT = 50_000_000
SIDE_BY_SIDE = 4

FIELDS = (
    "armRegionName",
    "armSkuName",
    "currencyCode",
    "effectiveStartDate",
    "meterName",
    "productName",
    "retailPrice",
    "serviceName",
    "skuName",
    "tierMinimumUnits",
    "type",
    "unitOfMeasure",
)
"""What is kept of a row."""


@dataclass(frozen=True)
class Listed:
    """The rows of all questions together.

    `asked` is when the oldest of them was told, None when none was; `stale` says that some are older than a day and
    could not be asked for anew; `unanswered` are the questions that have no answer at all; `why` tells what kept the
    list from answering, or "".
    """

    rows: Sequence[Row] = ()
    asked: datetime | None = None
    stale: bool = False
    unanswered: frozenset[str] = frozenset()
    why: str = ""


@dataclass(frozen=True)
class _Answer:
    at: datetime
    rows: Sequence[Row]


class _Unlisted(Exception):  # noqa: N818 - a reason in words, for here alone
    """The list did not tell; says why."""


async def listed(cloud: Cloud, region: str, questions: Iterable[str], *, within_s: float = ASK_S) -> Listed:
    """The rows that `questions` ask for, each an OData filter; `region` is whose file they are kept in.

    Asks for what is not kept, or was for longer than a day, and starts a cloud that can be started for it. Takes
    `within_s` seconds at most. A cloud without a list has no rows.
    """
    wanted = list(dict.fromkeys(questions))
    kept = await asyncio.to_thread(_read, cloud.name, region)
    now = datetime.now(UTC)
    found = {each: kept[each] for each in wanted if each in kept and timedelta(0) <= now - kept[each].at < KEPT_FOR}
    missing = [each for each in wanted if each not in found]
    why = ""
    if missing:
        new, why = await _asked(cloud, missing, within_s)
        if new:
            await asyncio.to_thread(_keep, cloud.name, region, new)
        found |= new
    old = {each: kept[each] for each in missing if each not in found and each in kept}
    answers = [*found.values(), *old.values()]
    return Listed(
        rows=[row for answer in answers for row in answer.rows],
        asked=min((answer.at for answer in answers), default=None),
        stale=bool(old),
        unanswered=frozenset(missing) - found.keys() - old.keys(),
        why=why,
    )


async def _asked(cloud: Cloud, questions: Sequence[str], within_s: float) -> tuple[dict[str, _Answer], str]:
    """What the list answered in time, and why not everything was."""
    import aiohttp

    found: dict[str, _Answer] = {}
    try:
        async with asyncio.timeout(within_s):
            cloud = await clouds.ensure_running(cloud)
            if not cloud.prices:
                return {}, f"The cloud {cloud.name} has no list of retail prices that could be asked."
            connector = aiohttp.TCPConnector(ssl=trust.context(cloud), limit=SIDE_BY_SIDE)
            own = trust.is_loopback(cloud.prices)
            async with aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=not own
            ) as session:
                reasons = await asyncio.gather(*(_ask(session, cloud.prices, each, found) for each in questions))
                return found, next(filter(None, reasons), "")
    except TimeoutError:
        return found, f"{_host(cloud)} did not answer within {within_s:g} s."
    except WizardError as error:
        return found, f"{error.what} {error.why}".strip()


async def _ask(session: aiohttp.ClientSession, url: str, question: str, found: dict[str, _Answer]) -> str:
    """Put the answer to one question into `found`; the reason when there is none."""
    import aiohttp

    host = urlsplit(url).hostname
    try:
        found[question] = _Answer(datetime.now(UTC), await _pages(session, url, question))
    except _Unlisted as error:
        return f"{host} {error}"
    except TimeoutError:
        raise
    except (aiohttp.ClientError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "the connection was lost"
        return f"{host} cannot be reached: {str(reason).rstrip('.')}."
    return ""


async def _pages(session: aiohttp.ClientSession, url: str, question: str) -> list[Row]:
    rows: list[Row] = []
    page, link = await _page(session, url, {"$filter": question})
    rows += page
    for _ in range(PAGES - 1):
        if not link:
            return rows
        if _origin(link) != _origin(url):
            raise _Unlisted("leads to a list somewhere else, which was not asked.")
        page, link = await _page(session, link, {})
        rows += page
    if link:
        raise _Unlisted(f"has more than {PAGES} pages of prices for one question.")
    return rows


async def _page(session: aiohttp.ClientSession, url: str, query: Mapping[str, str]) -> tuple[list[Row], str]:
    """The rows of one page, and where the next one is."""
    from yarl import URL

    # A link comes encoded, and must not be encoded once more.
    target = URL(url) if query else URL(url, encoded=True)
    async with session.get(target, params=query or None, allow_redirects=False) as answer:
        if answer.status != 200:
            raise _Unlisted(f"answered {answer.status}.")
        content = b""
        async for part in answer.content.iter_any():
            content += part
            if len(content) > PAGE_LIMIT:
                raise _Unlisted("sent more than a page of prices can have.")
    try:
        told = json.loads(content)
        items, link = [dict(row) for row in told["Items"]], told.get("NextPageLink") or ""
        return [{name: row[name] for name in FIELDS if name in row} for row in items], str(link)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _Unlisted("answered something that is no list of prices.") from None


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", "", 0


def _host(cloud: Cloud) -> str:
    return urlsplit(cloud.prices).hostname or cloud.name


# What is kept


def _file(cloud: str, region: str) -> Path | None:
    """Where a region's prices are kept; None for names that are no parts of a path."""
    named = all(re.fullmatch(r"[A-Za-z0-9-]{1,60}", name) for name in (cloud, region))
    return home() / "prices" / cloud / f"{region}.json" if named else None


def _read(cloud: str, region: str) -> dict[str, _Answer]:
    """By question; whatever does not look like answers is left out."""
    try:
        path = _file(cloud, region)
        if path is None or path.stat().st_size > FILE_LIMIT:
            return {}
        kept = json.loads(path.read_bytes())["asked"]
        return {str(question): found for question, answer in kept.items() if (found := _answer(answer))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _answer(kept: Any) -> _Answer | None:
    try:
        at = datetime.fromisoformat(kept["at"])
        rows = [dict(row) for row in kept["rows"]]
    except (KeyError, TypeError, ValueError):
        return None
    return _Answer(at, rows) if at.tzinfo else None


def _keep(cloud: str, region: str, new: Mapping[str, _Answer]) -> None:
    """Add to what is kept; failing to write is no failure."""
    path = _file(cloud, region)
    if path is None:
        return
    answers = {**_read(cloud, region), **new}
    asked = {
        each: {"at": one.at.isoformat(timespec="seconds"), "rows": list(one.rows)} for each, one in answers.items()
    }
    with suppress(OSError):
        write_atomically(path, json.dumps({"version": 1, "asked": asked}))
