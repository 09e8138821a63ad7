"""Choose a file from the file system: a list of the folder one is in, searched by typing, folder by folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screens.widgets.choice import Choice, SelectControl
from screens.widgets.pick import PickScreen

if TYPE_CHECKING:
    from textual.app import App

UP = "../"
MOST = 2000
"""Entries of a folder that are shown; whoever keeps more in one types the name."""


async def choose(app: App[Any], begun: str) -> str | None:
    """The absolute path of a file, or None when nothing was chosen; begins where `begun` points. For a worker."""
    folder = await asyncio.to_thread(_nearest, begun)
    while True:
        listed, state = await asyncio.to_thread(_listed, folder)
        select = SelectControl(listed, title=f"{folder}/")
        select.state = state
        name = await app.push_screen_wait(PickScreen(select))
        if name is None:
            return None
        path = folder.parent if name == UP else folder / str(name)
        if not str(name).endswith("/"):
            return str(path)
        folder = path


def _nearest(begun: str) -> Path:
    """The folder that a text points to or into; the working folder for nonsense."""
    try:
        path = Path(begun or ".").expanduser().absolute()
        return next((each for each in (path, *path.parents) if each.is_dir()), Path.cwd())
    except (OSError, RuntimeError, ValueError):
        return Path.cwd()


def _listed(folder: Path) -> tuple[list[Choice], str]:
    """Folders, then files, without hidden ones; and why there are none."""
    try:
        inner = sorted((each for each in folder.iterdir() if not each.name.startswith(".")), key=_order)[:MOST]
    except OSError as error:
        return [Choice(UP, UP, "the folder above")], f"{folder} cannot be read: {error.strerror}"
    shown = [Choice(f"{each.name}/" if each.is_dir() else each.name) for each in inner]
    return [Choice(UP, UP, "the folder above"), *shown], ""


def _order(path: Path) -> tuple[bool, str]:
    return (not path.is_dir(), path.name.lower())
