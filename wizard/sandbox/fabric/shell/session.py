"""What one shell session may use up, and the ways in which it ends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

_STEPS = 200_000
_TEXT = 64 * 1024 * 1024  # characters one session may write or expand
_SECONDS = 90 * 60.0  # Azure's own limit for a Run Command
_YIELD_EVERY = 200  # steps between two turns of the event loop


class ShellExit(Exception):  # noqa: N818 - it is no error
    """`exit`: the session ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Return(ShellExit):
    """`return`: the function ends."""


class LoopControl(Exception):  # noqa: N818 - it is no error
    """`break` or `continue`, and how many loops it concerns."""

    def __init__(self, goes_on: bool, levels: int) -> None:
        super().__init__()
        self.goes_on = goes_on
        self.levels = levels


class Exhausted(Exception):  # noqa: N818 - a fact about the session
    """The session used up its share."""


@dataclass
class Budget:
    """What one session may still use; shared with everything it starts."""

    steps: int = _STEPS
    text: int = _TEXT
    deadline: float = field(default_factory=lambda: time.monotonic() + _SECONDS)
    depth: int = 0

    async def step(self) -> None:
        self.steps -= 1
        if self.steps <= 0 or time.monotonic() > self.deadline:
            raise Exhausted
        if self.steps % _YIELD_EVERY == 0:
            await asyncio.sleep(0)

    def charge(self, characters: int) -> None:
        """Count text that was written, or that an expansion made."""
        self.text -= characters
        if self.text < 0:
            raise Exhausted
