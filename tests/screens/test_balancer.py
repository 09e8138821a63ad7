"""The Load balancer step."""

from __future__ import annotations

from screens.widgets.lines import Lines
from tests.screens.conftest import clear, settled, type_text, until
from tests.screens.forms import fill


def meaning(pilot):
    return pilot.app.screen.query_one("#meaning").content


def table(pilot):
    return [line.plain for line in pilot.app.screen.query_one("#ports", Lines).lines]


async def test_begins_at_the_dns_name_and_fits(wizard):
    async with wizard("balancer") as pilot:
        assert pilot.app.screen.focused_field().key == "balancer.dns_label"
        assert pilot.app.screen.query_one("#body").max_scroll_y == 0


async def test_says_when_a_dead_machine_is_out(wizard):
    async with wizard("balancer") as pilot:
        assert "out after about 10 s" in meaning(pilot)
        pilot.app.screen.field("balancer.probe_threshold").enter()
        await pilot.press("right")
        assert "out after about 15 s" in meaning(pilot)


async def test_tcp_needs_no_path_and_says_what_it_does_not_see(wizard):
    async with wizard("balancer") as pilot:
        pilot.app.screen.field("balancer.probe_protocol").enter()
        await pilot.press("right")
        assert pilot.app.answers.get("balancer.probe_protocol") == "tcp"
        assert not pilot.app.screen.field("balancer.probe_path").display
        assert "answers 500" in meaning(pilot)


async def test_each_machine_has_its_port_in_the_table(wizard):
    async with wizard("balancer") as pilot:
        assert [line.split()[:3] for line in table(pilot)] == [
            ["50001", "→", "ra-multi-vm1"],
            ["50002", "→", "ra-multi-vm2"],
        ]


async def test_many_machines_scroll_by_keyboard(wizard):
    async with wizard("balancer") as pilot:
        pilot.app.answers.set("machines.count", 200)
        await pilot.pause()
        lines = pilot.app.screen.query_one("#ports", Lines)
        assert len(lines.lines) == 200
        pilot.app.screen.field("balancer.nat_first_port").enter()
        await pilot.press("down")
        assert lines.has_focus
        await pilot.press("down")
        assert lines.has_focus
        assert lines.scroll_offset.y == 1
        await pilot.press("end")
        await until(pilot, lambda: lines.scroll_offset.y == lines.max_scroll_y)
        await pilot.press("down")
        assert not lines.has_focus


async def test_a_clash_stands_beside_its_field_and_at_its_machine(wizard):
    async with wizard("balancer") as pilot:
        field = pilot.app.screen.field("balancer.nat_first_port")
        field.enter()
        await clear(pilot)
        await type_text(pilot, "79")
        await until(pilot, lambda: "meet" in field.shown_problem)
        assert "✗" in table(pilot)[1]
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "balancer"


WRONG = (
    ("balancer.dns_label", "Web", "cannot be a DNS label"),
    ("balancer.frontend_port", "0", "0 is less than 1"),
    ("balancer.frontend_port", "", "A number is needed"),
    ("balancer.backend_port", "22", "Port 22 is taken"),
    ("balancer.probe_path", "health", "not a path"),
    ("balancer.probe_interval_s", "4", "4 is less than 5"),
    ("balancer.probe_threshold", "0", "0 is less than 1"),
    ("balancer.nat_first_port", "65534", "would be 65535"),
)


async def test_wrong_values_are_told_beside_their_field_and_taken_back(wizard):
    async with wizard("balancer") as pilot:
        for key, text, told in WRONG:
            field = pilot.app.screen.field(key)
            before = field.control.answer
            await fill(pilot, key, text)
            await pilot.press("f3")
            await until(pilot, lambda: field.shown_problem.startswith("✗"))  # noqa: B023
            assert told in field.shown_problem
            assert pilot.app.screen.step_id == "balancer"
            assert pilot.app.screen.focused_field() is field
            await pilot.press("escape")
            assert field.control.answer == before


async def test_next_goes_on_when_all_is_well(wizard):
    async with wizard("balancer") as pilot:
        await type_text(pilot, "my-page")
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        assert pilot.app.answers.committed("balancer.dns_label") == "my-page"


async def test_every_field_has_help(wizard):
    async with wizard("balancer") as pilot:
        for field in pilot.app.screen.fields():
            assert all((field.help.what, field.help.rule, field.help.recommend, field.help.later)), field.key


async def test_a_range_says_what_it_promises_and_how_much_room_it_leaves(wizard):
    async with wizard("balancer") as pilot:
        length = pilot.app.screen.field("balancer.nat_range")
        assert not length.display
        pilot.app.screen.field("balancer.nat").enter()
        await pilot.press("right")
        assert pilot.app.answers.get("balancer.nat") == "range"
        assert length.display
        assert table(pilot)[0].startswith("50001-50100 → whom Azure picks")
        assert "Room for 98 more" in table(pilot)[1]
        await fill(pilot, "balancer.nat_range", "1")
        await until(pilot, lambda: "there are 2 machines" in length.shown_problem)
        await fill(pilot, "balancer.nat_range", "2")
        await until(pilot, lambda: not length.shown_problem)
        await fill(pilot, "balancer.nat_first_port", "79")
        assert "✗ the page's port" in table(pilot)[0]


async def test_a_scale_set_has_a_range_alone(wizard):
    async with wizard() as pilot:
        pilot.app.answers.set("machines.placement", "scale-set", commit=True)
        pilot.app.go("balancer")
        await until(pilot, lambda: pilot.app.screen.step_id == "balancer")
        await settled(pilot)
        assert [each.value for each in pilot.app.screen.field("balancer.nat").control.choices] == ["range"]


async def test_what_a_load_must_show_is_checked_and_kept(wizard):
    async with wizard("balancer") as pilot:
        await fill(pilot, "verification.expect", "p98<1s")
        field = pilot.app.screen.field("verification.expect")
        await until(pilot, lambda: "no figure" in field.shown_problem)
        await fill(pilot, "verification.expect", "p99<200ms, errors<0.1%")
        await until(pilot, lambda: not field.shown_problem)
        assert pilot.app.answers.plan().verification.expect == ("p99<200ms", "errors<0.1%")


async def test_windows_is_signed_in_to_over_rdp(wizard):
    async with wizard() as pilot:
        pilot.app.answers.set("machines.os", "windows", commit=True)
        pilot.app.go("balancer")
        await until(pilot, lambda: pilot.app.screen.step_id == "balancer")
        await settled(pilot)
        assert pilot.app.screen.field("balancer.nat_first_port").label == "First RDP port"
        assert "port 3389" in table(pilot)[0]
