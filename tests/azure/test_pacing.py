"""Buckets of tokens, at a clock that the tests turn."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from wizard.azure import limits
from wizard.azure.limits import READS, WRITES, Limit
from wizard.azure.pacing import Pacer

FEW = (Limit("writes", 3, 2, WRITES, told_as=("x-left-writes", "x-ms-ratelimit-remaining-subscription-writes")),)
A = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/a"


class Time:
    """A clock, and what was to be called when it has gone on."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._cancelled: set[int] = set()

    def later(self, seconds: float, call: Callable[[], None]) -> Time.Handle:
        number = next(self._numbers)
        heapq.heappush(self._calls, (self.now + seconds, number, call))
        return Time.Handle(self, number)

    class Handle:
        def __init__(self, time: Time, number: int) -> None:
            self.time, self.number = time, number

        def cancel(self) -> None:
            self.time._cancelled.add(self.number)

    async def go_to(self, moment: float) -> None:
        """Turn the clock, calling what is due on the way, and let the tasks see it."""
        await settle()
        while self._calls and self._calls[0][0] <= moment:
            self.now, number, call = heapq.heappop(self._calls)
            if number not in self._cancelled:
                call()
            await settle()
        self.now = moment
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def pacer(time: Time, few: tuple[Limit, ...] = FEW) -> Pacer:
    return Pacer(few, clock=lambda: time.now, later=time.later, draw=lambda: 0.0)


async def send(pacer: Pacer, name: str, left: list[tuple[str, float]], time: Time) -> None:
    await pacer.admit("PUT", A)
    left.append((name, round(time.now, 2)))


async def test_a_burst_leaves_at_once_and_the_rest_as_tokens_come_back():
    time = Time()
    paced, left = pacer(time), list[tuple[str, float]]()
    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(send(paced, str(number), left, time))
        await settle()
        assert [name for name, _ in left] == ["0", "1", "2"]
        await time.go_to(2.0)
    assert left[3:] == [("3", 0.5), ("4", 1.0), ("5", 1.5)]
    assert paced.waited == 3


async def test_nobody_overtakes():
    time = Time()
    paced, left = pacer(time), list[tuple[str, float]]()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(send(paced, "burst", left, time))
        for name in ("one", "two", "three"):
            tasks.create_task(send(paced, name, left, time))
        await time.go_to(0.5)
        tasks.create_task(send(paced, "late", left, time))
        await time.go_to(3.0)
    assert [name for name, _ in left[3:]] == ["one", "two", "three", "late"]


async def test_what_answers_tell_is_believed_when_it_is_less():
    time = Time()
    paced, left = pacer(time), list[tuple[str, float]]()
    paced.heard("PUT", A, 200, {"X-Ms-Ratelimit-Remaining-Subscription-Writes": "1"}, None)
    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            tasks.create_task(send(paced, str(number), left, time))
        await settle()
        assert left == [("0", 0.0)]
        await time.go_to(0.5)
    assert left[1] == ("1", 0.5)


async def test_a_refusal_stops_everybody_until_the_time_that_it_names():
    time = Time()
    paced, left = pacer(time), list[tuple[str, float]]()
    paced.heard("PUT", A, 429, {}, 7.0)
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(send(paced, str(number), left, time))
        await time.go_to(6.9)
        assert left == []
        await time.go_to(9.0)
    assert left == [("0", 7.0), ("1", 7.5), ("2", 8.0)]


async def test_reads_do_not_wait_for_writes_and_a_narrow_limit_stops_only_its_own():
    time = Time()
    few = (*FEW, Limit("reads", 2, 1, READS), Limit("machines", 1, 1, WRITES, "/virtualmachines/"))
    paced = pacer(time, few)
    await paced.admit("PUT", "/x/virtualMachines/1")
    waiting = asyncio.create_task(paced.admit("PUT", "/x/virtualMachines/2"))
    await settle()
    assert not waiting.done()
    await asyncio.wait_for(paced.admit("GET", A), 1)
    await asyncio.wait_for(paced.admit("PUT", A), 1)
    await time.go_to(1.0)
    assert waiting.done()


async def test_one_that_gives_up_takes_no_token():
    time = Time()
    paced, left = pacer(time), list[tuple[str, float]]()
    for _ in range(3):
        await paced.admit("PUT", A)
    given_up = asyncio.create_task(paced.admit("PUT", A))
    waiting = asyncio.create_task(send(paced, "next", left, time))
    await settle()
    given_up.cancel()
    await time.go_to(0.5)
    assert left == [("next", 0.5)]
    await waiting


async def test_one_machine_is_not_written_too_often_while_others_are():
    time = Time()
    paced = pacer(time, limits.AZURE)
    machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/{}"
    for _ in range(12):
        await paced.admit("PUT", machine.format("one"))
    waiting = asyncio.create_task(paced.admit("PUT", machine.format("ONE")))
    await settle()
    assert not waiting.done()
    await asyncio.wait_for(paced.admit("PUT", machine.format("two")), 1)
    await time.go_to(15.1)
    assert waiting.done()


def test_a_faster_clock_divides_the_windows_and_not_the_bucket():
    writes = limits.AZURE[0].faster(4)
    assert (writes.size, writes.per_s) == (200, 40)
