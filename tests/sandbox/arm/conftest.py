"""A raw client of the running sandbox: tests see status codes, headers and bodies as they are on the wire."""

from __future__ import annotations

import asyncio
import ssl
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

VERSION = "2024-05-01"


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.body["error"]["code"])


class Arm:
    """Signed in; paths are relative to the subscription unless they begin with `https://`."""

    def __init__(self, session: aiohttp.ClientSession, state: dict[str, Any], token: str) -> None:
        self.session, self.state, self.token = session, state, token
        self.base = f"{state['arm']}/subscriptions/{state['subscription']}"

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Any = None,
        version: Any = VERSION,
        **query: str,
    ) -> Answer:
        url = path if path.startswith("https://") else f"{self.base}{path}"
        parameters = {**({} if "api-version=" in url or not version else {"api-version": version}), **query}
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        async with self.session.request(method, url, json=body, params=parameters, headers=given) as response:
            text = await response.text()
            parsed = await response.json() if text and "json" in response.content_type else text or None
            return Answer(response.status, parsed, response.headers)

    async def done(self, answer: Answer) -> Answer:
        """Wait for an accepted operation by whichever header it has; the last poll's answer."""
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        return answer if url is None else await self.ended(url)

    async def ended(self, url: str) -> Answer:
        """Poll an operation to its end, waiting as long as it says."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            polled = await self("GET", url)
            if polled.status != 202 and (polled.body or {}).get("status") != "InProgress":
                return polled
            await asyncio.sleep(float(polled.headers["retry-after-ms"]) / 1000)
        raise TimeoutError(url)

    async def put(self, path: str, body: Any) -> dict[str, Any]:
        """PUT, wait, GET."""
        answer = await self("PUT", path, body)
        assert answer.status in (200, 201), answer.body
        ended = await self.done(answer)
        assert ended.status in (200, 201), ended.body
        assert ended.body.get("status", "Succeeded") == "Succeeded", ended.body
        shown: dict[str, Any] = (await self("GET", path)).body
        return shown

    async def delete(self, path: str) -> Answer:
        answer = await self("DELETE", path)
        assert answer.status in (200, 202, 204), answer.body
        return await self.done(answer)


def secret_of(state: dict[str, Any]) -> str:
    return Path(state["client_secret_file"]).read_text()


async def sign_in(session: aiohttp.ClientSession, state: dict[str, Any]) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": state["client_id"],
        "client_secret": secret_of(state),
        "scope": f"{state['arm']}/.default",
    }
    url = f"{state['authority']}/{state['tenant']}/oauth2/v2.0/token"
    async with session.post(url, data=form) as response:
        assert response.status == 200
        return str((await response.json())["access_token"])


@pytest.fixture
async def session(sandbox: dict[str, Any]) -> AsyncIterator[aiohttp.ClientSession]:
    context = ssl.create_default_context(cafile=sandbox["ca"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        yield session


@pytest.fixture
async def arm(session: aiohttp.ClientSession, sandbox: dict[str, Any]) -> Arm:
    return Arm(session, sandbox, await sign_in(session, sandbox))


@pytest.fixture
async def group(arm: Arm) -> AsyncIterator[str]:
    """The path of a new resource group, deleted with all that is in it afterwards."""
    path = f"/resourceGroups/arm-{uuid.uuid4().hex[:8]}"
    assert (await arm("PUT", path, {"location": "westeurope"})).status == 201
    yield path
    if (await arm("HEAD", path)).status == 204:
        await arm.delete(path)
    assert (await arm("GET", path)).status == 404
