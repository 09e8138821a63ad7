"""Waiting for the end of an operation that may never end: told after a while, given up on much later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from wizard.deploy.arm import Poller
from wizard.errors import WizardError

STALLED_FLOORS = 225
"""In poll floors of the cloud, 15 minutes on Azure: what of ours takes longest there ends within ten."""

LIMIT_FLOORS = 900
"""An hour on Azure."""

LEAST_STALLED_S = 30.0


def stalled_after_s(floor_s: float) -> float:
    """Seconds after which an operation takes far longer than such ones do."""
    return max(STALLED_FLOORS * floor_s, LEAST_STALLED_S)


async def ended(poller: Poller, name: str, floor_s: float, stalled: Callable[[float], None]) -> None:
    """Wait until an operation has ended; raises as `poller.result()` does. Cancelled, nothing waits on.

    `stalled` is told the seconds when it takes far too long. Raises WizardError after `LIMIT_FLOORS`.
    """
    began = time.monotonic()
    soon = stalled_after_s(floor_s)
    waiting = asyncio.ensure_future(poller.result())
    try:
        await asyncio.wait({waiting}, timeout=soon)
        if not waiting.done():
            stalled(round(time.monotonic() - began, 1))
            await asyncio.wait({waiting}, timeout=soon * (LIMIT_FLOORS / STALLED_FLOORS - 1))
        if waiting.done():
            waiting.result()
            return
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    raise WizardError(
        f"{name} is still being worked on.",
        f"Its operation has not ended in {_duration(time.monotonic() - began)}.",
        "Look at the resource's activity log. A second run waits for it again.",
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
