"""The scale screen: what the number would mean, what is asked for before, what is sent, and coming back to it."""

from __future__ import annotations

from functools import partial

import pytest

from screens.asking import AGAIN, NEW
from screens.dialogs import TypedScreen
from screens.scale import COUNT, DRAIN
from screens.widgets.doors import Doors
from screens.widgets.grid import Grid
from screens.widgets.lines import Lines
from screens.widgets.push import Push
from tests.screens.conftest import type_text, until
from tests.screens.desks import cost, scale_outlook
from tests.screens.plays import BALANCER, nic, planned, resource, staged, status, vm
from wizard.errors import UnreachableError

PASSWORD = "Another-Horse-9"


@pytest.fixture
def stage(monkeypatch):
    return staged(monkeypatch)


@pytest.fixture(autouse=True)
def known(desk):
    desk.answers["status"] = status()


async def gone(pilot):
    pilot.app.answers.set("name", "rg", commit=True)
    pilot.app.go("scale", name="rg")
    await until(pilot, lambda: pilot.app.screen.step_id == "scale" and pilot.app.screen.stands)
    screen = pilot.app.screen
    await until(pilot, lambda: screen.plan and (screen.run or screen.outlook))
    return screen


def text(screen, id: str) -> str:
    return str(screen.query_one(id).content)


def intent(screen) -> str:
    return "\n".join(line.plain for line in screen.query_one("#intent", Lines).lines)


async def looked(pilot, screen, count: int) -> None:
    await until(pilot, lambda: screen.outlook and screen.outlook["to"] == count)


async def test_it_says_what_the_number_means_before_anything_is_sent(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert "2 VMs already" in text(screen, "#summary")
        assert screen.query_one("#scale", Push).disabled
        assert pilot.app.focused is screen.control(COUNT).line
        await pilot.press("right", "right")
        await looked(pilot, screen, 4)
        assert "From 2 to 4 VMs. New: web3, web4." in text(screen, "#summary")
        assert "+ create  web4  VM" in intent(screen)
        assert "~ change  web-lb  load balancer" in intent(screen)
        assert text(screen, "#scale") == "Scale to 4 VMs ›"
        assert not screen.field(DRAIN).display
        assert not screen.asks_for_password
        assert stage.started == []


async def test_it_says_what_more_or_fewer_cost(wizard, stage, desk):
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("right", "right")
        await looked(pilot, screen, 4)
        await until(pilot, lambda: "Nothing here; on Azure about $167.90 a month more." in text(screen, "#summary"))
        desk.answers["cost"] = partial(cost, billed=True)
        await pilot.press("left", "left", "left")
        await looked(pilot, screen, 1)
        await until(pilot, lambda: "About $83.95 a month less." in text(screen, "#summary"))


async def test_without_prices_a_scaling_is_as_it_was(wizard, stage, desk):
    desk.answers["cost"] = UnreachableError("The price list is silent.")
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("right")
        await looked(pilot, screen, 3)
        await until(pilot, lambda: "cost" in desk.questions())
        assert "From 2 to 3 VMs." in text(screen, "#summary")
        assert "$" not in text(screen, "#summary")
        assert not screen.query_one("#scale", Push).disabled


async def test_going_out_begins_at_once_and_shows_the_new_ways_in(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("right")
        await pilot.press("f3", "f3")  # before Azure has told: it is asked first
        await until(pilot, lambda: screen.run)
        assert stage.started == [("scale", "rg", {"count": 3}, {})]
        play = stage.plays[0]
        play.tell(planned(BALANCER), planned(nic(3), BALANCER), planned(vm(3), nic(3)))
        play.tell(resource(BALANCER, "started", 0.0), resource(BALANCER, "done", 2.0))
        await until(pilot, lambda: "1 / 3" in text(screen, "#headline"))
        assert screen.query_one(Grid).total() == 3
        ssh = {f"web{number}": f"127.1.2.3:{50000 + number}" for number in (1, 2, 3)}
        done = {
            "event": "scaled",
            "name": "rg",
            "from": 2,
            "to": 3,
            "http": "http://127.1.2.3:80",
            "ssh": ssh,
            "rdp": {},
        }
        play.tell(done)
        play.end()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "3 VMs now, 2 before" in text(screen, "#outcome")
        assert ("web3", "ssh -p 50003 azureuser@127.1.2.3") in screen.query_one(Doors).doors
        assert pilot.app.focused.id == "verify"


async def test_going_in_takes_the_name_typed_and_the_seconds_of_the_drain(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("left")
        await looked(pilot, screen, 1)
        assert "Drained and deleted with their disks: web2." in text(screen, "#summary")
        assert screen.field(DRAIN).display
        screen.control(DRAIN).answer = 5
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypedScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypedScreen))
        await type_text(pilot, "rg")
        await pilot.press("enter")
        await until(pilot, lambda: screen.run)
        assert stage.started == [("scale", "rg", {"count": 1, "drain_s": 5}, {})]
        stage.plays[0].tell(planned(vm(2)), {"event": "draining", "vm": "web2", "at": 1.0, "seconds": 500.0})
        await until(pilot, lambda: "web2 out of the pool" in text(screen, "#outcome"))
        stage.plays[0].tell({"event": "deleting", "id": vm(2), "at": 6.0})
        await until(pilot, lambda: "1 at work" in text(screen, "#outcome"))


async def test_new_vms_of_a_password_deployment_need_one(wizard, stage, desk):
    desk.answers["status"] = status(auth="password")
    desk.answers["scale_outlook"] = partial(scale_outlook, auth="password")
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert not screen.asks_for_password
        await pilot.press("right")
        await looked(pilot, screen, 3)
        assert screen.asks_for_password
        await pilot.press("f3")
        await until(pilot, lambda: screen.field(NEW).shown_problem)
        assert pilot.app.focused is screen.control(NEW).line
        await type_text(pilot, PASSWORD)
        await pilot.press("f3")
        await until(pilot, lambda: "not the same" in screen.field(AGAIN).shown_problem)
        await type_text(pilot, PASSWORD)
        assert pilot.app.answers.secret(NEW) is not None
        await pilot.press("f3")
        await until(pilot, lambda: screen.run)
        assert stage.started == [("scale", "rg", {"count": 3}, {"password": PASSWORD})]
        await pilot.press("f2")
        await until(pilot, lambda: pilot.app.screen.step_id == "home")
        await pilot.pause()
        assert pilot.app.answers.secret(NEW) is None


async def test_what_stands_in_the_way_is_said_and_nothing_is_sent(wizard, stage, desk):
    problem = {
        "field": "machines.count",
        "what": "The subnet has 3 addresses left.",
        "remedy": "Fewer.",
        "severity": "error",
    }
    desk.answers["scale_outlook"] = lambda name, count: (
        scale_outlook(name, count)
        if count < 4
        else {**scale_outlook(name, count), "ready": False, "problems": [problem], "new_vms": [], "created": []}
    )
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("right", "right")
        await looked(pilot, screen, 4)
        await until(pilot, lambda: "3 addresses left" in text(screen, "#outcome"))
        await pilot.press("f3")
        await pilot.pause()
        assert stage.started == []
        await pilot.press("left")
        await looked(pilot, screen, 3)
        await until(pilot, lambda: "addresses" not in text(screen, "#outcome"))


async def test_coming_back_attaches_and_a_failure_leads_back_to_the_form(wizard, stage):
    play = stage.play(kind="scale", name="rg", request={"count": 5})
    play.tell(planned(vm(3)), resource(vm(3), "started", 1.0))
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert screen.run is play
        await until(pilot, lambda: "to 5 VMs" in text(screen, "#headline"))
        await pilot.press("ctrl+x")
        await until(pilot, lambda: play.cancelled == 1)
        play.tell(resource(vm(3), "failed", 2.0, why="QuotaExceeded: cores", remedy="Ask for more."))
        play.end("failed", 1, what="One resource failed.")
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "QuotaExceeded" in text(screen, "#outcome")
        assert pilot.app.focused.id == "again"
        await pilot.press("enter")
        await looked(pilot, screen, 5)
        assert screen.run is None
        assert pilot.app.focused is screen.control(COUNT).line


async def test_home_leads_to_it(wizard, stage):
    async with wizard() as pilot:
        pilot.app.answers.set("name", "rg", commit=True)
        pilot.app.go("home", name="rg")
        await until(pilot, lambda: getattr(pilot.app.screen, "status", None))
        await pilot.press("s")
        await until(pilot, lambda: pilot.app.screen.step_id == "scale")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40)])
async def test_it_stands_in_any_size(wizard, stage, desk, size):
    desk.answers["status"] = status(auth="password")
    desk.answers["scale_outlook"] = partial(scale_outlook, auth="password")
    async with wizard(size=size) as pilot:
        screen = await gone(pilot)
        await pilot.press(*["right"] * 8)
        await looked(pilot, screen, 10)
        screen.control(AGAIN).entrance.focus()
        await pilot.pause()
        form = screen.query_one("#form").region
        assert form.contains_region(screen.control(AGAIN).region)
        for push in screen.query("#offers Push").results(Push):
            assert not push.display or push.region.bottom <= size[1] - 1
