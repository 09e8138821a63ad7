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


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """How long each wait would have been; none of them takes any time. The clock tells the time that would be."""
    waited: list[float | None] = []
    original = asyncio.wait

    async def at_once(tasks: Any, *, timeout: float | None = None) -> Any:
        waited.append(timeout)
        return await original(tasks, timeout=0)

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return 5000.0 + 1.0617 * sum(each or 0 for each in waited)

    monkeypatch.setattr(asyncio, "wait", at_once)
    monkeypatch.setattr(waiting, "time", Clock)
    return waited


@pytest.mark.parametrize(
    ("floor_s", "waits", "seconds", "told"),
    [(4.0, [900.0, 2700.0], 955.5, "64 minutes"), (0.01, [30.0, 90.0], 31.9, "2 minutes")],
)
async def test_it_is_told_after_a_quarter_of_an_hour_and_given_up_on_after_an_hour(
    timeouts: list[float | None], floor_s: float, waits: list[float], seconds: float, told: str
) -> None:
    stalled: list[float] = []
    with pytest.raises(WizardError) as error:
        await waiting.ended(Endless(), "web1", floor_s, stalled.append)
    assert timeouts == waits
    assert stalled == [seconds]
    assert error.value.what == "web1 is still being worked on."
    assert error.value.why == f"Its operation has not ended in {told}."
    assert error.value.remedy == "Look at the resource's activity log. A second run waits for it again."


async def test_what_has_ended_in_time_is_not_told() -> None:
    class Ended:
        async def result(self) -> Any:
            return None

    await waiting.ended(Ended(), "web1", 1.0, lambda seconds: pytest.fail("told"))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 seconds"), (119.9, "120 seconds"), (120.0, "2 minutes"), (120.5, "2 minutes"), (3600.0, "60 minutes")],
)
def test_a_duration_is_told_in_seconds_and_from_two_minutes_on_in_minutes(seconds: float, told: str) -> None:
    assert waiting._duration(seconds) == told
