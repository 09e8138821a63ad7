"""What is learned of how long operations take, and when they are asked because of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from wizard.azure import clouds, durations
from wizard.azure.durations import Durations
from wizard.azure.polling import Polling

PUBLIC = clouds.find("public")
FAST = replace(PUBLIC, pace=20.0, poll_floor_s=0.2)
VM = "microsoft.compute/virtualmachines standard_d2s_v5"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    return tmp_path / "durations.json"


def asked(times: list[float], *, least: float = 10.0, step: float = 10.0) -> float:
    return Durations(PUBLIC, {VM: times}).first_question_s(VM, least=least, step=step)


def test_the_first_question_comes_when_the_end_did():
    assert asked([45.0] * 5) == pytest.approx(45.2, abs=0.1)
    assert asked([3.0]) == 10.0, "not before the cloud said"


def test_the_first_question_makes_the_best_of_a_spread():
    assert asked([45.0, 45.5, 46.0, 46.2]) == pytest.approx(46.4, abs=0.1), "a narrow one is waited out"
    assert asked([20.0, 20.2, 20.1, 50.0]) == pytest.approx(20.3, abs=0.2), "and one straggler keeps nobody waiting"


def test_what_was_never_seen_is_asked_in_a_rhythm_that_meets_the_usual_time():
    first = Durations(PUBLIC).first_question_s(VM, least=10.0, step=10.0)
    assert 20 <= first < 30
    assert (first - 45) % 10 == pytest.approx(0.24, abs=0.1)


def test_times_are_kept_by_cloud_kind_and_size_at_azures_pace(kept: Path):
    seen = Durations.load(FAST)
    seen.saw(VM, 2.0)
    seen.save()
    assert Durations.load(PUBLIC).expected_s(VM) == pytest.approx(40.0)
    assert Durations.load(FAST).expected_s(VM) == pytest.approx(2.0)
    assert Durations.load(replace(PUBLIC, name="usgov")).expected_s(VM) == 45
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_size < 400


def test_two_runs_at_a_time_keep_each_others_times_and_old_ones_go(kept: Path):
    one, other = Durations.load(PUBLIC), Durations.load(PUBLIC)
    for number in range(30):
        one.saw("a", 100 + number)
    other.saw("b", 7)
    one.save()
    other.save()
    known = json.loads(kept.read_text())["seconds"]["public"]
    assert known["b"] == [7]
    assert known["a"] == list(range(130 - durations.KEPT, 130))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"seconds": 3}',
        b'{"seconds": {"public": [1]}}',
        b'{"seconds": {"public": {"%s": "x"}}}' % VM.encode(),
        b'{"seconds": {"public": {"%s": [-1, true, null, 1e99, "a", NaN]}}}' % VM.encode(),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_damaged_file_is_as_good_as_none(kept: Path, damage: bytes):
    kept.write_bytes(damage)
    seen = Durations.load(PUBLIC)
    assert seen.expected_s(VM) == 45
    seen.saw(VM, 50)
    seen.save()
    assert Durations.load(PUBLIC).expected_s(VM) == 50


def test_a_home_that_cannot_be_written_is_no_failure(kept: Path):
    kept.mkdir()
    seen = Durations.load(PUBLIC)
    seen.saw(VM, 50)
    seen.save()


def test_the_size_of_a_machine_makes_a_kind():
    body = {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}, "osProfile": {"adminPassword": "hidden"}}}
    assert durations.kind_of("Microsoft.Compute/virtualMachines", body) == VM
    assert durations.kind_of("Microsoft.Compute/virtualMachines", None, "delete").endswith(" delete")


class Answer:
    def __init__(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        self.http_response = self
        self.headers = headers
        self._body = body

    def json(self) -> dict[str, Any]:
        return self._body


class Timed(Polling):
    """Asks an operation that ends at a moment of a clock which only waiting moves."""

    def __init__(self, durations: Durations, ends: float, asks_for: float | None = None) -> None:
        self.now = 0.0
        self.asked: list[float] = []
        self.ends = ends
        self.headers = {"Retry-After": str(asks_for)} if asks_for else {}
        super().__init__(4.0, durations, VM, clock=lambda: self.now, sleep=self.wait)
        self._status = "InProgress"
        self._pipeline_response = Answer({}, self.headers)  # type: ignore[assignment]
        self._operation = object()  # type: ignore[assignment]

    async def wait(self, seconds: float) -> None:
        self.now += seconds

    async def update_status(self) -> None:
        self.asked.append(round(self.now, 2))
        self._status = "Succeeded" if self.now >= self.ends else "InProgress"


@pytest.fixture
def run() -> Callable[[Durations, float], Any]:
    async def run(known: Durations, ends: float, asks_for: float | None = None) -> list[float]:
        polling = Timed(known, ends, asks_for)
        await polling._poll()
        return polling.asked

    return run


async def test_a_run_teaches_the_next_one(run: Any):
    known = Durations(PUBLIC)
    first = await run(known, 52.0)
    assert len(first) > 5
    for _ in range(durations.KEPT):
        last = await run(known, 52.0)
    assert len(last) <= 3
    assert 0 <= last[-1] - 52 < 4


async def test_no_question_comes_before_the_floor_or_before_it_was_asked_for(run: Any):
    for asks_for, least in ((None, 4.0), (10.0, 10.0)):
        times = await run(Durations(PUBLIC), 90.0, asks_for)
        assert times[0] >= least
        assert min(later - earlier for earlier, later in pairwise(times)) >= least - 1e-6


async def test_a_shorter_time_is_found_again(run: Any):
    known = Durations(PUBLIC, {VM: [60.0] * 12})
    for _ in range(80):
        times = await run(known, 30.0)
    assert times[-1] < 36
