"""Review and create: what is told, what stops, and that Create acts once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from screens.widgets.push import Push
from tests.screens.conftest import settled, until
from tests.screens.desks import PUBLIC, cost
from wizard.blueprint import build
from wizard.errors import UnreachableError
from wizard.plan.model import Plan

QUOTA = {
    "field": "machines.size",
    "what": "The quota of cores is too small.",
    "why": "4 are needed and 2 are left.",
    "remedy": "Ask for more, or choose a smaller size.",
    "severity": "error",
}


def resources(plan, bodies=False):
    made = build(Plan.model_validate(plan), "sub")
    return [{"id": each.id, "type": each.type, "name": each.name, "after": list(each.after)} for each in made]


def outlook(plan, subscription=None):
    listed = [{**each, "state": "absent", "differences": []} for each in resources(plan)]
    return {"ready": True, "complete": False, "problems": [], "resources": listed, "new_vms": [], "needs_password": []}


@pytest.fixture
def review(wizard, desk):
    """The wizard at Review, with a plan that is legal; `answers` changes it."""

    @asynccontextmanager
    async def opened(size=(80, 24), **answers):
        desk.answers["blueprint"] = resources
        desk.answers.setdefault("outlook", outlook)
        if not callable(desk.answers["outlook"]):
            desk.answers["outlook"] = outlook
        async with wizard(size=size) as pilot:
            values = {"name": "ra-multi-vm-rg", "machines.ssh_key": PUBLIC}
            for key, value in (values | {key.replace("__", "."): value for key, value in answers.items()}).items():
                pilot.app.answers.set(key, value, commit=True)
            pilot.app.go("review")
            await until(pilot, lambda: pilot.app.screen.step_id == "review")
            await settled(pilot)
            yield pilot

    return opened


@pytest.fixture
def gone(monkeypatch):
    """Where the wizard was sent, instead of going there."""
    from screens.app import WizardApp

    seen = []
    real = WizardApp.go

    def go(self, step_id, **arguments):
        if step_id == "deploying":
            seen.append((step_id, arguments))
        else:
            real(self, step_id, **arguments)

    monkeypatch.setattr(WizardApp, "go", go)
    return seen


def create(pilot):
    return pilot.app.screen.query_one("#next", Push)


def verdict(pilot):
    return pilot.app.screen.query_one("#verdict").content


def found(pilot):
    return [str(each.content) for each in pilot.app.screen.query("Found")]


async def test_begins_at_the_consent_which_is_not_given(review):
    async with review() as pilot:
        assert pilot.app.screen.focused_field() is pilot.app.screen.consent
        assert pilot.app.screen.consent.control.answer is False
        assert create(pilot).disabled
        assert "consent is missing" in pilot.app.screen.query_one("#mend").content


async def test_all_of_it_is_in_view_at_80_by_24(review):
    async with review() as pilot:
        assert pilot.app.screen.query_one("#body").max_scroll_y == 0
        assert "✓ ready" in verdict(pilot)
        assert pilot.app.screen.query_one("#planned").summary == "12 resources, all new"


async def test_what_cannot_change_in_place_is_shown_beside_what_would_change(review, desk, gone):
    def refused(plan, subscription=None):
        told = outlook(plan)
        states = {"loadBalancers": "differs", "virtualMachines": "fixed", "networkInterfaces": "same"}
        listed = [{**each, "state": states.get(each["type"].split("/")[1], "same")} for each in told["resources"]]
        problem = {"field": "", "what": "The plan asks for too much.", "why": "", "remedy": "", "severity": "error"}
        return {**told, "ready": False, "resources": listed, "problems": [problem]}

    async with review() as pilot:
        desk.answers["outlook"] = refused
        await pilot.press("space", "ctrl+r")
        await until(pilot, lambda: "not as it stands" in verdict(pilot))
        planned = pilot.app.screen.query_one("#planned")
        assert planned.summary == "12 resources: 2 in the way, 1 to change, 9 as they are"
        lines = [str(line) for line in planned.lines._make(80)]
        assert sum("✗ cannot change in place" in line for line in lines) == 2
        assert sum("~ changes" in line for line in lines) == 1
        assert found(pilot) == ["✗ The plan asks for too much."]
        assert create(pilot).disabled
        await pilot.press("f3")
        assert gone == []


async def test_consent_and_create_hand_over(review, gone):
    async with review() as pilot:
        await pilot.press("space")
        assert not create(pilot).disabled
        await pilot.press("enter", "enter")
        assert gone == [("deploying", {"start": True})]


@pytest.mark.parametrize("keys", [("f3", "f3"), ("enter", "enter", "enter"), ("f3", "enter", "f3")])
async def test_create_pressed_twice_hands_over_once(review, gone, keys):
    async with review() as pilot:
        await pilot.press("space", *keys)
        await settled(pilot)
        assert len(gone) == 1
        assert create(pilot).disabled


async def test_create_without_consent_goes_to_the_consent(review, gone):
    async with review() as pilot:
        await pilot.press("up", "f3")
        assert gone == []
        assert pilot.app.screen.focused_field() is pilot.app.screen.consent


async def test_consent_is_asked_anew_each_time(review):
    async with review() as pilot:
        await pilot.press("space")
        pilot.app.go("storage")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        pilot.app.go("review")
        await until(pilot, lambda: pilot.app.screen.step_id == "review")
        await settled(pilot)
        assert pilot.app.screen.consent.control.answer is False


async def test_what_the_cloud_says_stops_create_and_leads_to_its_field(review, desk, gone):
    desk.answers["preflight"] = {"ready": False, "problems": [QUOTA], "seconds": 1.5}
    async with review() as pilot:
        assert "✗ 1 to mend" in verdict(pilot)
        assert "The quota of cores is too small." in found(pilot)[0]
        assert "› Machines" in found(pilot)[0]
        await pilot.press("space", "f3")
        assert gone == []
        pilot.app.screen.query("Found").first().focus()
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.step_id == "machines")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "machines.size"


async def test_a_plan_that_is_wrong_by_itself_is_not_sent_to_the_cloud(review, desk):
    async with review(network__subnet="10.9.0.0/24") as pilot:
        assert "✗ 1 to mend" in verdict(pilot)
        assert "preflight" not in desk.questions()
        pilot.app.screen.query("Found").first().focus()
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.step_id == "network")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "network.subnet"
        assert "not inside" in pilot.app.screen.field("network.subnet").shown_problem


async def test_a_tags_problem_leads_to_the_tags(review):
    async with review(tags={"a<b": "x"}) as pilot:
        pilot.app.screen.query("Found").first().focus()
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.step_id == "storage")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "tags"


async def test_warnings_do_not_stop(review, desk, gone):
    desk.answers["preflight"] = {"ready": True, "problems": [{**QUOTA, "severity": "warning"}], "seconds": 0.5}
    async with review() as pilot:
        assert found(pilot)[0].startswith("! ")
        await pilot.press("space", "f3")
        assert len(gone) == 1


async def test_a_cloud_that_cannot_be_asked_is_told_and_asked_again(review, desk, gone):
    desk.answers["preflight"] = UnreachableError("The sandbox does not answer.", "It was stopped.", "Start it.")
    async with review() as pilot:
        assert "The sandbox does not answer." in found(pilot)[0]
        await pilot.press("space", "f3")
        assert gone == []
        desk.answers["preflight"] = {"ready": True, "problems": [], "seconds": 0.1}
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert "✓ ready" in verdict(pilot)
        assert found(pilot) == []
        await pilot.press("f3")
        assert len(gone) == 1


async def test_nothing_is_created_while_the_checks_run(review, desk, gone):
    desk.hold("preflight")
    async with review_held(review, desk) as pilot:
        assert "… asking" in verdict(pilot)
        await pilot.press("space", "f3")
        assert gone == []
        assert pilot.app.screen.query_one("#planned").summary == "12 resources"
        desk.release("preflight")
        await settled(pilot)
        assert not create(pilot).disabled


@asynccontextmanager
async def review_held(review, desk):
    """As `review`, without waiting for what the desk holds back."""
    desk.release("preflight")
    async with review() as pilot:
        desk.hold("preflight")
        pilot.app.screen.action_again()
        await until(pilot, lambda: desk.questions()[-1] == "preflight")
        await pilot.pause()
        yield pilot


async def test_sections_open_and_are_read_by_keyboard(review):
    async with review() as pilot:
        changes = pilot.app.screen.query_one("#changes")
        changes.enter()
        await pilot.press("enter", "down")
        assert changes.opened
        assert changes.lines.has_focus
        await pilot.press("down", "down")
        assert changes.lines.scroll_offset.y == 2
        pilot.app.screen.query_one("#changes Head").focus()
        await pilot.press("left")
        assert not changes.opened


async def test_200_machines_stand_in_the_tree(review):
    async with review(machines__count=200) as pilot:
        planned = pilot.app.screen.query_one("#planned")
        assert planned.summary == "408 resources, all new"
        planned.enter()
        await pilot.press("enter", "down", "end")
        assert any("ra-multi-vm200 " in line.plain for line in planned.lines.lines)


async def test_ssh_for_anyone_is_told_in_the_summary(review):
    async with review(network__allow_admin=("Internet",)) as pilot:
        assert pilot.app.screen.query_one("#open").summary == "! 1 to look at again"
        assert any("whole Internet" in line for line in found(pilot))


async def test_the_plan_is_saved(review, desk, tmp_path):
    async with review() as pilot:
        pilot.app.screen.path.control.answer = str(tmp_path / "mine.toml")
        pilot.app.screen.query_one("#save").focus()
        await pilot.press("enter")
        await settled(pilot)
        assert desk.asked[-1][0] == "save_plan"
        assert desk.asked[-1][1]["overwrite"] is False
        assert pilot.app.screen.path.note == f"✓ saved as {tmp_path / 'mine.toml'}"


@pytest.mark.parametrize(
    ("keys", "overwritten"), [(("enter",), False), (("escape",), False), (("down", "enter"), True)]
)
async def test_a_file_that_is_there_is_kept_unless_one_says_so(review, desk, tmp_path, keys, overwritten):
    there = tmp_path / "mine.toml"
    there.write_text("x = 1\n")
    async with review() as pilot:
        pilot.app.screen.path.control.answer = str(there)
        pilot.app.screen.query_one("#save").focus()
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "ChoiceScreen")
        await pilot.press(*keys)
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "ReviewStep")
        await settled(pilot)
        saves = [values for question, values in desk.asked if question == "save_plan"]
        assert [each["overwrite"] for each in saves] == ([True] if overwritten else [])


async def test_a_folder_is_no_plan_file(review, desk, tmp_path: Path):
    async with review() as pilot:
        pilot.app.screen.path.control.answer = str(tmp_path)
        pilot.app.screen.query_one("#save").focus()
        await pilot.press("enter")
        await settled(pilot)
        assert pilot.app.screen.path.note.startswith("✗")
        assert "save_plan" not in desk.questions()


async def test_every_control_is_reached_at_60_by_18(review):
    async with review(size=(60, 18)) as pilot:
        await pilot.press("space")
        seen = set()
        for _ in range(20):
            await pilot.press("tab")
            seen.add(pilot.app.focused)
        screen = pilot.app.screen
        wanted = {screen.query_one("#again"), screen.query_one("#save"), screen.consent.control, create(pilot)}
        assert wanted | set(screen.query("Head")) <= seen


async def test_the_chosen_subscription_is_asked_about(review, desk):
    async with review(wizard__subscription="sub-1", wizard__signed_in="sandbox"):
        asked = dict(desk.asked)
        assert asked["preflight"]["subscription"] == "sub-1"


async def test_the_terms_are_the_clouds_own(review, desk):
    desk.answers["terms"] = lambda cloud: {"billed": True}
    async with review() as pilot:
        terms = pilot.app.screen.query_one("#terms")
        assert "no cost" not in str(terms.content)
        desk.answers["terms"] = lambda cloud: {"billed": False}
        pilot.app.screen._show_terms()
        await until(pilot, lambda: "no cost" in str(terms.content))


def costs(pilot):
    return pilot.app.screen.query_one("#costs")


async def test_what_it_costs_is_told_in_a_line_and_in_all_its_lines(review):
    async with review(machines__count=3) as pilot:
        await until(pilot, lambda: "$" in costs(pilot).summary)
        assert costs(pilot).summary == "on Azure at least $270 a month"
        lines = [str(line) for line in costs(pilot).lines._make(60)]
        assert lines[0] == "Nothing here. On Azure:"
        assert any(line.startswith("3  Standard_D2s_v5, Linux") and line.endswith("$251.85") for line in lines)
        assert any("Public IP address" in line and line.endswith("no price") for line in lines)
        assert "By use" in lines
        assert all(len(line) <= 60 for line in lines)
        narrow = [str(line) for line in costs(pilot).lines._make(45)]
        assert not any("per hour" in line for line in narrow), "where it is too narrow, the sum alone"


async def test_where_it_is_billed_the_sum_is_what_it_costs(review, desk):
    desk.answers["cost"] = partial(cost, billed=True)
    async with review() as pilot:
        await until(pilot, lambda: "$" in costs(pilot).summary)
        assert costs(pilot).summary == "at least $186 a month"
        assert "Nothing here" not in str(costs(pilot).lines._make(60)[0])


async def test_nothing_waits_for_the_price_list(wizard, desk, gone):
    desk.hold("cost")
    async with silent_review(wizard, desk) as pilot:
        assert costs(pilot).summary == "… asking the price list"
        await pilot.press("space")
        await until(pilot, lambda: not create(pilot).disabled)
        await pilot.press("enter", "enter")
        assert gone == [("deploying", {"start": True})]


@asynccontextmanager
async def silent_review(wizard, desk):
    """Review while the price list is silent: no worker ends before it speaks."""
    desk.answers["blueprint"], desk.answers["outlook"] = resources, outlook
    async with wizard() as pilot:
        for key, value in {"name": "ra-multi-vm-rg", "machines.ssh_key": PUBLIC}.items():
            pilot.app.answers.set(key, value, commit=True)
        pilot.app.go("review")
        await until(pilot, lambda: pilot.app.screen.step_id == "review" and pilot.app.screen.stage == "ready")
        yield pilot
        desk.release("cost")
        await settled(pilot)


async def test_without_prices_it_says_why(review, desk):
    desk.answers["cost"] = UnreachableError("The sandbox did not start.", "It is broken.", "Mend it.")
    async with review() as pilot:
        await until(pilot, lambda: costs(pilot).summary == "not known")
        assert "The sandbox did not start." in str(costs(pilot).lines._make(80)[0])
        assert "✓ ready" in verdict(pilot), "what it costs stops nobody"


async def test_a_plan_to_mend_is_not_priced(review, desk):
    async with review(machines__count=0) as pilot:
        assert costs(pilot).summary == "told when the plan is mended"
        assert "cost" not in desk.questions()
