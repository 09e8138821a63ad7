"""Signing in: what a client learns of the authority, and what tokens it gives."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.sandbox.arm.conftest import secret_of, sign_in
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.authority import Authority

TENANT, CLIENT = "7d5d8d32-4c9f-4f4e-8f0f-0a4f3b0e2a11", "b3b7c9b0-0f0f-4c7e-9a57-2f2b8f1f5d22"


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


async def test_discovery_names_the_authority_itself(session: aiohttp.ClientSession, sandbox: dict[str, Any]) -> None:
    base = f"{sandbox['authority']}/{sandbox['tenant']}"
    async with session.get(f"{base}/v2.0/.well-known/openid-configuration") as response:
        found = await response.json()
    assert found["issuer"] == f"{base}/v2.0"
    assert found["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    async with session.get(found["jwks_uri"]) as response:
        keys = (await response.json())["keys"]
    assert [key["alg"] for key in keys] == ["RS256"]


@pytest.mark.parametrize(("version", "kind"), [("2015-01-01", dict), ("2019-05-01", list), ("2022-09-01", dict)])
async def test_cloud_metadata(session: aiohttp.ClientSession, sandbox: dict[str, Any], version: str, kind: Any) -> None:
    async with session.get(f"{sandbox['arm']}/metadata/endpoints?api-version={version}") as response:
        found: Any = await response.json()
    assert type(found) is kind
    authentication = (found[0] if isinstance(found, list) else found)["authentication"]
    assert authentication["loginEndpoint"] == sandbox["authority"]
    assert sandbox["arm"] in authentication["audiences"]


async def test_a_token_says_who_and_how_long(session: aiohttp.ClientSession, sandbox: dict[str, Any]) -> None:
    found = claims(await sign_in(session, sandbox))
    assert (found["tid"], found["appid"], found["aud"]) == (sandbox["tenant"], sandbox["client_id"], sandbox["arm"])
    assert 3500 < found["exp"] - time.time() <= 3600


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, 400, "unauthorized_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "everything"}, 400, "invalid_scope"),
    ],
)
async def test_wrong_sign_ins(
    session: aiohttp.ClientSession, sandbox: dict[str, Any], changed: dict[str, str], status: int, error: str
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox["client_id"],
        "client_secret": secret_of(sandbox),
        "scope": f"{sandbox['arm']}/.default",
    }
    url = f"{sandbox['authority']}/{sandbox['tenant']}/oauth2/v2.0/token"
    async with session.post(url, data={**form, **changed}) as response:
        assert (response.status, (await response.json())["error"]) == (status, error)


def test_tokens_expire_and_are_for_one_audience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path, "https://127.1.2.1:8443", TENANT, CLIENT)
    token = authority._issue("https://127.1.2.1:8443/")
    assert authority.check(f"Bearer {token}")["appid"] == CLIENT
    with pytest.raises(ArmError, match="InvalidAuthenticationToken"):
        authority.check(f"Bearer {authority._issue('https://graph.example')}")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    with pytest.raises(ArmError, match="ExpiredAuthenticationToken"):
        authority.check(f"Bearer {token}")


def test_secrets_are_kept_and_private(tmp_path: Path) -> None:
    Authority(tmp_path, "https://127.1.2.1:8443", TENANT, CLIENT)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    token = Authority(tmp_path, "https://127.1.2.1:8443", TENANT, CLIENT)._issue("https://127.1.2.1:8443")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    assert len(base64.urlsafe_b64decode(kept["client-secret"] + b"=")) == 32
    another = Authority(tmp_path, "https://127.1.2.1:8443", TENANT, CLIENT)
    assert another.check(f"bearer {token}")["tid"] == TENANT
