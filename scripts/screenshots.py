"""Makes the README's screenshots from a real run: `python scripts/screenshots.py` (about a minute and a half).

The wizard runs without a terminal under a MULTIVM_HOME of its own, is driven by keys alone from the first screen to the
evidence, and deploys into a sandbox and verifies. Each picture is Textual's own SVG, in assets/screenshots.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "assets" / "screenshots"
SIZE = (110, 34)


class Photographer:
    """Presses keys, waits for words on the screen, and keeps pictures."""

    def __init__(self, pilot: Any) -> None:
        self.pilot = pilot
        self.app = pilot.app

    def text(self) -> str:
        """What the screen shows, as text."""
        picture = self.app.export_screenshot()
        words = re.findall(r"<text[^>]*>(.*?)</text>", picture)
        return re.sub(r"\s+", " ", " ".join(words).replace("&#160;", " "))

    async def until(self, words: str, seconds: float = 90) -> None:
        """Wait until the screen shows `words`."""
        for _ in range(int(seconds / 0.2)):
            if words in self.text():
                return
            await self.pilot.pause(0.2)
        raise SystemExit(f"{words!r} did not come within {seconds:g} s; the screen shows: {self.text()[:2000]}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(0.3)

    async def keep(self, name: str) -> None:
        self.app.clear_notifications()
        await self.pilot.pause(0.6)
        FOLDER.mkdir(parents=True, exist_ok=True)
        # A home of this run's own stands in some lines; what is shown is where it would be.
        picture = self.app.export_screenshot(title="multivm-wizard")
        # Textual's pictures load a font from elsewhere; a page should show them without asking anybody.
        picture = re.sub(r"@font-face\s*\{.*?\}", "", picture, flags=re.DOTALL)
        (FOLDER / f"{name}.svg").write_text(picture.replace(os.environ["MULTIVM_HOME"], "~"), encoding="utf-8")
        sys.stdout.write(f"{name}.svg\n")


async def journey() -> None:
    """From the first screen to the evidence."""
    from screens.app import WizardApp

    async with WizardApp().run_test(size=SIZE) as pilot:
        photographer = Photographer(pilot)
        await photographer.until("Next: Basics")
        await photographer.keep("start")
        await photographer.press("ctrl+r")
        await photographer.until("ready")
        await photographer.keep("review")
        for words, name in (
            ("Next: Review", ""),
            ("Next: Storage", "balancer"),
            ("Next: Load balancer", "network"),
            ("Next: Network", "machines"),
        ):
            await photographer.press("f2")
            await photographer.until(words)
            await pilot.pause(2)  # lists of regions and sizes come from the cloud
            if name:
                await photographer.keep(name)
        await photographer.press("ctrl+r")
        await photographer.until("ready")
        await photographer.press("space", "f3")
        await photographer.until("at work")
        await photographer.keep("deploying")
        await photographer.until("It answers at")
        await photographer.press("f3")
        await photographer.until("requests/s")
        await photographer.until("✓ 15 s of 15 s", 180)
        await photographer.keep("verify")
        await photographer.press("r")
        await photographer.until("Reset credentials")
        await photographer.keep("reset")


def main() -> None:
    home = tempfile.mkdtemp(prefix="multivm-screenshots-")
    os.environ["MULTIVM_HOME"] = home
    finish: list[Callable[[], object]] = []
    sys.path.insert(0, str(ROOT))
    try:
        from wizard.sandbox import control

        finish.append(control.stop)
        asyncio.run(journey())
    finally:
        for step in finish:
            step()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
