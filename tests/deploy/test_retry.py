"""Which refusals are waited out, for how long, and how the waits are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.deploy.memory import conflict
from wizard.azure.errors import ArmError
from wizard.deploy import retry
from wizard.deploy.retry import Patience
from wizard.errors import AzureError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_draw_is_below_a_doubling_ceiling():
    patience = Patience(1.0, lambda error: True, 600, draw=lambda: 1.0)
    waits = [patience.next_wait_s(conflict()) for _ in range(7)]
    assert waits == [2, 4, 8, 16, 16, 16, 16]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 12))
def test_waits_are_anywhere_between_nothing_and_the_ceiling(drawn, tries):
    patience = Patience(4.0, lambda error: True, 1e9, draw=lambda: drawn)
    for _ in range(tries):
        wait = patience.next_wait_s(conflict())
    assert wait == pytest.approx(drawn * 4.0 * min(2**tries, retry.CEILING_FLOORS))


def test_what_arm_asks_for_is_the_least():
    told = ArmError("Azure refused it.", code="AnotherOperationInProgress", status=409)
    told.retry_after_s = 7.0
    assert Patience(1.0, lambda error: True, 600, draw=lambda: 0.0).next_wait_s(told) == 7.0


def test_patience_ends():
    clock = Clock()
    patience = Patience(1.0, lambda error: True, 10, clock=clock, draw=lambda: 0.5)
    assert patience.next_wait_s(conflict()) == 1.0
    clock.now += 9.5
    assert patience.next_wait_s(conflict()) is None


def test_a_reserved_interface_is_waited_for_in_the_clouds_own_time():
    on_azure = Patience.with_writes(4.0).next_wait_s(conflict("NicReservedForAnotherVm", 400))
    assert on_azure is not None
    assert on_azure >= 180
    here = Patience.with_writes(0.1).next_wait_s(conflict("NicReservedForAnotherVm", 400))
    assert here is not None
    assert 4.5 <= here < 10


@pytest.mark.parametrize(
    "code", ["Conflict", "PreconditionFailed", "OperationLost", "ReferencedResourceNotProvisioned"]
)
def test_writes_are_sent_again_after_what_was_overtaken_or_lost(code):
    assert Patience.with_writes(0.1).next_wait_s(conflict(code)) is not None


@pytest.mark.parametrize("code", ["AnotherOperationInProgress", "NicReservedForAnotherVm", "RetryableError"])
def test_writes_wait_for_conflicts(code):
    assert Patience.with_writes(0.1).next_wait_s(conflict(code)) is not None


@pytest.mark.parametrize("code", ["QuotaExceeded", "SkuNotAvailable", "InvalidParameter", "NicInUse", ""])
def test_writes_do_not_wait_for_what_stays(code):
    assert Patience.with_writes(0.1).next_wait_s(conflict(code)) is None


def test_throttling_is_waited_for_whatever_its_code():
    assert Patience.with_writes(0.1).next_wait_s(conflict("Anything", 429)) is not None


@pytest.mark.parametrize("code", sorted(retry.IN_USE))
def test_deletes_wait_for_what_is_still_in_use(code):
    assert Patience.with_deletes(0.1).next_wait_s(conflict(code, 400)) is not None


@pytest.mark.parametrize(
    ("made", "floor_s", "limit"),
    [
        (Patience.with_writes, 4.0, 600),
        (Patience.with_writes, 0.01, 30),
        (Patience.with_deletes, 4.0, 300),
        (Patience.with_deletes, 0.01, 5),
    ],
)
def test_patience_is_minutes_on_azure_and_seconds_where_time_runs_faster(made, floor_s, limit):
    patience = made(floor_s)
    told = ArmError("Azure refused it.", code="TooManyRequests", status=429)
    told.retry_after_s = limit - floor_s * retry.CEILING_FLOORS - 1
    wait = patience.next_wait_s(told)
    assert wait is not None
    assert wait >= told.retry_after_s
    told.retry_after_s = limit + 1.0
    assert patience.next_wait_s(told) is None


@pytest.mark.parametrize("made", [Patience.with_writes, Patience.with_deletes])
def test_what_neither_its_code_nor_its_status_calls_passing_is_not_waited_for(made):
    assert made(0.1).next_wait_s(conflict("QuotaExceeded", 400)) is None
    assert made(0.1).next_wait_s(conflict("AnotherOperationInProgress", 409)) is not None
    assert made(0.1).next_wait_s(conflict("Anything", 503)) is not None


def test_a_reserved_interface_is_waited_for_as_long_as_arm_asks_when_that_is_longer():
    told = ArmError("Azure refused it.", code="NicReservedForAnotherVm", status=400)
    told.retry_after_s = 500.0
    assert Patience(4.0, lambda error: True, 600, draw=lambda: 0.0).next_wait_s(told) == 500.0
    told.retry_after_s = 7.0
    assert Patience(4.0, lambda error: True, 600, draw=lambda: 0.0).next_wait_s(told) == 180.0


def test_the_last_moment_is_still_waited_for():
    clock = Clock()
    patience = Patience(1.0, lambda error: True, 2, clock=clock, draw=lambda: 1.0)
    assert patience.next_wait_s(conflict()) == 2.0


@pytest.mark.parametrize(("made", "limit"), [(Patience.with_writes, 30), (Patience.with_deletes, 5)])
def test_patience_has_a_least_where_a_cloud_may_be_asked_at_any_time(made, limit):
    told = ArmError("Azure refused it.", code="TooManyRequests", status=429)
    told.retry_after_s = limit - 1.0
    assert made(0.0).next_wait_s(told) == limit - 1.0
    told.retry_after_s = limit + 1.0
    assert made(0.0).next_wait_s(told) is None


def test_until_the_limit_and_no_longer():
    clock = Clock()
    for asked, wait in ((10.0, 10.0), (10.001, None)):
        told = ArmError("Azure refused it.", code="Conflict", status=409)
        told.retry_after_s = asked
        assert Patience(1.0, lambda error: True, 10, clock=clock, draw=lambda: 0.0).next_wait_s(told) == wait


@pytest.mark.parametrize(("status", "waits"), [(400, True), (409, True), (403, False)])
def test_deletes_wait_for_a_rule_whose_associations_are_about_to_go(status: int, waits: bool):
    told = AzureError("The rule 'dcr' has associations: vm1.", code="Anything", status=status)
    assert (Patience.with_deletes(0.1).next_wait_s(told) is not None) is waits
    assert Patience.with_writes(0.1).next_wait_s(told) is None


@pytest.mark.parametrize(("status", "waits"), [(400, True), (409, True), (404, False), (None, False)])
def test_a_delete_waits_for_associations_that_are_told_in_words_alone(status, waits):
    told = ArmError("The rule has Associations.", "Remove them.", code="InvalidParameter", status=status)
    assert (Patience.with_deletes(0.1).next_wait_s(told) is not None) is waits
    other = ArmError("The rule is kept.", "Its associations are there.", code="InvalidParameter", status=status)
    assert (Patience.with_deletes(0.1).next_wait_s(other) is not None) is waits
    assert Patience.with_deletes(0.1).next_wait_s(conflict("InvalidParameter", status)) is None
    assert Patience.with_writes(0.1).next_wait_s(told) is None
