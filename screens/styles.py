"""Style sheets beside the application's own: a screen reads its file when its class is made, and not before."""

from __future__ import annotations

from pathlib import Path

import assets

FOLDER = Path(assets.__file__).with_name("styles")
"""By its path: importlib.resources takes 6 ms to say the same, and the first frame waits for it."""


def sheet(name: str) -> str:
    """The text of assets/styles/NAME.tcss."""
    return (FOLDER / f"{name}.tcss").read_text(encoding="utf-8")
