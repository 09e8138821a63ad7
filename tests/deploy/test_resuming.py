"""Going on with what an earlier run began: what the journal tells of it, and waiting for it by its token."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.memory import CLOUD, Memory, beside_time, conflict, resource
from wizard.deploy import resuming, waiting
from wizard.deploy.events import Event, JournalSetAside, Resumed
from wizard.deploy.journal import JournalHeld, Kept, NoJournal, Open

A, B = resource("a").id, resource("b").id


class Answer:
    def continuation_token(self) -> str:
        return "token"

    async def result(self) -> None:
        return None


class Told(NoJournal):
    def __init__(self, one: Open) -> None:
        self.one = one

    def open(self, id: str) -> Open | None:
        return self.one if id == self.one.id else None


class Asked(Memory):
    """Also remembers by what an operation was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, bool]] = []

    async def resume(self, id: str, token: str, *, deleting: bool = False) -> Any:
        self.asked.append((id, token, deleting))
        return await super().resume(id, token, deleting=deleting)


def no_stall(seconds: float) -> None:
    raise AssertionError(f"stalled after {seconds} s")


@pytest.mark.parametrize(("verb", "deleting"), [("PUT", False), ("DELETE", True), ("stopped", False)])
async def test_an_operation_is_waited_for_by_its_token(verb: str, deleting: bool) -> None:
    azure = Asked()
    waited = await beside_time(azure, resuming.wait(azure, Told(Open(A, verb, "", "token")), A, no_stall))
    assert waited is True
    assert azure.asked == [(A, "token", deleting)]
    assert azure.ended == [A]


@pytest.mark.parametrize("journal", [NoJournal(), Told(Open(A, "PUT", "")), Told(Open(B, "PUT", "", "token"))])
async def test_without_a_token_there_is_nothing_to_wait_by(journal: NoJournal) -> None:
    azure = Asked()
    assert await resuming.wait(azure, journal, A, no_stall) is False
    assert azure.asked == []


async def test_how_it_ended_is_not_raised() -> None:
    azure = Asked()
    azure.failures["a"] = deque([conflict("AllocationFailed", None)])
    assert await beside_time(azure, resuming.wait(azure, Told(Open(A, "PUT", "", "token")), A, no_stall)) is False


async def test_one_that_does_not_end_is_told_by_its_name_in_the_clouds_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Any] = []

    async def ended(*arguments: Any) -> None:
        given.extend(arguments)

    monkeypatch.setattr(waiting, "ended", ended)
    azure = Asked()
    assert await resuming.wait(azure, Told(Open(A, "PUT", "", "token")), A, no_stall)
    assert given[1:] == ["a", CLOUD.poll_floor_s, no_stall]


def test_what_was_under_way_is_told_with_the_oldest_ones_time(tmp_path: Path) -> None:
    events: list[Event] = []
    with resuming.journal(tmp_path, "fleet", events.append) as kept:
        kept.intent(B)
        kept.intent(A)
        kept.answered(A, Answer())
        since = kept.under_way[0].at
    assert events == []
    with resuming.journal(tmp_path, "fleet", events.append) as kept:
        assert [one.id for one in kept.under_way] == [B, A]
        with pytest.raises(JournalHeld, match="at work on fleet"), resuming.journal(tmp_path, "fleet", events.append):
            raise AssertionError("two at once")
    assert events == [Resumed("fleet", (B, A), since)]
    Kept(tmp_path, "fleet").close()  # it was given free


def test_damage_is_told_with_where_the_file_was_kept(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"no database" * 500)
    events: list[Event] = []
    with resuming.journal(tmp_path, "fleet", events.append) as kept:
        assert events == [JournalSetAside("fleet", str(kept.set_aside))]
        assert kept.set_aside is not None
        assert kept.set_aside.parent == tmp_path


async def test_cancelled_it_leaves_no_task() -> None:
    azure = Asked()
    task = asyncio.create_task(resuming.wait(azure, Told(Open(A, "PUT", "", "token")), A, no_stall))
    for _ in range(9):  # turns of the loop until it waits
        await asyncio.sleep(0)
    assert azure.running
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
