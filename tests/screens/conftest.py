"""What tests of the screens share: a wizard with a scripted desk, a state folder of its own, and waiting for a fact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WizardApp
from tests.screens.desks import FakeDesk

DEADLINE_S = 10.0


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder that no other test knows."""
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path / "home"


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


Opened = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture
def wizard(desk: FakeDesk) -> Opened:
    """`async with wizard("machines", size=(80, 24)) as pilot`: the wizard, opened and gone to a step."""

    @asynccontextmanager
    async def opened(step: str = "start", *, size: tuple[int, int] = (80, 24), **arguments: Any):
        app = WizardApp(desk=desk, **arguments)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: getattr(app.screen, "step_id", "") == "start")
            await app.completed()
            await pilot.pause()
            if step != "start":
                app.go(step)
                await until(pilot, lambda: getattr(app.screen, "step_id", "") == step)
                await pilot.pause()
            await settled(pilot)
            yield pilot

    return opened


async def until(pilot: Pilot[Any], condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait for a fact; fails when it does not come about in time."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not in {deadline_s} s: {condition}"
        await pilot.pause()
        await asyncio.sleep(0.01)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until no worker is at work and the checks that typing began are done."""
    await until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers))
    await pilot.pause()


async def type_text(pilot: Pilot[Any], text: str) -> None:
    """Type a text into what has the focus."""
    names = {" ": "space", "-": "minus", ".": "full_stop", "@": "at", "/": "slash", ",": "comma", "_": "underscore"}
    await pilot.press(*(names.get(letter, letter) for letter in text))


async def clear(pilot: Pilot[Any]) -> None:
    """Empty the line that has the focus."""
    await pilot.press("end", "ctrl+u")
