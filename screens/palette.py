"""What the command palette offers: every step, every action of the screen that is open, and what the program can do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand

from screens import flow

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.app import WizardApp

QUIET = ("focus_by", "number", "go", "command_palette", "help_quit", "copy_text")
"""Actions whose keys move within a screen: naming them in a list would only hide the others."""


def commands(app: WizardApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """All commands for this screen."""
    yield from _steps(app, screen)
    yield from _actions(screen)
    other = "light" if app.current_theme.dark else "dark"
    yield SystemCommand(f"Use the {other} theme", "Remembered for the next time", app.action_toggle_theme)
    yield SystemCommand(
        "Save a picture of this screen", "As SVG, in a file that a message names", app.action_screenshot
    )
    yield SystemCommand("Show messages", "All that came up here so far", app.action_toasts)
    if app.copied is not None:
        yield SystemCommand("Save what was copied", "To a file that a message names", app.action_save_copied)


def _steps(app: WizardApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    ids = [each.id for each in flow.rail()]
    reached = app.progress.reached(ids)
    here = getattr(screen, "step_id", "")
    for number, each in enumerate(flow.rail(), 1):
        if each.id in reached and each.id != here:
            yield SystemCommand(f"Go to {number} {each.title}", "A step that was reached", partial(app.go, each.id))


def _actions(screen: Screen[Any]) -> Iterator[SystemCommand]:
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        name = binding.action.partition("(")[0].rpartition(".")[2]
        if binding.system or not active.enabled or not binding.id or binding.action in seen or name in QUIET:
            continue
        if active.node is not screen and active.node is not screen.app and active.node is not screen.focused:
            continue
        seen.add(binding.action)
        words = f"{binding.description}  ({screen.app.get_key_display(binding)})"
        yield SystemCommand(words, active.tooltip, partial(_act, screen, binding.action, active.node))


def _act(screen: Screen[Any], action: str, node: Any) -> None:
    screen.app.call_later(screen.app.run_action, action, node)
