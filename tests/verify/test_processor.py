"""What Azure Monitor tells of a scale set's CPU, as a ramp takes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from wizard.azure import monitor
from wizard.azure.clients import Azure
from wizard.errors import AzureError
from wizard.verify.processor import Processor


@dataclass
class FakeCloud:
    poll_floor_s: float = 0.0


@dataclass
class FakeAzure:
    cloud: FakeCloud


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Azure Monitor answers next: minutes, or an error."""
    answers: list[Any] = []

    async def processor(_azure: Any, _id: str, _since: datetime) -> list[monitor.Counted]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("list[monitor.Counted]", answer)

    monkeypatch.setattr(monitor, "processor", processor)
    return answers


def watching(floor_s: float = 0.0) -> Processor:
    return Processor(cast(Azure, FakeAzure(FakeCloud(floor_s))), "/scale-set")


async def test_minutes_that_are_over_hold_at_their_ends(told: list[Any]) -> None:
    processor = watching()
    first = datetime.now(UTC) - timedelta(minutes=5)
    processor._began = first
    told += [[(first, 20.0, 6.0), (first + timedelta(minutes=1), 90.0, 6.0)]] * 2
    assert await processor.look() == (120.0, 90.0)
    assert processor.readings == {60.0: 20.0, 120.0: 90.0}
    assert await processor.look() is None, "nothing new"


async def test_of_a_minute_that_runs_what_is_new_counts(told: list[Any]) -> None:
    processor = watching()
    running = datetime.now(UTC) - timedelta(seconds=30)
    processor._began = running
    told += [[(running, 10.0, 5.0)], [(running, 50.0, 10.0)]]
    first, second = await processor.look(), await processor.look(now=True)
    values = [value for _, value in sorted(processor.readings.items())]
    assert first is not None
    assert first[1] == 10.0
    assert values[-1] == 90.0, "five values of 90 after five of 10 make a mean of 50"
    assert second is None or second[1] == 90.0


async def test_it_asks_no_more_often_than_the_cloud_has_minutes(told: list[Any]) -> None:
    processor = watching(floor_s=4.0)
    told += [[], []]
    await processor.look()
    await processor.look()
    assert len(told) == 1, "where ARM is asked every 4 s, a minute is a minute"
    await processor.look(now=True)
    assert not told


async def test_what_is_refused_is_remembered_and_asked_again(told: list[Any]) -> None:
    processor = watching()
    told += [AzureError("No metrics for you.", status=403), [(datetime.now(UTC), 40.0, 0.0)]]
    assert await processor.look() is None
    assert "No metrics for you." in processor.untold
    reading = await processor.look()
    assert reading is not None
    assert reading[1] == 40.0
    assert processor.untold == ""
