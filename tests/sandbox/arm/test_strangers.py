"""Who is turned away: other hosts' names, web pages, tokens for others, and what is too large; before any work."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import Arm, secret_of
from wizard.sandbox.arm.server import BODY_LIMIT
from wizard.sandbox.authority import FORM_LIMIT

NSG = "/providers/Microsoft.Network/networkSecurityGroups/a"


def doors(arm: Arm) -> list[tuple[str, str]]:
    """ARM, the token endpoint, and what is open to everybody."""
    state = arm.state
    return [
        ("GET", f"{arm.base}/resourceGroups?api-version=2021-04-01"),
        ("POST", f"{state['authority']}/{state['tenant']}/oauth2/v2.0/token"),
        ("GET", f"{state['authority']}/{state['tenant']}/v2.0/.well-known/openid-configuration"),
        ("GET", f"{state['arm']}/metadata/endpoints?api-version=2022-09-01"),
    ]


def credentials(arm: Arm, scope: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": arm.state["client_id"],
        "client_secret": secret_of(arm.state),
        "scope": f"{scope}/.default",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_other_hosts_and_web_pages_get_nothing_anywhere(arm: Arm, headers: dict[str, str], status: int) -> None:
    """Also with everything else right: a page that got hold of a token still cannot use it."""
    for method, url in doors(arm):
        form = credentials(arm, arm.state["arm"]) if method == "POST" else None
        given = {"Authorization": f"Bearer {arm.token}", **headers}
        async with arm.session.request(method, url, data=form, headers=given) as response:
            assert response.status == status, url
            assert "access_token" not in await response.text()
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_the_own_name_with_another_port_is_another_host(arm: Arm) -> None:
    host = arm.state["arm"].removeprefix("https://").split(":")[0]
    assert (await arm("GET", "/resourceGroups", headers={"Host": f"{host}:1"})).status == 421
    assert (await arm("GET", "/resourceGroups", headers={"Host": host})).status == 421


async def test_a_token_for_another_audience_is_refused(arm: Arm, group: str) -> None:
    url = f"{arm.state['authority']}/{arm.state['tenant']}/oauth2/v2.0/token"
    async with arm.session.post(url, data=credentials(arm, "https://graph.example")) as response:
        arm.token, ours = (await response.json())["access_token"], arm.token
    answer = await arm("PUT", f"{group}{NSG}", bodies.nsg())
    assert (answer.status, answer.code) == (401, "InvalidAuthenticationToken")
    arm.token = ours
    assert (await arm("GET", f"{group}{NSG}")).status == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 4000])
async def test_what_is_no_token_is_refused(arm: Arm, header: str) -> None:
    answer = await arm("GET", "/resourceGroups", headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def chunks(size: int) -> AsyncIterator[bytes]:
    """Content whose length is not told beforehand."""
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize("told", [True, False])
async def test_too_large_a_body_is_refused_however_it_comes(arm: Arm, group: str, told: bool) -> None:
    url = f"{arm.base}{group}{NSG}?api-version=2024-05-01"
    headers = {"Authorization": f"Bearer {arm.token}", "Content-Type": "application/json"}
    data: Any = io.BytesIO(b" " * (BODY_LIMIT + 1)) if told else chunks(BODY_LIMIT + 1)
    async with arm.session.put(url, data=data, headers=headers) as response:
        assert response.status == 413
    assert (await arm("GET", f"{group}{NSG}")).status == 404


@pytest.mark.parametrize("told", [True, False])
async def test_too_large_a_form_is_refused_however_it_comes(arm: Arm, told: bool) -> None:
    url = f"{arm.state['authority']}/{arm.state['tenant']}/oauth2/v2.0/token"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    data: Any = b"a" * (FORM_LIMIT + 1) if told else chunks(FORM_LIMIT + 1)
    async with arm.session.post(url, data=data, headers=headers) as response:
        assert response.status == 413


async def test_too_long_a_path_and_too_large_a_header_are_refused(arm: Arm) -> None:
    for path, headers in (("/resourceGroups/" + "x" * 20_000, {}), ("/resourceGroups", {"X-Large": "x" * 20_000})):
        with contextlib.suppress(aiohttp.ClientError):  # it may also hang up
            assert (await arm("GET", path, headers=headers)).status in (400, 414, 431)
    assert (await arm("GET", "/resourceGroups")).status == 200


async def test_two_host_names_and_smuggled_lengths_are_refused(arm: Arm) -> None:
    host = arm.state["arm"].removeprefix("https://")
    context = ssl.create_default_context(cafile=arm.state["ca"])

    async def raw(*lines: str) -> bytes:
        address, _, port = host.partition(":")
        reader, writer = await asyncio.open_connection(address, int(port), ssl=context)
        writer.write("\r\n".join((*lines, "", "")).encode())
        answer = await asyncio.wait_for(reader.read(65536), 10)
        writer.close()
        return answer

    path = f"{arm.base.removeprefix(arm.state['arm'])}/resourceGroups?api-version=2021-04-01"
    signed = f"Authorization: Bearer {arm.token}"
    assert b" 200 " in (await raw(f"GET {path} HTTP/1.1", f"Host: {host}", signed))[:20]
    for strange in (
        (f"GET {path} HTTP/1.1", "Host: evil.example", f"Host: {host}", signed),
        (f"GET {path} HTTP/1.1", f"Host: {host}", "Host: evil.example", signed),
        (f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Length: 5", "Transfer-Encoding: chunked", signed),
        (f"GET {path} HTTP/1.0", signed),
    ):
        status = int((await raw(*strange)).split(b" ")[1])
        assert status in (400, 405, 421), strange
