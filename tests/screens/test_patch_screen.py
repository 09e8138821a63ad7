"""The patch screen: what is due, what is asked before, what is sent, the course, and coming back to it."""

from __future__ import annotations

import pytest

from screens.dialogs import AboutScreen, ChoiceScreen
from screens.patch import DRAIN, LOAD, MINUTES, REBOOT, SHARE, UPDATES
from screens.widgets.patches import Patches
from screens.widgets.push import Push
from tests.screens.conftest import until
from tests.screens.plays import (
    ASSESSMENT,
    assessed,
    domain_begun,
    patched,
    patching,
    staged,
    status,
    vm_patched,
)

FIRST, SECOND = "update domain 0", "update domain 1"
LOOKED = (
    assessed("web2", SECOND, "Security", "Critical", "Other"),
    assessed("web1", FIRST, "Security", "Other"),
    assessed("web3", "update domain 2", "Other"),
    ASSESSMENT,
)


@pytest.fixture
def stage(monkeypatch):
    return staged(monkeypatch)


@pytest.fixture(autouse=True)
def known(desk):
    desk.answers["status"] = status(3)


async def gone(pilot):
    pilot.app.answers.set("name", "rg", commit=True)
    pilot.app.go("patch", name="rg")
    await until(pilot, lambda: pilot.app.screen.step_id == "patch" and pilot.app.screen.stands)
    screen = pilot.app.screen
    await until(pilot, lambda: screen.plan)
    return screen


async def looked(pilot, stage, *events):
    """The screen once it is known what is due."""
    screen = await gone(pilot)
    await pilot.press("f3")
    await until(pilot, lambda: screen.run)
    stage.plays[0].tell(*(events or LOOKED))
    stage.plays[0].end()
    await until(pilot, lambda: screen.over)
    await pilot.pause()
    return screen


def text(screen, id: str) -> str:
    return str(screen.query_one(id).content)


def table(screen) -> str:
    patches = screen.query_one(Patches)
    return "\n".join("".join(text for text, _ in patches.cells(line, 100)) for line in range(patches.total()))


async def test_it_asks_what_is_due_and_installs_nothing_by_that(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert "Asking installs nothing" in text(screen, "#summary")
        assert not screen.field(SHARE).display, "it is no scale set"
        await pilot.press("f3", "f3")
        await until(pilot, lambda: screen.run)
        await pilot.pause()
        request = {"classification": "security", "reboot": "if-required", "assess": True}
        assert stage.started == [("patch", "rg", request, {})]
        assert "nothing is installed" in text(screen, "#outcome")
        stage.plays[0].tell(*LOOKED)
        stage.plays[0].end()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "3 updates on 2 VMs, in 2 turns" in text(screen, "#summary")
        lines = table(screen).splitlines()
        assert [line.split()[1] for line in lines] == ["web1", "web2", "web3"], "in the order of their turns"
        assert "nothing due" in lines[2]
        assert text(screen, "#patch") == "Patch 2 VMs ›"
        assert pilot.app.focused.id == "patch"
        screen.control(UPDATES).answer = "all"
        screen.changed()
        assert "6 updates on 3 VMs" in text(screen, "#summary"), "counted anew by the classes that are chosen"


async def test_a_vm_that_azure_cannot_assess_keeps_it_from_beginning(wizard, stage):
    async with wizard() as pilot:
        unknown = assessed("web1", FIRST, why="The machine's agent does not report.")
        screen = await looked(pilot, stage, unknown, ASSESSMENT)
        assert "1 VM could not be assessed" in text(screen, "#summary")
        assert "agent does not report" in table(screen)
        assert not screen.query_one("#patch", Push).display


async def test_a_restart_that_is_due_is_worth_a_turn(wizard, stage):
    async with wizard() as pilot:
        screen = await looked(pilot, stage, assessed("web1", FIRST, pending=True), ASSESSMENT)
        assert "waits for a restart" in table(screen)
        assert text(screen, "#patch") == "Patch 1 VM ›"
        screen.control(REBOOT).answer = "never"
        screen.changed()
        assert "Nothing of these classes is due" in text(screen, "#summary")


async def test_consent_comes_first_and_what_is_chosen_is_sent(wizard, stage):
    async with wizard() as pilot:
        screen = await looked(pilot, stage)
        screen.control(DRAIN).answer = 5
        screen.control(MINUTES).answer = 60
        screen.control(LOAD).answer = True
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert len(stage.started) == 1, "nothing but the question"
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(stage.started) == 2)
        request = {"classification": "security", "reboot": "if-required", "minutes": 60, "drain_s": 5, "rate": 100.0}
        assert stage.started[1] == ("patch", "rg", request, {})
        await until(pilot, lambda: screen.run and not screen.assessing)
        assert len(screen.course.rows) == 3, "what was seen stands until it is looked at anew"


async def test_a_number_that_cannot_be_keeps_it_from_beginning(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        screen.control(MINUTES).answer = 5
        await pilot.press("f3")
        await pilot.pause()
        assert stage.started == []
        assert "10 to 235" in screen.field(MINUTES).shown_problem or "5 minutes" in screen.field(MINUTES).shown_problem


async def test_the_course_is_followed_from_the_middle_and_verification_offered(wizard, stage):
    play = stage.play(kind="patch", name="rg", request={"classification": "all", "reboot": "always", "rate": 100.0})
    play.tell(*LOOKED, patching("web1", FIRST, "waiting", 0.1), domain_begun(FIRST, 1, 2, 1.0, "web1"))
    play.tell(patching("web1", FIRST, "draining", 1.0, "30 s"), patching("web2", SECOND, "waiting", 0.1))
    async with wizard() as pilot:
        screen = await gone(pilot)
        await until(pilot, lambda: "out of rotation, drains 30 s" in table(screen))
        assert screen.updates == "all"
        assert not screen.query_one("#form").display
        await until(pilot, lambda: "update domain 0, 1 of 2" in text(screen, "#outcome"))
        total = {"requests": 1200, "errors": 0, "by_vm": {}}
        play.tell({"event": "load_progress", "at": 9.0, "total": total}, patching("web1", FIRST, "installing", 31.0))
        await until(pilot, lambda: "0 of 1,200 requests failed" in text(screen, "#outcome"))
        play.tell(vm_patched("web1", FIRST, 50.0), patching("web1", FIRST, "done", 60.0))
        await until(pilot, lambda: "2 installed, restarted" in table(screen))
        assert "1 / 2" in text(screen, "#headline")
        play.tell(patched(2, requests=9000, failed_requests=0, longest_gap_s=0.1))
        play.end()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "4 updates installed on 2 VMs, 2 restarted" in text(screen, "#outcome")
        assert "0 of 9,000 requests failed" in text(screen, "#outcome")
        assert pilot.app.focused.id == "verify"
        screen.query_one(Patches).focus()
        await pilot.press("home", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AboutScreen))


async def test_a_failure_is_told_with_its_remedy_and_it_can_be_done_again(wizard, stage):
    play = stage.play(kind="patch", name="rg", request={})
    why = "1 of its updates could not be installed: openssl."
    play.tell(*LOOKED, vm_patched("web1", FIRST, 9.0, why=why, failed=1), patching("web1", FIRST, "failed", 9.0))
    play.end("failed", 1, what="web1 was not patched.", why=why, remedy="Look on the VM why.")
    async with wizard() as pilot:
        pilot.app.answers.set("name", "rg", commit=True)
        stage.plays[0].ended, ended = None, stage.plays[0].ended
        screen = await gone(pilot)
        stage.plays[0].ended = ended
        stage.plays[0]._news.set()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        for words in ("web1 was not patched.", "openssl", "Look on the VM why."):
            assert words in text(screen, "#outcome")
        assert "could not be installed" in table(screen)
        await pilot.press("enter")
        await until(pilot, lambda: screen.run is None)
        assert screen.query_one("#form").display


async def test_stopping_says_what_comes_to_its_end(wizard, stage):
    play = stage.play(kind="patch", name="rg", request={})
    play.tell(*LOOKED, domain_begun(FIRST, 1, 2, 1.0, "web1"), patching("web1", FIRST, "installing", 2.0))
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("ctrl+x")
        await until(pilot, lambda: play.cancelled == 1)
        play.tell({"event": "interrupted", "name": "rg", "at": 3.0, "running": []})
        await until(pilot, lambda: "comes to its end" in text(screen, "#outcome"))
        play.end("cancelled", 130)
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "every VM is back in rotation" in text(screen, "#outcome")


async def test_a_scale_set_is_asked_how_many_at_a_time(wizard, stage, desk):
    answer = status(3)
    answer["plan"]["machines"]["placement"] = "scale-set"
    desk.answers["status"] = answer
    async with wizard() as pilot:
        screen = await looked(pilot, stage)
        assert screen.field(SHARE).display
        screen.control(SHARE).answer = 25
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(stage.started) == 2)
        assert stage.started[1][2]["share"] == 25


async def test_home_leads_to_it_and_says_that_it_is_under_way(wizard, stage):
    play = stage.play(kind="patch", name="rg", request={})
    play.tell(*LOOKED)
    async with wizard() as pilot:
        pilot.app.answers.set("name", "rg", commit=True)
        pilot.app.go("home", name="rg")
        await until(pilot, lambda: pilot.app.screen.step_id == "home" and pilot.app.screen.stands)
        home = pilot.app.screen
        await until(pilot, lambda: "u shows it" in text(home, "#outcome"))
        await pilot.press("u")
        await until(pilot, lambda: pilot.app.screen.step_id == "patch" and pilot.app.screen.run)
