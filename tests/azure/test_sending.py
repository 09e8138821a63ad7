"""What is sent again and what is not, seen by an ARM that loses connections, cuts answers and forgets operations."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.azure.scripted import SUBSCRIPTION, TENANT, Scripted
from wizard import ids
from wizard.azure import clients, sending
from wizard.blueprint.resource import Resource
from wizard.errors import AzureError, UnreachableError

NSG = ids.resource_id(SUBSCRIPTION, "rg", "Microsoft.Network/networkSecurityGroups", "web")
VM = ids.resource_id(SUBSCRIPTION, "rg", "Microsoft.Compute/virtualMachines", "vm1")
DOCUMENT = {"id": NSG, "name": "web", "properties": {"provisioningState": "Succeeded"}}
OPERATION = f"/subscriptions/{SUBSCRIPTION}/operations/1"

Answer = Callable[[web.Request], web.StreamResponse]


def resource() -> Resource:
    return Resource(NSG, "Microsoft.Network/networkSecurityGroups", "web", {})


def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def half(request: web.Request) -> web.StreamResponse:
    text = json.dumps(DOCUMENT)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


def unavailable(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": {"code": "ServerBusy", "message": "busy"}}, status=503)


def well(request: web.Request) -> web.StreamResponse:
    return web.json_response(DOCUMENT)


def first(times: int, trouble: Answer, then: Answer) -> Answer:
    """Trouble so many times, and then what is right."""
    left = [times]

    def answer(request: web.Request) -> web.StreamResponse:
        left[0] -= 1
        return trouble(request) if left[0] >= 0 else then(request)

    return answer


def asked(scripted: Scripted, request: str) -> int:
    return scripted.seen.count(request.lower())


@pytest.mark.parametrize("trouble", [reset, half, unavailable])
async def test_a_read_is_sent_again(scripted: Scripted, trouble: Answer):
    scripted.answers[f"get {NSG}".lower()] = first(2, trouble, well)
    async with clients.connect(scripted.cloud) as azure:
        assert await azure.get(NSG) == DOCUMENT


@pytest.mark.parametrize("trouble", [reset, half, unavailable])
async def test_a_write_is_sent_again_and_so_is_a_delete(scripted: Scripted, trouble: Answer):
    scripted.answers[f"put {NSG}".lower()] = first(1, trouble, well)
    scripted.answers[f"delete {NSG}".lower()] = first(1, trouble, lambda request: web.Response(status=204))
    async with clients.connect(scripted.cloud) as azure:
        written = await azure.begin_put(resource(), {"location": "westeurope"})
        assert written is not None
        await written.result()
        assert written.status() == "Succeeded"
        deleted = await azure.begin_delete(NSG)
        assert deleted is not None
        await deleted.result()


async def test_trouble_that_stays_is_told_in_words(scripted: Scripted):
    for trouble, words in ((half, "cut off"), (reset, "ended before an answer")):
        scripted.answers[f"get {NSG}".lower()] = trouble
        scripted.seen.clear()
        async with clients.connect(scripted.cloud) as azure:
            with pytest.raises(UnreachableError) as told:
                await azure.get(NSG)
        assert words in told.value.why
        assert told.value.what == f"{scripted.url.removeprefix('https://')} stopped answering."
        assert "Error" not in told.value.why
        assert sending.TRIES <= asked(scripted, f"GET {NSG}") <= 2 * sending.TRIES  # aiohttp adds one for a kept one


async def test_an_action_is_not_repeated_unless_nothing_was_done(scripted: Scripted):
    for status, times in ((500, 1), (503, 2), (429, 2)):
        refuse = web_error(status)
        done = lambda request: web.Response(status=200)  # noqa: E731
        scripted.answers[f"post {VM}/restart".lower()] = first(1, refuse, done)
        scripted.seen.clear()
        async with clients.connect(scripted.cloud) as azure:
            start = azure.compute.virtual_machines.begin_restart("rg", "vm1")
            if status == 500:
                with pytest.raises(AzureError):
                    await azure.ask(start)
            else:
                await azure.ask(start)
        assert asked(scripted, f"POST {VM}/restart") == times


async def test_an_action_that_only_asks_is_a_read(scripted: Scripted):
    path = f"{VM}/retrieveBootDiagnosticsData"
    scripted.answers[f"post {path}".lower()] = first(
        2, reset, lambda request: web.json_response({"consoleScreenshotBlobUri": "https://x"})
    )
    async with clients.connect(scripted.cloud) as azure:
        await azure.ask(azure.compute.virtual_machines.retrieve_boot_diagnostics_data("rg", "vm1"))
    assert asked(scripted, f"POST {path}") == 3


async def test_a_start_that_was_not_answered_is_sent_again(scripted: Scripted):
    done = lambda request: web.Response(status=200)  # noqa: E731
    scripted.answers[f"post {VM}/start".lower()] = first(2, reset, done)
    async with clients.connect(scripted.cloud) as azure:
        await azure.ask(azure.compute.virtual_machines.begin_start("rg", "vm1"))
    assert asked(scripted, f"POST {VM}/start") == 3


def web_error(status: int) -> Answer:
    headers = {"retry-after-ms": "50"} if status == 429 else {}
    body = {"error": {"code": "Busy", "message": "busy"}}
    return lambda request: web.json_response(body, status=status, headers=headers)


def test_waits_are_drawn_and_what_arm_asks_for_is_their_least():
    class Response:
        def __init__(self, status: int, **headers: str) -> None:
            self.http_response = self
            self.status_code, self.headers = status, {name.replace("_", "-"): text for name, text in headers.items()}

    def wait(tries: int, status: int, draw: float, method: str = "GET", **headers: str) -> float | None:
        answer: Any = Response(status, **headers)
        return sending.Persistent(4.0, draw=lambda: draw)._wait_s(method, tries, answer, None)

    assert [wait(tries, 500, 1.0) for tries in range(1, 7)] == [2, 4, 8, 16, 32, None]
    assert wait(5, 500, 0.0) == 0
    assert wait(1, 429, 0.5, Retry_After="7") == 8
    assert wait(1, 429, 0.5, Retry_After="900") is None  # the engine tells such a wait to people
    assert wait(1, 200, 0.5) is None
    assert wait(1, 409, 0.5) is None
    assert wait(1, 500, 0.5, "POST") is None


async def test_a_refused_token_is_asked_anew_once_for_all(scripted: Scripted):
    given: list[str] = []

    def token(request: web.Request) -> web.StreamResponse:
        claims = base64.urlsafe_b64encode(json.dumps({"tid": TENANT, "n": len(given)}).encode()).decode().rstrip("=")
        given.append(f"eyJhbGciOiJub25lIn0.{claims}.sig")
        return web.json_response({"token_type": "Bearer", "expires_in": 3600, "access_token": given[-1]})

    refused = web.json_response
    body = {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token has expired."}}
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}

    def guarded(request: web.Request) -> web.StreamResponse:
        held = request.headers["Authorization"].removeprefix("Bearer ")
        return well(request) if held != given[0] else refused(body, status=401, headers=challenge)

    scripted.answers[f"post /{TENANT}/oauth2/v2.0/token"] = token
    scripted.answers[f"get {NSG}".lower()] = guarded
    async with clients.connect(scripted.cloud) as azure:
        assert await azure.get(NSG) == DOCUMENT
        assert len(given) == 2
        assert await azure.get(NSG) == DOCUMENT
        assert len(given) == 2

        given[0] = given[1]  # the second does not hold either: whoever is refused twice reads why
        scripted.answers[f"post /{TENANT}/oauth2/v2.0/token"] = lambda request: web.json_response(
            {"token_type": "Bearer", "expires_in": 3600, "access_token": given[0]}
        )
        with pytest.raises(UnreachableError) as told:
            await azure.get(NSG)
    assert "expired" in told.value.why


async def put(azure: clients.Azure) -> Any:
    operation = await azure.begin_put(resource(), {"location": "westeurope"})
    assert operation is not None
    return await operation.result()


def accepted(scripted: Scripted) -> None:
    busy = {**DOCUMENT, "properties": {"provisioningState": "Updating"}}
    scripted.on(f"PUT {NSG}", busy, 201, Azure_AsyncOperation=scripted.url + OPERATION)
    scripted.answers[f"get {NSG}".lower()] = first(2, lambda request: web.json_response(busy), well)


@pytest.mark.parametrize("trouble", [web_error(404), web_error(503), half])
async def test_an_operation_that_cannot_be_asked_for_is_told_by_its_resource(scripted: Scripted, trouble: Answer):
    accepted(scripted)
    scripted.answers[f"get {OPERATION}"] = trouble
    async with clients.connect(scripted.cloud) as azure:
        assert await put(azure) == DOCUMENT
    assert asked(scripted, f"PUT {NSG}") == 1


async def test_a_lost_operation_whose_resource_failed_is_a_failure_that_may_be_tried_again(scripted: Scripted):
    from wizard.azure.errors import retryable

    accepted(scripted)
    scripted.answers[f"get {OPERATION}"] = web_error(404)
    scripted.on(f"GET {NSG}", {**DOCUMENT, "properties": {"provisioningState": "Failed"}})
    async with clients.connect(scripted.cloud) as azure:
        with pytest.raises(AzureError) as told:
            await put(azure)
    assert (told.value.code, retryable(told.value)) == ("OperationLost", True)
    assert "web" in told.value.what


async def test_a_lost_delete_is_over_when_the_resource_is_gone(scripted: Scripted):
    scripted.on(f"DELETE {NSG}", None, 202, Location=scripted.url + OPERATION)
    scripted.answers[f"get {OPERATION}"] = web_error(404)
    gone = {"error": {"code": "ResourceNotFound", "message": "gone"}}
    scripted.answers[f"get {NSG}".lower()] = first(
        2,
        lambda request: web.json_response({**DOCUMENT, "properties": {"provisioningState": "Deleting"}}),
        lambda request: web.json_response(gone, status=404),
    )
    async with clients.connect(scripted.cloud) as azure:
        operation = await azure.begin_delete(NSG)
        assert operation is not None
        assert await operation.result() is None
