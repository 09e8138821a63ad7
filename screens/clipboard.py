"""Copying out of a terminal: OSC 52 where the terminal takes it, and a file in any case where asked.

No terminal answers whether it took an OSC 52 sequence, so a toast says what was sent and names the other way.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App


def copy(app: App[None], text: str, what: str) -> None:
    """Send a text to the terminal's clipboard and keep it for `save_copied`. Never give it a secret."""
    app.copy_to_clipboard(text)
    app.notify(
        f"{what} sent to the clipboard. If nothing arrives there, ^P “Save what was copied” writes it to a file.",
        title="Copied",
        markup=False,
    )


def save(text: str, what: str, folder: Path | None = None) -> Path:
    """Write a text to a new file (0600) named after what it is and the time; returns its path. Raises OSError."""
    from wizard.home import home, write_atomically

    words = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-") or "text"
    path = (folder or home() / "copied") / f"{words}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.txt"
    write_atomically(path, text if text.endswith("\n") else f"{text}\n")
    return path
