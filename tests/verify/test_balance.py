"""Every VM is met through the balancer, or the reason is told; shares are judged."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.verify.servers import free_port, web_server
from wizard.verify import balance
from wizard.verify.load.tally import LoadResult, Tally, result


async def test_every_vm_is_met_and_then_no_more_is_asked() -> None:
    with web_server(vm1=1, vm2=1, vm3=1) as url:
        pages = await balance.meet_every(url, ["vm1", "vm2", "vm3"])
    assert set(pages.by_vm) == {"vm1", "vm2", "vm3"}
    assert pages.requests <= 3 + balance.SIDE_BY_SIDE
    assert not pages.errors


async def test_a_vm_that_never_answers_is_given_up() -> None:
    with web_server(vm1=1) as url:
        pages = await balance.meet_every(url, ["vm1", "vm2"])
    assert set(pages.by_vm) == {"vm1"}
    assert pages.requests == 30  # 2 (ln 2 + 14), rounded up


@pytest.mark.parametrize(("path", "status"), [("/status/503", 503), ("/status/204", 204), ("/nameless", 200)])
async def test_only_200_with_the_name_counts(path: str, status: int) -> None:
    with web_server(vm1=1) as url:
        pages = await balance.meet_every(url + path, ["vm1"])
    assert not pages.by_vm
    assert set(pages.statuses) == {status}
    assert bool(pages.unnamed) is (path == "/nameless")


async def test_nobody_there() -> None:
    pages = await balance.meet_every(f"http://127.0.0.1:{free_port()}/", ["vm1"])
    assert set(pages.errors) == {"refused"}


def measured(by_vm: dict[str, int], errors: int = 0) -> LoadResult:
    tally = Tally(by_vm=Counter(by_vm), flows=Counter(by_vm), errors=Counter(reset=errors) if errors else Counter())
    for _ in range(sum(by_vm.values())):
        tally.latencies.record(0.002)
    return result(tally, url="x", seconds=1.0, rate=None, connections=8, keep_alive=False, vms=["vm1", "vm2"])


@pytest.mark.parametrize(
    ("load", "state", "said"),
    [
        (measured({"vm1": 500, "vm2": 510}), "passed", "vm1 50 %, vm2 50 % (even: p = 0.75)"),
        (measured({"vm1": 500, "vm2": 510}, errors=1), "failed", "1 errors: 1 reset"),
        (measured({"vm1": 900, "vm2": 100}), "warned", "less even than chance"),
        (measured({"vm1": 1000}), "failed", "no answer from vm2"),
        (measured({}), "failed", "nothing was answered"),
        (measured({"vm1": 4, "vm2": 3}), "passed", "vm1 57 %"),
    ],
)
def test_judgement(load: LoadResult, state: str, said: str) -> None:
    judged, detail = balance.judge(load, ["vm1", "vm2"], named=True)
    assert judged == state, detail
    assert said in detail
