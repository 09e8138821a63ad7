"""A scale set's mean CPU over a ramp, as Azure Monitor tells it: what autoscale goes by."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wizard.azure import monitor
from wizard.errors import AzureError, UnreachableError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

MINUTE_S = 60.0
LOOK_PER_FLOOR = 15
"""Azure Monitor has a new value each minute, while an operation may be asked every 4 s: where a cloud lets itself be
asked more often its time passes faster, and its minutes with it."""


class Processor:
    """What was told so far: `readings` are percent by the seconds since `began` at which they held."""

    def __init__(self, azure: Azure, scale_set: str) -> None:
        self._azure, self._scale_set = azure, scale_set
        self._began = datetime.now(UTC)
        self._every_s = min(MINUTE_S, LOOK_PER_FLOOR * azure.cloud.poll_floor_s)
        self._next = 0.0
        self._counted: dict[datetime, tuple[float, float]] = {}  # by minute: the values' sum and number, when last told
        self.readings: dict[float, float] = {}
        self.untold = ""
        """Why there are none, where Azure Monitor does not let itself be asked."""

    async def look(self, *, now: bool = False) -> tuple[float, float] | None:
        """Ask where it is time, or `now`; the newest reading when there is one that was not told yet.

        A minute that is over holds at its end. Of one that still runs, what came since it was told last holds now: its
        mean so far would hide a rise, where a minute is long against the cloud's time. What Azure Monitor refuses is no
        trouble of the ramp's: it is remembered in `untold`, and asked again.
        """
        if not now and time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + self._every_s
        try:
            minutes = await monitor.processor(self._azure, self._scale_set, self._began)
        except (AzureError, UnreachableError) as error:
            self.untold = str(error)
            return None
        self.untold = ""
        before = dict(self.readings)
        passed = (datetime.now(UTC) - self._began).total_seconds()
        for minute, mean, count in minutes:
            over = (minute - self._began).total_seconds() + MINUTE_S
            percent = self._since_last(minute, mean, count)
            if percent is not None:
                self.readings[round(min(over, passed), 1)] = round(percent, 1)
        new = [at for at in self.readings if at not in before]
        return (max(new), self.readings[max(new)]) if new else None

    def _since_last(self, minute: datetime, mean: float, count: float) -> float | None:
        """The mean of a minute's values that were not told before; None when there are none."""
        total, number = self._counted.get(minute, (0.0, 0.0))
        if count and count <= number:
            return None
        self._counted[minute] = (mean * count, count)
        return (mean * count - total) / (count - number) if count else mean
