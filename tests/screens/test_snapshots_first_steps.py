"""How the first screens look: 80x24 and 120x40, dark, light and without colour."""

from __future__ import annotations

import pytest

from screens.app import WizardApp
from tests.screens.conftest import settled, until
from tests.screens.desks import FakeDesk

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
LOOKS = ("dark", "light", "no-colour")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", ["start", "basics", "machines"])
def test_a_step(snap_compare, monkeypatch, step, size, look):
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    app = WizardApp(desk=FakeDesk())

    async def before(pilot) -> None:
        if look == "light":
            app.action_toggle_theme()
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "start")
        await app.completed()
        await settled(pilot)
        if step != "start":
            app.go(step)
            await until(pilot, lambda: getattr(app.screen, "step_id", "") == step)
        await settled(pilot)
        await pilot.pause(0.3)  # the check that typing would begin

    assert snap_compare(app, terminal_size=SIZES[size], run_before=before)


def test_problems(snap_compare):
    app = WizardApp(desk=FakeDesk(keys=[]))

    async def before(pilot) -> None:
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "start")
        await app.completed()
        app.go("machines")
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "machines")
        await settled(pilot)
        app.answers.set("machines.admin_user", "admin", commit=True)
        await pilot.press("f3")
        await settled(pilot)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


def test_a_list(snap_compare):
    app = WizardApp(desk=FakeDesk())

    async def before(pilot) -> None:
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "start")
        await app.completed()
        app.go("machines")
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "machines")
        await settled(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen.query("#pick"))
        await settled(pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)
