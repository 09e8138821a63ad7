"""Pictures of a screen: at both sizes, dark, light and without colour, all of one run of the wizard.

Opening the wizard costs more than drawing it; a theme and a size are changed while it stands.
`--snapshot-update` takes new pictures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pytest_textual_snapshot import SVGImageExtension, normalize_svg  # type: ignore[import-untyped]
from syrupy.assertion import SnapshotAssertion
from textual.filter import Monochrome
from textual.pilot import Pilot

from screens.themes import DARK, LIGHT

TURNS = 40
"""Looks at a picture before it is taken as it is."""
SIZES = {"80x24": (80, 24), "120x40": (120, 40)}


async def assert_looks(
    pilot: Pilot[Any], snapshot: SnapshotAssertion, scene: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Compare the screen with its pictures; `scene` leads to it, once for each size."""
    taken: dict[str, str] = {}
    for size, cells in SIZES.items():
        await pilot.resize_terminal(*cells)
        if scene is not None:
            await scene()
        taken |= {f"{size}-{look}": picture for look, picture in (await _looks(pilot)).items()}
    kept = snapshot.use_extension(SVGImageExtension)
    # Each is compared, so that an update takes all.
    changed = [name for name, picture in taken.items() if not kept(name=name) == picture]  # noqa: SIM201
    assert not changed, f"these look different now: {changed}; look at them after --snapshot-update"


async def _looks(pilot: Pilot[Any]) -> dict[str, str]:
    app, grey = pilot.app, Monochrome()
    found = {"dark": await _steady(pilot)}
    app.theme = LIGHT.name
    found["light"] = await _drawn(pilot)
    app._filters.append(grey)  # what NO_COLOR adds when the application is made
    app.theme = DARK.name
    found["no-colour"] = await _drawn(pilot)
    app._filters.remove(grey)
    app.theme = LIGHT.name
    await pilot.pause()
    app.theme = DARK.name
    await _drawn(pilot)
    return found


async def _drawn(pilot: Pilot[Any]) -> str:
    await pilot.pause()
    pilot.app.refresh_css(animate=False)
    return await _steady(pilot)


async def _steady(pilot: Pilot[Any]) -> str:
    """The picture once it stays as it is: a new size or theme is drawn in more than one turn of the loop."""
    taken = ""
    for _ in range(TURNS):
        await pilot.pause()
        await pilot.pause(0.05)
        before, taken = taken, normalize_svg(pilot.app.export_screenshot(simplify=True))
        if before == taken:
            break
    return taken
