"""Waiting for operations that do not end: told, given up on, cancellable."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.deploy import memory
from wizard import ids
from wizard.deploy import engine, waiting
from wizard.deploy.events import Event, ResourceStalled
from wizard.deploy.secrets import Secrets
from wizard.errors import WizardError


class Endless:
    def __init__(self) -> None:
        self.cancelled = False

    async def result(self) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_a_stalled_operation_is_told_and_then_given_up_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "LEAST_STALLED_S", 0.05)
    told: list[float] = []
    poller = Endless()
    with pytest.raises(WizardError) as error:
        await waiting.ended(poller, "web1", 0.0, told.append)
    assert "web1" in error.value.what
    assert len(told) == 1
    assert poller.cancelled


async def test_waiting_can_be_cancelled():
    poller = Endless()
    task = asyncio.create_task(waiting.ended(poller, "web1", 1.0, lambda seconds: None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert poller.cancelled


async def test_what_it_ended_with_is_raised():
    class Failing:
        async def result(self) -> Any:
            raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        await waiting.ended(Failing(), "web1", 1.0, lambda seconds: None)


async def test_what_somebody_else_began_and_does_not_end_is_told_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "LEAST_STALLED_S", 0.0)
    monkeypatch.setattr(waiting, "STALLED_FLOORS", 3)
    root = memory.group()
    busy = memory.resource("a", root)
    shown = {"id": busy.id, "name": busy.name, "type": busy.type, **busy.body}
    there = memory.Memory({"id": root.id, "name": root.name, "type": root.type, **root.body}, shown)
    there.documents[ids.key(busy.id)]["properties"] = {"provisioningState": "Updating"}
    events: list[Event] = []

    def finish(event: Event) -> None:
        events.append(event)
        if isinstance(event, ResourceStalled):
            there.documents[ids.key(busy.id)]["properties"] = {"provisioningState": "Succeeded"}

    await engine.deploy(memory.blueprint(root, busy), there, Secrets(), finish)
    assert [event.id for event in events if isinstance(event, ResourceStalled)] == [busy.id]
    assert there.writes == []
