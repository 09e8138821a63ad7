"""The ways to sign in that a person chooses: what they ask of an authority, and how they refuse."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from tests.azure.scripted import SUBSCRIPTION, TENANT, Scripted
from wizard.azure import clients, methods, signin
from wizard.azure.clouds import Cloud
from wizard.errors import InputError, UnreachableError


@pytest.fixture
def cloud(scripted: Scripted) -> Iterator[Cloud]:
    """The scripted cloud without a principal or a subscription of its own; what was chosen is over at the end."""
    yield replace(scripted.cloud, client_id=None, client_secret_file=None, subscription=None)
    if choice := methods.chosen(scripted.cloud.name):
        methods.choose(scripted.cloud.name, None)
        choice.close()


def part(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def device_flow(scripted: Scripted, *, tries_until_signed_in: int = 1) -> list[dict[str, Any]]:
    """Script an authority that a person signs in to after so many polls; returns the forms that clients sent."""
    root = f"{scripted.url}/{TENANT}"
    scripted.on(
        f"GET /{TENANT}/v2.0/.well-known/openid-configuration",
        {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "issuer": f"{root}/v2.0",
        },
    )
    scripted.on(
        f"POST /{TENANT}/oauth2/v2.0/devicecode",
        {
            "user_code": "ABCD-EFGH",
            "device_code": "the-device-code",
            "verification_uri": "https://example.test/devicelogin",
            "expires_in": 900,
            "interval": 0,
            "message": "never shown",
        },
    )
    asked: list[dict[str, Any]] = []

    def token(request: web.Request) -> web.StreamResponse:
        asked.append({"path": request.path})
        if len(asked) < tries_until_signed_in:
            return web.json_response({"error": "authorization_pending"}, status=400)
        now = int(time.time())
        claims = {"tid": TENANT, "upn": "you@example.test"}
        id_token = {
            "aud": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            "iss": f"{root}/v2.0",
            "sub": "you",
            "tid": TENANT,
            "preferred_username": "you@example.test",
            "exp": now + 3600,
            "iat": now,
            "nbf": now - 10,
        }
        return web.json_response(
            {
                "token_type": "Bearer",
                "scope": f"{scripted.url}/.default",
                "expires_in": 3600,
                "access_token": f"eyJhbGciOiJub25lIn0.{part(claims)}.sig",
                "refresh_token": "a-refresh-token",
                "id_token": f"{part({'alg': 'none'})}.{part(id_token)}.sig",
                "client_info": part({"uid": "u", "utid": TENANT}),
            }
        )

    scripted.answers[f"post /{TENANT}/oauth2/v2.0/token"] = token
    return asked


async def test_a_device_code_is_told_and_signs_in_while_everything_else_goes_on(scripted: Scripted, cloud: Cloud):
    asked = device_flow(scripted, tries_until_signed_in=3)
    told: list[tuple[str, str]] = []
    where: list[str] = []

    def prompt(url: str, code: str, _expires: Any) -> None:
        told.append((url, code))
        where.append(threading.current_thread().name)

    methods.choose(cloud.name, methods.Choice("device-code", prompt=prompt))
    async with clients.connect(cloud, SUBSCRIPTION) as azure:
        token = await azure.token()
    assert told == [("https://example.test/devicelogin", "ABCD-EFGH")]
    assert where != [threading.current_thread().name]
    assert signin.account(token.token) == "you@example.test"
    assert len(asked) == 3
    async with clients.connect(cloud, SUBSCRIPTION) as azure:  # the sign-in lasts as long as the choice
        await azure.token()
    assert len(told) == 1

    choice = methods.chosen(cloud.name)
    assert choice is not None
    handed = choice.hand_over(token)
    choice.close()
    assert handed["method"] == "token"
    assert "a-refresh-token" not in json.dumps(handed)
    methods.choose(cloud.name, methods.Choice.handed(handed))
    async with clients.connect(cloud, SUBSCRIPTION) as azure:
        assert (await azure.token()).token == token.token
        await azure.list_group("none")
    assert len(asked) == 3


async def test_giving_up_a_device_code_leaves_nothing_to_wait_for(scripted: Scripted, cloud: Cloud):
    device_flow(scripted, tries_until_signed_in=1_000_000)
    prompted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def prompt(_url: str, _code: str, _expires: Any) -> None:
        loop.call_soon_threadsafe(prompted.set)

    methods.choose(cloud.name, methods.Choice("device-code", prompt=prompt))

    async def sign_in() -> None:
        async with clients.connect(cloud, SUBSCRIPTION):
            pass

    trying = asyncio.create_task(sign_in())
    await asyncio.wait_for(prompted.wait(), 10)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    scripted.answers[f"post /{TENANT}/oauth2/v2.0/token"] = lambda _request: web.json_response(
        {"error": "expired_token"}, status=400
    )  # ends the thread


async def test_a_refused_device_code_is_told(scripted: Scripted, cloud: Cloud):
    device_flow(scripted)
    scripted.on(
        f"POST /{TENANT}/oauth2/v2.0/token",
        {"error": "authorization_declined", "error_description": "AADSTS70018: The person said no."},
        400,
    )
    methods.choose(cloud.name, methods.Choice("device-code"))
    with pytest.raises(UnreachableError, match="AADSTS70018") as caught:
        async with clients.connect(cloud, SUBSCRIPTION):
            pass
    assert "the device code" in caught.value.what


async def test_a_token_that_was_handed_over_holds_no_longer_than_it_holds(cloud: Cloud):
    methods.choose(cloud.name, methods.Choice("token", token=SecretStr("t"), expires_on=int(time.time()) - 1))
    with pytest.raises(UnreachableError, match=r"sign in again|Sign in again"):
        async with clients.connect(cloud, SUBSCRIPTION):
            pass


async def test_a_service_principal_that_was_typed_signs_in_and_is_handed_over(scripted: Scripted, cloud: Cloud):
    choice = methods.Choice("service-principal", TENANT, "typed-client", SecretStr("typed-secret"))
    assert "typed-secret" not in repr(choice)
    methods.choose(cloud.name, choice)
    async with clients.connect(cloud, SUBSCRIPTION) as azure:
        handed = choice.hand_over(await azure.token())
    assert handed == {
        "method": "service-principal",
        "tenant": TENANT,
        "client_id": "typed-client",
        "client_secret": "typed-secret",
    }
    again = methods.Choice.handed(handed)
    assert (again.method, again.tenant, again.client_id) == (choice.method, TENANT, "typed-client")
    assert again.client_secret == choice.client_secret
    with pytest.raises(InputError, match="three"):
        methods.Choice("service-principal", TENANT, "typed-client")


async def test_a_managed_identity_is_given_up_on_where_there_is_none(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(methods, "MANAGED_IDENTITY_S", 0.3)
    held: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{port}")
    methods.choose(cloud.name, methods.Choice("managed-identity"))
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="managed identity"):
        async with clients.connect(cloud, SUBSCRIPTION):
            pass
    assert time.monotonic() - began < 5
    assert held  # it was asked
    for writer in held:
        writer.transport.abort()
        await writer.wait_closed()
    silent.close()
    await silent.wait_closed()


@pytest.mark.parametrize("environment", [{}, {"SSH_CONNECTION": "a b c d"}])
def test_no_browser_is_opened_where_none_can_be_seen(environment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(UnreachableError, match="No browser") as caught:
        methods.refuse_without_browser(environment)
    assert "device code" in caught.value.remedy


async def test_a_choice_is_of_one_cloud_and_can_be_taken_back(scripted: Scripted, cloud: Cloud):
    assert signin.method_of(scripted.cloud) == "own"
    assert signin.method_of(cloud) == "azure-cli"
    methods.choose(cloud.name, methods.Choice("managed-identity"))
    assert signin.method_of(cloud) == "managed-identity"
    assert signin.method_of(replace(cloud, name="https://another.example")) == "azure-cli"
    methods.choose(cloud.name, None)
    assert signin.method_of(scripted.cloud) == "own"
