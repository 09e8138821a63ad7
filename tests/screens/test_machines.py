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


async def test_sizes_tell_what_one_costs_a_month(wizard, desk: FakeDesk):
    async with wizard("machines") as pilot:
        details = {choice.value: choice.detail for choice in field(pilot, "machines.size").control.choices}
        assert details["Standard_D2s_v5"] == "  2 vCPU     8 GiB     $84/mo"
        assert details["Standard_D4s_v5"] == "  4 vCPU    16 GiB", "without a price, nothing is said"
        asked = dict(desk.asked)["size_prices"]
        assert asked == {"location": "westeurope", "cloud": "sandbox", "os": "linux"}


async def test_a_silent_price_list_keeps_nobody_from_the_sizes(wizard, desk: FakeDesk):
    desk.hold("size_prices")
    async with wizard() as pilot:
        pilot.app.go("machines")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "machines" and pilot.app.screen.stands)
        control = field(pilot, "machines.size").control
        await until(pilot, lambda: control.choices)
        assert "$" not in control.choices[0].detail
        desk.release("size_prices")
        await until(pilot, lambda: "$35/mo" in control.choices[0].detail)
        assert pilot.app.answers.get("machines.size") == "Standard_D2s_v5"


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


async def test_each_placement_shows_what_it_promises_and_what_it_asks(wizard):
    async with wizard("machines") as pilot:
        domains = [field(pilot, f"machines.{kind}_domains") for kind in ("fault", "update")]
        assert all(each.display for each in domains)
        assert not field(pilot, "machines.zones").display
        field(pilot, "machines.placement").enter()
        await pilot.press("right")
        assert pilot.app.answers.get("machines.placement") == "zones"
        assert not any(each.display for each in domains)
        assert "99.99 %" in field(pilot, "machines.count").note
        assert field(pilot, "machines.count").control.high == 1000
        await pilot.press("down", "space", "right", "space")
        assert pilot.app.answers.get("machines.zones") == ("3",)
        assert "99.99 %" in field(pilot, "machines.count").note
        assert "one zone" in field(pilot, "machines.count").note


async def test_zones_are_those_that_the_region_has_the_size_in(wizard, desk: FakeDesk):
    for each in desk.answers["sizes"]:
        each["zones"] = ["1", "3"]
    async with wizard("machines") as pilot:
        field(pilot, "machines.placement").enter()
        await pilot.press("right", "down")
        zones = field(pilot, "machines.zones")
        await pilot.press("f3")
        await until(pilot, lambda: "zone 2" in zones.shown_problem)
        assert pilot.app.screen.step_id == "machines"
        await pilot.press("right", "space")
        assert pilot.app.answers.get("machines.zones") == ("1", "3")
        await pilot.press("space")  # cannot be had: stays off
        assert pilot.app.answers.get("machines.zones") == ("1", "3")
        await until(pilot, lambda: zones.shown_problem == "")


async def test_an_image_by_its_parts_or_its_id(wizard):
    async with wizard("machines") as pilot:
        image = field(pilot, "machines.image")
        image.enter()
        await pilot.press(*"another", "enter")
        await until(pilot, lambda: image.control.typed.display and pilot.app.screen.focused is image.control.typed.line)
        pilot.app.screen.focused.value = "Canonical:ubuntu-24_04-lts:server:24.04"
        await until(pilot, lambda: "not publisher:offer:sku:version" in image.shown_problem)
        own = "/subscriptions/0f5e/resourceGroups/images/providers/Microsoft.Compute/images/web"
        pilot.app.screen.focused.value = own
        await until(pilot, lambda: "keep up to date" in image.shown_problem)
        assert pilot.app.answers.get("machines.image") == own
        await pilot.press("f3")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "network")
        pilot.app.go("machines")
        await settled(pilot)
        assert field(pilot, "machines.image").control.answer == own


async def test_a_cloud_init_file_is_checked_at_once(wizard, tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("#cloud-config\npackages: [htop]\n")
    bad.write_text("#cloud-config\npassword: hunter2-hunter2\n")
    async with wizard("machines") as pilot:
        serves = field(pilot, "machines.workload")
        serves.enter()
        await pilot.press("right")
        await until(pilot, lambda: "Nothing will answer" in serves.shown_problem)
        assert "sign-ins" in serves.note
        await pilot.press("right")
        await until(pilot, lambda: pilot.app.screen.focused is serves.control.typed.line)
        pilot.app.screen.focused.value = "~/bad.yaml"
        await until(pilot, lambda: "password in line 2" in serves.shown_problem)
        pilot.app.screen.focused.value = "~/good.yaml"
        await until(pilot, lambda: serves.shown_problem == "")
        assert pilot.app.answers.get("machines.workload") == str(good)


async def test_a_cloud_init_file_is_chosen_from_its_folder(wizard, tmp_path):
    (tmp_path / "setups").mkdir()
    (tmp_path / "setups" / "web.yaml").write_text("#cloud-config\npackages: [htop]\n")
    async with wizard("machines") as pilot:
        serves = field(pilot, "machines.workload")
        serves.enter()
        await pilot.press("left")
        await until(pilot, lambda: pilot.app.screen.focused is serves.control.typed.line)
        pilot.app.screen.focused.value = "~/nowhere"
        await pilot.press("f4")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.press(*"setups", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#pick") and "setups" in pilot.app.screen.select.list_title)
        await pilot.press(*"web", "enter")
        await until(pilot, lambda: pilot.app.answers.get("machines.workload") == str(tmp_path / "setups" / "web.yaml"))
        await until(pilot, lambda: serves.shown_problem == "")
        await pilot.press("f4")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.query("#rail"))
        assert serves.control.answer == str(tmp_path / "setups" / "web.yaml")


async def test_on_windows_one_signs_in_by_password_alone(wizard):
    async with wizard("basics") as pilot:
        field(pilot, "machines.os").enter()
        await pilot.press("right")
        pilot.app.go("machines")
        await until(pilot, lambda: pilot.app.screen.step_id == "machines")
        await settled(pilot)
        assert [each.value for each in field(pilot, "machines.auth").control.choices] == ["password"]
        assert not field(pilot, "wizard.key").display
        assert not field(pilot, "wizard.pasted_key").display
        assert "12-123" in field(pilot, PASSWORD).note
        assert [each.value for each in field(pilot, "machines.workload").control.words.choices] == ["page", "none"]
        field(pilot, "machines.admin_user").enter()
        await clear(pilot)
        await type_text(pilot, "abcdefghijklmnopqrstu")
        await until(pilot, lambda: "21" in field(pilot, "machines.admin_user").shown_problem)


async def test_a_password_keeps_the_key_that_was_chosen(wizard):
    async with wizard("machines") as pilot:
        await until(pilot, lambda: pilot.app.answers.get("machines.ssh_key") == KEY["public"])
        field(pilot, "machines.auth").enter()
        await pilot.press("right")
        assert pilot.app.answers.get("machines.ssh_key") == ""
        await pilot.press("left")
        assert pilot.app.answers.get("machines.ssh_key") == KEY["public"]


async def test_a_scale_set_brings_its_fields_and_a_range_of_ports(wizard, monkeypatch):
    from wizard.plan import not_yet

    monkeypatch.setattr(not_yet, "_LIST", tuple(each for each in not_yet._LIST if each.field != "machines.placement"))
    async with wizard("machines") as pilot:
        get = pilot.app.answers.get
        field(pilot, "machines.placement").enter()
        await pilot.press("left")
        assert get("machines.placement") == "scale-set"
        assert get("balancer.nat") == "range"
        fold = pilot.app.screen.query_one("#scale-set")
        assert fold.summary == "a fixed number; repairs"
        fold.enter()
        await pilot.press("enter", "down", "space")
        assert get("scale_set.autoscale") is True
        assert fold.summary == "2 to 10, out 70 %, in 30 %; repairs"
        await pilot.press("down", "right")
        assert get("scale_set.minimum") == 3
        fold.turn(False)
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "machines"
        field(pilot, "machines.placement").enter()
        await pilot.press("right")
        assert get("balancer.nat") == "per-vm"
        assert not fold.display


async def test_every_field_has_help(wizard):
    async with wizard("machines") as pilot:
        for each in pilot.app.screen.fields():
            assert all((each.help.what, each.help.rule, each.help.recommend, each.help.later)), each.key
