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
