"""A person's sign-in through the desk, at a custom cloud whose authority is scripted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from screens.desk import Desk
from tests.azure.scripted import SUBSCRIPTION, TENANT, Scripted, serve
from tests.azure.test_methods import device_flow
from wizard.errors import UnreachableError

OTHER = "22222222-0000-0000-0000-000000000000"


@pytest.fixture
async def stack(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scripted]:
    """A cloud that is known by its ARM endpoint alone, with two subscriptions."""
    async with serve(tmp_path) as script:
        monkeypatch.setenv("SSL_CERT_FILE", str(script.ca))
        authentication = {"loginEndpoint": script.url, "audiences": [script.url], "tenant": TENANT}
        script.on("GET /metadata/endpoints", {"authentication": authentication, "resourceManager": script.url})
        two = [
            {"subscriptionId": SUBSCRIPTION, "displayName": "One", "state": "Enabled", "tenantId": TENANT},
            {"subscriptionId": OTHER, "displayName": "Two", "state": "Enabled", "tenantId": TENANT},
            {"subscriptionId": "gone", "displayName": "Old", "state": "Disabled", "tenantId": TENANT},
        ]
        script.on("GET /subscriptions", {"value": two})
        for one in (SUBSCRIPTION, OTHER):
            script.on(f"GET /subscriptions/{one}/resourcegroups", {"value": [{"name": f"in-{one[:2]}"}]})
        yield script


async def test_a_device_code_reaches_the_screen_that_asked_and_a_subscription_is_chosen(stack: Scripted, desk: Desk):
    device_flow(stack, tries_until_signed_in=2)
    told: list[dict[str, Any]] = []
    everything: list[dict[str, Any]] = []
    desk.listen(everything.append)
    signed = await desk.ask("sign_in", cloud=stack.url, method="device-code", told=told.append)
    assert [(line["tell"], line["url"], line["code"]) for line in told] == [
        ("device_code", "https://example.test/devicelogin", "ABCD-EFGH")
    ]
    assert told[0]["expires_utc"]
    assert told[0] in everything
    assert (signed["method"], signed["account"], signed["tenant"]) == ("device-code", "you@example.test", TENANT)
    assert signed["subscription"] is None
    assert [(entry["id"], entry["chosen"]) for entry in signed["subscriptions"]] == [
        (SUBSCRIPTION, False),
        (OTHER, False),
    ]
    await desk.ask("choose", subscription=OTHER)
    assert [group["name"] for group in await desk.ask("groups")] == [f"in-{OTHER[:2]}"]
    assert [group["name"] for group in await desk.ask("groups", subscription=SUBSCRIPTION)] == [
        f"in-{SUBSCRIPTION[:2]}"
    ]
    assert [entry["chosen"] for entry in await desk.ask("subscriptions")] == [False, True]
    with pytest.raises(Exception, match="does not see the subscription gone"):
        await desk.ask("choose", subscription="gone")
    handed = await desk.ask("handover")
    assert handed["method"] == "token"
    assert handed["expires_on"] > time.time()
    assert len(told) == 1  # nobody was asked twice


async def test_a_desk_ends_at_once_while_a_person_is_waited_for(stack: Scripted, desk: Desk):
    device_flow(stack, tries_until_signed_in=1_000_000)
    prompted = asyncio.Event()
    desk.listen(lambda line: prompted.set() if line["tell"] == "device_code" else None)
    signing_in = asyncio.create_task(desk.ask("sign_in", cloud=stack.url, method="device-code"))
    await asyncio.wait_for(prompted.wait(), 20)
    assert await desk.ask("keys") == []
    began = time.monotonic()
    signing_in.cancel()
    with pytest.raises(asyncio.CancelledError):
        await signing_in
    await desk.close()
    assert time.monotonic() - began < 5


async def test_a_declined_sign_in_can_be_tried_again(stack: Scripted, desk: Desk):
    device_flow(stack)
    token = f"post /{TENANT}/oauth2/v2.0/token"
    granted = stack.answers[token]
    stack.answers[token] = lambda _request: web.json_response(
        {"error": "authorization_declined", "error_description": "AADSTS70018: The person said no."}, status=400
    )
    with pytest.raises(UnreachableError, match="AADSTS70018"):
        await desk.ask("sign_in", cloud=stack.url, method="device-code")
    stack.answers[token] = granted
    assert (await desk.ask("sign_in", cloud=stack.url, method="device-code"))["account"] == "you@example.test"
