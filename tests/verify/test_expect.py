"""Expectations: the grammar, the judgement and the words for what is wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from wizard.errors import InputError
from wizard.verify.load import LoadResult
from wizard.verify.load.expect import judge, parse
from wizard.verify.load.tally import Tally, result


def measured(good: int = 990, errors: int = 10) -> LoadResult:
    tally = Tally(by_vm=Counter({"vm1": good // 2, "vm2": good - good // 2}), errors=Counter(status=errors))
    for number in range(good):
        tally.latencies.record(0.001 + 0.1 * number / good)
    return result(tally, url="http://x/", seconds=2.0, rate=None, connections=5, keep_alive=False)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("p99<200ms", True),
        ("p99<50ms", False),
        ("p99 < 0.2s", True),
        ("p50>=40", True),
        ("p999<=101ms", True),
        ("max<100ms", False),
        ("errors<0.1%", False),
        ("errors<=1%", True),
        ("errors==10", True),
        ("errors!=10", False),
        ("vms==2", True),
        ("vms>2", False),
        ("rps>400", True),
        ("rps>500", False),
        ("requests>=1000", True),
        ("dropped==0", True),
        ("P90<.5s", True),
    ],
)
def test_judgement(text: str, met: bool) -> None:
    assert judge(parse(text), measured()).met is met


@pytest.mark.parametrize("text", ["p99<200ms", "errors==0", "max>0ms", "p50!=1ms"])
def test_nothing_measured_meets_nothing(text: str) -> None:
    assert not judge(parse(text), measured(good=0, errors=0)).met


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not an expectation"),
        ("p99", "is not an expectation"),
        ("p99=200ms", "is not an expectation"),
        ("p99<-1ms", "is not an expectation"),
        ("p99<200min", "is not an expectation"),
        ("p95<200ms", "no figure of a load"),
        ("erors<1", "Did you mean errors"),
        ("p99<5%", "a time in %"),
        ("vms==2s", "gives vms in s"),
        ("rps>5%", "gives rps in %"),
    ],
)
def test_what_is_wrong_is_said_with_the_grammar(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text)
    assert said in str(refused.value)
    assert "An expectation is FIGURE COMPARISON VALUE" in refused.value.why
