"""When an accepted operation is asked for its end: first when it is about to come, then as often as the cloud allows.

The SDK's own polling asks at once and then every `Retry-After`, which for a machine of 45 s is six questions and an end
noticed up to ten seconds late, and reads the whole resource once more when it has ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from azure.core.polling.base_polling import OperationFailed
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

from wizard.azure.durations import EARLIER, Durations
from wizard.azure.errors import retry_after_header

Sleep = Callable[[float], Awaitable[None]]


class Polling(AsyncARMPolling):
    """One operation's questions. `kind` is what its time is kept by; see `durations.kind_of`."""

    def __init__(
        self,
        floor_s: float,
        durations: Durations,
        kind: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(floor_s)
        self._floor = floor_s
        self._durations = durations
        self._kind = kind
        self._clock = clock
        self._pause = sleep
        self._accepted: float = clock()

    def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:
        super().initialize(client, initial_response, deserialization_callback)
        self._accepted = self._clock()

    async def _poll(self) -> None:
        """Ask until it has ended. `Retry-After` is the least time between two questions, and the poll floor is."""
        last = 0.0  # the last time that it was seen at work, since it was accepted
        questions = 0
        if not self.finished():
            asked = retry_after_header(self._pipeline_response.http_response.headers)
            wait = self._durations.first_question_s(self._kind, least=asked or self._floor, step=self._least())
            await self._pause(max(0.0, self._accepted + wait - self._clock()))
            await self.update_status()
            questions += 1
        while not self.finished():
            last = self._clock() - self._accepted
            await self._pause(self._least())
            await self.update_status()
            questions += 1
        if str(self.status()).lower() in ("failed", "canceled"):
            raise OperationFailed("Operation failed or canceled")
        if questions:
            self._durations.saw(self._kind, self._took(last, self._clock() - self._accepted))

    def _least(self) -> float:
        """Seconds until the next question at the soonest."""
        return max(self._floor, retry_after_header(self._pipeline_response.http_response.headers) or 0.0)

    def _took(self, last: float, noticed: float) -> float:
        """How long it took: as the answer tells, else between the last two questions."""
        told = _told_s(self._pipeline_response)
        if told is not None:
            return min(told, noticed)
        return (last + noticed) / 2 if last else noticed * EARLIER

    def resource(self) -> Any:
        """Nothing: who wants to see the resource asks for it."""
        return None


def _told_s(response: Any) -> float | None:
    """What `startTime` and `endTime` of an operation's answer say, both by the cloud's clock. Few providers tell."""
    try:
        answer = response.http_response.json()
        if not isinstance(answer, Mapping):
            return None
        began, ended = (datetime.fromisoformat(str(answer[name])) for name in ("startTime", "endTime"))
        seconds = (ended - began).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
    return seconds if seconds > 0 else None
