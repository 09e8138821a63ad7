"""Sends no faster than the cloud lets pass: one bucket of tokens for each kind of limit, shared by all tasks.

A request that meets an empty bucket would be refused and have to come again, and a refused one counts there. So it
waits here, in the order of coming. That order is as good as the longest remaining path first for the graphs that we
deploy, whose early resources are what the later ones wait for: simulated with 200 machines and buckets of 200 and of
20 writes, both take equally long.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from wizard.azure.limits import Limit

RESOURCE_HEADER = "x-ms-ratelimit-remaining-resource"
KEPT = 5000
"""Buckets of single paths kept at most; one that has long been full again tells nothing."""

ROUNDING = 1e-9

Later = Callable[[float, Callable[[], None]], Any]


@dataclass(eq=False)
class Bucket:
    """The tokens of one limit, as far as they are known from here."""

    limit: Limit
    tokens: float
    at: float
    closed_until: float = 0.0

    def fill(self, now: float) -> None:
        since = max(self.at, self.closed_until)
        if now > since:
            self.tokens = min(self.limit.size, self.tokens + (now - since) * self.limit.per_s)
        self.at = max(self.at, now)

    def wait_s(self, now: float) -> float:
        """Seconds until a token is there."""
        self.fill(now)
        if self.tokens > 1 - ROUNDING and now >= self.closed_until:
            return 0.0
        return max(self.closed_until - now, 0.0) + max(0.0, 1 - self.tokens) / self.limit.per_s

    def take(self) -> None:
        self.tokens -= 1


@dataclass(order=True)
class _Waiting:
    number: int
    buckets: tuple[Bucket, ...] = field(compare=False)
    admitted: asyncio.Future[None] = field(compare=False)


class Pacer:
    """All buckets of one connection. `limits` are the cloud's own, at its pace."""

    def __init__(
        self,
        limits: Iterable[Limit],
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Later | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._limits = tuple(limits)
        self._clock = clock
        self._later = later
        self._draw = draw
        now = clock()
        self._shared = {limit.name: Bucket(limit, limit.size, now) for limit in self._limits if not limit.each}
        self._single: OrderedDict[tuple[str, str], Bucket] = OrderedDict()
        self._lanes: dict[tuple[str, ...], list[_Waiting]] = {}
        self._numbers = count()
        self._timer: Any = None
        self.waited = 0
        """How many requests had to wait for a token."""

    async def admit(self, method: str, path: str) -> None:
        """Wait until the request may leave; takes its tokens. Cancelled, it takes none."""
        buckets = self._buckets(method, path.lower())
        now = self._clock()
        if not self._blocked(buckets, now) and all(bucket.wait_s(now) == 0 for bucket in buckets):
            for bucket in buckets:
                bucket.take()
            return
        self.waited += 1
        # A machine that may not be written again yet keeps no other machine's writes waiting: it has a lane of its own.
        lane = tuple(
            f"{bucket.limit.name} {path.lower()}" if bucket.limit.each else bucket.limit.name
            for bucket in buckets
            if not bucket.limit.each or bucket.wait_s(now) > 0
        )
        waiting = _Waiting(next(self._numbers), buckets, asyncio.get_running_loop().create_future())
        heapq.heappush(self._lanes.setdefault(lane, []), waiting)
        self._dispatch()
        try:
            await waiting.admitted
        except asyncio.CancelledError:
            if waiting.admitted.done() and not waiting.admitted.cancelled():
                for bucket in buckets:
                    bucket.tokens += 1
            self._dispatch()
            raise

    def heard(
        self, method: str, path: str, status: int, headers: Mapping[str, str], retry_after_s: float | None
    ) -> None:
        """Learn from an answer: what is left, and how long a refusal lasts."""
        buckets = self._buckets(method, path.lower())
        told = _told(headers)
        for bucket in buckets:
            for name in bucket.limit.told_as:
                if name in told:
                    bucket.fill(self._clock())
                    bucket.tokens = min(bucket.tokens, told[name])
        if status == 429 and buckets:
            # Which limit it was is not told in one way by all: the narrowest of them all is closed for everybody. The
            # draw on top keeps two programs that share the limit from coming back at one moment.
            asked = retry_after_s or 1 / buckets[-1].limit.per_s
            until = self._clock() + asked * (1 + self._draw() / 4)
            buckets[-1].tokens = min(buckets[-1].tokens, 1.0)
            buckets[-1].closed_until = max(buckets[-1].closed_until, until)

    # Inside

    def _buckets(self, method: str, path: str) -> tuple[Bucket, ...]:
        return tuple(
            self._one(limit, path) if limit.each else self._shared[limit.name]
            for limit in self._limits
            if limit.covers(method, path)
        )

    def _one(self, limit: Limit, path: str) -> Bucket:
        key = (limit.name, path)
        bucket = self._single.pop(key, None) or Bucket(limit, limit.size, self._clock())
        self._single[key] = bucket
        if len(self._single) > KEPT:
            self._single.popitem(last=False)
        return bucket

    def _blocked(self, buckets: tuple[Bucket, ...], now: float) -> bool:
        """Whether somebody waits already for a token of one of these: nobody overtakes."""
        return any(
            bucket in buckets and bucket.wait_s(now) > 0 for lane in self._lanes.values() for bucket in lane[0].buckets
        )

    def _dispatch(self) -> None:
        """Admit whom the tokens allow, in order, and come again when the next one may go."""
        now = self._clock()
        soonest = float("inf")
        held: list[Bucket] = []  # what an earlier one waits for is not taken away from it
        while True:
            heads = [
                (lane[0], names)
                for names, lane in self._lanes.items()
                if not any(bucket in held for bucket in lane[0].buckets)
            ]
            if not heads:
                break
            first, names = min(heads)
            lane = self._lanes[names]
            wait = 0.0 if first.admitted.done() else max((bucket.wait_s(now) for bucket in first.buckets), default=0.0)
            if wait > 0:
                soonest = min(soonest, wait)
                held.extend(bucket for bucket in first.buckets if bucket.wait_s(now) > 0)
                continue
            heapq.heappop(lane)
            if not lane:
                del self._lanes[names]
            if not first.admitted.done():
                for bucket in first.buckets:
                    bucket.take()
                first.admitted.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if soonest != float("inf"):
            later = self._later or asyncio.get_running_loop().call_later
            self._timer = later(soonest, self._dispatch)


def _told(headers: Mapping[str, str]) -> dict[str, float]:
    """What answers tell is left, by header or by the name of a limit of compute's (`Microsoft.Compute/PutVM;11`)."""
    told: dict[str, float] = {}
    for name, value in headers.items():
        lower = name.lower()
        if not lower.startswith("x-ms-ratelimit-remaining"):
            continue
        parts = value.split(",") if lower == RESOURCE_HEADER else [f"{lower};{value}"]
        for part in parts:
            limit, _, left = part.strip().rpartition(";")
            try:
                told[limit.lower()] = float(left)
            except ValueError:
                continue
    return told
