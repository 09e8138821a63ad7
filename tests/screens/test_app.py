"""What all screens share: keys, palette, messages, copies, pictures, themes, and the last words after a bug."""

from __future__ import annotations

import re
from functools import partial

import pytest
from textual.binding import Binding

from screens import crash, flow, memory
from screens.answers import PASSWORD
from screens.palette import commands
from tests.screens.conftest import until
from wizard.errors import WizardError

FORBIDDEN = {"ctrl+j", "ctrl+m", "ctrl+i", "ctrl+s", "ctrl+b"}
"""What terminals take for Enter, Tab and flow control, or tmux for itself."""


def bindings(screen) -> list[Binding]:
    own = [each for each in screen.active_bindings.values() if not each.binding.system]
    return [each.binding for each in own if each.binding.id or each.node is screen or each.node is screen.app]


@pytest.mark.parametrize("step", ["start", "basics", "machines"])
async def test_every_key_of_a_step_has_an_id_and_a_tooltip(wizard, step):
    async with wizard(step) as pilot:
        found = [each for each in bindings(pilot.app.screen) if each.action.partition("(")[0] not in TEXTUALS]
        assert found
        assert [each for each in found if not each.id or not each.tooltip] == []
        assert {each.key for each in found} & FORBIDDEN == set()


TEXTUALS = {
    "app.focus_next",
    "app.focus_previous",
    "screen.copy_text",
    "screen.minimize",
    "copy_text",
    "minimize",
    "help_quit",
    "command_palette",
}


async def test_the_palette_knows_reached_steps_and_actions(wizard):
    async with wizard("machines") as pilot:
        titles = [each.title for each in commands(pilot.app, pilot.app.screen)]
        assert "Go to 1 Start" in titles
        assert not any("Review" in title and title.startswith("Go to") for title in titles)
        assert any(title.startswith("Next") for title in titles)
        assert "Use the light theme" in titles


async def test_the_palette_leads_to_a_step(wizard):
    async with wizard("machines") as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"start")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "start")


def here(pilot, step):
    return getattr(pilot.app.screen, "step_id", "") == step


async def test_the_palette_does_what_the_screen_can(wizard):
    async with wizard("network") as pilot:
        for typed, step in (("next", "balancer"), ("back", "network")):
            await pilot.press("ctrl+p")
            await pilot.pause()
            await pilot.press(*typed)
            await pilot.pause(0.3)
            await pilot.press("enter")
            await until(pilot, partial(here, pilot, step))


async def test_every_action_that_the_palette_offers_is_one_that_can_be_run(wizard):
    async with wizard("machines") as pilot:
        screen = pilot.app.screen
        ran = []

        async def noted(action, default_namespace=None, namespaces=None):
            target, name, _ = pilot.app._parse_action(action, default_namespace)
            ran.append(hasattr(target, f"action_{name}") or hasattr(target, f"_action_{name}"))

        pilot.app.run_action = noted
        actions = [each for each in commands(pilot.app, screen) if "  (" in each.title]
        for each in actions:
            each.callback()
        await until(pilot, lambda: len(ran) == len(actions))
        assert actions
        assert all(ran)


async def test_messages_are_kept(wizard):
    async with wizard() as pilot:
        pilot.app.notify("one [bold]thing[/]", title="T", severity="error")
        pilot.app.action_toasts()
        await until(pilot, lambda: pilot.app.screen.query("#toasts"))
        text = " ".join(str(each.render()) for each in pilot.app.screen.query("#toasts Static"))
        assert "one [bold]thing[/]" in text


async def test_a_copy_goes_to_the_clipboard_and_to_a_file(wizard, own_home):
    async with wizard() as pilot:
        pilot.app.copy("curl http://127.0.0.1/", "The curl line")
        assert pilot.app.clipboard == "curl http://127.0.0.1/"
        pilot.app.action_save_copied()
        (file,) = (own_home / "copied").iterdir()
        assert file.read_text() == "curl http://127.0.0.1/\n"
        assert str(file) in pilot.app.toasts[-1].message


async def test_a_saved_picture_holds_no_password_that_is_shown(wizard, own_home):
    async with wizard("machines", size=(120, 40)) as pilot:
        app = pilot.app
        app.answers.set("machines.auth", "password", commit=True)
        control = app.screen.field(PASSWORD).control
        await until(pilot, lambda: control.is_on_screen)
        control.line.focus()
        await pilot.press(*"Shown2all")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: control.shown and "Shown2all" in app.export_screenshot())
        app.action_screenshot("shown.svg")
        await until(pilot, lambda: app.toasts)
        assert "Shown2all" not in (own_home / "pictures" / "shown.svg").read_text()
        await until(pilot, lambda: "Shown2all" in app.export_screenshot())


async def test_a_picture_is_saved_where_a_message_says(wizard, own_home):
    async with wizard() as pilot:
        pilot.app.action_screenshot()
        await until(pilot, lambda: any("Saved as" in toast.message for toast in pilot.app.toasts))
        (file,) = (own_home / "pictures").iterdir()
        assert file.suffix == ".svg"
        assert "sandbox" in file.read_text()


async def test_the_theme_is_changed_and_remembered(wizard):
    async with wizard() as pilot:
        pilot.app.action_toggle_theme()
        assert memory.recall()["theme"] == "multivm-light"
        assert not pilot.app.current_theme.dark


async def test_no_colour_is_honoured(wizard, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with wizard() as pilot:
        colours = set(re.findall(r"fill: #([0-9a-f]{6})", pilot.app.export_screenshot()))
        assert colours
        assert all(len({colour[:2], colour[2:4], colour[4:]}) == 1 for colour in colours - {"c5c8c6"})


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (30, 8), (200, 60)])
async def test_any_size_at_any_time(wizard, size):
    async with wizard("machines") as pilot:
        await pilot.resize_terminal(*size)
        await pilot.press("tab", "right", "f1")
        await pilot.resize_terminal(80, 24)
        await pilot.press("escape")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "machines")


async def test_the_field_in_hand_stays_in_sight_when_the_terminal_shrinks(wizard):
    async with wizard("machines", size=(120, 40)) as pilot:
        screen = pilot.app.screen
        field = screen.field("machines.auth")
        field.enter()
        await pilot.resize_terminal(60, 18)
        await until(pilot, lambda: field.region.height and field.region.bottom <= 16 and field.region.y >= 2)


async def test_a_bug_leaves_a_redacted_file_and_a_way_on(wizard, own_home, capsys):
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the pilot raises it again where it ends
        async with wizard("machines") as pilot:
            pilot.app.answers.set_secret(PASSWORD, "Sup3r-secret-word")

            def bug() -> None:
                local = "Sup3r-secret-word"
                raise ZeroDivisionError(f"quotes {local}")

            pilot.app.call_later(bug)
            await pilot.pause(0.5)
    (file,) = (own_home / "crashes").iterdir()
    text = file.read_text()
    assert "ZeroDivisionError" in text
    assert "in bug" in text
    assert "Sup3r" not in text
    assert file.stat().st_mode & 0o777 == 0o600
    told = capsys.readouterr()
    assert "Sup3r" not in told.out + told.err + pilot.app.last_words
    assert f"{file}" in pilot.app.last_words
    assert "multivm-wizard status" in pilot.app.last_words


def test_a_crash_file_keeps_messages_written_for_people_and_no_home_folder():
    try:
        raise WizardError("It broke.", "Because.", "Mend it.")
    except WizardError as error:
        path = crash.write(error, "X", ["Mend it"])
    assert path is not None
    assert "It broke. Because. [secret]." in path.read_text()
    assert "/work" not in path.read_text()


def test_a_crash_file_names_where_a_worker_failed():
    from textual.worker import WorkerFailed

    def fails() -> None:
        raise KeyError("tYpEd")

    try:
        fails()
    except KeyError as error:
        path = crash.write(WorkerFailed(error), "X")
    assert path is not None
    text = path.read_text()
    assert "in fails" in text
    assert "builtins.KeyError" in text
    assert "tYpEd" not in text


def test_every_plan_key_is_mended_in_some_step():
    from wizard.plan import document

    assert [key for key in document.fields() if not flow.step_of(key)] == []


async def test_every_plan_key_has_a_field(wizard, monkeypatch):
    from wizard.plan import document, not_yet

    monkeypatch.setattr(not_yet, "_LIST", ())
    seen = {"version", "cloud", "machines.ssh_key"}  # the file's own; chosen in Start; in the field of the key's list
    async with wizard() as pilot:
        for step in ("basics", "machines", "network", "balancer", "storage"):
            pilot.app.go(step)
            await until(pilot, lambda wanted=step: getattr(pilot.app.screen, "step_id", "") == wanted)  # type: ignore[misc]
            await until(pilot, pilot.app.screen.fields)
            seen |= {field.key for field in pilot.app.screen.fields()}
    assert [key for key in document.fields() if key not in seen] == []
