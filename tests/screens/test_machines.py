"""Machines by keyboard: count, size, key and password."""

from __future__ import annotations

from screens.answers import PASSWORD, PASSWORD_AGAIN
from tests.screens.conftest import clear, settled, type_text, until
from tests.screens.desks import KEY, FakeDesk


def field(pilot, key):
    return pilot.app.screen.field(key)


async def test_arrows_change_the_count_within_its_limits(wizard):
    async with wizard("machines") as pilot:
        assert pilot.app.screen.focused_field().key == "machines.count"
        await pilot.press("right")
        assert pilot.app.answers.get("machines.count") == 3
        await pilot.press("left", "left", "left", "left")
        assert pilot.app.answers.get("machines.count") == 1
        assert "no SLA" in field(pilot, "machines.count").note
        await until(pilot, lambda: field(pilot, "machines.count").shown_problem.startswith("!"))


async def test_no_number_is_no_answer(wizard):
    async with wizard("machines") as pilot:
        await clear(pilot)
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "machines.count"
        assert "A number is needed" in field(pilot, "machines.count").shown_problem
        await type_text(pilot, "999")
        await until(pilot, lambda: "200" in field(pilot, "machines.count").shown_problem)


async def test_a_size_that_cannot_be_had_says_why_and_is_not_taken(wizard):
    async with wizard("machines") as pilot:
        field(pilot, "machines.size").enter()
        await pilot.press("m", "1", "2", "8")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.pause()
        assert "not offered" in str(pilot.app.screen.query_one("#pick-note").render())
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.screen.query("#pick")
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.query("#pick"))
        assert pilot.app.answers.get("machines.size") == "Standard_D2s_v5"


async def test_a_quota_that_does_not_suffice_is_told(wizard, desk: FakeDesk):
    for each in desk.answers["sizes"]:
        each["vcpus_left"] = 4
    async with wizard("machines") as pilot:
        await pilot.press("right")
        await until(pilot, lambda: "4 are left" in field(pilot, "machines.size").note)


async def test_the_region_decides_how_many_fault_domains_there_are(wizard, desk: FakeDesk):
    async with wizard("machines") as pilot:
        await until(pilot, lambda: field(pilot, "machines.fault_domains").control.high == 2)
        field(pilot, "machines.fault_domains").enter()
        await pilot.press("right", "right")
        assert pilot.app.answers.get("machines.fault_domains") == 2


async def test_a_usable_key_is_suggested_and_next_goes_on(wizard):
    async with wizard("machines") as pilot:
        await until(pilot, lambda: pilot.app.answers.get("machines.ssh_key") == KEY["public"])
        await pilot.press("f3")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "network")


async def test_without_any_key_next_asks_for_one(wizard, desk: FakeDesk):
    desk.answers["keys"] = []
    async with wizard("machines") as pilot:
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "wizard.key"
        assert "no SSH key" in field(pilot, "wizard.key").shown_problem
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.press("n", "e", "w", "enter")
        await until(pilot, lambda: pilot.app.answers.get("machines.ssh_key") == KEY["public"])
        assert "generate_key" in desk.questions()


async def test_a_private_key_is_not_kept_anywhere(wizard):
    async with wizard("machines") as pilot:
        pilot.app.answers.set("wizard.key", "paste", commit=True)
        await pilot.pause()
        field(pilot, "wizard.pasted_key").enter()
        line = field(pilot, "wizard.pasted_key").control.line
        line.value = "-----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXk"
        await until(pilot, lambda: "private key" in field(pilot, "wizard.pasted_key").shown_problem)
        assert line.value == ""
        assert "b3BlbnNzaC1rZXk" not in repr(pilot.app.answers.plan_values())


async def test_password_rules_are_live_and_both_must_agree(wizard):
    async with wizard("machines") as pilot:
        field(pilot, "machines.auth").enter()
        await pilot.press("right")
        await pilot.pause()
        field(pilot, PASSWORD).enter()
        await type_text(pilot, "Ab1")
        await pilot.pause()
        assert "✓ upper" in field(pilot, PASSWORD).note
        assert "○ 12-72 long" in field(pilot, PASSWORD).note
        await type_text(pilot, "cdefghijkl")
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == PASSWORD_AGAIN
        assert pilot.app.answers.secret(PASSWORD).get_secret_value() == "Ab1cdefghijkl"


async def test_a_password_is_made_and_shown(wizard):
    async with wizard("machines") as pilot:
        field(pilot, "machines.auth").enter()
        await pilot.press("right", "ctrl+g")
        await until(pilot, lambda: pilot.app.answers.secret(PASSWORD) is not None)
        assert field(pilot, PASSWORD).control.shown
        await pilot.press("ctrl+l")
        assert not field(pilot, PASSWORD).control.shown
        await pilot.press("f3")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "network")


async def test_esc_takes_back_a_password_too(wizard):
    async with wizard("machines") as pilot:
        field(pilot, "machines.auth").enter()
        await pilot.press("right", "down")
        await type_text(pilot, "first")
        await pilot.press("down", "up")
        await type_text(pilot, "more")
        await pilot.press("escape")
        assert pilot.app.answers.secret(PASSWORD).get_secret_value() == "first"


async def test_every_control_is_reached_on_a_small_terminal(wizard):
    async with wizard("machines", size=(60, 18)) as pilot:
        for _ in range(12):
            focused = pilot.app.screen.focused
            assert pilot.app.screen.region.contains_region(focused.region), focused
            await pilot.press("tab")
