"""The journal: durable turns, one writer, and no damage believed. Long forms of the damage are in tests/torture."""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wizard.deploy import journal
from wizard.deploy.journal import JournalHeld, Kept

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
