"""The journal: durable turns, one writer, and no damage believed. Long forms of the damage are in tests/torture."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wizard.deploy import journal
from wizard.deploy.journal import JournalHeld, Kept, _Damaged

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n"


class Answer:
    def continuation_token(self) -> str:
        return "token" * 40

    async def result(self) -> None:
        return None


def written(folder: Path, *, rows: int = 30) -> tuple[journal.Open, ...]:
    """A journal with something open, closed again; what was under way."""
    with Kept(folder, "g") as kept:
        for number in range(rows // 3):
            kept.intent(f"{ID}{number}")
            kept.answered(f"{ID}{number}", Answer())
            if number % 4:
                kept.ended(f"{ID}{number}", "")
        return kept.under_way


def unchecked(folder: Path) -> None:
    """A journal as a killed process leaves it: all of it still in the WAL."""
    script = (
        "import os, signal, sys; from pathlib import Path; from tests.deploy.test_journal import Answer, ID\n"
        "from wizard.deploy.journal import Kept\n"
        "kept = Kept(Path(sys.argv[1]), 'g')\n"
        "for n in range(12):\n"
        "    kept.intent(f'{ID}{n}'); kept.answered(f'{ID}{n}', Answer())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL


def test_what_was_under_way_is_known_to_the_next_process_and_what_ended_is_not(tmp_path: Path) -> None:
    with Kept(tmp_path, "g") as kept:
        kept.intent(ID)
        kept.intent(f"{ID}2", "DELETE")
        kept.answered(f"{ID}2", Answer())
        kept.intent(f"{ID}3")
        kept.ended(f"{ID}3", "")
    with Kept(tmp_path, "g") as kept:
        assert [(one.id, one.verb, one.token) for one in kept.under_way] == [
            (ID, "PUT", ""),
            (f"{ID}2", "DELETE", "token" * 40),
        ]
        assert kept.open(ID.upper()) is not None
        assert kept.set_aside is None
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_killed_process_leaves_all_that_was_kept(tmp_path: Path) -> None:
    unchecked(tmp_path)
    assert (tmp_path / "journal.db-wal").stat().st_size > 10_000
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is None
        assert len(kept.under_way) == 12


def test_one_process_writes_it(tmp_path: Path) -> None:
    with Kept(tmp_path, "g"):
        script = (
            "import sys; from pathlib import Path; from wizard.deploy.journal import Kept, JournalHeld\n"
            "try: Kept(Path(sys.argv[1]), 'g')\n"
            "except JournalHeld: sys.exit(7)\n"
        )
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
        assert done.returncode == 7
        with pytest.raises(JournalHeld):
            Kept(tmp_path, "g")
    Kept(tmp_path, "g").close()


def test_a_long_one_with_nothing_open_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ROWS_KEPT", 10)
    with Kept(tmp_path, "g") as kept:
        for _ in range(6):
            kept.intent(ID)
            kept.ended(ID, "")
    before = (tmp_path / "journal.head").read_text()
    with Kept(tmp_path, "g") as kept:
        assert kept.under_way == ()
    assert (tmp_path / "journal.head").read_text() != before


def _believed(source: Path, tmp: Path, damage: tuple[str, bytes]) -> tuple[journal.Open, ...] | None:
    """What a journal is taken to say with one file's content replaced; None when it was set aside."""
    shutil.rmtree(tmp, ignore_errors=True)
    shutil.copytree(source, tmp)
    name, content = damage
    (tmp / name).write_bytes(content)
    with Kept(tmp, "g") as kept:
        return None if kept.set_aside else kept.under_way


def damages(source: Path, draw: random.Random, *, cuts: int, flips: int, every_page: bool) -> list[tuple[str, bytes]]:
    """Files of a journal cut short, at page and frame boundaries and anywhere, and with single bits flipped."""
    found: list[tuple[str, bytes]] = []
    files = {path.name: path.read_bytes() for path in sorted(source.iterdir()) if path.stat().st_size}
    for name, content in files.items():
        if every_page:
            found += [(name, content[:end]) for end in range(0, len(content), 4096)]
            if name.endswith("-wal"):
                found += [(name, content[:end]) for end in range(32, len(content), 4096 + 24)]
    names = list(files)
    weights = [len(files[name]) for name in names]
    for _ in range(cuts):
        name = draw.choices(names, weights)[0]
        found.append((name, files[name][: draw.randrange(len(files[name]))]))
    for _ in range(flips):
        name = draw.choices(names, weights)[0]
        flipped = bytearray(files[name])
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        found.append((name, bytes(flipped)))
    return found


def wrongly_believed(tmp: Path, *, seed: int, cuts: int, flips: int, every_page: bool) -> dict[str, int]:
    """Damage journals of two kinds (closed, and left by a kill) and count: damaged, set_aside, true, wrong."""
    closed, killed = tmp / "closed", tmp / "killed"
    closed.mkdir()
    written(closed)
    unchecked(killed)
    counts = {"damaged": 0, "set_aside": 0, "true": 0, "wrong": 0}
    for source, share in ((closed, 0), (killed, 1)):
        with Kept(Path(shutil.copytree(source, tmp / "truth")), "g") as kept:
            truth = kept.under_way
        shutil.rmtree(tmp / "truth")
        draw = random.Random(seed + share)
        for damage in damages(
            source, draw, cuts=(cuts + share) // 2, flips=(flips + share) // 2, every_page=every_page
        ):
            believed = _believed(source, tmp / "try", damage)
            counts["damaged"] += 1
            counts["set_aside" if believed is None else "true" if believed == truth else "wrong"] += 1
    return counts


def test_no_damage_is_believed(tmp_path: Path) -> None:
    """A sample; `make torture` cuts at every page and 500 offsets and flips 1,000 bits."""
    counts = wrongly_believed(tmp_path, seed=7, cuts=40, flips=60, every_page=True)
    assert counts["wrong"] == 0, counts
    assert counts["set_aside"] > 60, counts  # most of a journal is rows, and they are missed


def test_a_damaged_one_is_kept_beside(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "journal.db").write_bytes(b"not a database" * 500)
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is not None
        assert kept.set_aside.read_bytes().startswith(b"not a database")
        assert kept.under_way == ()
        kept.intent(ID)
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is None
        assert [one.id for one in kept.under_way] == [ID]


@pytest.mark.skipif(os.name != "posix", reason="kills")
def test_the_head_may_be_one_behind_and_no_more(tmp_path: Path) -> None:
    with Kept(tmp_path, "g") as kept:
        kept.intent(ID)
        one = (tmp_path / "journal.head").read_bytes()
        kept.intent(f"{ID}2")
        two = (tmp_path / "journal.head").read_bytes()
        kept.intent(f"{ID}3")
    (tmp_path / "journal.head").write_bytes(two)
    with Kept(tmp_path, "g") as kept:
        assert len(kept.under_way) == 3
    (tmp_path / "journal.head").write_bytes(one)
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is not None


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """The file as anybody with SQLite can open it, changes kept."""
    connection = sqlite3.connect(folder / "journal.db", isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def is_believed(folder: Path) -> bool:
    with Kept(folder, "g") as kept:
        return kept.set_aside is None


def three_rows(folder: Path) -> None:
    with Kept(folder, "g") as kept:
        for number in range(3):
            kept.intent(f"{ID}{number}")


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM entries WHERE seq = 1",
        "DELETE FROM entries WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 3",
        "DELETE FROM entries",
        "UPDATE entries SET at = 'then' WHERE seq = 2",
        "UPDATE entries SET kind = 'ended' WHERE seq = 2",
        "UPDATE entries SET id = 'x' WHERE seq = 3",
        "UPDATE entries SET data = 'DELETE' WHERE seq = 1",
        "UPDATE entries SET seal = '' WHERE seq = 1",
        "UPDATE entries SET seal = NULL WHERE seq = 3",
        "UPDATE entries SET seq = 4 WHERE seq = 3",
        "INSERT INTO entries VALUES (4, 'now', 'intent', 'x', 'PUT', 'seal')",
        "INSERT INTO entries SELECT 4, at, kind, id, data, seal FROM entries WHERE seq = 3",
        "CREATE TABLE another (x)",
        "DROP TABLE entries",
        "ALTER TABLE entries ADD COLUMN more TEXT",
    ],
)
def test_each_change_of_a_row_or_of_the_table_is_noticed(tmp_path: Path, change: str) -> None:
    three_rows(tmp_path)
    with opened(tmp_path) as connection:
        connection.execute(change)
    assert not is_believed(tmp_path)


def sealed(before: str, *parts: object) -> str:
    return hashlib.sha256("\0".join([before, *map(str, parts)]).encode()).hexdigest()


def test_each_row_seals_those_before_it_and_the_head_names_the_last(tmp_path: Path) -> None:
    three_rows(tmp_path)
    with opened(tmp_path) as connection:
        rows = connection.execute("SELECT * FROM entries ORDER BY seq").fetchall()
    before = "0" * 64
    for number, (seq, at, kind, what, data, seal) in enumerate(rows, start=1):
        assert (seq, kind, what, data) == (number, "intent", f"{ID}{number - 1}", "PUT")
        assert seal == sealed(before, seq, at, kind, what, data)
        written_at = datetime.fromisoformat(at)
        assert written_at.utcoffset() == timedelta(0)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", at)
        assert abs(datetime.now(UTC) - written_at) < timedelta(minutes=5)
        before = seal
    assert (tmp_path / "journal.head").read_text() == f"000000000003 {before}\n"


@pytest.mark.parametrize(
    ("head", "whole"),
    [
        ("{3}", True),
        ("{2}", True),  # a kill between the row and its head
        ("{1}", False),
        ("", False),
        ("000000000003 {seal 2}\n", False),
        ("000000000002 {seal 3}\n", False),
        ("000000000004 {seal 3}\n", False),
        ("-00000000001 {seal 3}\n", False),
        ("3 {seal 3}\n", False),
        ("000000000003 {seal 3}", False),
        ("000000000003 {seal 3}\n\n", False),
        ("000000000003  {seal 3}\n", False),
        ("{3}more", False),
        ("\xe9", False),
        ("head", False),
        ("\n", False),
    ],
)
def test_the_head_names_the_last_row_or_the_one_before_exactly(tmp_path: Path, head: str, whole: bool) -> None:
    three_rows(tmp_path)
    with opened(tmp_path) as connection:
        seals = dict(connection.execute("SELECT seq, seal FROM entries").fetchall())
    for number, seal in seals.items():
        head = head.replace(f"{{{number}}}", f"{number:012d} {seal}\n").replace(f"{{seal {number}}}", seal)
    (tmp_path / "journal.head").write_bytes(head.encode("latin-1"))
    assert is_believed(tmp_path) is whole


@pytest.mark.parametrize(("rows", "whole"), [(0, True), (1, True), (2, False)])
def test_without_a_head_there_is_one_row_at_most(tmp_path: Path, rows: int, whole: bool) -> None:
    with Kept(tmp_path, "g") as kept:
        for number in range(rows):
            kept.intent(f"{ID}{number}")
    (tmp_path / "journal.head").write_bytes(b"")
    assert is_believed(tmp_path) is whole


def test_a_process_killed_before_the_first_row_leaves_nothing_to_doubt(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is None
        kept.intent(ID)
    assert is_believed(tmp_path)


@pytest.mark.parametrize("head", ["000000000001 x\n", "x"])
def test_a_head_without_a_table_is_damage(tmp_path: Path, head: str) -> None:
    (tmp_path / "journal.db").touch()
    (tmp_path / "journal.head").write_text(head)
    assert not is_believed(tmp_path)


def test_a_head_that_was_left_beside_no_journal_is_begun_anew(tmp_path: Path) -> None:
    three_rows(tmp_path)
    (tmp_path / "journal.db").unlink()
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is None
        assert kept.under_way == ()
        assert (tmp_path / "journal.head").read_bytes() == b""
        kept.intent(ID)
    assert is_believed(tmp_path)


def test_what_sqlite_itself_finds_damaged_is_not_believed(tmp_path: Path) -> None:
    three_rows(tmp_path)
    file = tmp_path / "journal.db"
    content = bytearray(file.read_bytes())
    content[36:40] = (5).to_bytes(4, "big")  # the number of free pages, of which there is none: all rows still read
    file.write_bytes(bytes(content))
    assert not is_believed(tmp_path)


def test_it_is_written_through_and_locked_for_one(tmp_path: Path) -> None:
    with Kept(tmp_path / "a" / "b", "g") as kept:
        told = {name: kept._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
        assert told == PRAGMAS
        began = time.monotonic()
        with pytest.raises(JournalHeld) as raised:
            Kept(tmp_path / "a" / "b", "another")
        assert time.monotonic() - began < 0.8  # told at once, and not after a wait
    assert raised.value.what == "Another process is at work on another."
    assert raised.value.why
    assert raised.value.remedy
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


PRAGMAS = {"locking_mode": "exclusive", "journal_mode": "wal", "synchronous": 2}


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",), ("-shm",), ()])
def test_damaged_files_are_kept_together_and_told_by_the_journals_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: tuple[str, ...]
) -> None:
    """Whatever SQLite has left beside its file, as it does where it cannot write back what is in it."""
    three_rows(tmp_path)
    (tmp_path / "journal.db").write_bytes(b"damaged " * 600)
    closing = Kept.close

    def close(self: Kept) -> None:
        closing(self)
        for ending in left:
            (tmp_path / f"journal.db{ending}").write_text("left")

    monkeypatch.setattr(Kept, "close", close)
    monkeypatch.setenv("TZ", "Etc/GMT-9")
    time.tzset()
    kept = Kept(tmp_path, "g")
    monkeypatch.undo()
    time.tzset()
    assert kept.set_aside is not None
    match = re.fullmatch(r"journal\.db\.damaged-(\d{8}T\d{12})", kept.set_aside.name)
    assert match is not None
    told = datetime.strptime(match[1], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=5)
    aside = {path.name.partition(".damaged-")[0] for path in tmp_path.glob(f"*.damaged-{match[1]}")}
    assert aside == {"journal.db", "journal.head", *({"journal.db-wal"} if "-wal" in left else ())}
    kept.intent(ID)
    kept.close()
    assert {path.name for path in tmp_path.iterdir() if "damaged" not in path.name} == {"journal.db", "journal.head"}
    assert is_believed(tmp_path)


@pytest.mark.parametrize(("rows", "anew"), [(10, False), (11, True)])
def test_a_journal_is_begun_anew_beyond_its_limit_and_leaves_nothing_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, anew: bool
) -> None:
    monkeypatch.setattr(journal, "ROWS_KEPT", 10)
    with Kept(tmp_path, "g") as kept:
        for number in range(rows - 1):
            kept.intent(f"{ID}{number % 2}")
        kept.ended(ID + "0", "")
        kept.ended(ID + "0", "")  # not under way: nothing to write
        assert [one.id for one in kept.under_way] == [ID + "1"]
    with Kept(tmp_path, "g") as kept:
        assert kept.open(ID + "1") is not None  # something is open: it stays, however long it is
        kept.ended(ID + "1", "")
    monkeypatch.setattr(journal, "ROWS_KEPT", 11)
    with Kept(tmp_path, "g") as kept:
        assert kept.set_aside is None
        kept.intent(ID)
    with opened(tmp_path) as connection:
        count = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
    assert count == (1 if anew else rows + 2)
    assert {path.name for path in tmp_path.iterdir()} == {"journal.db", "journal.head"}


def test_what_ended_says_how_and_an_answer_without_a_token_says_so(tmp_path: Path) -> None:
    with Kept(tmp_path, "g") as kept:
        kept.answered(ID, Answer())  # of nothing that has begun
        kept.intent(ID)
        kept.answered(ID, None)
        (begun,) = kept.under_way
        assert begun == kept.open(ID) == journal.Open(ID, "PUT", begun.at, "")
        assert abs(datetime.now(UTC) - datetime.fromisoformat(begun.at)) < timedelta(minutes=5)
        kept.answered(ID, object())  # type: ignore[arg-type]
        kept.ended(ID.upper(), "Conflict")
        assert kept.open(ID) is None
    with opened(tmp_path) as connection:
        rows = connection.execute("SELECT kind, id, data FROM entries").fetchall()
    assert rows == [
        ("answered", ID, "token" * 40),
        ("intent", ID, "PUT"),
        ("answered", ID, ""),
        ("answered", ID, ""),
        ("ended", ID.upper(), "Conflict"),
    ]
    with Kept(tmp_path, "g") as kept:
        assert kept.under_way == ()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (sqlite3.OperationalError("odd"), _Damaged),
        (sqlite3.DatabaseError("odd"), _Damaged),
        (ValueError("odd"), _Damaged),
        (OverflowError("odd"), _Damaged),
        (OSError("odd"), OSError),
    ],
)
def test_what_the_reading_raises_is_damage_but_not_what_the_disk_does(raised: Exception, told: type[Exception]) -> None:
    with pytest.raises(told, match=r"^odd$"), journal._judged("g"):
        raise raised


@pytest.mark.parametrize("name", ["SQLITE_BUSY", "SQLITE_LOCKED"])
def test_a_lock_of_somebody_elses_is_no_damage(name: str) -> None:
    error = sqlite3.OperationalError("locked")
    error.sqlite_errorname = name
    with pytest.raises(JournalHeld, match="work on g"), journal._judged("g"):
        raise error


def test_an_error_that_is_no_damage_gives_all_files_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Kept) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Kept, "_lock", full)
    closed: list[int] = []
    closing = os.close

    def close(descriptor: int) -> None:
        closed.append(descriptor)
        closing(descriptor)

    monkeypatch.setattr(os, "close", close)
    with pytest.raises(OSError, match="disk is full"):
        Kept(tmp_path, "g")
    monkeypatch.undo()
    assert len(closed) == 2  # what made the journal's file, and the head
    Kept(tmp_path, "g").close()


def test_each_file_is_closed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second close would hit whatever has been opened by then under the same number."""
    three_rows(tmp_path)
    (tmp_path / "journal.db").write_bytes(b"damaged " * 600)
    failed: list[OSError] = []
    closing = os.close

    def close(descriptor: int) -> None:
        try:
            closing(descriptor)
        except OSError as error:
            failed.append(error)
            raise

    monkeypatch.setattr(os, "close", close)
    Kept(tmp_path, "g").close()
    assert failed == []
