"""The sandbox's idea of what time it is: the computer's, until a fault makes it jump.

Tokens are dated by it and operations show it. How long an operation takes is measured on a clock that never jumps.
"""

from __future__ import annotations

import time


class Clock:
    """`now` in seconds since the epoch."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    @property
    def ahead_s(self) -> float:
        """How far it is ahead of the computer's."""
        return self._ahead_s

    def now(self) -> float:
        return time.time() + self._ahead_s

    def jump(self, seconds: float) -> None:
        """Forward, or backward when negative."""
        self._ahead_s += seconds

    def right(self) -> None:
        """Be the computer's time again."""
        self._ahead_s = 0.0
