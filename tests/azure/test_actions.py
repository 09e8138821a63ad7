"""Actions on a VM, at an ARM that refuses them for a while, loses answers and forgets operations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.azure.scripted import SUBSCRIPTION, Scripted
from wizard import ids
from wizard.azure import actions, clients
from wizard.azure.clients import Azure
from wizard.deploy import stopped
from wizard.errors import AzureError
from wizard.verify import hostkeys

VM = ids.resource_id(SUBSCRIPTION, "rg", "Microsoft.Compute/virtualMachines", "vm1")
OPERATION = f"/subscriptions/{SUBSCRIPTION}/operations/1"

Answer = Callable[[web.Request], web.StreamResponse]


def refused(status: int, code: str) -> Answer:
    body = {"error": {"code": code, "message": "not now"}}
    return lambda request: web.json_response(body, status=status)


def lost(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def accepted(scripted: Scripted) -> Answer:
    return lambda request: web.Response(status=202, headers={"Location": scripted.url + OPERATION})


def well(request: web.Request) -> web.StreamResponse:
    return web.json_response({"value": [{"message": "[stdout]\nhello"}]})


def turns(*answers: Answer) -> Answer:
    """One after the other; the last one stays."""
    left = list(answers)

    def answer(request: web.Request) -> web.StreamResponse:
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


async def restart(azure: Azure) -> Any:
    begin = azure.compute.virtual_machines.begin_restart
    return await azure.act(VM, lambda: begin("rg", "vm1"), again=False)


async def test_a_question_is_begun_anew_when_its_operation_is_forgotten(scripted: Scripted):
    path = f"{VM}/runCommand"
    scripted.answers[f"post {path}".lower()] = turns(
        lost, accepted(scripted), refused(409, "Conflict"), accepted(scripted)
    )
    scripted.answers[f"get {OPERATION}".lower()] = turns(refused(404, "OperationNotFound"), well)
    async with clients.connect(scripted.cloud) as azure:
        assert "hello" in await hostkeys.run_script(azure, VM, ("hostname",))
    assert scripted.seen.count(f"post {path}".lower()) == 4


async def test_a_start_whose_operation_is_forgotten_is_not_taken_for_a_vm_that_is_gone(scripted: Scripted):
    path = f"{VM}/start"
    there = {"id": VM, "properties": {"provisioningState": "Updating"}}
    scripted.answers[f"get {VM}".lower()] = lambda request: web.json_response(there)
    scripted.answers[f"post {path}".lower()] = turns(refused(409, "OperationNotAllowed"), accepted(scripted))
    scripted.answers[f"get {OPERATION}".lower()] = turns(refused(404, "OperationNotFound"), well)
    async with clients.connect(scripted.cloud) as azure:
        assert await stopped.start(azure, [VM]) == ()
        assert scripted.seen.count(f"post {path}".lower()) == 3
        scripted.answers[f"post {path}".lower()] = refused(404, "ResourceNotFound")
        assert await stopped.start(azure, [VM]) == (VM,)  # this one is


async def test_a_vm_that_is_being_deleted_is_not_started_again_and_again(scripted: Scripted):
    path = f"{VM}/start"
    live, leaving = ({"id": VM, "properties": {"provisioningState": state}} for state in ("Succeeded", "Deleting"))
    scripted.answers[f"get {VM}".lower()] = turns(
        lambda request: web.json_response(live), lambda request: web.json_response(leaving)
    )
    scripted.answers[f"post {path}".lower()] = refused(409, "OperationNotAllowed")
    async with clients.connect(scripted.cloud) as azure:
        assert await stopped.start(azure, [VM]) == (VM,)
    assert scripted.seen.count(f"post {path}".lower()) == 1


async def test_what_must_not_happen_twice_is_begun_anew_only_where_nothing_was_done(scripted: Scripted):
    path = f"{VM}/restart"
    scripted.answers[f"get {OPERATION}".lower()] = refused(404, "OperationNotFound")
    async with clients.connect(scripted.cloud) as azure:
        for trouble, times in ((refused(500, "InternalServerError"), 1), (accepted(scripted), 1)):
            scripted.seen.clear()
            scripted.answers[f"post {path}".lower()] = trouble
            with pytest.raises(AzureError):
                await restart(azure)
            assert scripted.seen.count(f"post {path}".lower()) == times
        scripted.seen.clear()
        scripted.answers[f"get {OPERATION}".lower()] = well
        scripted.answers[f"post {path}".lower()] = turns(refused(409, "Conflict"), accepted(scripted))
        await restart(azure)
        assert scripted.seen.count(f"post {path}".lower()) == 2


async def test_patience_ends_and_a_failure_that_stays_is_told_at_once(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(actions, "LEAST_PATIENCE_S", 0.2)
    monkeypatch.setattr(actions, "PATIENCE_FLOORS", 4)
    path = f"{VM}/runCommand"
    async with clients.connect(scripted.cloud) as azure:
        scripted.answers[f"post {path}".lower()] = refused(409, "Conflict")
        with pytest.raises(AzureError) as told:
            await hostkeys.run_script(azure, VM, ("hostname",))
        assert told.value.code == "Conflict"
        scripted.seen.clear()
        scripted.answers[f"post {path}".lower()] = refused(409, "OperationNotAllowed")
        with pytest.raises(AzureError):
            await hostkeys.run_script(azure, VM, ("hostname",))
        assert scripted.seen.count(f"post {path}".lower()) == 1


async def test_one_that_does_not_end_is_told(scripted: Scripted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(actions, "LEAST_PATIENCE_S", 0.2)
    monkeypatch.setattr(actions, "LIMIT_FLOORS", 4)
    scripted.answers[f"post {VM}/runCommand".lower()] = accepted(scripted)
    at_work = web.json_response
    scripted.answers[f"get {OPERATION}".lower()] = lambda request: at_work(
        text=json.dumps({"status": "InProgress"}), status=202, headers={"Location": scripted.url + OPERATION}
    )
    async with clients.connect(scripted.cloud) as azure:
        with pytest.raises(AzureError, match="has not ended in 0 s"):
            await hostkeys.run_script(azure, VM, ("hostname",))
