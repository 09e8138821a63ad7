"""Where Azure hands out an identity, commands sign in with it: against an endpoint as Automation has it."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, web

from tests.sandbox.arm.conftest import secret_of
from wizard.azure import clients, clouds, signin

HEADER = "a-header-that-only-this-place-knows"


@pytest.fixture
async def endpoint(sandbox: dict[str, Any]) -> AsyncIterator[str]:
    """What hands out tokens of the sandbox's authority, to who shows the header."""

    secret = secret_of(sandbox)

    async def token(request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != HEADER:
            return web.json_response({"error": "unauthorized_client"}, status=401)
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox["client_id"],
            "client_secret": secret,
            "scope": f"{request.query['resource']}/.default",
        }
        context = ssl.create_default_context(cafile=sandbox["ca"])
        url = f"{sandbox['authority']}/{sandbox['tenant']}/oauth2/v2.0/token"
        async with ClientSession(connector=TCPConnector(ssl=context)) as session, session.post(url, data=form) as got:
            return web.json_response(await got.json())

    application = web.Application()
    application.router.add_get("/token", token)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    await runner.cleanup()


async def test_a_managed_identity_signs_in_by_itself(
    sandbox: dict[str, Any], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    monkeypatch.setenv("SSL_CERT_FILE", sandbox["ca_bundle"])
    cloud = clouds.find(sandbox["arm"])
    assert signin.method_of(cloud) == "managed-identity"
    async with clients.connect(cloud, sandbox["subscription"]) as azure:
        assert await azure.list_group("nobody-has-this") is None


def test_only_who_has_an_identity_signs_in_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_"))]:
        monkeypatch.delenv(name)
    cloud = clouds.find("public")
    assert signin.method_of(cloud) == "azure-cli"
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://169.254.1.1/token")
    assert signin.method_of(cloud) == "azure-cli"
    monkeypatch.setenv("AZURE_SIGN_IN", "managed-identity")
    assert signin.method_of(cloud) == "managed-identity"
    monkeypatch.setenv("AZURE_TENANT_ID", "t")
    monkeypatch.setenv("AZURE_CLIENT_ID", "c")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s")
    assert signin.method_of(cloud) == "environment"
