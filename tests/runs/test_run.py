"""One run's files and locks, without any cloud: what is told after a crash, to a late reader, to two starters."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wizard import runs
from wizard.errors import InputError
from wizard.runs import journal
from wizard.runs.run import LOST, Run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    return tmp_path


def made(name: str = "one", pid: int = 1) -> Path:
    parent = journal.folder_of(name)
    parent.mkdir(parents=True, exist_ok=True)
    folder = journal.make(parent)
    facts = {"id": folder.name, "kind": "deploy", "name": name, "began_utc": "t", "pid": pid, "request": {}}
    (folder / journal.FACTS).write_text(json.dumps(facts))
    return folder


async def test_a_run_that_ended_without_a_word_is_lost_and_its_whole_lines_are_told():
    folder = made()
    writer = journal.Writer(folder)
    writer.write({"event": "began"})
    writer.write({"event": "resource", "id": "x"})
    with (folder / journal.EVENTS).open("ab") as stream:
        stream.write(b'{"event":"reso')  # killed in the middle of a write
    run = runs.latest("one")
    assert run is not None
    assert not run.alive
    assert [event["event"] async for event in run.events()] == ["began", "resource"]
    assert run.ended == LOST
    assert run.ended.what
    assert run.ended.remedy
    assert runs.active() == []


async def test_a_reader_gets_what_was_told_and_what_comes_and_ends_with_the_run():
    folder = made()
    lock = journal.take(folder / journal.LOCK)
    assert lock is not None
    writer = journal.Writer(folder)
    for number in range(3):
        writer.write({"event": "resource", "id": str(number)})
    run = Run.read(folder)
    assert run.alive
    assert run.ended is None
    seen = asyncio.Event()
    got: list[int] = []

    async def read() -> None:
        async for event in run.events(after=1):
            got.append(event["n"])
            seen.set()

    reading = asyncio.create_task(read())
    await asyncio.wait_for(seen.wait(), 5)
    writer.write({"event": "ended", "state": "done", "exit_status": 0})
    os.close(lock)
    await asyncio.wait_for(reading, 5)
    assert got == [2, 3, 4]
    assert run.ended is not None
    assert (run.ended.state, run.ended.exit_status) == ("done", 0)


def test_a_secret_that_slips_into_an_event_is_not_written():
    folder = made()
    writer = journal.Writer(folder)
    writer.hide("hunter2-hunter2", "short")
    writer.write({"event": "resource", "why": "refused hunter2-hunter2", "deep": [{"hunter2-hunter2": ("short",)}]})
    text = (folder / journal.EVENTS).read_text()
    assert "hunter2-hunter2" not in text
    assert text.count("•••") == 2
    assert "short" in text  # a word, not a password


def test_files_are_for_their_owner_alone():
    folder = made()
    journal.Writer(folder)
    assert (folder / journal.EVENTS).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\\b"])
async def test_a_name_cannot_lead_out_of_the_folder(name):
    with pytest.raises(InputError):
        await runs.start("destroy", name, {}, {})


async def test_a_kind_that_is_none_is_refused():
    with pytest.raises(InputError, match="deploy, verify"):
        await runs.start("dance", "one")


async def test_old_runs_go_and_the_latest_stays():
    folders = [made() for _ in range(journal.KEPT + 3)]
    parent = journal.folder_of("one")
    journal.prune(parent)
    assert journal.of(parent) == folders[3:]
    latest = runs.latest("ONE")  # resource groups have no case
    assert latest is not None
    assert latest.id == folders[-1].name


async def test_destroying_what_nobody_knows_runs_to_its_end():
    run = await runs.start("destroy", "nobody")
    told = [event async for event in run.events()]
    assert [event["event"] for event in told] == ["began", "destroyed", "ended"]
    assert [event["n"] for event in told] == [1, 2, 3]
    assert run.ended is not None
    assert run.ended.state == "done"
    assert (run.folder / journal.LOG).read_text() == ""


async def test_an_error_is_told_and_ends_the_run():
    run = await runs.start("verify", "nobody")
    told = [event async for event in run.events()]
    assert [event["event"] for event in told] == ["began", "error", "ended"]
    assert run.ended is not None
    assert (run.ended.state, run.ended.exit_status) == ("failed", 2)
    assert "nobody" in run.ended.what


async def test_a_plan_with_problems_is_told_with_all_of_them():
    run = await runs.start("deploy", "one", {"plan": {"name": "one", "machines": {"size": "", "count": 0}}})
    ended = await run.wait()
    assert ended.state == "failed"
    assert {"machines.size", "machines.count"} <= {problem["field"] for problem in ended.problems}


async def test_a_fault_of_ours_is_told_without_its_words():
    run = await runs.start("load", "one", {"url": "http://127.0.0.1:9/", "connections": "a-marked-word"})
    ended = await run.wait()
    assert ended.state == "failed"
    assert "ValueError" in ended.what
    text = "".join(path.read_text() for path in run.folder.iterdir() if path.name != journal.FACTS)
    assert "a-marked-word" not in text
    assert "kinds.py" in (run.folder / journal.LOG).read_text()


LOAD = {"url": "http://127.0.0.1:9/", "duration_s": 60, "connections": 1, "rate": 1}


async def test_one_of_two_starts_at_the_same_moment_wins_and_the_other_is_told_of_it():
    both = await asyncio.gather(*(runs.start("load", "one", LOAD) for _ in range(2)), return_exceptions=True)
    won = [one for one in both if isinstance(one, Run)]
    lost = [one for one in both if isinstance(one, InputError)]
    assert (len(won), len(lost)) == (1, 1)
    try:
        with pytest.raises(InputError, match="under way on One: load"):
            await runs.start("destroy", "One")
        assert [run.id for run in runs.active()] == [won[0].id]
        other = await runs.start("destroy", "another")  # another deployment has a lock of its own
        assert (await other.wait()).state == "done"
    finally:
        await won[0].cancel()
        ended = await asyncio.wait_for(won[0].wait(), 20)
    assert (ended.state, ended.exit_status) == ("cancelled", 130)
    assert not await won[0].cancel()


async def test_a_killed_run_is_lost_at_once_and_the_next_may_start():
    run = await runs.start("load", "one", LOAD)
    assert run.alive
    os.kill(run.pid, signal.SIGKILL)
    told = [event["event"] async for event in run.events()]
    assert told[0] == "began"
    assert "ended" not in told
    assert run.ended == LOST
    again = await runs.start("destroy", "one")
    assert (await again.wait()).state == "done"


async def test_a_run_outlives_whoever_started_it_killed(home):
    script = (
        "import asyncio, time\nfrom wizard import runs\n"
        f"run = asyncio.run(runs.start('load', 'one', {LOAD | {'duration_s': 2}!r}))\n"
        "print(run.id, flush=True)\ntime.sleep(60)\n"
    )
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert starter.stdout is not None
    name = (await starter.stdout.readline()).decode().strip()
    starter.kill()
    await starter.wait()
    run = runs.load("one", name)
    assert run is not None
    assert run.alive
    told = [event["event"] async for event in run.events()]
    assert told[0] == "began"
    assert told[-1] == "ended"
    assert run.ended is not None
    assert run.ended.state == "done"


def test_a_starter_that_dies_while_it_hands_over_leaves_no_run(tmp_path):
    parent = journal.folder_of("one")
    parent.mkdir(parents=True)
    folder = journal.make(parent)
    lock = journal.take(folder / journal.LOCK)
    assert lock is not None
    child = subprocess.run(
        [sys.executable, "-m", "wizard.runs", str(folder), str(lock)],
        input=b'{"kind": "deploy", "na',
        pass_fds=[lock],
        check=False,
        capture_output=True,
    )
    os.close(lock)
    assert (child.returncode, child.stderr) == (1, b"")
    assert journal.of(parent) == []
    assert runs.latest("one") is None


def test_screens_can_start_runs_without_loading_anything_heavy():
    code = "import wizard.runs, wizard.runs.kinds, screens.desk, sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded & {"azure", "aiohttp", "pydantic", "paramiko", "asyncssh", "httpx", "click"} == set()
