"""Home, and who else is at work: a locked deployment, runs that ended while nobody looked, commands in a terminal."""

from __future__ import annotations

import pytest

from screens.dialogs import ChoiceScreen, TypedScreen
from screens.widgets.push import Push
from tests.screens.conftest import type_text, until
from tests.screens.plays import staged, status


@pytest.fixture
def stage(monkeypatch):
    return staged(monkeypatch)


async def gone(pilot, step: str = "home", **more):
    pilot.app.answers.set("name", "rg", commit=True)
    pilot.app.go(step, **({"name": "rg"} | more))
    await until(pilot, lambda: pilot.app.screen.step_id == step and pilot.app.screen.stands)
    screen = pilot.app.screen
    if step == "home":
        await until(pilot, lambda: screen.status or screen.run)
    return screen


def said(screen) -> str:
    return str(screen.query_one("#outcome").content)


def offered(screen) -> list[str]:
    return [push.id for push in screen.query("#offers Push").results(Push) if push.display]


async def destroying(pilot, screen) -> None:
    await pilot.press("ctrl+d")
    await until(pilot, lambda: isinstance(pilot.app.screen, TypedScreen))
    await type_text(pilot, "rg")
    await pilot.press("enter")


async def test_our_own_lock_is_taken_off_only_when_that_is_said_after_the_name(wizard, stage, desk):
    told = status()
    told["plan"]["management"] = {"lock": "delete"}
    desk.answers["status"] = told
    async with wizard() as pilot:
        screen = await gone(pilot)
        await destroying(pilot, screen)
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await destroying(pilot, screen)
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: screen.run)
    [(kind, name, request, _)] = stage.started
    assert (kind, name, request) == ("destroy", "rg", {"remove_lock": True})


async def test_without_a_lock_none_is_spoken_of(wizard, stage, desk):
    desk.answers["status"] = status()
    async with wizard() as pilot:
        screen = await gone(pilot)
        await destroying(pilot, screen)
        await until(pilot, lambda: screen.run)
    assert stage.started[0][2] == {}


ENDS = [
    ("done", 0, {}, "✓ The scaling to 4 VMs ended well"),
    ("failed", 1, {"what": "No more cores.", "why": "The quota is 10.", "remedy": "Ask for more."}, "No more cores."),
    ("cancelled", 130, {}, "! The scaling to 4 VMs was stopped"),
    ("lost", 1, {"what": "The run ended without a word."}, "ended without a word"),
]


@pytest.mark.parametrize("end", ENDS, ids=[each[0] for each in ENDS])
async def test_a_scaling_that_ended_while_nobody_looked_is_told_once(wizard, stage, desk, end):
    state, exit_status, more, words = end
    desk.answers["status"] = status()
    play = stage.play(kind="scale", request={"count": 4})
    play.end(state, exit_status, **more)
    async with wizard() as pilot:
        screen = await gone(pilot)
        await until(pilot, lambda: words in said(screen))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not said(screen))


async def test_a_run_that_ends_while_home_is_shown_is_told_and_what_is_there_asked_anew(wizard, stage, desk):
    desk.answers["status"] = status(2)
    play = stage.play(kind="scale", request={"count": 3})
    async with wizard() as pilot:
        screen = await gone(pilot)
        await until(pilot, lambda: "It is being scaled: s shows it." in said(screen))
        desk.answers["status"] = status(3)
        play.end()
        await until(pilot, lambda: "✓ The scaling to 3 VMs ended well" in said(screen))
        await until(pilot, lambda: len(screen.status["ssh"]) == 3)


async def test_what_was_followed_to_its_end_is_not_told_again(wizard, stage, desk):
    desk.answers["status"] = status()
    play = stage.play(kind="scale", request={"count": 3})
    async with wizard() as pilot:
        screen = await gone(pilot, "scale")
        await until(pilot, lambda: screen.run)
        play.end()
        await until(pilot, lambda: screen.over)
        screen = await gone(pilot)
        await until(pilot, lambda: "deployed" in str(screen.query_one("#headline").content))
        assert said(screen) == ""


async def test_a_deployment_that_another_command_works_on_names_it_and_leads_there(wizard, stage, desk):
    desk.answers["status"] = status()
    stage.play(kind="scale", request={"count": 3})
    async with wizard() as pilot:
        screen = await gone(pilot, "deploying", name="", start=True)
        await until(pilot, lambda: "rg is being scaled, since 03:04 UTC." in said(screen))
        assert "a command in a terminal" in said(screen)
        assert offered(screen) == ["other", "retry", "review"]
        assert stage.started == []
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.step_id == "scale" and pilot.app.screen.run)


async def test_trying_again_starts_once_the_other_has_ended(wizard, stage, desk):
    play = stage.play(kind="drill")
    async with wizard() as pilot:
        screen = await gone(pilot, "deploying", name="", start=True)
        await until(pilot, lambda: "a drill is under way" in said(screen))
        play.end()
        await pilot.press("ctrl+t")
        await until(pilot, lambda: screen.run)
    assert [each[0] for each in stage.started] == ["deploy"]


async def test_what_was_cut_off_is_named(wizard, stage, desk):
    desk.answers["status"] = {**status(), "left_stopped": ["web1"], "uncertain": ["web2"]}
    async with wizard() as pilot:
        screen = await gone(pilot)
        await until(pilot, lambda: "left stopped by a drill: web1" in str(screen.query_one("#facts").content))
        assert "reset cut off: web2" in str(screen.query_one("#facts").content)
