"""The first screen: clouds and sign-ins, last answers, a plan file, a known deployment, and the short way."""

from __future__ import annotations

from screens import memory
from tests.screens.conftest import settled, type_text, until
from tests.screens.desks import FakeDesk, cloud, signed_in, subscription
from wizard.errors import InputError, UnreachableError


def shown(pilot):
    return [field.key for field in pilot.app.screen.fields() if field.display]


def at(step):
    return lambda pilot: getattr(pilot.app.screen, "step_id", "") == step


async def test_the_sandbox_is_chosen_and_asks_for_nothing(wizard):
    async with wizard() as pilot:
        assert pilot.app.answers.get("cloud") == "sandbox"
        assert shown(pilot) == ["wizard.begin", "wizard.cloud"]
        assert pilot.app.screen.focused_field().key == "wizard.cloud"


async def test_two_enters_lead_to_review(wizard):
    async with wizard() as pilot:
        await pilot.press("enter", "enter")
        await until(pilot, lambda: at("review")(pilot))
        assert pilot.app.answers.get("machines.ssh_key").startswith("ssh-ed25519 ")
        assert not [each for each in pilot.app.answers.problems() if each.severity == "error"]


async def test_a_cloud_with_a_sign_in_is_preselected(wizard, desk: FakeDesk):
    desk.answers["clouds"][0]["preselected"] = False
    found = {"signed_in": True, "how": "azure-cli", "account": "me@example.org", "preselected": True}
    desk.answers["clouds"][1] = cloud("public", "Azure", **found)
    async with wizard() as pilot:
        assert pilot.app.answers.get("cloud") == "public"
        assert "me@example.org" in pilot.app.screen.field("wizard.cloud").note
        assert pilot.app.answers.get("network.allow_admin") == ()


async def test_only_what_a_sign_in_needs_is_asked(wizard):
    async with wizard() as pilot:
        await pilot.press("right")
        await settled(pilot)
        assert "wizard.method" in shown(pilot)
        assert "wizard.client_id" not in shown(pilot)
        pilot.app.answers.set("wizard.method", "service-principal", commit=True)
        await pilot.pause()
        assert {"wizard.tenant", "wizard.client_id", "secret.client_secret"} <= set(shown(pilot))
        await pilot.press("f3")
        await settled(pilot)
        assert at("start")(pilot)
        assert pilot.app.screen.focused_field().key == "wizard.tenant"


async def test_next_signs_in_and_the_secret_goes_to_the_desk_alone(wizard, desk: FakeDesk):
    async with wizard() as pilot:
        await pilot.press("right")
        pilot.app.answers.set("wizard.method", "service-principal", commit=True)
        pilot.app.answers.set("wizard.tenant", "t", commit=True)
        pilot.app.answers.set("wizard.client_id", "c", commit=True)
        await pilot.pause()
        pilot.app.screen.field("secret.client_secret").enter()
        await type_text(pilot, "hush")
        await pilot.press("f3")
        await until(pilot, lambda: at("basics")(pilot))
        asked = dict(desk.asked)["sign_in"]
        assert asked["client_secret"] == "hush"
        assert "hush" not in repr(memory.recall())


async def test_a_refused_sign_in_says_why_and_stays(wizard, desk: FakeDesk):
    desk.answers["sign_in"] = UnreachableError("Nobody is signed in.", "az knows no account.", "Run: az login")
    async with wizard() as pilot:
        await pilot.press("right", "f3")
        await until(pilot, lambda: "az login" in str(pilot.app.screen.query_one("#sign-in-state").render()))
        assert at("start")(pilot)


async def test_a_device_code_is_shown_and_can_be_copied(wizard, desk: FakeDesk):
    desk.hold("sign_in")
    async with wizard() as pilot:
        await pilot.press("right")
        pilot.app.answers.set("wizard.method", "device-code", commit=True)
        await pilot.press("f3")
        await until(pilot, lambda: "sign_in" in desk.questions())
        desk.tell(tell="device_code", id=1, url="https://login.example/device", code="ABCD-EFGH", expires_utc="")
        await pilot.pause()
        assert "ABCD-EFGH" in str(pilot.app.screen.query_one("#sign-in-state").render())
        await pilot.click("#copy-code")
        assert pilot.app.clipboard == "ABCD-EFGH"
        desk.release("sign_in")
        await until(pilot, lambda: at("basics")(pilot))


async def test_several_subscriptions_are_a_choice_to_make(wizard, desk: FakeDesk):
    several = [subscription("1", "One"), subscription("2", "Two")]
    desk.answers["sign_in"] = lambda cloud, method, **_: signed_in(cloud, method, several)
    async with wizard() as pilot:
        await pilot.press("right", "f3")
        await until(pilot, lambda: "sign_in" in desk.questions())
        await settled(pilot)
        assert at("start")(pilot)
        assert pilot.app.screen.focused_field().key == "wizard.subscription"
        pilot.app.answers.set("wizard.subscription", "2", commit=True)
        await pilot.press("f3")
        await until(pilot, lambda: at("basics")(pilot))
        assert dict(desk.asked)["choose"] == {"cloud": "public", "subscription": "2"}


async def test_the_last_answers_are_offered_and_given_back(wizard):
    memory.remember(answers={"name": "old-rg", "machines": {"count": 5}})
    async with wizard() as pilot:
        await pilot.press("up", "right")
        await pilot.pause()
        assert pilot.app.answers.get("machines.count") == 5
        assert "old-rg" in pilot.app.screen.field("wizard.begin").note
        await pilot.press("left")
        assert pilot.app.answers.get("machines.count") == 2
        assert pilot.app.answers.get("name") == "ra-multi-vm-rg"


async def test_a_plan_file_fills_the_answers(wizard, desk: FakeDesk):
    plan = {"name": "from-file", "machines": {"count": 7}}
    desk.answers["load_plan"] = lambda path: {"path": path, "plan": plan, "problems": []}
    async with wizard() as pilot:
        pilot.app.answers.set("wizard.begin", "plan", commit=True)
        await pilot.press("f3")
        await settled(pilot)
        assert pilot.app.screen.focused_field().key == "wizard.plan_file"  # no file is named yet
        await type_text(pilot, "p.toml")
        await pilot.press("f3")
        await until(pilot, lambda: at("basics")(pilot))
        assert pilot.app.answers.get("machines.count") == 7
        assert pilot.app.screen.field("name").control.answer == "from-file"


async def test_a_plan_file_that_cannot_be_read_is_told(wizard, desk: FakeDesk):
    desk.answers["load_plan"] = InputError("p.toml cannot be read.", "No such file.", "Name another.")
    async with wizard() as pilot:
        pilot.app.answers.set("wizard.begin", "plan", commit=True)
        pilot.app.answers.set("wizard.plan_file", "p.toml", commit=True)
        await pilot.press("f3")
        await until(pilot, lambda: any("cannot be read" in toast.title for toast in pilot.app.toasts))
        assert at("start")(pilot)


async def test_the_plan_option_opens_prefilled(wizard, desk: FakeDesk, tmp_path):
    plan = {"name": "given", "location": "northeurope"}
    desk.answers["load_plan"] = lambda path: {"path": path, "plan": plan, "problems": []}
    async with wizard(plan_file=tmp_path / "plan.toml") as pilot:
        await until(pilot, lambda: pilot.app.answers.get("name") == "given")
        assert pilot.app.where == "sandbox · given"


async def test_a_path_is_completed(wizard, tmp_path):
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "mine.toml").write_text("")
    async with wizard() as pilot:
        pilot.app.answers.set("wizard.begin", "plan", commit=True)
        await pilot.pause()
        field = pilot.app.screen.field("wizard.plan_file")
        field.enter()
        await type_text(pilot, f"{tmp_path}/plans/mi")
        await until(pilot, lambda: field.control.line._suggestion.endswith("mine.toml"))
        await pilot.press("right")
        assert field.control.answer == f"{tmp_path}/plans/mine.toml"


async def test_every_control_is_reached_on_a_small_terminal(wizard):
    async with wizard(size=(60, 18)) as pilot:
        await pilot.press("right")
        pilot.app.answers.set("wizard.method", "service-principal", commit=True)
        await pilot.pause()
        reached = set()
        for _ in range(10):
            focused = pilot.app.screen.focused
            assert pilot.app.screen.region.contains_region(focused.region), focused
            within = pilot.app.screen.focused_field()
            reached.add(within.key if within else focused.id)
            await pilot.press("tab")
            await pilot.pause()
        assert {*shown(pilot), "sign-in", "review", "next"} <= reached
