"""The Storage step, and above all its table of tags."""

from __future__ import annotations

from textual import events

from screens.widgets.tags import TagsControl
from tests.screens.conftest import settled, type_text, until
from tests.screens.forms import fill


def tags(pilot):
    control = pilot.app.screen.field("tags").control
    assert isinstance(control, TagsControl)
    return control


async def to_tags(pilot):
    pilot.app.screen.field("tags").enter()
    await pilot.pause()


async def test_begins_at_the_disk(wizard):
    async with wizard("storage") as pilot:
        assert pilot.app.screen.focused_field().key == "machines.os_disk"


async def test_every_field_has_help(wizard):
    async with wizard("storage") as pilot:
        for field in pilot.app.screen.fields():
            assert all((field.help.what, field.help.rule, field.help.recommend, field.help.later)), field.key


async def test_a_hard_disk_is_warned_of(wizard):
    async with wizard("storage") as pilot:
        pilot.app.answers.set("machines.os_disk", "Standard_LRS")
        await until(pilot, lambda: pilot.app.screen.field("machines.os_disk").shown_problem.startswith("!"))


async def test_enter_twice_in_the_list_closes_the_list_alone(wizard):
    async with wizard("storage") as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "PickScreen")
        for _ in range(2):  # as a terminal sends them: both before the first is handled
            pilot.app.post_message(events.Key("enter", "\r"))
        await until(pilot, lambda: type(pilot.app.screen).__name__ != "PickScreen")
        await pilot.pause()
        assert pilot.app.screen.step_id == "storage"


async def test_boot_diagnostics_off_says_what_is_lost(wizard):
    async with wizard("storage") as pilot:
        pilot.app.screen.field("diagnostics.boot").enter()
        await pilot.press("space")
        assert pilot.app.answers.get("diagnostics.boot") is False
        assert "tell nothing" in pilot.app.screen.field("diagnostics.boot").note


async def test_tags_are_typed_and_the_table_grows(wizard):
    async with wizard("storage") as pilot:
        await to_tags(pilot)
        await type_text(pilot, "owner")
        await pilot.press("tab")
        await type_text(pilot, "me@example.org")
        await pilot.press("enter")
        await type_text(pilot, "purpose")
        await pilot.press("tab")
        await type_text(pilot, "a, b = c")
        assert pilot.app.answers.get("tags") == {"owner": "me@example.org", "purpose": "a, b = c"}
        assert len(tags(pilot).rows) == 3


async def test_tags_given_by_a_plan_are_shown(wizard):
    async with wizard() as pilot:
        pilot.app.answers.set("tags", {"owner": "me", "cost": "42"}, commit=True)
        pilot.app.go("storage")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        await settled(pilot)
        assert [row.pair for row in tags(pilot).rows] == [("owner", "me"), ("cost", "42"), ("", "")]
        assert pilot.app.answers.get("tags") == {"owner": "me", "cost": "42"}


async def test_a_tag_is_removed(wizard):
    async with wizard() as pilot:
        pilot.app.answers.set("tags", {"owner": "me", "cost": "42"}, commit=True)
        pilot.app.go("storage")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        await settled(pilot)
        await to_tags(pilot)
        await pilot.press("f8")
        assert pilot.app.answers.get("tags") == {"cost": "42"}
        assert pilot.app.focused is tags(pilot).rows[0].tag


async def test_escape_takes_back_a_tag_being_typed(wizard):
    async with wizard() as pilot:
        pilot.app.answers.set("tags", {"owner": "me"}, commit=True)
        pilot.app.go("storage")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        await settled(pilot)
        await to_tags(pilot)
        await type_text(pilot, "ship")
        assert pilot.app.answers.get("tags") == {"ownership": "me"}
        await pilot.press("escape")
        assert pilot.app.answers.get("tags") == {"owner": "me"}
        assert tags(pilot).rows[0].pair == ("owner", "me")


WRONG = (
    ({"a<b": "x"}, "'<'"),
    ({"microsoft-x": "x"}, "reserved word"),
    ({"multivm-wizard": "x"}, "set by the program"),
    ({"": "x"}, "no name"),
    ({"owner": "x" * 257}, "257 characters"),
)


async def test_azures_limits_are_told_and_stop_next(wizard):
    async with wizard("storage") as pilot:
        for pairs, told in WRONG:
            pilot.app.answers.set("tags", pairs)
            await pilot.press("f3")
            await settled(pilot)
            assert pilot.app.screen.step_id == "storage"
            assert told in pilot.app.screen.field("tags").shown_problem
            assert pilot.app.screen.focused_field().key == "tags"
            assert tags(pilot).rows[0].has_class("-wrong")


async def test_a_name_given_twice_is_told_whatever_its_case(wizard):
    async with wizard("storage") as pilot:
        await to_tags(pilot)
        for text in ("Owner", "x", "owner", "y"):
            await type_text(pilot, text)
            await pilot.press("tab")
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.step_id == "storage"
        assert "twice" in pilot.app.screen.field("tags").shown_problem


async def test_the_table_ends_at_azures_limit(wizard, monkeypatch):
    monkeypatch.setattr("wizard.plan.limits.TAGS", 4)  # 50 in earnest; ours is one of them
    async with wizard() as pilot:
        pilot.app.answers.set("tags", {f"t{number}": "x" for number in range(3)}, commit=True)
        pilot.app.go("storage")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        await settled(pilot)
        assert len(tags(pilot).rows) == 3
        assert all(row.pair[0] for row in tags(pilot).rows)


async def test_data_disks_are_added_copied_and_limited_by_the_size(wizard, desk):
    for each in desk.answers["sizes"]:
        each["data_disks"] = 1
    async with wizard("storage") as pilot:
        disks = pilot.app.screen.field("machines.data_disks")
        disks.enter()
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query("#entry-problems"))
        pilot.app.focused.value = "256"
        await pilot.press("down", "down", "right", "f3")
        await until(pilot, lambda: pilot.app.screen.query("#rail"))
        assert pilot.app.answers.get("machines.data_disks") == (
            {"size_gb": 256, "type": "Premium_LRS", "caching": "read-only"},
        )
        assert disks.note == "Standard_D2s_v5 takes 1."
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#entry-problems"))
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.screen.query("#rail"))
        assert len(pilot.app.answers.plan().machines.data_disks) == 2
        await until(pilot, lambda: "takes 1 data disks" in disks.shown_problem)
        await pilot.press("f8")
        await until(pilot, lambda: not disks.shown_problem)


async def test_kept_writes_are_warned_of_while_a_disk_is_edited(wizard):
    async with wizard("storage") as pilot:
        pilot.app.screen.field("machines.data_disks").enter()
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query("#entry-problems"))
        await pilot.press("down", "down", "left")
        told = pilot.app.screen.query_one("#entry-problems")
        await until(pilot, lambda: "lost with the host" in told.content.plain)
        await pilot.press("up", "enter")  # the list of kinds, over the dialog
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await pilot.press(*"light use", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#entry-problems"))
        assert pilot.app.screen.entry["type"] == "StandardSSD_LRS"
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.query("#rail"))
        assert pilot.app.answers.get("machines.data_disks") == ()


async def test_the_os_disk_and_the_account_are_kept_in_the_plan(wizard):
    async with wizard("storage") as pilot:
        await fill(pilot, "machines.os_disk_gb", "256")
        assert pilot.app.screen.field("machines.os_disk_gb").note == "GB"
        await pilot.press("down", "left")
        pilot.app.screen.field("diagnostics.storage_account").enter()
        await pilot.press("space")
        plan = pilot.app.answers.plan()
        assert (plan.machines.os_disk_gb, plan.machines.os_disk_caching) == (256, "read-only")
        assert plan.diagnostics.storage_account


async def test_choices_come_by_themselves_once_they_deploy(wizard, monkeypatch):
    from wizard.plan import not_yet

    monkeypatch.setattr(not_yet, "_LIST", ())
    async with wizard("storage") as pilot:
        keys = {field.key for field in pilot.app.screen.fields()}
        sections = ("storage.", "diagnostics.", "management.")
        from wizard.plan import document

        assert {key for key in document.fields() if key.startswith(sections)} <= keys
        fold = pilot.app.screen.query_one("#management")
        fold.enter()
        await pilot.press("enter")
        pilot.app.screen.field("management.lock").enter()
        await pilot.press("right")
        assert pilot.app.answers.get("management.lock") == "delete"
        assert "locked" in fold.summary


async def test_every_control_is_reached_at_60_by_18(wizard):
    async with wizard("storage", size=(60, 18)) as pilot:
        for _ in range(40):
            focused = pilot.app.screen.focused
            assert pilot.app.screen.region.contains_region(focused.region), focused
            if focused.id == "next":
                break
            await pilot.press("tab")
        assert pilot.app.focused.id == "next"
