"""Basics by keyboard; what all steps share is tested here too, since this is the plainest of them."""

from __future__ import annotations

from textual.widgets import OptionList

from tests.screens.conftest import clear, settled, type_text, until
from tests.screens.desks import FakeDesk
from wizard.errors import UnreachableError


def field(pilot, key):
    return pilot.app.screen.field(key)


async def test_the_focus_is_in_the_first_field(wizard):
    async with wizard("basics") as pilot:
        assert pilot.app.screen.focused_field().key == "name"


async def test_next_is_refused_with_a_problem_and_the_focus_goes_there(wizard):
    async with wizard("basics") as pilot:
        await clear(pilot)
        await type_text(pilot, "bad name")
        await pilot.press("down", "down", "f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "basics"
        assert pilot.app.screen.focused_field().key == "name"
        assert "a blank" in field(pilot, "name").shown_problem


async def test_a_problem_is_shown_while_typing_and_goes_when_it_is_mended(wizard):
    async with wizard("basics") as pilot:
        await type_text(pilot, ".")
        await until(pilot, lambda: "period" in field(pilot, "name").shown_problem)
        await pilot.press("backspace")
        await until(pilot, lambda: field(pilot, "name").shown_problem == "")


async def test_untouched_fields_are_not_scolded_before_next(wizard):
    async with wizard("basics") as pilot:
        pilot.app.answers.set("prefix", "-", commit=True)
        await pilot.pause(0.3)
        assert field(pilot, "prefix").shown_problem == ""
        await pilot.press("f3")
        await until(pilot, lambda: "hyphen" in field(pilot, "prefix").shown_problem)


async def test_esc_takes_back_what_was_typed_and_nothing_else(wizard):
    async with wizard("basics") as pilot:
        await clear(pilot)
        await type_text(pilot, "mine-rg")
        await pilot.press("down")  # committed
        assert pilot.app.answers.committed("name") == "mine-rg"
        await pilot.press("up")
        await type_text(pilot, "xyz")
        assert pilot.app.answers.get("name") == "mine-rgxyz"
        await pilot.press("escape")
        assert pilot.app.answers.get("name") == "mine-rg"
        assert field(pilot, "name").control.answer == "mine-rg"
        await pilot.press("escape", "escape")
        assert pilot.app.answers.committed("name") == "mine-rg"


async def test_back_and_next_keep_the_answers_even_wrong_ones(wizard):
    async with wizard("basics") as pilot:
        await clear(pilot)
        await type_text(pilot, "half done")
        await pilot.press("f2")
        await until(pilot, lambda: pilot.app.screen.step_id == "start")
        assert pilot.app.progress.state("basics", "start", pilot.app.answers.problems()) == "needs attention"
        await pilot.press("f3")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "basics")
        await pilot.pause()
        assert field(pilot, "name").control.answer == "half done"


async def test_a_region_is_searched_and_chosen(wizard):
    async with wizard("basics") as pilot:
        await pilot.press("down", "down", "n")  # a letter opens the list with itself as the search
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await type_text(pilot, "orth")
        await pilot.pause()
        assert pilot.app.screen.query_one("#pick-list", OptionList).option_count == 1
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.answers.get("location") == "northeurope")


async def test_esc_in_a_list_leaves_the_answer(wizard):
    async with wizard("basics") as pilot:
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.press("down", "escape")
        await until(pilot, lambda: not pilot.app.screen.query("#pick"))
        assert pilot.app.answers.get("location") == "westeurope"


async def test_without_a_list_a_region_can_be_typed(wizard, desk: FakeDesk):
    desk.answers["regions"] = UnreachableError("The cloud does not answer.", "", "Sign in.")
    async with wizard("basics") as pilot:
        assert "does not answer" in field(pilot, "location").control.state
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await type_text(pilot, "norwayeast")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.answers.get("location") == "norwayeast")


async def test_a_slow_cloud_does_not_hold_the_keys(wizard, desk: FakeDesk):
    desk.hold("regions")
    async with wizard() as pilot:
        pilot.app.go("basics")
        await until(
            pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "basics" and "regions" in desk.questions()
        )
        await type_text(pilot, "-x")
        assert pilot.app.answers.get("name").endswith("-x")
        assert field(pilot, "location").control.state.startswith("…")
        desk.release("regions")
        await until(pilot, lambda: field(pilot, "location").control.state == "")


async def test_windows_brings_its_own_answers_and_linux_gets_its_own_back(wizard):
    async with wizard("basics") as pilot:
        get = pilot.app.answers.get
        pilot.app.answers.set("machines.image", "debian-12", commit=True)
        pilot.app.answers.set("machines.ssh_key", "ssh-ed25519 AAAA me", commit=True)
        pilot.app.answers.set("machines.workload", "/etc/hostname", commit=True)
        field(pilot, "machines.os").enter()
        await pilot.press("right")
        assert [get(f"machines.{key}") for key in ("os", "image", "auth", "ssh_key", "workload")] == [
            "windows", "windows-2022", "password", "", "page",
        ]  # fmt: skip
        assert "RDP" in field(pilot, "machines.os").note
        pilot.app.answers.set("machines.image", "windows-2025", commit=True)
        await pilot.press("left")
        assert [get(f"machines.{key}") for key in ("os", "image", "auth", "ssh_key", "workload")] == [
            "linux", "debian-12", "ssh-key", "ssh-ed25519 AAAA me", "/etc/hostname",
        ]  # fmt: skip
        await pilot.press("right")
        assert get("machines.image") == "windows-2025"
        await pilot.press("escape")
        assert get("machines.os") == "linux"
        assert get("machines.image") == "debian-12"


async def test_a_windows_computer_has_a_short_name(wizard):
    async with wizard("basics") as pilot:
        pilot.app.answers.set("prefix", "far-too-long-for-it", commit=True)
        field(pilot, "machines.os").enter()
        await pilot.press("right", "f3")
        await until(pilot, lambda: "20 characters" in field(pilot, "prefix").shown_problem)
        assert pilot.app.screen.step_id == "basics"


async def test_a_group_that_is_there_is_chosen_from_the_clouds(wizard, desk: FakeDesk):
    desk.answers["groups"] = [
        {"name": "shared-rg", "location": "westeurope", "state": "Succeeded", "deployment": ""},
        {"name": "theirs-rg", "location": "westeurope", "state": "Succeeded", "deployment": "theirs-rg"},
    ]
    async with wizard("basics") as pilot:
        field(pilot, "existing_group").enter()
        await pilot.press("right")
        await settled(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.press(*"theirs", "enter")
        await pilot.pause()
        assert pilot.app.screen.query("#pick")  # it is another deployment's
        await pilot.press(*["backspace"] * 6, *"shared", "enter")
        await until(pilot, lambda: pilot.app.answers.get("name") == "shared-rg")
        assert pilot.app.answers.get("existing_group") is True
        assert "not tagged" in field(pilot, "name").note


async def test_a_group_that_is_not_there_is_refused(wizard, desk: FakeDesk):
    async with wizard("basics") as pilot:
        mine = pilot.app.answers.get("name")
        field(pilot, "existing_group").enter()
        await pilot.press("right", "f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "basics"
        assert pilot.app.screen.focused_field().key == "name"
        field(pilot, "existing_group").enter()
        await pilot.press("left")
        assert pilot.app.answers.get("name") == mine


async def test_every_field_has_help(wizard):
    async with wizard("basics") as pilot:
        for each in pilot.app.screen.fields():
            assert all((each.help.what, each.help.rule, each.help.recommend, each.help.later)), each.key


async def test_help_tells_of_the_focused_field(wizard):
    async with wizard("basics") as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: pilot.app.screen.query("#help-field"))
        assert "renamed" in str(pilot.app.screen.query_one("#help-field").render())
        await pilot.press("escape")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "basics")


async def test_the_third_column_follows_the_focus_where_there_is_room(wizard):
    async with wizard("basics", size=(120, 40)) as pilot:
        await pilot.pause()
        aside = pilot.app.screen.query_one("#aside")
        assert aside.display
        assert "Group's name" in str(aside.query_one("#aside-help").render())
        await pilot.press("down")
        assert "Name prefix" in str(aside.query_one("#aside-help").render())
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not aside.display)


async def test_every_control_can_be_reached_on_a_small_terminal(wizard):
    async with wizard("basics", size=(60, 18)) as pilot:
        for key in ("name", "prefix", "location", "machines.os"):
            assert pilot.app.screen.focused_field().key == key
            region = pilot.app.screen.focused.region
            assert pilot.app.screen.region.contains_region(region)
            await pilot.press("down")
        assert pilot.app.screen.focused.id in ("back", "next")
