"""The reset screen: what is chosen, what is refused, what is sent, and the proof of each VM."""

from __future__ import annotations

import pytest

from screens.asking import AGAIN, NEW
from screens.dialogs import AboutScreen, ChoiceScreen, TypedScreen
from screens.reset_form import FORCE, IDENTITY, KEY, LEAVER, MODE, OLD, PRESENT, REPLACE, STAYS, USER
from screens.widgets.doors import Doors
from screens.widgets.grid import Grid
from screens.widgets.machines import Machines
from screens.widgets.push import Push
from tests.screens.conftest import type_text, until
from tests.screens.desks import PUBLIC
from tests.screens.plays import staged, status, vm

NEW_PASSWORD = "Another-Horse-9"


@pytest.fixture
def stage(monkeypatch):
    return staged(monkeypatch)


async def gone(pilot, step: str = "reset"):
    pilot.app.answers.set("name", "rg", commit=True)
    pilot.app.go(step, name="rg")
    await until(pilot, lambda: pilot.app.screen.step_id == step and pilot.app.screen.stands)
    screen = pilot.app.screen
    if step == "reset":
        await until(pilot, lambda: screen.query_one(Machines).total())
    else:
        await until(pilot, lambda: screen.status or screen.run)
    await pilot.pause()
    return screen


def answer(screen, **values: object) -> None:
    keys = {
        "user": USER, "new": NEW, "again": AGAIN, "old": OLD, "key": KEY, "mode": MODE, "leaver": LEAVER,
        "present": PRESENT, "stays": STAYS, "replace": REPLACE, "identity": IDENTITY, "force": FORCE,
    }  # fmt: skip
    for name, value in values.items():
        screen.control(keys[name]).answer = value
        screen.field(keys[name]).touched = True
    screen.show_fields()
    screen.changed()


def text(screen, id: str) -> str:
    return str(screen.query_one(id).content)


async def test_vms_with_their_first_password_are_chosen_already(wizard, stage, desk):
    desk.answers["status"] = status(3, auth="password")
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert screen.query_one(Machines).chosen() == ["web1", "web2", "web3"]
        assert "created with password, never changed" in "".join(
            cell for cell, _ in screen.query_one(Machines).cells(0, 80)
        )
        assert text(screen, "#update") == "Update 3 VMs ›"
        assert pilot.app.focused is screen.query_one(Machines)


async def test_choosing_and_the_warnings_that_the_desk_knows(wizard, stage, desk):
    desk.answers["status"] = status(2)
    desk.answers["reset_outlook"] = lambda vms, user, **_more: {
        "warnings": [f"VMAccess turns password login on for {user} on {', '.join(vms)} (--mode configuration)."],
        "users": {},
    }
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert screen.query_one(Machines).chosen() == []
        await pilot.press("down", "space")
        await until(pilot, lambda: screen.query_one(Machines).chosen() == ["web2"])
        await until(pilot, lambda: "password login on for azureuser on web2" in text(screen, "#warnings"))
        assert "--mode" not in text(screen, "#warnings")
        await pilot.press("a")
        await until(pilot, lambda: len(screen.query_one(Machines).chosen()) == 2)
        answer(screen, user="second")
        await until(pilot, lambda: "for second on web1, web2" in text(screen, "#warnings"))


async def test_update_goes_to_the_first_problem_and_sends_nothing(wizard, stage, desk):
    desk.answers["status"] = status(2, auth="password")
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("f3")
        await until(pilot, lambda: screen.field(NEW).shown_problem)
        assert pilot.app.focused is screen.control(NEW).line
        await type_text(pilot, "short")
        answer(screen, new=NEW_PASSWORD, again="Another-Horse-8")
        await pilot.press("f3")
        await until(pilot, lambda: "not the same" in screen.field(AGAIN).shown_problem)
        answer(screen, again=NEW_PASSWORD, old=NEW_PASSWORD)
        await pilot.press("f3")
        await until(pilot, lambda: "is the old one" in screen.field(OLD).shown_problem)
        answer(screen, old="", user="root")
        await pilot.press("f3")
        await until(pilot, lambda: screen.field(USER).shown_problem)
        assert stage.started == []


async def test_what_is_sent_and_the_proof_of_each_vm(wizard, stage, desk):
    desk.answers["status"] = status(2, auth="password")
    async with wizard() as pilot:
        screen = await gone(pilot)
        answer(screen, new=NEW_PASSWORD, again=NEW_PASSWORD, old="First-Horse-123")
        await pilot.press("f3")
        await pilot.press("f3")
        await until(pilot, lambda: screen.run)
        [(kind, name, request, secrets)] = stage.started
        assert (kind, name) == ("reset", "rg")
        assert request == {"vms": ["web1", "web2"], "mode": "password", "user": "azureuser"}
        assert secrets == {"password": NEW_PASSWORD, "old_password": "First-Horse-123"}
        play = stage.plays[0]
        play.tell({"event": "step", "vm": "web1", "step": "resetting", "detail": "VMAccess at work"})
        table = screen.query_one(Machines)
        await until(pilot, lambda: table.machine("web1").told == "VMAccess at work")
        done = {"event": "reset", "user": "azureuser", "mode": "password", "other_logins": (), "detail": ""}
        play.tell({**done, "vm": "web1", "state": "proved", "new_login": True, "old_login_refused": True})
        failed = {"state": "failed", "new_login": False, "old_login_refused": None, "detail": "the agent is silent"}
        play.tell({**done, "vm": "web2", **failed, "remedy": "Restart it."})
        play.end("done", 1)
        await until(pilot, lambda: screen.over)
        screen.draw()
        rows = ["".join(cell for cell, _ in table.cells(line, 100)) for line in range(2)]
        assert "✓ new works · old refused" in rows[0]
        assert "✗ new does not work" in rows[1]
        assert "the agent is silent" in text(screen, "#outcome")
        assert "Restart it." in text(screen, "#outcome")
        assert table.chosen() == ["web2"], "what failed can be tried again at once"


async def test_a_made_password_is_shown_and_secrets_are_forgotten_on_leaving(wizard, stage, desk):
    desk.answers["status"] = status(2, auth="password")
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: screen.control(NEW).answer == "Made-4-you-by-the-desk")
        assert screen.control(AGAIN).answer == screen.control(NEW).answer
        assert screen.control(NEW).shown
        assert pilot.app.answers.secret(NEW) is not None
        await pilot.press("f2")
        await until(pilot, lambda: pilot.app.screen.step_id == "home")
        await pilot.pause()
        assert pilot.app.answers.secret(NEW) is None


async def test_a_key_is_added_without_any_password(wizard, stage, desk):
    desk.answers["status"] = status(2)
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("a")
        answer(screen, mode="ssh-key", key=PUBLIC)
        await pilot.press("f3")
        await until(pilot, lambda: stage.started)
        assert stage.started[0][2]["ssh_key"] == PUBLIC
        assert stage.started[0][3] == {}


async def test_keys_are_replaced_after_a_second_question_and_proved_by_the_half_that_lies_beside(wizard, stage, desk):
    desk.answers["status"] = status(2)
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("a", "down", "down")  # from the list of VMs to the modes
        assert pilot.app.focused is screen.control(MODE)
        await pilot.press("right")
        await until(pilot, lambda: screen.control(KEY).choices)
        answer(screen, key=PUBLIC, replace=True)
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: stage.started)
        request = stage.started[0][2]
        assert request["replace_keys"] is True
        assert request["identity"] == "/home/me/.ssh/id_ed25519"


async def test_the_configuration_is_reset_with_a_login_that_proves_it(wizard, stage, desk):
    desk.answers["status"] = status(2)
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("a")
        answer(screen, mode="configuration", present="First-Horse-123", identity="/nowhere/key")
        await pilot.press("f3")
        await until(pilot, lambda: "no such file" in screen.field(IDENTITY).shown_problem)
        answer(screen, identity="")
        await pilot.press("f3")
        await until(pilot, lambda: stage.started)
        [(_, _, request, secrets)] = stage.started
        assert request == {"vms": ["web1", "web2"], "mode": "configuration", "user": "azureuser"}
        assert secrets == {"old_password": "First-Horse-123"}


async def test_windows_has_a_password_and_its_own_configuration_and_no_key(wizard, stage, desk):
    found = status(2, auth="password")
    found["plan"]["machines"]["os"] = "windows"
    desk.answers["status"] = found
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert [choice.words for choice in screen.control(MODE).choices] == ["password", "RDP configuration"]
        answer(screen, mode="configuration")
        assert not screen.field(KEY).display
        assert not screen.field(IDENTITY).display
        assert screen.field(PRESENT).display
        answer(screen, mode="password", new="azureuser-Horse-9", again="azureuser-Horse-9")
        assert "holds the user's name" in screen.field(NEW).shown_problem


async def test_after_another_user_was_made_the_former_one_is_offered_to_go(wizard, stage, desk):
    desk.answers["status"] = status(2, auth="password")
    desk.answers["reset_outlook"] = {"warnings": ["Gone is gone."], "users": {"web1": ["azureuser"]}}
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("down", "space")  # web1 alone
        answer(screen, user="second", new=NEW_PASSWORD, again=NEW_PASSWORD, old="First-Horse-123")
        await pilot.press("f3")
        await until(pilot, lambda: screen.run)
        done = {"event": "reset", "user": "second", "mode": "password", "detail": "", "remedy": ""}
        more = {"new_login": True, "old_login_refused": None, "other_logins": ("azureuser (password)",)}
        stage.plays[0].tell({**done, **more, "vm": "web1", "state": "unproved", "detail": "azureuser still gets in"})
        stage.plays[0].end()
        await until(pilot, lambda: screen.over and screen.former)
        await pilot.pause()
        assert text(screen, "#remove") == "Remove azureuser…"
        assert pilot.app.focused.id == "remove"
        await pilot.press("enter")
        await until(pilot, lambda: screen.mode == "remove-user")
        assert screen.text(LEAVER) == "azureuser"
        assert screen.query_one(Machines).chosen() == ["web1"]
        assert pilot.app.focused.id == "update"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(stage.started) == 2)
        _, _, request, secrets = stage.started[1]
        assert request == {"vms": ["web1"], "mode": "remove-user", "user": "azureuser"}
        assert secrets == {"admin_password": NEW_PASSWORD, "old_password": "First-Horse-123"}
        gone_now = {"mode": "remove-user", "user": "azureuser", "vm": "web1", "state": "proved", "detail": "gone"}
        stage.plays[0].tell({**done, **gone_now, "new_login": True, "old_login_refused": True, "other_logins": ()})
        stage.plays[0].end()
        await until(pilot, lambda: "azureuser is gone, proved" in text(screen, "#outcome"))
        screen.query_one(Machines).focus()
        await pilot.press("home", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, AboutScreen))


# Home


def offered(screen) -> list[str]:
    return [push.id for push in screen.query("#offers Push").results(Push) if push.display]


async def test_home_offers_the_reset_first_where_the_first_password_still_holds(wizard, stage, desk):
    desk.answers["status"] = status(2, auth="password")
    async with wizard() as pilot:
        screen = await gone(pilot, "home")
        assert "2 VMs still have the password they were created with" in text(screen, "#credentials")
        assert offered(screen)[0] == "reset"
        assert pilot.app.focused.id == "reset"
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.step_id == "reset")


async def test_home_shows_what_is_there_and_copies_a_line(wizard, stage, desk):
    desk.answers["status"] = status(2, auth="password", changed="2026-01-03T00:00:00+00:00")
    async with wizard() as pilot:
        screen = await gone(pilot, "home")
        assert "✓ deployed" in text(screen, "#headline")
        assert offered(screen) == ["verify", "drill", "scale", "patch", "reset-later", "destroy"]
        screen.query_one(Doors).focus()
        await pilot.press("c")
        assert pilot.app.copied[0] == "curl http://127.1.2.3:8081/"


async def test_destroying_takes_the_name_typed(wizard, stage, desk):
    desk.answers["status"] = status(2)
    async with wizard() as pilot:
        screen = await gone(pilot, "home")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypedScreen))
        await type_text(pilot, "r")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, TypedScreen)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypedScreen))
        await type_text(pilot, "rg")
        await pilot.press("enter")
        await until(pilot, lambda: screen.run)
        assert [each[0] for each in stage.started] == ["destroy"]
        play = stage.plays[0]
        play.tell({"event": "deleting", "id": vm(1), "at": 0.0})
        await until(pilot, lambda: screen.query_one(Grid).total() == 1)
        play.tell({"event": "deleted", "id": vm(1), "at": 1.0})
        play.end()
        await until(pilot, lambda: screen.over)
        await pilot.pause()
        assert "Nothing of rg is left" in text(screen, "#outcome")
        assert offered(screen) == ["start"]


@pytest.mark.parametrize("step", ["reset", "home"])
@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40)])
async def test_both_stand_in_any_size(wizard, stage, desk, step, size):
    desk.answers["status"] = status(5, auth="password")
    async with wizard(size=size) as pilot:
        screen = await gone(pilot, step)
        for push in screen.query("#offers Push").results(Push):
            assert not push.display or push.region.bottom <= size[1] - 1
        assert screen.query_one("#keys").region.height == 1
        if step == "reset":
            screen.control(OLD).entrance.focus()
            await pilot.pause()
            assert screen.query_one("#form").region.height >= 3
            assert screen.control(OLD).region.y >= screen.query_one("#form").region.y
