"""The Network step."""

from __future__ import annotations

from functools import partial

from textual import events

from screens.widgets.audience import AudienceControl
from tests.screens.conftest import clear, settled, type_text, until
from tests.screens.forms import fill
from wizard.errors import UnreachableError


def key_of(pilot):
    field = pilot.app.screen.focused_field()
    return field.key if field else ""


def shown(pilot):
    return pilot.app.screen.query_one("#space").content.plain


def audience(pilot, key="network.allow_admin"):
    control = pilot.app.screen.field(key).control
    assert isinstance(control, AudienceControl)
    return control


async def test_begins_at_the_address_space(wizard):
    async with wizard("network") as pilot:
        assert key_of(pilot) == "network.address_space"
        assert "65,536 addresses" in shown(pilot)
        assert "Room for 251 machines" in shown(pilot)


async def test_everything_fits_80_by_24(wizard):
    async with wizard("network") as pilot:
        assert pilot.app.screen.query_one("#body").max_scroll_y == 0


async def test_every_field_has_help(wizard):
    async with wizard("network") as pilot:
        for field in pilot.app.screen.fields():
            assert field.help.what, field.key
            assert field.help.rule, field.key
            assert field.help.recommend, field.key
            assert field.help.later, field.key


async def test_next_is_refused_at_the_first_problem(wizard):
    async with wizard("network") as pilot:
        await pilot.press("down")
        await clear(pilot)
        await type_text(pilot, "10.9.0.0/24")
        await pilot.press("down", "down", "down", "f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "network"
        assert key_of(pilot) == "network.subnet"
        assert "not inside 10.0.0.0/16" in pilot.app.screen.field("network.subnet").shown_problem


WRONG = (
    ("network.address_space", "10.0.0.0", "not an IPv4 range"),
    ("network.address_space", "127.0.0.0/8", "meets 127.0.0.0/8"),
    ("network.address_space", "10.0.0.1/16", "inside a range"),
    ("network.subnet", "10.0.1.0/30", "/30"),
    ("network.subnet", "", "not an IPv4 range"),
    ("network.subnet_name", "-web", "cannot be a subnet's name"),
    ("network.subnet_name", "GatewaySubnet", "reserved"),
)


async def test_wrong_values_are_told_beside_their_field_and_taken_back(wizard):
    async with wizard("network") as pilot:
        for key, text, told in WRONG:
            field = pilot.app.screen.field(key)
            before = field.control.answer
            await fill(pilot, key, text)
            await until(pilot, lambda: told in field.shown_problem)  # noqa: B023
            await pilot.press("escape")
            assert field.control.answer == before
            assert field.shown_problem == ""


async def test_a_subnet_for_too_many_says_so_in_the_picture(wizard):
    async with wizard("network") as pilot:
        pilot.app.answers.set("machines.count", 9)
        pilot.app.answers.set("network.subnet", "10.0.1.0/29")
        await pilot.pause()
        assert "✗ Room for 3 machines, not for 9." in shown(pilot)


async def test_escape_takes_back_what_was_typed(wizard):
    async with wizard("network") as pilot:
        await clear(pilot)
        await type_text(pilot, "10.7")
        await pilot.press("escape")
        assert pilot.app.answers.get("network.address_space") == "10.0.0.0/16"
        assert pilot.app.answers.committed("network.address_space") == "10.0.0.0/16"
        assert pilot.app.screen.field("network.address_space").control.answer == "10.0.0.0/16"


async def test_back_keeps_what_was_answered(wizard):
    async with wizard("network") as pilot:
        await clear(pilot)
        await type_text(pilot, "10.0.0.0/15")
        await pilot.press("f2")
        await until(pilot, lambda: pilot.app.screen.step_id == "machines")
        pilot.app.go("network")
        await until(pilot, lambda: pilot.app.screen.step_id == "network")
        await settled(pilot)
        assert pilot.app.screen.field("network.address_space").control.answer == "10.0.0.0/15"


async def test_in_the_sandbox_ones_own_address_is_the_sandboxs_view(wizard, desk):
    desk.answers["my_address"] = {"range": "127.0.0.1/32", "why": "loopback"}
    async with wizard("network") as pilot:
        assert audience(pilot).mode == "mine"
        assert pilot.app.answers.get("network.allow_admin") == ("127.0.0.1/32",)


async def test_elsewhere_the_default_becomes_ones_own_address(wizard):
    async with wizard("network") as pilot:
        assert pilot.app.answers.committed("network.allow_admin") == ("203.0.113.7/32",)
        assert audience(pilot).mode == "mine"


async def test_a_list_that_was_given_is_left_alone(wizard, desk):
    desk.hold("my_address")
    async with wizard() as pilot:
        pilot.app.answers.set("network.allow_admin", ("198.51.100.1",), commit=True)
        pilot.app.go("network")
        await until(pilot, lambda: pilot.app.screen.step_id == "network")
        await pilot.pause()
        desk.release("my_address")
        await settled(pilot)
        assert pilot.app.answers.get("network.allow_admin") == ("198.51.100.1",)
        assert audience(pilot).mode == "list"
        assert audience(pilot).list.display


async def test_anyone_may_ssh_only_with_a_warning(wizard):
    async with wizard("network") as pilot:
        field = pilot.app.screen.field("network.allow_admin")
        field.enter()
        await pilot.press("left")
        assert pilot.app.answers.get("network.allow_admin") == ("Internet",)
        await until(pilot, lambda: field.shown_problem.startswith("!"))
        assert "whole Internet" in field.shown_problem
        assert not field.has_class("wrong")


async def test_a_list_begins_with_ones_own_address_and_is_typed(wizard):
    async with wizard("network") as pilot:
        pilot.app.screen.field("network.allow_admin").enter()
        await pilot.press("right", "down")
        await type_text(pilot, ", 198.51.100.0/24")
        assert pilot.app.answers.get("network.allow_admin") == ("203.0.113.7/32", "198.51.100.0/24")
        assert audience(pilot).mode == "list"


async def test_an_empty_list_lets_nobody_in_and_is_refused(wizard):
    async with wizard("network") as pilot:
        field = pilot.app.screen.field("network.allow_admin")
        field.enter()
        await pilot.press("right", "down")
        await clear(pilot)
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "network"
        assert "list is empty" in field.shown_problem


async def test_without_an_answer_my_address_cannot_be_chosen(wizard, desk):
    desk.answers["my_address"] = UnreachableError("Nobody could be asked.", "", "")
    async with wizard("network") as pilot:
        field = pilot.app.screen.field("network.allow_http")
        field.enter()
        await pilot.press("right", "f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "network"
        assert "Your address is not known: Nobody could be asked" in field.shown_problem


async def test_an_outbound_rule_asks_for_its_address_and_ports(wizard):
    async with wizard("network") as pilot:
        address, ports = (pilot.app.screen.field(f"network.outbound_{each}") for each in ("address", "ports"))
        assert not address.display
        assert not ports.display
        pilot.app.screen.field("network.outbound").enter()
        await pilot.press("right")
        assert pilot.app.answers.get("network.outbound") == "outbound-rule"
        assert address.display
        assert ports.display
        await pilot.press("down", "right", "down", "right")
        assert pilot.app.answers.get("network.outbound_address") == "balancer"
        assert pilot.app.answers.get("network.outbound_ports") == 1032
        await fill(pilot, "network.outbound_ports", "1033")
        await until(pilot, lambda: "cannot be given" in ports.shown_problem)
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "network"


async def test_no_way_out_is_warned_of(wizard):
    async with wizard("network") as pilot:
        pilot.app.answers.set("network.outbound", "none")
        field = pilot.app.screen.field("network.outbound")
        await until(pilot, lambda: field.shown_problem.startswith("!"))


async def test_every_control_is_reached_at_60_by_18(wizard):
    async with wizard("network", size=(60, 18)) as pilot:
        reached = []
        for _ in range(20):
            reached.append(key_of(pilot))
            if pilot.app.focused.id == "next":
                break
            await pilot.press("tab")
        assert [key for key in dict.fromkeys(reached) if key] == [
            field.key for field in pilot.app.screen.fields() if field.display
        ]
        assert pilot.app.focused.id == "next"


def rules(pilot):
    return pilot.app.screen.field("network.rules").control


async def to_rules(pilot):
    pilot.app.screen.field("network.rules").enter()
    await pilot.pause()


async def dialog(pilot):
    await until(pilot, lambda: pilot.app.screen.query("#entry-problems"))
    await pilot.pause()


def told(pilot):
    return pilot.app.screen.query_one("#entry-problems").content.plain


async def put(pilot, key, text):
    next(each for each in pilot.app.screen.query("Field") if each.key == key).enter()
    await pilot.pause()
    pilot.app.focused.value = text
    await pilot.pause()


async def test_a_rule_is_added_edited_and_taken_out(wizard):
    async with wizard("network") as pilot:
        await to_rules(pilot)
        await pilot.press("enter")
        await dialog(pilot)
        assert "no proper name" in told(pilot)
        await pilot.press("f3")
        await pilot.pause()
        assert pilot.app.screen.query("#entry-problems")  # refused
        await put(pilot, "name", "deny-scanner")
        await put(pilot, "source", "203.0.113.0/24, 198.51.100.7")
        await put(pilot, "ports", "8000-8080")
        assert told(pilot) == ""
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.screen.query("#space"))
        assert pilot.app.answers.get("network.rules") == (
            {
                "name": "deny-scanner",
                "priority": 200,
                "access": "deny",
                "direction": "inbound",
                "protocol": "tcp",
                "source": ["203.0.113.0/24", "198.51.100.7"],
                "destination": ["*"],
                "ports": ["8000-8080"],
            },
        )
        assert "200 in  deny  tcp 8000-8080 ← 203." in rules(pilot).render().plain
        await pilot.press("enter")
        await dialog(pilot)
        await put(pilot, "priority", "300")
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.screen.query("#space"))
        assert pilot.app.answers.get("network.rules")[0]["priority"] == 300
        await pilot.press("enter")
        await dialog(pilot)
        await put(pilot, "priority", "400")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.query("#space"))
        assert pilot.app.answers.get("network.rules")[0]["priority"] == 300
        assert pilot.app.answers.plan().network.rules[0].source == ("203.0.113.0/24", "198.51.100.7")
        await pilot.press("f8")
        assert pilot.app.answers.get("network.rules") == ()


async def test_a_rule_that_shuts_out_the_probe_or_ourselves_is_told_while_it_is_written(wizard, desk):
    desk.answers["my_address"] = {"range": "127.0.0.1/32", "why": "loopback"}
    async with wizard("network") as pilot:
        await to_rules(pilot)
        await pilot.press("enter")
        await dialog(pilot)
        await put(pilot, "name", "deny-all")
        assert "168.63.129.16" in told(pilot)
        await pilot.press("f3")
        await pilot.pause()
        assert pilot.app.screen.query("#entry-problems")
        await put(pilot, "ports", "22")
        assert told(pilot) == ""  # ours come first
        await put(pilot, "priority", "100")
        assert "keeps out 127.0.0.1/32 at port 22, who may sign in" in told(pilot)
        await pilot.press("f3")  # a warning alone
        await until(pilot, lambda: pilot.app.screen.query("#space"))
        await until(pilot, lambda: "sign in" in pilot.app.screen.field("network.rules").shown_problem)


async def test_up_and_down_go_through_the_rules_and_on(wizard):
    async with wizard("network") as pilot:
        one = {"access": "allow", "direction": "inbound", "protocol": "tcp", "destination": ["*"], "source": ["*"]}
        listed = [{**one, "name": f"r{n}", "priority": 200 + n, "ports": ["80"]} for n in range(3)]
        pilot.app.answers.set("network.rules", tuple(listed), commit=True)
        await to_rules(pilot)
        for _ in range(3):
            await pilot.press("down")
            assert key_of(pilot) == "network.rules"
        assert rules(pilot).at == 3
        await pilot.press("down")
        await pilot.pause()
        assert pilot.app.focused.id == "next"
        await pilot.press("shift+tab", "shift+tab")
        await pilot.press("up", "f8")
        assert [each["name"] for each in pilot.app.answers.get("network.rules")] == ["r0", "r1"]


async def test_windows_is_signed_in_to_over_rdp(wizard):
    async with wizard() as pilot:
        pilot.app.answers.set("machines.os", "windows", commit=True)
        pilot.app.go("network")
        await until(pilot, lambda: pilot.app.screen.step_id == "network")
        await settled(pilot)
        assert pilot.app.screen.field("network.allow_admin").label == "RDP for"


def shows(line, text):
    return line.value == text


async def test_a_burst_of_keys_keeps_its_order(wizard):
    async with wizard("network") as pilot:
        line = pilot.app.screen.focused
        for keys, left in (
            (("backspace", "5"), "10.0.0.0/15"),
            (("ctrl+u", "1", "home", "2"), "21"),
            (("end", "3", "home", "delete", "4"), "413"),
            (("end", "ctrl+w", "7"), "7"),
        ):
            for key in keys:
                pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await pilot.pause()
            await until(pilot, partial(shows, line, left))
