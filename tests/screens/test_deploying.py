"""The Deploying screen with runs that are played: what it shows, what its keys do, and what they do not do."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Static

from screens.answers import PASSWORD
from screens.dialogs import AboutScreen, ChoiceScreen
from screens.widgets.gantt import Gantt
from screens.widgets.grid import Grid
from screens.widgets.log import Log
from screens.widgets.picture import Picture
from screens.widgets.push import Push
from tests.screens.conftest import settled, until
from tests.screens.plays import NSG, VNET, plan_of, resource, staged, vm


@pytest.fixture
def stage(monkeypatch):
    return staged(monkeypatch)


async def gone(pilot, **arguments: Any):
    """Go to the screen and wait until it follows a run, or has said that there is none."""
    pilot.app.answers.set("name", "rg", commit=True)
    pilot.app.go("deploying", **arguments)
    await until(pilot, lambda: pilot.app.screen.step_id == "deploying")
    screen = pilot.app.screen
    await until(pilot, lambda: screen.stands)
    await until(pilot, lambda: screen.run is not None or screen.over or said(screen))
    return screen


def said(screen) -> str:
    return str(screen.query_one("#outcome").content)


def headline(screen) -> str:
    return str(screen.query_one("#headline").content)


def offered(screen) -> list[str]:
    return [push.id for push in screen.query("#offers Push").results(Push) if push.display]


async def taken(pilot, screen):
    """Wait until all that was told is on the screen."""
    run = screen.run
    await until(pilot, lambda: (screen.ledger.rows and not screen._arrived) or screen.over)
    await until(pilot, lambda: run.ended is None or screen.over)
    screen.draw()
    await pilot.pause()


async def test_create_starts_the_run_with_the_answers_and_keeps_secrets_apart(wizard, stage, desk):
    desk.answers["handover"] = {"method": "service-principal", "client_secret": "s3cret-s3cret"}
    async with wizard() as pilot:
        answers = pilot.app.answers
        answers.set("machines.auth", "password", commit=True)
        answers.set_secret(PASSWORD, "Correct-Horse-7")
        await gone(pilot, start=True)
    [(kind, name, request, secrets)] = stage.started
    assert (kind, name) == ("deploy", "rg")
    assert request["plan"]["machines"]["count"] == 2
    assert "Correct-Horse-7" not in repr(request)
    assert "s3cret" not in repr(request)
    assert secrets["password"] == "Correct-Horse-7"
    assert secrets["sign_in"]["client_secret"] == "s3cret-s3cret"


async def test_create_pressed_twice_deploys_once(wizard, stage):
    async with wizard() as pilot:
        pilot.app.answers.set("name", "rg", commit=True)
        pilot.app.go("deploying", start=True)
        pilot.app.go("deploying", start=True)
        await until(pilot, lambda: getattr(pilot.app.screen, "run", None))
        await settled_start(pilot)
        assert len(stage.started) == 1
        assert pilot.app.screen.run is stage.plays[0]


async def settled_start(pilot):
    await until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers if worker.group == "begin"))


async def test_leaving_ends_nothing_and_coming_back_attaches(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(*plan_of(2), resource(NSG, "started", 0.0))
        await taken(pilot, screen)
        await pilot.press("f2")
        await until(pilot, lambda: pilot.app.screen.step_id != "deploying")
        assert stage.plays[0].cancelled == 0
        stage.plays[0].tell(resource(NSG, "done", 1.0, seconds=1.0))
        screen = await gone(pilot)
        await taken(pilot, screen)
        await until(pilot, lambda: screen.ledger.count() == 1)
        assert len(stage.started) == 1
        assert "1 / 8" in headline(screen)


async def test_it_shows_each_resource_the_picture_and_the_timeline(wizard, stage):
    async with wizard(size=(120, 40)) as pilot:
        pilot.app.answers.set("prefix", "web", commit=True)
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(
            *plan_of(2),
            resource(NSG, "started", 0.0),
            resource(NSG, "done", 4.0, seconds=4.0),
            resource(VNET, "started", 4.0),
        )
        await taken(pilot, screen)
        await until(pilot, lambda: "1 / 8" in headline(screen))
        grid = screen.query_one(Grid)
        rows = ["".join(text for text, _ in grid.cells(line, 80)) for line in range(grid.total())]
        assert "web-vnet" in rows[0], "what is at work comes first"
        assert "… creating" in rows[0]
        assert any("web1 " in row and "waits for NIC" in row for row in rows)
        assert "✓ done" in next(row for row in rows if "web-nsg" in row)
        assert "web1" in str(screen.query_one(Picture).content)
        assert screen.query_one(Gantt).total() == 2
        assert "of about" in headline(screen)


async def test_the_end_says_where_it_answers_and_leads_to_verify(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        play = stage.plays[0]
        play.tell(*plan_of(2), {"event": "deployed", "seconds": 58.0, "resources": 8, "http": "http://127.1.2.3:80"})
        play.end()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "8 resources in 58 s" in said(screen)
        assert "http://127.1.2.3:80/" in said(screen)
        assert offered(screen) == ["verify", "home"]
        assert pilot.app.focused.id == "verify"


async def test_a_password_deployment_says_that_the_first_password_is_still_there(wizard, stage):
    async with wizard() as pilot:
        pilot.app.answers.set("machines.auth", "password", commit=True)
        screen = await gone(pilot, start=True)
        stage.plays[0].tell({"event": "deployed", "seconds": 58.0, "resources": 8, "http": "http://127.1.2.3:80"})
        stage.plays[0].end()
        await until(pilot, lambda: screen.over)
        assert "first password" in said(screen)


async def test_a_failure_says_what_why_and_remedy_and_leads_to_the_answer(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        play = stage.plays[0]
        why, remedy = "SkuNotAvailable: no Standard_D2s_v5 in westeurope.", "Choose another size."
        play.tell(*plan_of(2), resource(vm(1), "started", 1.0), resource(vm(1), "failed", 3.0, why=why, remedy=remedy))
        play.end("failed", 1, what="One resource failed.", why="VM web1", remedy="Deploy again.")
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "VM web1 failed" in said(screen)
        assert why in said(screen)
        assert remedy in said(screen)
        assert offered(screen) == ["retry", "edit", "remove"]
        assert "Machines" in str(screen.query_one("#edit").content)
        await pilot.press("ctrl+e")
        await until(pilot, lambda: pilot.app.screen.step_id == "machines")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "machines.size"


async def test_trying_again_starts_the_same_deployment_once_more(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        first = stage.plays[0]
        first.tell(*plan_of(2), resource(vm(1), "failed", 3.0, why="a conflict"))
        first.end("failed", 1, what="One resource failed.")
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(stage.started) == 2)
        await until(pilot, lambda: screen.run is stage.plays[0] and not screen.over)
        assert stage.started[1][2]["plan"] == stage.started[0][2]["plan"]
        assert screen.ledger.failed() == []


@pytest.mark.parametrize("keys", [("escape",), ("enter",)])
async def test_stopping_is_asked_and_goes_on_by_default(wizard, stage, keys):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(*plan_of(2), resource(NSG, "started", 0.0))
        await taken(pilot, screen)
        await pilot.press("ctrl+x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press(*keys)
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.plays[0].cancelled == 0
        assert not screen.over


async def test_stop_and_keep_cancels_and_says_what_azure_still_does(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        play = stage.plays[0]
        play.tell(*plan_of(2), resource(vm(1), "started", 0.0))
        await taken(pilot, screen)
        await pilot.press("ctrl+x", "down", "enter")
        await until(pilot, lambda: play.cancelled == 1)
        play.tell({"event": "interrupted", "name": "rg", "at": 2.0, "running": [vm(1)]})
        play.end("cancelled", 130)
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "Stopped. What was done is kept." in said(screen)
        assert "Azure goes on with web1" in said(screen)
        assert offered(screen) == ["retry", "remove"]


async def test_stop_and_remove_destroys_once_it_has_stopped(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        play = stage.plays[0]
        play.tell(*plan_of(2), resource(vm(1), "started", 0.0))
        await taken(pilot, screen)
        await pilot.press("ctrl+x", "down", "down", "enter")
        await until(pilot, lambda: play.cancelled == 1)
        assert [each[0] for each in stage.started] == ["deploy"], "nothing is removed while it still writes"
        play.end("cancelled", 130)
        await until(pilot, lambda: [each[0] for each in stage.started] == ["deploy", "destroy"])
        await until(pilot, lambda: screen.run is stage.plays[0])
        stage.plays[0].tell({"event": "deleting", "id": vm(1), "at": 0.0}, {"event": "deleted", "id": vm(1), "at": 1.0})
        stage.plays[0].end()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "Nothing of rg is left" in said(screen)


async def test_removing_says_that_the_plans_lock_goes_first(wizard, stage):
    async with wizard() as pilot:
        pilot.app.answers.set("management.lock", "delete", commit=True)
        screen = await gone(pilot, start=True)
        play = stage.plays[0]
        play.tell(*plan_of(2), resource(vm(1), "started", 0.0))
        await taken(pilot, screen)
        await pilot.press("ctrl+x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        assert "and its lock first" in "".join(str(each.content) for each in pilot.app.screen.query(Static))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: play.cancelled == 1)
        play.end("cancelled", 130)
        await until(pilot, lambda: len(stage.started) == 2)
    kind, _name, request, _secrets = stage.started[1]
    assert (kind, request) == ("destroy", {"remove_lock": True})


async def test_a_killed_run_is_told_as_lost(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(*plan_of(2), resource(vm(1), "started", 0.0))
        stage.plays[0].end("lost", 1, what="The run ended without a word.", why="Its process was killed.")
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "without a word" in said(screen)
        assert offered(screen)[0] == "retry"


async def test_nothing_to_follow_is_said(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        await until(pilot, lambda: said(screen))
        assert "no deployment of rg" in said(screen)
        assert offered(screen) == ["review"]


async def test_details_search_and_all_about_one_resource(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(*plan_of(30), resource(vm(7), "started", 1.0))
        await taken(pilot, screen)
        grid = screen.query_one(Grid)
        await until(pilot, lambda: grid.total() == 64)
        await pilot.press("slash", *"web7")
        await until(pilot, lambda: grid.total() == 2)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AboutScreen))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: grid.total() == 64)
        for view, widget in (("resources", Grid), ("timeline", Gantt), ("log", Log), ("overview", Picture)):
            await pilot.press("ctrl+d")
            await pilot.pause()
            assert screen.view == view
            assert screen.query_one(widget).region.height > 3


async def test_only_lines_in_view_are_made(wizard, stage, monkeypatch):
    async with wizard() as pilot:
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(*plan_of(300))
        await taken(pilot, screen)
        grid = screen.query_one(Grid)
        await until(pilot, lambda: grid.total() == 604)
        lines: set[int] = set()
        cells = grid.cells

        def drawn(line: int, width: int) -> Any:
            lines.add(line)
            return cells(line, width)

        monkeypatch.setattr(grid, "cells", drawn)
        stage.plays[0].tell(*(resource(vm(number), "started", 1.0) for number in range(1, 301)))
        await until(pilot, lambda: any("creating" in text for text, _ in cells(0, 60)))
        await until(pilot, lambda: lines)
        assert len(lines) <= grid.size.height + 1


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)])
async def test_it_stands_in_any_size_and_through_a_resize(wizard, stage, size):
    async with wizard(size=(100, 30)) as pilot:
        screen = await gone(pilot, start=True)
        stage.plays[0].tell(*plan_of(12), resource(NSG, "started", 0.0))
        await taken(pilot, screen)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        stage.plays[0].tell(resource(NSG, "failed", 1.0, why="no " * 60, remedy="try " * 20))
        stage.plays[0].end("failed", 1, what="One resource failed.")
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        for way in offered(screen):
            push = screen.query_one(f"#{way}")
            assert push.region.height == 1
            assert push.region.bottom <= size[1] - 1, f"{way} is below the screen's end"
        assert screen.query_one(Grid).region.height >= 3
